"""A copy made beforehand changes nothing, is taken only as it was proved, and never gets in the way."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from integrations.runner import files
from integrations.runner.attempts import Attempt
from integrations.runner.postgres import prepare as of_postgres
from integrations.runner.postgres import renaming
from integrations.runner.prepared import TOUCHED
from integrations.runner.report import Problem
from integrations.runner.restic import folder
from integrations.runner.restic import prepare as of_restic
from integrations.runner.sqlite import prepare as of_sqlite
from integrations.runner.sqlite import questions
from integrations.runner.sqlite.restore import Restore, done, restore
from tests.integrations.runner import test_renaming
from tests.integrations.runner.test_folder import BAD as BAD_FILES
from tests.integrations.runner.test_folder import GOOD as GOOD_FILES
from tests.integrations.runner.test_folder import Uploads
from tests.integrations.runner.test_renaming import BAD, GOOD
from tests.integrations.runner.test_restore import RIGHT, Shop

# The fixture of the dumps is the one of the restores, which this file asks for by its name.
orders = test_renaming.shop

EARLY, LATE = "RUN-1.prepare.1", "RUN-1.restore.1"
_DIE_AT = """
import os, signal, sys
from pathlib import Path
from integrations.runner.attempts import Attempt
from integrations.runner.sqlite.prepare import prepare
from integrations.runner.sqlite.restore import Restore, restore

database, points, kept, point, key, stage, act = sys.argv[1:]
what = Restore(Path(database), Path(points), Attempt(Path(kept), key, point))
for step in (prepare if act == "prepare" else restore)(what):
    if step.phase == stage:
        os.kill(os.getpid(), signal.SIGKILL)
"""
_SWITCH = ["proved", "locked", "linked", "swapped", "kept", "done"]


@pytest.fixture(params=["WAL", "DELETE"])
def shop(tmp_path: Path, request: pytest.FixtureRequest) -> Shop:
    return Shop(tmp_path, request.param)


def _die_at(shop: Shop, stage: str, act: str, key: str) -> None:
    places = (shop.database, shop.points, shop.kept, shop.point, key, stage, act)
    ended = subprocess.run([sys.executable, "-c", _DIE_AT, *map(str, places)], check=False)
    assert ended.returncode == -signal.SIGKILL


def _stages(what: Restore) -> list[str]:
    return list(dict.fromkeys(step.phase for step in restore(what)))


def test_a_copy_made_beforehand_leaves_the_database_as_it_is_and_in_use(shop: Shop) -> None:
    with closing(sqlite3.connect(shop.database)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert [step.phase for step in of_sqlite.prepare(shop.what(EARLY))][-1] == "proved"
        writer.execute("INSERT INTO orders VALUES (5000, 7)")
        writer.commit()
    assert shop.total() == 7
    assert shop.what().prepared.exists()
    assert of_sqlite.found(shop.what()) == {
        "point": shop.point,
        "digest": shop.copies.note(shop.point)["digest"],
        "ready_at": shop.what().beside.record["ready_at"],
        "checked": ["its SHA-256 is that of the backup", "SQLite's integrity check says ok"],
    }


def test_a_restore_takes_the_copy_that_lies_ready_and_only_swaps(shop: Shop) -> None:
    list(of_sqlite.prepare(shop.what(EARLY)))
    copy = shop.what().prepared.stat().st_ino

    assert _stages(shop.what(LATE)) == _SWITCH
    assert shop.database.stat().st_ino == copy
    assert shop.total() == RIGHT
    assert shop.total(shop.what(LATE).attempt.shelf / "orders.db") == 0
    assert shop.beside() == []
    assert shop.what(LATE).attempt.record["prepared"]
    assert shop.what(LATE).beside.record == {}


def test_the_copy_that_is_taken_has_the_permissions_the_database_has_then(shop: Shop) -> None:
    list(of_sqlite.prepare(shop.what(EARLY)))
    shop.database.chmod(0o640)
    list(restore(shop.what(LATE)))
    assert shop.database.stat().st_mode & 0o777 == 0o640


def test_a_copy_of_another_point_is_put_away_and_not_taken(shop: Shop) -> None:
    other = shop.backup("other")
    list(of_sqlite.prepare(shop.what(EARLY, point=other)))
    assert _stages(shop.what(LATE))[0] == "copying"
    assert shop.total() == RIGHT
    assert shop.beside() == []
    assert "caution" not in done(shop.what(LATE))


def test_a_copy_that_somebody_changed_after_it_was_proved_is_never_taken(shop: Shop) -> None:
    list(of_sqlite.prepare(shop.what(EARLY)))
    before = shop.what().prepared.stat()
    with closing(sqlite3.connect(shop.what().prepared)) as connection, connection:
        connection.execute("UPDATE orders SET total = 1 WHERE id = 1")
    # Its size and its time are as they were; that it was touched at all shows.
    os.utime(shop.what().prepared, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert _stages(shop.what(LATE))[0] == "copying"
    assert shop.total() == RIGHT
    assert done(shop.what(LATE))["caution"] == TOUCHED


def test_a_point_that_is_not_what_was_approved_is_refused_though_a_copy_lies_ready(shop: Shop) -> None:
    list(of_sqlite.prepare(shop.what(EARLY)))
    with pytest.raises(Problem, match="not the content that was approved"):
        list(restore(shop.what(LATE, digest="0" * 64)))
    assert shop.total() == 0


def test_a_copy_of_the_same_point_is_not_made_a_second_time(shop: Shop) -> None:
    list(of_sqlite.prepare(shop.what(EARLY)))
    assert [step.phase for step in of_sqlite.prepare(shop.what("RUN-2.prepare.1"))] == ["proved"]
    other = shop.backup("other")
    assert next(step.phase for step in of_sqlite.prepare(shop.what("RUN-3.prepare.1", point=other))) != (
        "proved"
    )
    assert shop.what().beside.record["point"] == other


def test_a_discarded_copy_is_gone_and_never_taken(shop: Shop) -> None:
    list(of_sqlite.prepare(shop.what(EARLY)))
    assert [step.phase for step in of_sqlite.discard(shop.database, shop.kept)] == ["removed"]
    assert shop.beside() == []
    assert shop.what().beside.record == {}
    assert _stages(shop.what(LATE))[0] == "copying"
    # Where there is none, nothing is done.
    list(of_sqlite.discard(shop.database, shop.kept))
    assert shop.total() == RIGHT


@pytest.mark.parametrize("stage", ["copying", "copied", "proved"])
def test_a_copy_that_was_broken_off_is_made_again_or_removed(shop: Shop, stage: str) -> None:
    _die_at(shop, stage, "prepare", EARLY)
    assert shop.total() == 0
    list(of_sqlite.prepare(shop.what("RUN-1.prepare.2")))
    assert _stages(shop.what(LATE)) == _SWITCH
    assert shop.total() == RIGHT

    _die_at(shop, stage, "prepare", "RUN-2.prepare.1")
    list(of_sqlite.discard(shop.database, shop.kept))
    assert shop.beside() == []


@pytest.mark.parametrize("stage", ["copying", "copied"])
def test_a_restore_makes_its_own_copy_when_the_one_beside_is_not_whole(shop: Shop, stage: str) -> None:
    _die_at(shop, stage, "prepare", EARLY)
    assert _stages(shop.what(LATE))[0] == "copying"
    assert shop.total() == RIGHT
    assert shop.beside() == []


@pytest.mark.parametrize("stage", _SWITCH)
def test_a_restore_killed_while_it_takes_the_copy_is_finished_by_the_next(shop: Shop, stage: str) -> None:
    list(of_sqlite.prepare(shop.what(EARLY)))
    _die_at(shop, stage, "restore", LATE)
    assert shop.total() in {0, RIGHT}
    list(restore(shop.what("RUN-1.restore.2")))
    assert shop.total() == RIGHT
    assert 0 in [shop.total(path) for path in shop.kept.glob("*/orders.db")]
    assert shop.beside() == []


def test_no_copy_is_begun_where_the_disk_has_no_room(shop: Shop) -> None:
    free = shutil.disk_usage(shop.database.parent).free
    with pytest.raises(Problem, match="a tenth more are needed: nothing was begun"):
        files.room(shop.database.parent, free)
    files.room(shop.database.parent, 1)


def test_a_copy_that_lies_beside_is_told_with_the_health_of_its_target(shop: Shop, tmp_path: Path) -> None:
    def told(of: str) -> list[str]:
        found = questions.health(shop.database, shop.points, shop.kept, tmp_path / "record" / "identity")
        return list(found[of])

    assert (told("problems"), told("notes")) == ([], [])
    list(of_sqlite.prepare(shop.what(EARLY)))
    assert told("notes") == [
        f"A copy of {shop.point} lies ready beside it, made by RUN-1.prepare.1; the restore of that point "
        "takes it, `discard` removes it."
    ]
    assert told("problems") == []
    list(of_sqlite.discard(shop.database, shop.kept))
    _die_at(shop, "copying", "prepare", "RUN-2.prepare.1")
    assert ["was begun and is not whole" in problem for problem in told("problems")] == [True]
    assert told("notes") == []


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path)


def test_a_folder_that_lies_ready_is_exchanged_and_not_restored_again(uploads: Uploads) -> None:
    list(of_restic.prepare(uploads.what(EARLY), uploads.fill))
    assert uploads.holds() == BAD_FILES
    assert [step.phase for step in of_restic.prepare(uploads.what(EARLY), uploads.fill)] == ["proved"]

    stages = [step.phase for step in folder.put_back(uploads.what(LATE), uploads.fill)]

    assert stages == ["proved", "swapped", "kept", "done"]
    assert uploads.fill.times == 1
    assert uploads.holds() == GOOD_FILES
    assert uploads.holds(uploads.what(LATE).old) == BAD_FILES
    assert uploads.beside() == []
    assert folder.done(uploads.what(LATE))["prepared"]


def test_a_folder_is_not_taken_when_anything_in_it_was_changed(uploads: Uploads) -> None:
    list(of_restic.prepare(uploads.what(EARLY), uploads.fill))
    root = folder.inside(uploads.what().prepared, uploads.path)
    before = (root / "second").stat()
    (root / "second").write_text("evil")
    os.utime(root / "second", ns=(before.st_atime_ns, before.st_mtime_ns))

    list(folder.put_back(uploads.what(LATE), uploads.fill))

    assert folder.done(uploads.what(LATE))["caution"] == TOUCHED
    assert uploads.fill.times == 2
    assert uploads.holds() == GOOD_FILES
    assert uploads.beside() == []


def test_a_folder_of_another_point_is_put_away_and_a_discarded_one_is_gone(uploads: Uploads) -> None:
    list(of_restic.prepare(uploads.what(EARLY, point="P0"), uploads.fill))
    list(folder.put_back(uploads.what(LATE), uploads.fill))
    assert uploads.fill.times == 2
    assert uploads.beside() == []

    list(of_restic.prepare(uploads.what(EARLY), uploads.fill))
    assert of_restic.found(uploads.what(EARLY))["point"] == "P1"
    list(of_restic.discard(uploads.path, uploads.kept))
    assert uploads.beside() == []
    assert uploads.what().beside.record == {}


@pytest.mark.parametrize("stage", ["proved", "swapped", "kept"])
def test_a_restore_killed_while_it_takes_a_folder_is_finished_by_the_next(
    uploads: Uploads, stage: str
) -> None:
    list(of_restic.prepare(uploads.what(EARLY), uploads.fill))
    uploads.die_at(stage)
    list(folder.put_back(uploads.what(), uploads.fill))
    assert uploads.fill.times == 1
    assert uploads.holds() == GOOD_FILES
    assert uploads.beside() == []


@pytest.mark.real
def test_a_database_that_lies_ready_is_renamed_and_not_restored_again(orders: test_renaming.Shop) -> None:
    what = orders.what(EARLY)
    list(of_postgres.prepare(what))
    assert orders.orders.total() == BAD
    assert [step.phase for step in of_postgres.prepare(what)] == ["proved"]
    with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
        orders.orders.total(what.prepared)

    assert [step.phase for step in renaming.restore(orders.what(LATE))] == ["proved", "swapped", "done"]

    assert orders.orders.total() == GOOD
    assert orders.orders.total(orders.what(LATE).old) == BAD
    assert orders.orders.databases("_prepared_") == []
    assert renaming.done(orders.what(LATE))["prepared"]


@pytest.mark.real
def test_a_database_that_somebody_opened_is_never_taken(orders: test_renaming.Shop) -> None:
    what = orders.what(EARLY)
    list(of_postgres.prepare(what))
    with orders.orders.server.connect() as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(what.prepared))
        )
    stages = [step.phase for step in renaming.restore(orders.what(LATE))]
    assert "copied" in stages
    assert orders.orders.total() == GOOD
    assert orders.orders.databases("_prepared_") == []


@pytest.mark.real
def test_a_database_that_was_opened_and_closed_again_is_never_taken(orders: test_renaming.Shop) -> None:
    what = orders.what(EARLY)
    list(of_postgres.prepare(what))
    name = sql.Identifier(what.prepared)
    with orders.orders.server.connect() as connection:
        connection.autocommit = True
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))

    list(renaming.restore(orders.what(LATE)))

    done = renaming.done(orders.what(LATE))
    assert (done["prepared"], done["caution"]) == (False, renaming.TOUCHED)
    assert orders.orders.total() == GOOD
    assert orders.orders.databases("_prepared_") == []


@pytest.mark.real
def test_a_discarded_database_is_dropped(orders: test_renaming.Shop) -> None:
    list(of_postgres.prepare(orders.what(EARLY)))
    assert of_postgres.found(orders.what(EARLY))["point"] == orders.point
    list(of_postgres.discard(orders.what("RUN-1.prepare.1.undo")))
    assert orders.orders.databases("_prepared_") == []
    assert orders.what().beside.record == {}
    assert orders.orders.total() == BAD


@pytest.mark.real
def test_a_database_that_was_half_prepared_is_made_again(orders: test_renaming.Shop) -> None:
    what = orders.what(EARLY)
    for step in of_postgres.prepare(what):
        if step.phase == "copied":
            break
    assert orders.orders.databases("_prepared_") == [what.prepared]
    assert what.beside.record["state"] == "growing"
    list(of_postgres.prepare(orders.what("RUN-1.prepare.2")))
    assert [step.phase for step in renaming.restore(orders.what(LATE))] == ["proved", "swapped", "done"]
    assert orders.orders.total() == GOOD


def test_what_is_known_of_copies_is_told_apart_by_their_targets(tmp_path: Path) -> None:
    one = Restore(tmp_path / "a" / "orders.db", tmp_path, Attempt(tmp_path / "kept", EARLY, "P"))
    other = Restore(tmp_path / "b" / "orders.db", tmp_path, Attempt(tmp_path / "kept", EARLY, "P"))
    one.beside.grows(EARLY, "P")
    assert other.beside.record == {}
    assert not one.beside.is_ready("P")
