"""A database is put back whole, the replaced one is never lost, and a kill at any stage changes neither."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from integrations.runner.attempts import Attempt
from integrations.runner.postgres import content, dumps
from integrations.runner.postgres.renaming import Renaming, done, growing, kept, restore
from integrations.runner.postgres.server import Server
from integrations.runner.report import Problem
from tests import postgres
from tests.integrations.orders import Orders
from tests.integrations.orders import orders as made

pytestmark = pytest.mark.real
GOOD, BAD = 20_010_000, 0
KEY = "RUN-1/restore/1"
_STAGES = ("copying", "copied", "checking", "proved", "swapped", "done")
_DIE_AT = """
import os, signal, sys
from pathlib import Path
from integrations.runner.attempts import Attempt
from integrations.runner.postgres.dumps import copies
from integrations.runner.postgres.renaming import Renaming, restore
from integrations.runner.postgres.server import Server

programs, port, database, points, key, point, stage = sys.argv[1:]
server = Server(Path(programs), "127.0.0.1", port, "tests", "backstop restore of a test")
attempt = Attempt(Path(points) / "kept", key, point)
for step in restore(Renaming(server, database, copies(Path(points)), attempt, "2")):
    if step.phase == stage:
        os.killpg(0, signal.SIGKILL)
"""


class Shop:
    """Orders with a dump taken while they were right, and damaged since."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        there = orders.server
        self.server = Server(
            there.binaries, "127.0.0.1", str(there.port), "tests", "backstop restore of a test"
        )
        list(dumps.backup(self.server, orders.name, orders.dumps, {}, key="B-1", jobs="2"))
        self.point = str(dumps.copies(orders.dumps).taken("B-1")["id"])
        orders.damage()

    def what(self, key: str = KEY) -> Renaming:
        attempt = Attempt(self.orders.kept, key, self.point)
        return Renaming(self.server, self.orders.name, dumps.copies(self.orders.dumps), attempt, "2")

    def die_at(self, stage: str, key: str = KEY) -> None:
        places = (self.server.programs, self.server.port, self.orders.name, self.orders.dumps)
        ended = subprocess.run(
            [sys.executable, "-c", _DIE_AT, *map(str, places), key, self.point, stage],
            check=False,
            process_group=0,
        )
        assert ended.returncode == -signal.SIGKILL


@pytest.fixture
def shop(
    postgresql_server: postgres.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    monkeypatch.setenv("PGPASSWORD", postgresql_server.password)
    with made(postgresql_server, tmp_path) as orders:
        yield Shop(orders)


@pytest.mark.parametrize("stage", _STAGES)
def test_a_restore_killed_at_any_stage_is_finished_by_the_next_under_the_same_key(
    shop: Shop, stage: str
) -> None:
    shop.die_at(stage)
    assert shop.orders.total() == (GOOD if stage in ("swapped", "done") else BAD)

    list(restore(shop.what()))

    assert shop.orders.total() == GOOD
    assert shop.orders.total(shop.what().old) == BAD
    assert shop.orders.databases("_re") == [shop.what().old]
    assert [step.phase for step in restore(shop.what())] == ["done"]


def test_what_was_proved_before_a_kill_is_not_copied_again(shop: Shop) -> None:
    shop.die_at("proved")
    assert [step.phase for step in restore(shop.what())] == ["swapped", "done"]


def test_another_attempt_after_a_kill_takes_away_what_it_left(shop: Shop) -> None:
    shop.die_at("proved")
    list(restore(shop.what("RUN-1/restore/2")))
    assert shop.orders.total() == GOOD
    assert shop.orders.databases("_re") == [shop.what("RUN-1/restore/2").old]


def test_another_attempt_finishes_the_swap_of_one_that_was_killed(shop: Shop) -> None:
    shop.die_at("swapped")
    shop.die_at("swapped", "RUN-1/restore/2")
    what = shop.what("RUN-1/restore/3")

    assert {step.phase for step in restore(what)} == {"checking", "swapped", "done"}

    said = done(what)
    assert (shop.orders.total(), shop.orders.total(shop.what().old)) == (GOOD, BAD)
    assert shop.orders.databases("_re") == [shop.what().old]
    assert (said["kept"], said["goes_on_from"]) == (f"database {shop.what().old}", [KEY, "RUN-1/restore/2"])


def test_what_was_written_after_a_broken_off_swap_is_kept_as_well(shop: Shop) -> None:
    shop.die_at("swapped")
    shop.orders.damage()
    what = shop.what("RUN-1/restore/2")

    list(restore(what))

    assert (shop.orders.total(), done(what)["kept"]) == (GOOD, f"database {what.old}")
    assert shop.orders.databases("_re") == sorted([shop.what().old, what.old])


def test_a_database_of_somebody_else_is_never_taken_for_a_leftover(shop: Shop) -> None:
    other = f"{growing(shop.orders.name)}of-mine"
    with shop.orders.server.connect() as connection:
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(other)))
    list(restore(shop.what()))
    assert other in shop.orders.databases("_restoring_")


def test_clients_that_come_back_at_once_do_not_hold_the_swap_up(shop: Shop) -> None:
    over = threading.Event()

    def comes_back() -> None:
        while not over.is_set():
            with suppress(psycopg.Error), shop.orders.server.connect(shop.orders.name) as client:
                while not over.is_set():
                    client.execute("SELECT 1")

    clients = [threading.Thread(target=comes_back) for _ in range(3)]
    for client in clients:
        client.start()
    try:
        list(restore(shop.what()))
    finally:
        over.set()
        for client in clients:
            client.join()
    assert shop.orders.total() == GOOD


def test_what_a_killed_attempt_left_running_in_the_server_is_ended_first(shop: Shop) -> None:
    held = threading.Event()
    ended: list[str] = []

    def left() -> None:
        # Not in the database that is replaced: whoever is connected to that one is thrown out anyway.
        with shop.server.session() as session:
            session.ask("SELECT to_jsonb(1)")
            session.send("SELECT pg_sleep(30)")
            held.set()
            try:
                session.answer(30)
            except Problem as problem:
                ended.append(str(problem))

    predecessor = threading.Thread(target=left)
    predecessor.start()
    held.wait()
    list(restore(shop.what()))
    predecessor.join()
    assert ["terminating connection" in each for each in ended] == [True]


def test_two_restores_of_one_database_exclude_each_other(shop: Shop) -> None:
    first = restore(shop.what())
    next(first)
    with pytest.raises(Problem, match="Another restore of the database"):
        list(restore(shop.what("RUN-2/restore/1")))
    list(first)
    assert shop.orders.total() == GOOD


def test_a_server_that_does_not_answer_is_no_lasting_problem() -> None:
    gone = Server(Path(os.devnull).parent, "127.0.0.1", "1", "tests")
    with pytest.raises(Problem, match="cannot be run"):
        gone.ask("SELECT 1")


def test_names_never_exceed_what_the_server_keeps_of_them() -> None:
    long, other = "ö" * 31, "ö" * 30 + "x"
    for name in (long, other):
        assert len(f"{growing(name)}01234567".encode()) <= 63
        assert len(f"{kept(name)}01234567".encode()) <= 63
    assert growing(long) != growing(other)


def test_tables_are_compared_by_rows_and_content() -> None:
    def compared(found: dict[str, dict[str, object]], *, written_since: bool = False) -> content.Comparison:
        there = {"tables": found, "sequences": {}}
        return content.compare({"tables": one}, there, written_since=written_since)

    one: dict[str, dict[str, object]] = {"a": {"rows": 2, "content": "5"}, "b": {"rows": 1, "content": "7"}}
    assert compared(one) == content.Comparison("", 2, 0, 0)
    more = {**one, "a": {"rows": 3, "content": "9"}, "c": {"rows": 0, "content": "0"}}
    assert compared(more).wrong == "the table a has 3 rows, not 2"
    assert compared({**one, "c": {"rows": 0, "content": "0"}}).wrong == "the table c is not of the dump"
    assert compared(more, written_since=True) == content.Comparison("", 1, 1, 1)
    assert compared({"a": one["a"]}, written_since=True).wrong == "the table b is missing"
    other = {**one, "b": {"rows": 1, "content": "8"}}
    assert compared(other).wrong == "the table b has as many rows, but not the same"
