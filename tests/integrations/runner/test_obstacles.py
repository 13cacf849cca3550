"""What a host could not do is said with the file, and a half copy does not stay on a full disk."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from integrations.runner import files
from integrations.runner.attempts import Attempt
from integrations.runner.obstacles import account, could_not, growing, no_room, stays
from integrations.runner.pgbackrest.notes import Notes
from integrations.runner.program import main
from integrations.runner.report import Problem
from integrations.runner.sqlite.points import backup, copies
from integrations.runner.sqlite.restore import Restore, grow, keep
from tests.integrations.accounts import NOBODY, a_home, of_another


def _failed(act: Iterator[object]) -> str:
    with pytest.raises(Problem) as problem:
        for _ in act:
            pass
    return str(problem.value)


def _database(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as made:
        made.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, what TEXT)")
        made.executemany("INSERT INTO orders (what) VALUES (?)", [("x" * 200,)] * 200)
        made.commit()
    return path


def test_a_half_copy_of_a_database_is_removed_at_once_when_its_disk_is_full(tmp_path: Path) -> None:
    database = _database(tmp_path / "orders.db")
    for _ in backup(database, tmp_path / "points", {}, key="b"):
        pass
    (point,) = (note["id"] for note in copies(tmp_path / "points").listed())
    what = Restore(database, tmp_path / "points", Attempt(tmp_path / "kept", "RUN-44", point))
    what.fresh.symlink_to("/dev/full")

    said = _failed(grow(what, what.fresh))

    assert not os.path.lexists(what.fresh)
    size = files.in_words(database.stat().st_size)
    assert said.startswith(f"The file system at {_mount(tmp_path)} has no room left for {what.fresh}: ")
    assert f": {size} are needed and " in said
    assert said.endswith(" are free. Make room there, and try again.")


def _mount(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.is_mount())


def test_what_a_program_leaves_of_a_folder_is_removed_too(tmp_path: Path) -> None:
    grown = tmp_path / "tree"
    grown.mkdir()

    def full(needed: int) -> Iterator[None]:
        with growing(grown, needed):
            (grown / "half").write_text("x")
            yield
            raise Problem("restic: write /srv/x: no space left on device.")

    said = _failed(full(2**62))

    assert not grown.exists()
    words = "restic: write /srv/x: no space left on device."
    # What is free may change between the two looks.
    assert said.partition("needed")[0] == f"{words} {no_room(grown, 2**62)}".partition("needed")[0]

    # Here is room enough: the full disk is another one.
    grown.mkdir()
    assert _failed(full(1)) == words


def test_what_fails_for_another_reason_is_removed_and_said_as_it_was(tmp_path: Path) -> None:
    for error in (Problem("it is locked"), OSError(errno.EIO, "Input/output error", "/dev/sdb")):
        half = tmp_path / "half"
        half.write_text("x")
        with pytest.raises(type(error)) as raised, growing(half):
            raise error
        assert raised.value is error
        assert not half.exists()


def test_a_kept_copy_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "orders.db"
    broken.write_bytes(b"no database" * 1000)
    (tmp_path / "orders.db-wal").mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        for _ in keep(broken, tmp_path / "kept", key="k"):
            pass
    assert list((tmp_path / "kept" / "k").iterdir()) == []


def test_an_error_of_the_host_names_the_file_and_what_to_do() -> None:
    with a_home() as closed, of_another(closed):
        inside, me, owner = closed / "known.json", account(), account(closed.stat().st_uid)
        with pytest.raises(PermissionError) as denied:
            files.read(inside)
        mode = f"{closed.stat().st_mode & 0o7777:04o}"
        assert could_not(denied.value) == (
            f"{me} may not enter {closed}, where {inside} is: {closed} belongs to {owner}, mode {mode}. "
            f"Give {me} that right, or let a runner of {owner} do it; then try again."
        )
        assert stays(denied.value)


def test_a_question_that_may_not_read_a_file_answers_with_that(capsys: pytest.CaptureFixture[str]) -> None:
    with a_home() as closed, of_another(closed):
        assert main("sqlite", ["prove", f"--points={closed}", "--point=P-1"]) == 1
        answer = json.loads(capsys.readouterr().out)
        assert answer["permanent"]
        said = f"This host could not do it: {account()} may not enter {closed}, where {closed}/P-1"
        assert answer["error"].startswith(said)


def test_a_note_of_a_backup_that_may_not_be_read_is_named() -> None:
    with a_home() as closed:
        note = closed.parent / "backups" / "20261130-010203F.json"
        note.parent.mkdir()
        note.parent.chmod(0o755)
        note.write_text("{}")
        note.chmod(0o600 if os.geteuid() == 0 else 0)
        with of_another(closed), pytest.raises(PermissionError) as denied:
            Notes(closed.parent).of("20261130-010203F")
        with of_another(closed):
            said = could_not(denied.value)
            assert said.startswith(f"{account()} may not read {note}: {note} belongs to ")


def test_who_may_not_read_or_make_a_file_is_said() -> None:
    with a_home() as closed, of_another(closed):
        place = closed.parent
        with pytest.raises(PermissionError) as denied:
            raise PermissionError(errno.EACCES, "Permission denied", str(closed))
        assert could_not(denied.value).startswith(f"{account()} may not read {closed}: {closed} belongs to ")
        if os.geteuid() == NOBODY:
            with pytest.raises(PermissionError) as denied:
                files.replace(place / "new.json", {})
            assert f"{account()} may not make {place}/new.json: {place} belongs to root" in could_not(
                denied.value
            )


def test_an_error_without_a_known_way_out_is_said_as_the_host_says_it(tmp_path: Path) -> None:
    assert could_not(OSError(errno.EIO, "Input/output error", "/a", None, "/b")) == (
        "/a and /b: Input/output error."
    )
    assert could_not(OSError(errno.EIO, "Input/output error")) == "Input/output error."
    assert could_not(OSError("odd")) == "odd."
    assert could_not(OSError(errno.ENOSPC, "No space left on device")) == (
        "A file system has no room left. Make room, and try again."
    )
    full = OSError(errno.ENOSPC, "No space left on device", "/a", None, str(tmp_path / "b"))
    assert f"has no room left for {tmp_path / 'b'}: " in could_not(full)
    assert not stays(full)
    denied = PermissionError(errno.EPERM, "Operation not permitted", str(tmp_path))
    assert could_not(denied) == f"{account()} may not change {tmp_path}."
