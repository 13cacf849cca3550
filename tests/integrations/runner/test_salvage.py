"""Whatever two copies hold, every row that is only in the kept one is written out once, as it is."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.runner.attempts import Attempt
from integrations.runner.report import Problem
from integrations.runner.salvage import Key, Row, Salvage, Table

VALUES = st.one_of(st.none(), st.text(st.characters(exclude_categories=("Cs",)), max_size=4), st.just('",\n'))
KEYED = st.dictionaries(st.integers(0, 12), VALUES)
BAGS = st.lists(st.tuples(VALUES, VALUES), max_size=12)


def searched(folder: Path, *tables: Table | Problem) -> dict[str, list[list[str | None]]]:
    """Return the rows of every file, without the names of their columns, and check the manifest."""
    salvage = Salvage(Attempt(folder, "R-1", "P-1"), "S-1")
    names = [table.name if isinstance(table, Table) else "broken" for table in tables]
    for _ in salvage.salvage(names, iter(tables)):
        pass
    manifest = json.loads((salvage.folder / "manifest.json").read_text())
    found = {}
    for table in manifest["tables"]:
        for file in table.get("files", ()):
            rows = read((salvage.folder / file["name"]).read_bytes().decode())
            assert len(rows) == file["rows"] + 1
            found[file["name"].split(".")[1]] = rows[1:]
    return found


def read(text: str) -> list[list[str | None]]:
    """Return the rows of a CSV, NULL as None: what csv cannot tell apart is marked before it reads."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    # Every value stands in quotes, so a bare empty field is NULL; a text that is empty has its quotes.
    cells = iter(_cells(text))
    return [[None if next(cells) == "" else cell for cell in row] for row in rows]


def _cells(text: str) -> Iterator[str]:
    cell, quoted = "", False
    for sign in text:
        if sign == '"':
            quoted = not quoted
        if sign in ",\n" and not quoted:
            yield cell
            cell = ""
        else:
            cell += sign


def ranked(values: Sequence[str | None]) -> Key:
    return tuple((value is not None, value or "") for value in values)


@given(KEYED, KEYED)
def test_rows_with_a_key_are_only_there_or_differ(
    kept: Mapping[int, str | None], restored: Mapping[int, str | None]
) -> None:
    def rows(side: Mapping[int, str | None]) -> list[Row]:
        return [((key,), [str(key), value]) for key, value in sorted(side.items())]

    with tempfile.TemporaryDirectory() as folder:
        table = Table("t", ["k", "v"], ["k"], [0, 1], rows(kept), rows(restored))
        found = searched(Path(folder), table)
    only = [[str(key), value] for key, value in sorted(kept.items()) if key not in restored]
    differ = [key for key in sorted(kept.keys() & restored.keys()) if kept[key] != restored[key]]
    sides = [
        row
        for key in differ
        for row in (["kept", str(key), kept[key]], ["restored", str(key), restored[key]])
    ]
    assert found == {**({"only": only} if only else {}), **({"differ": sides} if sides else {})}


@given(BAGS, BAGS)
def test_rows_without_a_key_count_as_often_as_they_are_there(
    kept: list[tuple[str | None, str | None]], restored: list[tuple[str | None, str | None]]
) -> None:
    def rows(side: list[tuple[str | None, str | None]]) -> list[Row]:
        return sorted(((ranked(row), row) for row in side), key=lambda row: row[0])

    with tempfile.TemporaryDirectory() as folder:
        table = Table("t", ["a", "b"], [], [0, 1], rows(kept), rows(restored))
        found = searched(Path(folder), table)
    assert Counter(map(tuple, found.get("only", []))) == Counter(kept) - Counter(restored)
    assert "differ" not in found


def test_what_a_killed_search_left_is_removed_and_a_finished_one_is_not_written_again(tmp_path: Path) -> None:
    attempt = Attempt(tmp_path, "R-1", "P-1")
    left = attempt.shelf / ".salvage-S-0.part"
    left.mkdir(parents=True)
    (left / "001-orders.only.csv").write_text("rows")
    first = searched(
        tmp_path, Problem("a page is damaged"), Table("t", ["k"], ["k"], [0], [((1,), ["1"])], ())
    )
    assert first == {"only": [["1"]]}
    assert not left.exists()
    assert searched(tmp_path, Problem("another"), Table("t", ["k"], ["k"], [0], (), ())) == first


def test_a_table_that_may_be_read_a_moment_later_ends_the_search(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="locked"):
        searched(tmp_path, Problem("the database is locked", permanent=False))
    assert not Salvage(Attempt(tmp_path, "R-1", "P-1"), "S-1").folder.exists()
