"""What every issue tracker promises, and the simplest of them: files.

To add a tracker: write `integrations/x.py` with a class that satisfies `Tracker`. People write in the same
texts; what is ours in one is a `Part` between two marks, and nothing outside of it is ever touched.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

from integrations.contract import Health, IntegrationError
from integrations.parts import DESCRIPTION, Part, spliced_lines

Adf = Mapping[str, Any]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class IssueRef:
    """An issue and its page; `duplicates` are keys of others that were made for the same thing."""

    key: str
    url: str
    duplicates: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Attached:
    """A file at an issue by its id; `added` says whether it was not there before."""

    id: str
    added: bool


@dataclass(frozen=True, slots=True)
class Hanging:
    """A file that somebody attached to an issue, and when."""

    id: str
    filename: str
    created: datetime


class Written(Protocol):
    """A text in the forms that trackers keep.

    `room` is how many characters it may have; what is left out of it is where its last line says.
    """

    def adf(self, room: int) -> Adf:
        """Return it in Atlassian Document Format; only text counts."""
        ...

    def wiki(self, room: int) -> str:
        """Return it in Jira's wiki markup; the markup counts as well."""
        ...

    def markdown(self) -> str:
        """Return all of it in Markdown."""
        ...


class Tracker(Protocol):
    """Where incidents and tasks are recorded. Methods raise `IntegrationError` and nothing else.

    Every method may be called again after any failure: what was already done is found, not repeated.
    """

    async def ensure_issue(self, ref: str, *, summary: str, text: Written, attempt: int = 1) -> IssueRef:
        """Return the issue made for `ref`, making it with this description when there is none.

        `ref` is unique for ever. An `attempt` over 1 says that an earlier one may have made it unnoticed.
        """
        ...

    async def exists(self, key: str) -> bool:
        """Say whether an issue is there; one that is not is never found for its reference again."""
        ...

    async def publish(self, key: str, text: Written) -> None:
        """Replace our part of the description of an issue."""
        ...

    async def comment(self, key: str, part: Part, text: Written) -> bool:
        """Replace our part of the one comment that has it; say whether that had to be made."""
        ...

    async def attach(self, key: str, filename: str, content: bytes) -> Attached:
        """Attach a file to an issue unless we attached the same content under this name."""
        ...

    async def attached(self, key: str) -> Sequence[Hanging]:
        """Return the files at an issue, whoever attached them."""
        ...

    async def detach(self, file: str) -> bool:
        """Delete an attached file by its id, unless it is gone; say whether we may."""
        ...

    async def link(self, key: str, to: str) -> None:
        """Link two issues; a link that is there already stays the only one."""
        ...

    async def duplicates(self, key: str, of: str) -> None:
        """Link an issue as a duplicate of another; a link that is there already stays the only one."""
        ...

    async def assign(self, key: str, owner: str, due: date) -> None:
        """Give an issue a day, and to whoever has the e-mail `owner`, as far as the tracker takes them."""
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
    """Records as files in a folder for each: `out/INC-42/description.md`, comments, and what is attached."""

    def __init__(self, out: Path) -> None:
        self._out = out

    async def ensure_issue(self, ref: str, *, summary: str, text: Written, attempt: int = 1) -> IssueRef:
        """Write the description unless there is one; the summary is its title already."""
        file = self._part(ref, DESCRIPTION)
        if not await asyncio.to_thread(file.exists):
            await asyncio.to_thread(_put, file, DESCRIPTION, text)
        return IssueRef(key=file.parent.name, url=file.parent.absolute().as_uri())

    async def exists(self, key: str) -> bool:
        """Say whether there is a description."""
        return await asyncio.to_thread(self._part(key, DESCRIPTION).exists)

    async def publish(self, key: str, text: Written) -> None:
        """Replace our part of the description."""
        await asyncio.to_thread(_put, self._part(key, DESCRIPTION), DESCRIPTION, text)

    async def comment(self, key: str, part: Part, text: Written) -> bool:
        """Replace our part of the file that is named after it."""
        return await asyncio.to_thread(_put, self._part(key, part), part, text)

    async def attach(self, key: str, filename: str, content: bytes) -> Attached:
        """Write a file beside the description, in place of an older one of the same name."""
        added = await asyncio.to_thread(_write, self._file(key, filename), content)
        return Attached(filename, added)

    async def attached(self, key: str) -> Sequence[Hanging]:
        """Return nothing: no file hangs there that a newer one would not replace."""
        return ()

    async def detach(self, file: str) -> bool:
        """Do nothing: a newer file is in the place of an older one."""
        return True

    async def link(self, key: str, to: str) -> None:
        """Do nothing: what belongs together is in one folder."""

    async def duplicates(self, key: str, of: str) -> None:
        """Do nothing: the text of each says so."""

    async def assign(self, key: str, owner: str, due: date) -> None:
        """Do nothing: a file belongs to nobody, and its text says whose it is and by when."""

    async def health(self) -> Health:
        """Say whether the folder can be written to."""
        try:
            await asyncio.to_thread(_probe, self._out)
        except OSError as error:
            return Health(ok=False, identity=str(self._out), problems=[_because(self._out, error)])
        return Health(ok=True, identity=str(self._out))

    async def close(self) -> None:
        """Do nothing: every file is complete as soon as it is there."""

    def _part(self, ref: str, part: Part) -> Path:
        return self._file(ref, f"{part.name.replace(' ', '-')}.md")

    def _file(self, ref: str, filename: str) -> Path:
        return self._out / checked_name(ref, "reference") / checked_name(filename, "file name")


def _probe(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix="."):
        pass


def _put(file: Path, part: Part, text: Written) -> bool:
    """Replace a part of a file; say whether there was no such file."""
    opening, closing = f"<!-- {part.opening} -->", f"<!-- {part.closing} -->"
    with _speaking_of(file):
        existing = file.read_bytes().decode() if file.exists() else None
        said = spliced_lines((existing or "").rstrip("\n"), text.markdown(), opening, closing) + "\n"
        if said != existing:
            _replace(file, said.encode())
    return existing is None


def _write(file: Path, content: bytes) -> bool:
    with _speaking_of(file):
        if file.is_file() and file.read_bytes() == content:
            return False
        _replace(file, content)
    return True


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


@contextmanager
def _speaking_of(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise IntegrationError(_because(file, error), permanent=False) from None
    except UnicodeDecodeError:
        raise IntegrationError(f"{file} is no text. Repair it or move it away.", permanent=True) from None


def _because(file: Path, error: OSError) -> str:
    return f"Cannot write {file}: {(error.strerror or 'unknown reason').lower()}."
