"""The catalog and playbooks in force. A file with mistakes leaves its last good version in force."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeVar

from playbooks import library
from playbooks.catalog import Catalog, load_catalog
from playbooks.criteria import Criteria, load_criteria
from playbooks.files import kind_of, yaml_files
from playbooks.load import Loaded, load_playbook
from playbooks.problems import PlaybookInvalid, Problem
from playbooks.yaml_text import read_yaml

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stale:
    """A file whose newest text has mistakes, so that an older version of it is in force."""

    file: str
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class _Kept:
    """The last good value of a file, and the state of the file it was read from."""

    seen: tuple[int, int] | None = None
    value: object | None = None
    stale: Stale | None = None


@dataclass(slots=True)
class Shelf:
    """Reads files again when they change. Raises `PlaybookInvalid` only when there is no good version yet."""

    catalog_file: Path
    playbook_folder: Path
    criteria_file: Path | None = None
    _kept: dict[Path, _Kept] = field(default_factory=dict)

    def catalog(self) -> Catalog:
        """Return the catalog in force."""
        found = self._read(self.catalog_file, load_catalog)
        if found is None:
            raise PlaybookInvalid(self._problems_of(self.catalog_file))
        return found

    def playbooks(self) -> dict[str, Loaded]:
        """Return the playbooks in force by name; a catalog or criteria in their folder are left alone."""
        files = [file for file in yaml_files(self.playbook_folder) if file not in self._others]
        for gone in self._kept.keys() - {*files, *self._others}:
            del self._kept[gone]
        found = (self._read(file, _playbook) for file in files)
        return {loaded.playbook.name: loaded for loaded in found if loaded is not None}

    @property
    def _others(self) -> tuple[Path | None, ...]:
        return (self.catalog_file, self.criteria_file)

    def criteria(self) -> tuple[Criteria, str]:
        """Return the decision criteria in force and the hash of their text."""
        if self.criteria_file is None:
            return _shipped()
        found = self._read(self.criteria_file, _hashed)
        if found is None:
            raise PlaybookInvalid(self._problems_of(self.criteria_file))
        return found

    def stale(self) -> tuple[Stale, ...]:
        """Look at the files; return those whose newest text is not in force, with every mistake in it."""
        if self.criteria_file:
            self._read(self.criteria_file, _hashed)
        self.playbooks()
        return tuple(kept.stale for kept in self._kept.values() if kept.stale)

    def _problems_of(self, file: Path) -> tuple[Problem, ...]:
        stale = self._kept[file].stale
        return stale.problems if stale else ()

    def _read(self, file: Path, load: Callable[[str, str], T | None]) -> T | None:
        kept = self._kept.setdefault(file, _Kept())
        try:
            stat = file.stat()
            seen = (stat.st_mtime_ns, stat.st_size)
            if seen != kept.seen:
                kept.seen = seen
                kept.value = load(file.read_text(encoding="utf-8"), file.name)
                kept.stale = None
        except PlaybookInvalid as invalid:
            kept.stale = Stale(file.name, tuple(invalid.problems))
        except (OSError, UnicodeDecodeError) as unreadable:
            why = Problem(file.name, 1, "the file cannot be read", str(unreadable))
            kept.stale = Stale(file.name, (why,))
        return kept.value  # type: ignore[return-value]


def _playbook(text: str, file: str) -> Loaded | None:
    return load_playbook(text, file) if kind_of(read_yaml(text, file)) == "playbook" else None


def _hashed(text: str, file: str) -> tuple[Criteria, str]:
    return load_criteria(text, file), hashlib.sha256(text.encode()).hexdigest()


@cache
def _shipped() -> tuple[Criteria, str]:
    return _hashed(library.read("criteria.yaml"), "criteria.yaml")
