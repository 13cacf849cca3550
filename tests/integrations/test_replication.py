"""Whether a copy could take over, asked of a real server and of the copy that streams from it."""

from __future__ import annotations

import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from psycopg import pq

from integrations.runner.postgres import replication
from integrations.runner.postgres.questions import health
from integrations.runner.postgres.replication import in_step
from integrations.runner.postgres.server import Server
from integrations.runner.report import Problem
from tests import postgres

pytestmark = pytest.mark.real
_LOOKED_AT_AGAIN = """
SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'backstop%' AND query LIKE '%write_lsn%'
"""


class Pair:
    """A server with a copy that streams from it; either can be ended early."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, binaries: postgres.Server) -> None:
        self._first, self._second = ExitStack(), ExitStack()
        self.server = self._first.enter_context(postgres.server(binaries.binaries))
        monkeypatch.setenv("PGPASSWORD", self.server.password)
        self.do("CREATE TABLE orders (id serial, at timestamptz DEFAULT clock_timestamp())")
        self.copy = self._second.enter_context(postgres.standby(self.server))
        self.until(
            lambda: self.value("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == 1
        )

    def do(self, *statements: str, on: postgres.Server | None = None) -> None:
        with (on or self.server).connect() as connection:
            for each in statements:
                connection.execute(each)

    def value(self, query: str, on: postgres.Server | None = None) -> object:
        with (on or self.server).connect() as connection:
            row = connection.execute(query).fetchone()
            return row[0] if row else None

    def until(self, said: Callable[[], bool]) -> None:
        end = time.monotonic() + 30
        while not said():
            assert time.monotonic() < end
            time.sleep(0.05)

    def ordered(self) -> datetime:
        """Place an order, wait until the copy has it, and return when it was committed."""
        self.do("INSERT INTO orders DEFAULT VALUES")
        count = self.value("SELECT count(*) FROM orders")
        self.until(lambda: self.value("SELECT count(*) FROM orders", self.copy) == count)
        at = self.value("SELECT pg_last_xact_replay_timestamp()", self.copy)
        assert isinstance(at, datetime)
        return at

    def lose_the_server(self) -> None:
        self._first.close()

    def lose_the_copy(self) -> None:
        self._second.close()

    def close(self) -> None:
        self._second.close()
        self._first.close()


@pytest.fixture
def pair(postgresql_server: postgres.Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    made = Pair(monkeypatch, postgresql_server)
    yield made
    made.close()


def asked(of: postgres.Server, within_s: int, as_of: datetime | None = None, user: str = "tests") -> str:
    server = Server(of.binaries, "127.0.0.1", str(of.port), user)
    found = in_step(server, within_s, as_of.isoformat() if as_of else None)
    return f"{'right' if found['ok'] else 'wrong'}: {found['found']}"


def test_a_copy_that_follows_is_in_step_by_its_own_word_and_by_that_of_its_server(pair: Pair) -> None:
    pair.ordered()
    assert asked(pair.server, 60).startswith("right: copy at 127.0.0.1 is ")
    assert asked(pair.copy, 60).startswith("right: it is ")
    pair.lose_the_copy()
    pair.until(lambda: pair.value("SELECT count(*) FROM pg_stat_replication") == 0)
    assert asked(pair.server, 60) == "wrong: no copy follows it"


def test_a_copy_that_stands_still_is_not_in_step_however_small_its_lag_is_said_to_be(pair: Pair) -> None:
    pair.ordered()
    pair.do("SELECT pg_wal_replay_pause()", on=pair.copy)
    pair.until(lambda: pair.value("SELECT pg_get_wal_replay_pause_state()", pair.copy) == "paused")
    pair.do("SET synchronous_commit = on", "INSERT INTO orders DEFAULT VALUES")

    assert asked(pair.server, 3600).startswith("wrong: copy at 127.0.0.1 stands still, ")
    assert asked(pair.copy, 3600).startswith("wrong: its replay is paused, ")

    pair.do("SELECT pg_wal_replay_resume()", on=pair.copy)
    pair.ordered()
    assert asked(pair.server, 60).startswith("right: ")


def test_a_copy_that_lost_its_server_is_judged_by_its_newest_transaction(pair: Pair) -> None:
    newest = pair.ordered()
    pair.lose_the_server()
    pair.until(lambda: pair.value("SELECT count(*) FROM pg_stat_wal_receiver", pair.copy) == 0)

    assert asked(pair.copy, 60, newest + timedelta(seconds=59)).startswith(
        "right: it follows no server now, the newest transaction it has is of "
    )
    with pytest.raises(Problem, match="whether there were later ones it cannot tell"):
        asked(pair.copy, 60, newest + timedelta(seconds=61))
    assert asked(pair.copy, 0, newest - timedelta(hours=1)).startswith("right: ")


def test_a_standby_is_as_it_should_be_and_is_not_restored_itself(pair: Pair, tmp_path: Path) -> None:
    def told(of: postgres.Server) -> tuple[bool, list[str], list[str]]:
        server = Server(of.binaries, "127.0.0.1", str(of.port), "tests")
        found = health(server, "postgres", tmp_path, tmp_path / "kept", tmp_path / "identity")
        return found["ok"], found["problems"], found["notes"]

    assert told(pair.server) == (True, [], [])
    assert told(pair.copy) == (False, [], ["The server is a standby; restore on the one it follows."])


def test_who_only_keeps_the_log_is_no_copy(pair: Pair, tmp_path: Path) -> None:
    pair.lose_the_copy()
    pair.until(lambda: pair.value("SELECT count(*) FROM pg_stat_replication") == 0)
    place = f"host=127.0.0.1 port={pair.server.port} user=tests"
    words = ["--dbname", place, "--no-loop", "--directory", str(tmp_path)]
    with subprocess.Popen([pair.server.binaries / "pg_receivewal", *words]) as receiving:
        try:
            pair.until(lambda: pair.value("SELECT state FROM pg_stat_replication") == "streaming")
            said = asked(pair.server, 60)
        finally:
            receiving.terminate()
    assert said == "wrong: pg_receivewal at 127.0.0.1 only keeps its log"


def test_who_has_not_said_yet_how_far_it_came_is_waited_for_and_not_taken_for_a_copy(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.lose_the_copy()
    pair.until(lambda: pair.value("SELECT count(*) FROM pg_stat_replication") == 0)
    at = str(pair.value("SELECT pg_current_wal_flush_lsn()"))
    words = f"host=127.0.0.1 port={pair.server.port} user=tests replication=true application_name=mute"
    silent = pq.PGconn.connect(words.encode())
    try:
        begun = silent.exec_(f"START_REPLICATION {at}".encode())
        assert begun.status == pq.ExecStatus.COPY_BOTH, silent.error_message
        pair.until(lambda: pair.value("SELECT state FROM pg_stat_replication") == "streaming")
        assert asked(pair.server, 60) == "wrong: mute at 127.0.0.1 has not said yet how far it came"

        monkeypatch.setattr(replication, "_WAIT_S", 60.0)
        with ThreadPoolExecutor(1) as other:
            looking = other.submit(asked, pair.server, 60)
            pair.until(lambda: pair.value(_LOOKED_AT_AGAIN) == 1)
            _say_where(silent, str(pair.value("SELECT pg_current_wal_lsn()")))
            assert looking.result().startswith("right: mute at 127.0.0.1 is ")
    finally:
        silent.finish()


def _say_where(follower: pq.PGconn, lsn: str) -> None:
    """Report as a copy does that it has written, flushed and replayed everything up to a position."""
    high, low = (int(part, 16) for part in lsn.split("/"))
    place = (high << 32) + low
    follower.put_copy_data(struct.pack("!cQQQqb", b"r", place, place, place, 0, 0))
    while follower.flush():
        pass


def test_who_may_not_see_it_is_told_what_it_takes(pair: Pair) -> None:
    pair.do(f"CREATE ROLE blind LOGIN PASSWORD '{pair.server.password}'")
    with pytest.raises(Problem, match="blind may not see who follows the server; grant it pg_read_all_stats"):
        asked(pair.server, 60, user="blind")
    pair.do("GRANT pg_monitor TO blind")
    assert asked(pair.server, 60, user="blind").startswith("right: ")


def test_nothing_is_heard_of_a_server_that_keeps_silent_for_longer_than_allowed(pair: Pair) -> None:
    pair.ordered()
    with pytest.raises(Problem, match="It heard nothing of its server for"):
        asked(pair.copy, 0)
