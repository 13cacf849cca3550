"""Secrets never leave the host: whatever is shown of a log or a command passes through here."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from integrations.runner.forms import SHORTEST, forms

MASK = "•••"


class Masks:
    """Replaces the content of secret files in any form; one shorter than 4 bytes is refused as no secret."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = tuple(files)

    def problems(self) -> tuple[str, ...]:
        """Say which secret files cannot be masked."""
        return tuple(
            f"The secret file {path} is missing, unreadable or shorter than {SHORTEST} bytes."
            for path in self._files
            if not _lines(path)
        )

    def text(self, text: str) -> str:
        """Return text with every secret replaced."""
        for secret in self._secrets():
            text = text.replace(secret.decode("utf-8", "replace"), MASK)
        return text

    def value(self, value: Any) -> Any:
        """Return a JSON value with every secret in its texts replaced."""
        match value:
            case str():
                return self.text(value)
            case dict():
                return {self.text(name): self.value(item) for name, item in value.items()}
            case list():
                return [self.value(item) for item in value]
            case _:
                return value

    def chunk(self, path: Path, *, offset: int, limit: int, ended: bool) -> tuple[str, int]:
        """Return masked text of a file from a byte offset on, and the offset that continues it.

        A secret is masked even when it lies across two chunks. While the file still grows, an end that
        could be the beginning of a secret is kept back until more of it is there.
        """
        secrets = self._secrets()
        reach = max((len(secret) for secret in secrets), default=1) - 1
        window, begin, size = _window(path, offset - reach, offset + limit + reach)
        first = min(offset, size) - begin
        last = min(offset + limit, size) - begin
        if begin + last == size:
            last = _uncut(window, first, secrets, ended=ended)
        masked = [(at, at + len(secret)) for secret in secrets for at in _places(window, secret) if at < last]
        return _decode(window, first, last, masked, ended=ended, begin=begin)

    def _secrets(self) -> tuple[bytes, ...]:
        found = {form for path in self._files for line in _lines(path) for form in forms(line)}
        return tuple(sorted(found, key=lambda secret: (-len(secret), secret)))


def secret_in(path: Path) -> str:
    """Return the secret in a file without the line end that editors add."""
    return path.read_text(encoding="utf-8").strip("\r\n")


def _lines(path: Path) -> tuple[bytes, ...]:
    # A key of many lines is masked line by line, because programs print it that way.
    try:
        content = path.read_bytes()
    except OSError:
        return ()
    return tuple(line.strip() for line in content.splitlines() if len(line.strip()) >= SHORTEST)


def _window(path: Path, begin: int, end: int) -> tuple[bytes, int, int]:
    begin = max(begin, 0)
    try:
        with path.open("rb") as file:
            file.seek(begin)
            window = file.read(end - begin)
            return window, min(begin, path.stat().st_size), path.stat().st_size
    except FileNotFoundError:
        return b"", 0, 0


def _places(window: bytes, secret: bytes) -> list[int]:
    places = []
    at = window.find(secret)
    while at >= 0:
        places.append(at)
        at = window.find(secret, at + 1)
    return places


def _uncut(window: bytes, first: int, secrets: Sequence[bytes], *, ended: bool) -> int:
    shortest = SHORTEST if ended else 1
    kept_back = max(
        (
            length
            for secret in secrets
            for length in range(shortest, len(secret))
            if window.endswith(secret[:length])
        ),
        default=0,
    )
    return max(len(window) - kept_back, first)


def _decode(
    window: bytes, first: int, last: int, masked: Sequence[tuple[int, int]], *, ended: bool, begin: int
) -> tuple[str, int]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    parts: list[str] = []
    at = first
    for start, stop in sorted(masked):
        if stop <= at:
            continue
        parts.append(decoder.decode(window[at : max(start, at)]))
        # One form of a secret may be the beginning of another one of it: that is masked once.
        if start >= at:
            parts.append(MASK)
        at = stop
    if at < last:
        parts.append(decoder.decode(window[at:last], final=ended and begin + last >= begin + len(window)))
        pending = len(decoder.getstate()[0])
        return "".join(parts), begin + last - pending
    return "".join(parts), begin + max(at, last)
