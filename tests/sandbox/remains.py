"""Which processes still work in a folder."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def processes_in(home: Path) -> list[str]:
    """Return the command lines of living processes that name a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError, NotADirectoryError):
            words = (entry / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
            if any(str(home) in word for word in words):
                found.append(" ".join(words))
    return found
