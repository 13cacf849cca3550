"""Rows that a restore left behind: what only the kept copy has, or has otherwise, written out for people.

Both copies are read in the order of their keys and gone through side by side, so that nothing is held in
memory whole. What is found becomes one CSV a table and a manifest, in a folder that only its owner can read.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from integrations.runner import files
from integrations.runner.attempts import Attempt, running
from integrations.runner.jobs import directory
from integrations.runner.report import Problem, Step

_MANIFEST = "manifest.json"
_WHICH = "backstop_copy"
_REPORT_EVERY = 20_000
_SHOWN, _LONGEST_NAME = 20, 80

Key = tuple[Any, ...]
Values = Sequence[str | None]
Row = tuple[Key, Values]
"""What puts a row in its place among the others, and its values as text, None for NULL."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the kept copy; both `kept` and `restored` are in the order of their keys.

    `columns` are those of the kept copy, `compared` the places of those that both have. Without a `key` rows
    are compared by their whole content.
    """

    name: str
    columns: Sequence[str]
    key: Sequence[str]
    compared: Sequence[int]
    kept: Iterable[Row]
    restored: Iterable[Row]


@dataclass(frozen=True, slots=True)
class Salvage:
    """Where the rows of one kept copy go, under the key of the job that looks for them."""

    attempt: Attempt
    job: str

    @property
    def folder(self) -> Path:
        """Return the folder, beside what was kept."""
        return self.attempt.shelf / f"salvage-{directory(self.job)}"

    def salvage(self, names: Sequence[str], tables: Iterator[Table | Problem]) -> Iterator[Step]:
        """Compare table after table and write what is found; a folder that is there is finished.

        A table that cannot be read is noted with the reason and does not keep the others from being saved.
        """
        if self.folder.is_dir():
            yield Step("done")
            return
        fresh = self.folder.with_name(f".{self.folder.name}.part")
        # Rows of customers must not stay behind where a search was killed, whichever it was.
        for left in self.attempt.shelf.glob(".salvage-*.part"):
            shutil.rmtree(left)
        fresh.mkdir(parents=True, mode=0o700)
        noted: list[Mapping[str, Any]] = []
        for number, (name, table) in enumerate(zip(names, tables, strict=True), 1):
            yield Step("comparing", number - 1, len(names), "items")
            try:
                if isinstance(table, Problem):
                    raise table
                noted.append((yield from _compared(table, fresh, number)))
            except Problem as problem:
                if not problem.permanent:
                    raise
                noted.append({"table": name, "problem": str(problem)})
        manifest = {
            "restore": self.attempt.key,
            "point": self.attempt.point,
            "restored_at": self.attempt.record.get("done_at"),
            "compared_at": datetime.now(UTC).isoformat(),
            "tables": noted,
        }
        files.replace(fresh / _MANIFEST, manifest)
        files.sync_all(fresh)
        fresh.rename(self.folder)
        files.sync(self.folder.parent)
        yield Step("done", len(names), len(names), "items")

    def found(self) -> dict[str, Any]:
        """Return what a finished salvage proves: counts, and where the files lie."""
        manifest = files.read(self.folder / _MANIFEST) or {"tables": []}
        tables = manifest["tables"]
        telling = [
            table for table in tables if table.get("only") or table.get("differ") or "problem" in table
        ]
        return {
            "folder": str(self.folder),
            "manifest": files.digest(self.folder / _MANIFEST),
            "compared": len(tables),
            "only": sum(table.get("only", 0) for table in tables),
            "differ": sum(table.get("differ", 0) for table in tables),
            "unread": sum("problem" in table for table in tables),
            "tables": [_told(table) for table in telling[:_SHOWN]],
        }


def begun(kept: Path, restore: str) -> Attempt:
    """Return the restore that began under a key, finished or broken off, or say that there was none."""
    attempt = Attempt(kept, restore, "")
    if not attempt.shelf.is_dir():
        raise Problem(f"No restore began here under the key {restore}, so there is nothing to compare.")
    if not attempt.is_done and running(kept):
        raise Problem("A restore is under way here; ask again once it is over.", permanent=False)
    return Attempt(kept, restore, str(attempt.record.get("point", "")))


def chosen(names: Sequence[str], table: str | None) -> Sequence[str]:
    """Return the tables to compare: all, or the one that is named."""
    if table is None:
        return names
    if table not in names:
        raise Problem(f"The kept copy has no table {table}; it has: {', '.join(names[:_SHOWN]) or 'none'}.")
    return [table]


def _compared(table: Table, folder: Path, number: int) -> Generator[Step, None, dict[str, Any]]:
    word = re.sub(r"[^A-Za-z0-9]+", "-", table.name).strip("-")[:60] or "table"
    only = _File(folder / f"{number:03}-{word}.only.csv", table.columns)
    differ = _File(folder / f"{number:03}-{word}.differ.csv", (_WHICH, *table.columns))
    gone = seen = 0
    with only, differ:
        for kept, restored in _side_by_side(table.kept, table.restored):
            seen += 1
            if seen % _REPORT_EVERY == 0:
                yield Step("reading rows", seen, None, "items")
            if kept is None:
                gone += 1
            elif restored is None:
                only.write(kept)
            elif any(kept[place] != restored[place] for place in table.compared):
                differ.write(("kept", *kept))
                differ.write(("restored", *restored))
    return {
        "table": table.name,
        "columns": list(table.columns),
        "key": list(table.key),
        "not_compared": [name for at, name in enumerate(table.columns) if at not in table.compared],
        "only": only.rows,
        "differ": differ.rows // 2,
        "only_restored": gone,
        "files": [file.noted() for file in (only, differ) if file.rows],
    }


def _side_by_side(
    kept: Iterable[Row], restored: Iterable[Row]
) -> Iterator[tuple[Values | None, Values | None]]:
    """Yield the rows of both sides by their keys; equal keys meet as often as both sides have them."""
    ours, theirs = iter(kept), iter(restored)
    one, other = next(ours, None), next(theirs, None)
    while one is not None and other is not None:
        before, after = one[0] < other[0], other[0] < one[0]
        yield (None if after else one[1]), (None if before else other[1])
        one = one if after else next(ours, None)
        other = other if before else next(theirs, None)
    while one is not None:
        yield one[1], None
        one = next(ours, None)
    while other is not None:
        yield None, other[1]
        other = next(theirs, None)


class _File:
    """A CSV that comes into being with its first row: NULL is empty, everything else stands in quotes."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path, self.rows = path, 0
        self._columns = columns
        self._file: IO[bytes] | None = None
        self._digest = hashlib.sha256()

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    def write(self, values: Values) -> None:
        """Write a row."""
        if self._file is None:
            self._file = self.path.open("xb")
            self._line(self._file, self._columns)
        self._line(self._file, values)
        self.rows += 1

    def noted(self) -> dict[str, Any]:
        """Return what the manifest says of it."""
        size = self.path.stat().st_size
        return {"name": self.path.name, "rows": self.rows, "bytes": size, "sha256": self._digest.hexdigest()}

    def _line(self, file: IO[bytes], values: Values) -> None:
        cells = ("" if value is None else '"' + value.replace('"', '""') + '"' for value in values)
        line = (",".join(cells) + "\n").encode("utf-8", "surrogateescape")
        self._digest.update(line)
        file.write(line)


def _told(table: Mapping[str, Any]) -> dict[str, Any]:
    name = str(table["table"])
    short = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
    if "problem" in table:
        return {"table": short, "problem": str(table["problem"])[:200]}
    return {"table": short, "only": table["only"], "differ": table["differ"]}
