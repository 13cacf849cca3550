"""A restore ends with the right rows, never loses the damaged ones, and survives a kill at every stage."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from integrations.runner import files
from integrations.runner.attempts import Attempt
from integrations.runner.copies import Copies
from integrations.runner.files import digest
from integrations.runner.program import _parser
from integrations.runner.report import PartlyDone, Problem
from integrations.runner.sqlite import points, questions, verbs
from integrations.runner.sqlite.restore import Restore, done, keep, restore, room_to_keep
from tests.memory import another_disk

_HUGE = 8 << 40
_STAGES = ("copying", "copied", "proved", "locked", "linked", "swapped", "kept", "done")

_DIE_AT = """
import os, signal, sys
from pathlib import Path
from integrations.runner.attempts import Attempt
from integrations.runner.sqlite.restore import Restore, restore

database, points, kept, point, key, stage = sys.argv[1:]
for step in restore(Restore(Path(database), Path(points), Attempt(Path(kept), key, point))):
    if step.phase == stage:
        os.kill(os.getpid(), signal.SIGKILL)
"""


class Shop:
    """A database with a point taken while it was right, and damaged since."""

    def __init__(self, home: Path, mode: str) -> None:
        self.database, self.points, self.kept = home / "orders.db", home / "points", home / "kept"
        with self.connected() as connection:
            connection.execute(f"PRAGMA journal_mode = {mode}")
            connection.execute("PRAGMA application_id = 4711")
            connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, total INTEGER NOT NULL)")
            connection.executemany("INSERT INTO orders VALUES (?, ?)", [(n, n * 10) for n in range(1000)])
        self.point = self.backup("good")
        with self.connected() as connection:
            connection.execute("UPDATE orders SET total = 0")

    @contextmanager
    def connected(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.database)) as connection, connection:
            yield connection

    def backup(self, key: str) -> str:
        list(points.backup(self.database, self.points, {"release": "2.3.0"}, key=key))
        return str(self.copies.taken(key)["id"])

    @property
    def copies(self) -> Copies:
        return Copies(self.points, ".db")

    def what(
        self, key: str = "RUN-1/restore/1", *, point: str | None = None, digest: str | None = None
    ) -> Restore:
        return Restore(self.database, self.points, Attempt(self.kept, key, point or self.point), digest)

    def total(self, database: Path | None = None) -> int:
        with closing(sqlite3.connect(database or self.database)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            return int(connection.execute("SELECT sum(total) FROM orders").fetchone()[0])

    def die_at(self, stage: str, key: str) -> None:
        places = (self.database, self.points, self.kept, self.point, key, stage)
        ended = subprocess.run([sys.executable, "-c", _DIE_AT, *map(str, places)], check=False)
        assert ended.returncode == -signal.SIGKILL

    def beside(self) -> list[str]:
        return sorted(path.name for path in self.database.parent.glob(".orders.db.*"))


RIGHT = sum(n * 10 for n in range(1000))


@pytest.fixture(params=["WAL", "DELETE"])
def shop(tmp_path: Path, request: pytest.FixtureRequest) -> Shop:
    return Shop(tmp_path, request.param)


def test_a_restore_puts_the_rows_back_and_keeps_the_damaged_database(shop: Shop) -> None:
    stages = [step.phase for step in restore(shop.what())]
    assert list(dict.fromkeys(stages)) == list(_STAGES)
    assert shop.total() == RIGHT
    assert shop.total(shop.what().attempt.shelf / "orders.db") == 0
    assert shop.beside() == []


@pytest.mark.parametrize("stage", _STAGES)
def test_a_restore_killed_at_any_stage_is_finished_by_the_next_under_the_same_key(
    shop: Shop, stage: str
) -> None:
    shop.die_at(stage, "RUN-1/restore/1")
    assert shop.total() in {0, RIGHT}
    list(restore(shop.what()))
    assert shop.total() == RIGHT
    assert shop.total(shop.what().attempt.shelf / "orders.db") == 0
    assert shop.beside() == []


@pytest.mark.parametrize("stage", _STAGES)
def test_a_restore_killed_at_any_stage_can_be_followed_by_another_attempt(shop: Shop, stage: str) -> None:
    shop.die_at(stage, "RUN-1/restore/1")
    list(restore(shop.what("RUN-1/restore/2")))
    assert shop.total() == RIGHT
    kept = [shop.total(path) for path in shop.kept.glob("*/orders.db")]
    assert 0 in kept
    assert shop.beside() == []


@pytest.mark.parametrize("stage", ["swapped", "kept"])
def test_another_attempt_finishes_the_swap_of_one_that_was_killed(shop: Shop, stage: str) -> None:
    shop.die_at(stage, "RUN-1/restore/1")
    shop.die_at("swapped", "RUN-1/restore/2")
    what = shop.what("RUN-1/restore/3")

    assert [step.phase for step in restore(what)] == ["swapped", "kept", "done"]

    said = done(what)
    assert shop.total() == RIGHT
    assert (shop.total(Path(said["kept"])), said["goes_on_from"]) == (
        0,
        ["RUN-1/restore/1", "RUN-1/restore/2"],
    )
    assert len([*shop.kept.glob("*/orders.db")]) == 1
    assert shop.beside() == []


def test_what_was_written_after_a_broken_off_swap_is_kept_as_well(shop: Shop) -> None:
    shop.die_at("swapped", "RUN-1/restore/1")
    with shop.connected() as connection:
        connection.execute("INSERT INTO orders VALUES (5000, 7)")
    what = shop.what("RUN-1/restore/2")

    list(restore(what))

    assert (shop.total(), done(what)["goes_on_from"]) == (RIGHT, [])
    assert shop.total(Path(done(what)["kept"])) == RIGHT + 7
    assert shop.total(shop.what().attempt.shelf / "orders.db") == 0


@pytest.mark.parametrize("key", ["RUN-1/restore/1", "RUN-1/restore/2"])
def test_a_swap_whose_old_file_cannot_be_moved_says_that_it_is_done_and_where_that_lies(
    shop: Shop, key: str
) -> None:
    stages = restore(shop.what())
    while next(stages).phase != "swapped":
        pass
    place = shop.what().attempt.shelf / "orders.db"
    place.mkdir()
    said = f"is restored, but the file it replaced could not be moved to {place}: Is a directory. "
    with pytest.raises(Problem, match=re.escape(f"{said}It lies whole in {shop.what().damaged}.")):
        list(stages)
    assert shop.total(shop.what().damaged) == 0
    place.rmdir()

    assert [step.phase for step in restore(shop.what(key))] == ["swapped", "kept", "done"]

    assert (shop.total(), shop.total(Path(done(shop.what(key))["kept"]))) == (RIGHT, 0)


def test_a_disk_that_cannot_take_what_is_kept_is_said_before_anything_is_replaced(shop: Shop) -> None:
    with tempfile.TemporaryDirectory(dir=another_disk(shop.database)) as elsewhere:
        kept = Path(elsewhere) / "kept"
        assert room_to_keep(shop.database, kept) == {}
        os.truncate(shop.database, _HUGE)
        assert room_to_keep(shop.database, shop.kept) == {}
        what = Restore(shop.database, shop.points, Attempt(kept, "RUN-1/restore/1", shop.point))
        with pytest.raises(Problem, match=f"The disk of {kept} has .* nothing was begun. Make room first"):
            list(restore(what))
        given = _parser("sqlite").parse_args(
            [
                "work",
                f"--database={shop.database}",
                f"--points={shop.points}",
                f"--kept={kept}",
                "--point",
                shop.point,
            ]
        )
        assert f"The disk of {kept} has " in verbs.answer(given)["no_room"]
        shop.database.unlink()
        assert room_to_keep(shop.database, kept) == {}
    assert shop.beside() == []


def test_a_finished_restore_carried_out_again_leaves_what_was_written_since(shop: Shop) -> None:
    list(restore(shop.what()))
    with shop.connected() as connection:
        connection.execute("INSERT INTO orders VALUES (5000, 7)")
    assert [step.phase for step in restore(shop.what())] == ["done"]
    assert shop.total() == RIGHT + 7


def test_one_key_does_not_restore_two_points(shop: Shop) -> None:
    list(restore(shop.what()))
    with pytest.raises(Problem, match="another key"):
        list(restore(shop.what(point=shop.backup("later"))))


def test_a_point_that_a_restore_found_damaged_is_no_longer_called_verified(shop: Shop) -> None:
    assert points.prove(shop.points, shop.point)["ok"]
    assert shop.copies.listed()[0]["health"] == "valid"
    content = shop.points / f"{shop.point}.db"
    raw = bytearray(content.read_bytes())
    raw[-10] ^= 1
    content.write_bytes(raw)

    with pytest.raises(Problem, match="is damaged: its digest"):
        list(restore(shop.what()))

    note = shop.copies.listed()[0]
    assert (note["health"], note["verified_at"]) == ("invalid", None)
    assert note["problem"].startswith("its content is not what was backed up")


def test_a_copy_that_the_disk_spoilt_is_not_held_against_its_point(shop: Shop) -> None:
    stages = restore(shop.what())
    while next(stages).phase != "copied":
        pass
    raw = bytearray(shop.what().fresh.read_bytes())
    raw[-10] ^= 1
    shop.what().fresh.write_bytes(raw)

    with pytest.raises(Problem, match="is right and its copy is not; look at the disk"):
        next(stages)

    assert shop.copies.listed()[0]["health"] == "valid"
    assert shop.beside() == []


def test_a_point_whose_content_changed_is_refused_before_anything_is_touched(shop: Shop) -> None:
    content = shop.points / f"{shop.point}.db"
    raw = bytearray(content.read_bytes())
    raw[-10] ^= 1
    content.write_bytes(raw)
    before = shop.total()
    with pytest.raises(Problem, match="digest"):
        list(restore(shop.what()))
    assert shop.total() == before
    assert shop.beside() == []


def test_a_point_that_was_damaged_before_its_digest_was_taken_is_refused(shop: Shop) -> None:
    content, note = shop.points / f"{shop.point}.db", shop.points / f"{shop.point}.json"
    raw = bytearray(content.read_bytes())
    raw[4096:8192] = os.urandom(4096)
    content.write_bytes(raw)
    files.replace(note, {**(files.read(note) or {}), "digest": digest(content)})
    with pytest.raises(Problem, match="damaged"):
        list(restore(shop.what()))
    assert points.prove(shop.points, shop.point)["ok"] is False
    assert shop.copies.listed()[0]["health"] == "invalid"


def test_another_content_than_the_approved_one_is_refused(shop: Shop) -> None:
    with pytest.raises(Problem, match="approved"):
        list(restore(shop.what(digest="0" * 64)))
    with pytest.raises(Problem, match="no recovery point"):
        list(restore(shop.what("RUN-1/restore/2", point="orders-never")))


def test_a_database_that_is_open_elsewhere_is_not_replaced(shop: Shop) -> None:
    with _holding(shop.database) as pid, pytest.raises(Problem, match=f"process {pid}"):
        list(restore(shop.what()))
    assert shop.total() == 0
    list(restore(shop.what()))
    assert shop.total() == RIGHT


def test_a_database_that_is_open_is_said_before_anything_is_copied(shop: Shop) -> None:
    with _holding(shop.database), pytest.raises(Problem, match="stop it first"):
        next(restore(shop.what()))
    assert not shop.what().fresh.exists()


def test_a_database_that_is_opened_while_the_copy_is_made_is_not_replaced(shop: Shop) -> None:
    stages = restore(shop.what())
    while next(stages).phase != "proved":
        pass
    with _holding(shop.database), pytest.raises(Problem, match="stop it first"):
        list(stages)
    assert shop.total() == 0


def test_a_process_that_still_has_the_replaced_file_open_is_reported(shop: Shop) -> None:
    stages = restore(shop.what())
    while next(stages).phase != "kept":
        pass
    # Opened between the look for users and the swap: only the look afterwards can find it.
    with _holding(shop.what().attempt.shelf / "orders.db"), pytest.raises(PartlyDone, match="restart it"):
        list(stages)
    assert shop.total() == RIGHT


@contextmanager
def _holding(path: Path) -> Iterator[int]:
    script = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); "
        "c.execute('SELECT 1 FROM orders').fetchone(); print(flush=True); input()"
    )
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        yield holder.pid
        holder.kill()


@pytest.mark.parametrize("readable", ["readable", "unreadable"])
def test_a_log_of_writes_that_were_never_folded_in_does_not_reach_the_restored_database(
    tmp_path: Path, readable: str
) -> None:
    shop = Shop(tmp_path, "WAL")
    script = (
        "import os, signal, sqlite3, sys; c = sqlite3.connect(sys.argv[1]); "
        "c.execute('UPDATE orders SET total = 1'); c.commit(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, str(shop.database)], check=False)
    assert shop.database.with_name("orders.db-wal").stat().st_size > 0
    if readable == "unreadable":
        with shop.database.open("r+b") as file:
            file.write(b"no database any more")
    list(restore(shop.what()))
    assert shop.total() == RIGHT
    if readable == "readable":
        assert shop.total(shop.what().attempt.shelf / "orders.db") == 1000
    else:
        assert (shop.what().attempt.shelf / "orders.db-wal").stat().st_size > 0


@pytest.mark.parametrize(
    "left", [b"", b"not a database at all" * 500, None], ids=["empty", "garbage", "gone"]
)
def test_a_database_that_cannot_be_read_is_restored_too(shop: Shop, left: bytes | None) -> None:
    wal = shop.database.with_name("orders.db-wal")
    if left is None:
        shop.database.unlink()
    else:
        shop.database.write_bytes(left)
        wal.write_bytes(b"a log of something else")
    list(restore(shop.what()))
    assert shop.total() == RIGHT
    kept = shop.what().attempt.shelf / "orders.db"
    assert left is None or not left or kept.read_bytes() == left


def test_rights_of_the_old_file_go_over_to_the_restored_one(shop: Shop) -> None:
    shop.database.chmod(0o640)
    list(restore(shop.what()))
    assert shop.database.stat().st_mode & 0o777 == 0o640


def test_keeping_copies_the_damaged_database_even_when_sqlite_cannot_read_it(shop: Shop) -> None:
    list(keep(shop.database, shop.kept, key="k"))
    assert shop.total(shop.kept / "k" / "orders.db") == 0
    shop.database.write_bytes(b"nothing that sqlite knows")
    list(keep(shop.database, shop.kept, key="again"))
    assert (shop.kept / "again" / "orders.db").read_bytes() == b"nothing that sqlite knows"


def test_a_backup_under_a_live_writer_is_whole_and_of_one_moment(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "WAL")
    stop = threading.Event()
    wrote = 0

    def write() -> None:
        nonlocal wrote
        with closing(sqlite3.connect(shop.database, timeout=10)) as connection:
            while not stop.is_set():
                # Two tables change together, so a copy of two moments would show.
                with connection:
                    connection.execute("UPDATE orders SET total = total + 1 WHERE id IN (1, 999)")
                wrote += 1

    with shop.connected() as connection:
        connection.execute("UPDATE orders SET total = 0")
    writer = threading.Thread(target=write)
    writer.start()
    try:
        taken = [shop.backup(f"k{n}") for n in range(3)]
    finally:
        stop.set()
        writer.join()
    assert wrote > 0
    for point in taken:
        with closing(sqlite3.connect(shop.points / f"{point}.db")) as connection:
            one, other = connection.execute("SELECT total FROM orders WHERE id IN (1, 999)").fetchall()
        assert one == other
        assert points.prove(shop.points, point)["ok"] is True


def test_a_backup_that_did_not_finish_is_no_recovery_point(shop: Shop) -> None:
    (shop.points / "orders-half.db").write_bytes(b"SQLite format 3\0")
    (shop.points / "orders-other.json").write_text("{")
    health = {note["id"]: note["health"] for note in shop.copies.listed()}
    assert health == {shop.point: "unknown", "orders-half": "partial", "orders-other": "invalid"}


def test_a_hold_is_written_and_released_and_survives_a_proof(shop: Shop) -> None:
    shop.copies.hold(shop.point, "2026-12-24T00:00:00Z")
    points.prove(shop.points, shop.point)
    note = shop.copies.note(shop.point)
    assert note["held_until"] == "2026-12-24T00:00:00Z"
    assert datetime.fromisoformat(note["verified_at"]).tzinfo is not None
    shop.copies.hold(shop.point, None)
    assert shop.copies.note(shop.point)["held_until"] is None


def test_restored_is_proved_by_content_and_then_by_rows(shop: Shop) -> None:
    def asked() -> dict[str, Any]:
        return questions.restored(shop.database, shop.points, shop.kept, shop.point, None)

    assert (asked()["ok"], asked()["missing"]) == (False, 999)
    list(restore(shop.what()))
    assert asked()["found"] == "identical to the point"
    assert asked()["restored_at"] is not None
    with shop.connected() as connection:
        connection.execute("INSERT INTO orders VALUES (5000, 7)")
    assert (asked()["ok"], asked()["missing"], asked()["newer"]) == (True, 0, 1)
    with shop.connected() as connection:
        connection.execute("DELETE FROM orders WHERE id = 3")
    assert (asked()["ok"], asked()["missing"]) == (False, 1)
    with shop.connected() as connection:
        connection.execute("ALTER TABLE orders ADD COLUMN note TEXT")
    assert asked()["found"] == "the tables are not those of the point"


def test_identity_stays_through_restores_and_damage_and_tells_another_application(shop: Shop) -> None:
    record = shop.kept.parent / "state" / "identity.json"

    def asked() -> dict[str, Any]:
        return questions.health(shop.database, shop.points, shop.kept, record)

    first = asked()["identity"]
    list(restore(shop.what()))
    assert asked()["identity"] == first
    shop.database.write_bytes(b"damaged beyond reading")
    assert (asked()["ok"], asked()["identity"]) == (True, first)
    assert asked()["problems"]
    shop.database.unlink()
    with shop.connected() as connection:
        connection.execute("PRAGMA application_id = 9")
        connection.execute("CREATE TABLE other (id INTEGER)")
    assert asked()["ok"] is False
    assert asked()["identity"] == first


def test_references_to_rows_that_are_not_there_are_no_integrity(shop: Shop) -> None:
    assert questions.sound(shop.database)["ok"] is True
    with shop.connected() as connection:
        connection.execute("CREATE TABLE lines (order_id INTEGER REFERENCES orders (id))")
        connection.execute("INSERT INTO lines VALUES (123456)")
    assert questions.sound(shop.database) == {
        "ok": False,
        "found": "a row of lines refers to a row of orders that is not there",
    }
