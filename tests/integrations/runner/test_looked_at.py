"""A copy is read while a plan is made of it, as far as time allows."""

from __future__ import annotations

import os
import sqlite3
from argparse import Namespace
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from integrations.contract import IntegrationError
from integrations.copies import noted
from integrations.runner import files
from integrations.runner.copies import Copies
from integrations.runner.program import main
from integrations.runner.sqlite.points import shape
from integrations.runner.sqlite.verbs import answer

AT = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


def _taken(place: Path, *, directory: bool) -> tuple[Copies, str]:
    copies = Copies(place, ".dump")
    grown = copies.growing("orders", "B-1", AT)
    if directory:
        grown.mkdir()
        (grown / "a").write_bytes(b"a" * 100)
        (grown / "b").write_bytes(b"b" * 100)
    else:
        grown.write_bytes(b"a" * 100)
    return copies, str(copies.publish(grown, AT, {})["id"])


@pytest.mark.parametrize("directory", [True, False])
def test_a_whole_copy_says_nothing_and_one_of_which_a_byte_changed_counts_no_more(
    tmp_path: Path, *, directory: bool
) -> None:
    copies, point = _taken(tmp_path, directory=directory)
    assert copies.looked_at(point) == {}
    file = copies.content(point) / "b" if directory else copies.content(point)
    file.write_bytes(b"c" * 100)

    damaged = copies.looked_at(point)["damaged"]

    assert damaged.startswith(f"{point} is damaged: its content is not what was backed up: digest ")
    assert damaged.endswith(
        "Plan again: another one is chosen where there is one, and this one is read again once its files "
        "were put right."
    )
    assert copies.listed()[0]["health"] == "invalid"

    file.write_bytes((b"b" if directory else b"a") * 100)
    assert copies.listed()[0]["health"] == "unknown"
    assert copies.looked_at(point) == {}
    copies.prove(point, "")
    assert copies.listed()[0]["health"] == "valid"


def test_what_was_found_damaged_and_is_as_it_was_stays_refused(tmp_path: Path) -> None:
    copies, point = _taken(tmp_path, directory=False)
    copies.prove(point, "SQLite finds it damaged")
    assert copies.listed()[0]["health"] == "invalid"
    note = tmp_path / f"{point}.json"
    # Older notes do not say how it was when it was read.
    note.write_text(note.read_text().replace('"seen"', '"other"'))
    assert copies.listed()[0]["health"] == "invalid"


@pytest.mark.parametrize("directory", [True, False])
def test_one_that_takes_too_long_is_said_not_to_be_read(tmp_path: Path, *, directory: bool) -> None:
    copies, point = _taken(tmp_path, directory=directory)

    told = copies.looked_at(point, within_s=0)

    assert told == {
        "unread": f"{point} was not read before this plan: 0.0 GB take too long. Have it verified."
    }
    assert copies.listed()[0]["health"] == "unknown"


def test_what_has_a_plain_default_need_not_be_said_by_hand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line of docs/engines/postgres.md, against a server that is not there."""
    words = ["backup", "--database=orders", f"--points={tmp_path}", f"--host={tmp_path}", "--user=backstop"]

    assert main("postgres", words) == 1
    assert "required" not in capsys.readouterr().err


GIB = 1024**3


@pytest.mark.parametrize(
    ("whole", "free", "needed", "name", "said"),
    [
        (100, 50, 0, "", ""),
        (100, 50, 44, "", ""),
        (
            100,
            50,
            46,
            "no_room",
            "46.0 GiB and a tenth more are needed: nothing was begun. Make room first.",
        ),
        (100, 30, 25, "", ""),
        (
            100,
            30,
            26,
            "tight",
            "26.0 GiB are restored to it: 4.0 GiB would stay free, less than 5 % of it.",
        ),
        (4000, 189, 168, "", ""),
        (4000, 189, 170, "tight", "19.0 GiB would stay free, less than 20.0 GiB. What is written meanwhile"),
    ],
)
def test_a_disk_that_would_be_nearly_full_is_tight_and_one_without_room_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: int, free: int, needed: int, name: str, said: str
) -> None:
    disk = SimpleNamespace(f_frsize=GIB, f_blocks=whole, f_bavail=free)
    monkeypatch.setattr(os, "statvfs", lambda _: disk)
    found = files.room_for(tmp_path / "not" / "there", needed * GIB)
    assert [*found] == [name] * bool(name)
    assert said in found.get(name, "")
    assert found.get(name, "").startswith(f"The disk of {tmp_path}/not/there has " if name else "")


def test_what_a_plan_of_sqlite_has_to_copy_is_told_with_the_room_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, point = _taken(tmp_path / "points", directory=False)
    (tmp_path / "points" / f"{point}.dump").rename(tmp_path / "points" / f"{point}.db")
    asked = Namespace(
        verb="work",
        points=tmp_path / "points",
        kept=tmp_path / "kept",
        database=tmp_path / "orders.db",
        point=point,
    )
    assert answer(asked) == {"copying": 100, "copied": 100}
    for free, word in ((105, "no_room"), (150, "tight")):
        disk = SimpleNamespace(f_frsize=1, f_blocks=2000, f_bavail=free)
        monkeypatch.setattr(os, "statvfs", lambda _, disk=disk: disk)
        assert [*answer(asked)] == ["copying", "copied", word]


def test_what_is_tight_is_noted_and_what_has_no_room_is_refused() -> None:
    found = {"copying": 5, "tight": "It is tight.", "elsewhere": "It is b's.", "unread": "It was not read."}
    assert noted(found) == ("It is tight.", "It is b's.", "It was not read.")
    assert found == {"copying": 5}
    for name in ("no_room", "damaged"):
        with pytest.raises(IntegrationError, match=r"It cannot be done\.") as refused:
            noted({name: "It cannot be done."})
        assert refused.value.permanent


def test_what_takes_too_long_to_be_read_is_judged_by_its_shape(tmp_path: Path) -> None:
    copies, point = _taken(tmp_path, directory=True)
    note = (tmp_path / f"{point}.json").read_bytes()
    opens = copies.look(point, lambda _: "", within_s=0)
    assert opens == {"ok": True, "found": f"{point} opens; its 0.0 GB were not read, have it verified"}
    broken = copies.look(point, lambda _: "it has no table of contents", within_s=0)
    assert broken == {"ok": False, "found": f"{point} is damaged: it has no table of contents"}
    assert (tmp_path / f"{point}.json").read_bytes() == note


def test_a_copy_of_sqlite_that_was_cut_off_or_is_none_has_no_right_shape(tmp_path: Path) -> None:
    file = tmp_path / "copy.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT)")
        connection.execute("INSERT INTO orders VALUES (1, ?)", ("x" * 20_000,))
    assert shape(file) == ""
    whole = file.read_bytes()
    file.write_bytes(whole + b"x" * 512)
    assert shape(file) == f"its file has {len(whole) + 512} bytes and should have {len(whole)}"
    file.write_bytes(b"no database " * 1000)
    assert "file is not a database" in shape(file)


@pytest.mark.parametrize("folder", [True, False])
def test_what_takes_the_place_of_a_file_or_a_folder_is_another_and_what_is_written_in_it_is_not(
    tmp_path: Path, *, folder: bool
) -> None:
    def make(name: str) -> Path:
        path = tmp_path / name
        if folder:
            path.mkdir()
            (path / "a").write_text(name)
        else:
            path.write_text(name)
        return path

    thing = make("orders")
    before = files.made(thing)
    (thing / "b" if folder else thing).write_text("written since")
    assert files.made(thing) == before != ""
    thing.rename(tmp_path / "aside")
    assert files.made(thing) == ""
    make("fresh").rename(thing)
    assert files.made(thing) not in ("", before)
