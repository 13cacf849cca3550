"""What every issue tracker promises, and the simplest of them: files.

To add a tracker: write `integrations/x.py` with a class that satisfies `Tracker`.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from integrations.contract import Health, IntegrationError

Adf = Mapping[str, Any]
Merge = Callable[[Adf | None], Adf]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class IssueRef:
    """An issue and its page; `duplicates` are keys of others that were made for the same thing."""

    key: str
    url: str
    duplicates: Sequence[str] = ()


class Tracker(Protocol):
    """Where post-mortems are kept. Methods raise `IntegrationError` and nothing else.

    Every method may be called again after any failure: what was already done is found, not repeated.
    """

    async def ensure_issue(
        self, ref: str, *, summary: str, description_adf: Adf, attempt: int = 1
    ) -> IssueRef:
        """Return the issue made for `ref`, making it when there is none.

        `ref` is unique for ever. An `attempt` over 1 says that an earlier one may have made it unnoticed.
        """
        ...

    async def publish(self, key: str, merge: Merge) -> None:
        """Replace the description of an issue by what `merge` makes of the present one."""
        ...

    async def attach(self, key: str, filename: str, content: bytes) -> None:
        """Attach a file to an issue unless the same content hangs there under the same name."""
        ...

    async def health(self) -> Health:
        """Say whether issues can be written, and if not what to do about it."""
        ...

    async def close(self) -> None:
        """Finish what is under way and let go of every connection."""
        ...


def checked_name(name: str, what: str) -> str:
    """Return a name that is safe as a label and as a file name, or refuse it."""
    if not _NAME.fullmatch(name):
        raise IntegrationError(
            f"The {what} {name[:100]!r} may only have letters, digits, dots, dashes and underscores.",
            permanent=True,
        )
    return name


class FileTracker:
    """Post-mortems as files in one folder for each: `out/INC-42/postmortem.adf.json` and what is attached."""

    def __init__(self, out: Path) -> None:
        self._out = out

    async def ensure_issue(
        self, ref: str, *, summary: str, description_adf: Adf, attempt: int = 1
    ) -> IssueRef:
        """Write the description unless there is one; the summary is its title already."""
        file = self._file(ref, "postmortem.adf.json")
        return await asyncio.to_thread(_ensure, file, description_adf)

    async def publish(self, key: str, merge: Merge) -> None:
        """Replace the description by what `merge` makes of the present one."""
        await asyncio.to_thread(_publish, self._file(key, "postmortem.adf.json"), merge)

    async def attach(self, key: str, filename: str, content: bytes) -> None:
        """Write a file beside the description, in place of an older one of the same name."""
        await asyncio.to_thread(_write, self._file(key, filename), content)

    async def health(self) -> Health:
        """Say whether the folder can be written to."""
        try:
            await asyncio.to_thread(_probe, self._out)
        except OSError as error:
            return Health(ok=False, identity=str(self._out), problems=[_because(self._out, error)])
        return Health(ok=True, identity=str(self._out))

    async def close(self) -> None:
        """Do nothing: every file is complete as soon as it is there."""

    def _file(self, ref: str, filename: str) -> Path:
        return self._out / checked_name(ref, "reference") / checked_name(filename, "file name")


def _probe(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix="."):
        pass


def _ensure(file: Path, description: Adf) -> IssueRef:
    with _speaking_of(file):
        if not file.exists():
            _replace(file, _encoded(description))
    return IssueRef(key=file.parent.name, url=file.parent.absolute().as_uri())


def _publish(file: Path, merge: Merge) -> None:
    with _speaking_of(file):
        existing = json.loads(file.read_bytes()) if file.exists() else None
        _replace(file, _encoded(merge(existing)))


def _write(file: Path, content: bytes) -> None:
    with _speaking_of(file):
        _replace(file, content)


def _replace(file: Path, content: bytes) -> None:
    # A reader, or a power cut, finds the old file or the new one, never half of it.
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".", delete=False) as scratch:
        try:
            scratch.write(content)
            scratch.flush()
            os.fsync(scratch.fileno())
            os.fchmod(scratch.fileno(), 0o644)
            Path(scratch.name).replace(file)
        except OSError:
            Path(scratch.name).unlink(missing_ok=True)
            raise


def _encoded(document: Adf) -> bytes:
    return (json.dumps(document, indent=1) + "\n").encode()


@contextmanager
def _speaking_of(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise IntegrationError(_because(file, error), permanent=False) from None
    except json.JSONDecodeError as error:
        sentence = f"{file} is not JSON (line {error.lineno}). Repair it or move it away."
        raise IntegrationError(sentence, permanent=True) from None


def _because(file: Path, error: OSError) -> str:
    return f"Cannot write {file}: {(error.strerror or 'unknown reason').lower()}."
