"""The criteria a command goes by: those of a file, of the settings, or the ones that come with Backstop."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bot.settings import Settings
from playbooks import library
from playbooks.criteria import Criteria, load_criteria
from playbooks.problems import PlaybookInvalid, Problem

SHIPPED = "criteria.yaml"


@dataclass(frozen=True, slots=True)
class Written:
    """A text and the name that its problems go by; `path` is None for what comes with Backstop."""

    path: Path | None
    name: str
    text: str


def written(path: Path | None) -> Written:
    """Return the criteria of a file as they are written; without one those that are in force here."""
    file = path or Settings().criteria
    if file is None:
        return Written(None, SHIPPED, library.read(SHIPPED))
    return Written(file, str(file), text_in(file))


def criteria_in(path: Path | None) -> Criteria:
    """Return the criteria of a file, ready to decide by."""
    found = written(path)
    return load_criteria(found.text, found.name)


def text_in(file: Path) -> str:
    """Return a file, or raise PlaybookInvalid saying why it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as unread:
        raise unreadable(str(file), unread) from unread


def unreadable(file: str, unread: OSError | UnicodeDecodeError) -> PlaybookInvalid:
    """Return the problem of a file that cannot be read."""
    why = (unread.strerror or "").lower() if isinstance(unread, OSError) else "it is no UTF-8 text"
    return PlaybookInvalid([Problem(file, 1, "the file cannot be read", why)])
