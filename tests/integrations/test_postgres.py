"""Databases and the real PostgreSQL: what a dump restores, what it proves, and what is refused."""

from __future__ import annotations

import json
import os
import re
import shlex
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from integrations.contract import Call, Engine, IntegrationError, JobState, Phase, RecoveryPoint
from integrations.registry import open_engines
from integrations.runner.postgres import dumps
from tests import postgres
from tests.integrations.host import Host, until
from tests.integrations.orders import Orders, orders_host

pytestmark = pytest.mark.real
GOOD, BAD = 20_010_000, 0


@pytest.fixture
async def place(postgresql_server: postgres.Server, tmp_path: Path) -> AsyncIterator[tuple[Host, Orders]]:
    async with orders_host(postgresql_server, tmp_path) as made:
        yield made


@pytest.fixture
def orders(place: tuple[Host, Orders]) -> Orders:
    return place[1]


@pytest.fixture
def engine(place: tuple[Host, Orders]) -> Engine:
    return open_engines(place[0].connections)["postgres"]


async def _ended(engine: Engine, call: Call, key: str = "RUN-1/restore/1") -> JobState:
    ref = await engine.start(call, key=key, token=1 if call.operation == "restore" else None)

    async def look() -> JobState | None:
        state = await engine.poll(ref)
        return None if state.phase is Phase.RUNNING else state

    return await until(look, seconds=60)


async def _dumped(engine: Engine, orders: Orders, key: str = "B-1") -> RecoveryPoint:
    labels = {"release": "2.3.0", "commit": "1f2e3d", "environment": "production"}
    state = await _ended(engine, Call("backup", target=orders.target, params=labels), key)
    assert state.phase is Phase.SUCCEEDED, state.because
    return (await engine.points(orders.source))[0]


def _restore(orders: Orders, point: RecoveryPoint) -> Call:
    return Call("restore", target=orders.target, point=point, source=orders.source)


async def _restored(engine: Engine, orders: Orders, point: RecoveryPoint) -> str:
    found = await engine.check(Call("restored", target=orders.target, point=point, source=orders.source))
    return f"{'right' if found.ok else 'wrong'}: {found.found}"


async def test_a_damaged_database_is_restored_and_the_damaged_one_stays(
    engine: Engine, orders: Orders
) -> None:
    point = await _dumped(engine, orders)
    assert (point.release, point.commit, point.kind) == ("2.3.0", "1f2e3d", "dump")
    orders.damage()
    wrong = 'wrong: 0 of 2 tables hold exactly what was dumped; the table shop."or ders" has as many rows'
    assert (await _restored(engine, orders, point)).startswith(wrong)

    state = await _ended(engine, _restore(orders, point))

    assert state.phase is Phase.SUCCEEDED, state.because
    assert orders.total() == GOOD
    (kept,) = orders.databases("_replaced_")
    assert orders.total(kept) == BAD
    assert (state.evidence["kept"], state.evidence["digest"]) == (f"database {kept}", point.digest)
    assert orders.databases("_restoring_") == []
    assert await _restored(engine, orders, point) == "right: 2 of 2 tables hold exactly what was dumped"


async def test_rights_owner_and_settings_of_the_database_stay_as_they_are(
    engine: Engine, orders: Orders
) -> None:
    def known() -> list[object]:
        return [
            orders.asked(query.format(name=orders.name.replace("'", "''")))
            for query in (
                "SELECT array_agg(one::text ORDER BY one::text)::text "
                "FROM pg_database, unnest(datacl) AS one WHERE datname = '{name}'",
                "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '{name}'",
                "SELECT array_agg((setrole::regrole::text, setconfig::text) ORDER BY 1)::text "
                "FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase WHERE datname = '{name}'",
                "SHOW search_path",
            )
        ]

    point = await _dumped(engine, orders)
    before = known()
    assert (await _ended(engine, _restore(orders, point))).phase is Phase.SUCCEEDED
    assert known() == before


async def test_who_is_connected_is_thrown_out_and_finds_the_restored_database(
    engine: Engine, orders: Orders
) -> None:
    point = await _dumped(engine, orders)
    orders.damage()
    with orders.server.connect(orders.name) as client:
        client.execute("SELECT 1")
        assert (await _ended(engine, _restore(orders, point))).phase is Phase.SUCCEEDED
        with pytest.raises(psycopg.OperationalError, match="terminating connection"):
            client.execute("SELECT 1")
    assert orders.total() == GOOD


async def test_what_is_written_after_a_restore_does_not_disturb_its_proof(
    engine: Engine, orders: Orders
) -> None:
    point = await _dumped(engine, orders)
    await _ended(engine, _restore(orders, point))
    orders.asked('INSERT INTO shop."or ders" (total) VALUES (7) RETURNING id')
    words = "1 of 2 tables hold exactly what was dumped, 1 were written to since (1 rows more)"
    assert await _restored(engine, orders, point) == f"right: {words}"
    orders.asked("WITH gone AS (DELETE FROM shop.lines RETURNING 1) SELECT count(*) FROM gone")
    assert "wrong: 0 of 2" in (found := await _restored(engine, orders, point))
    assert "the table shop.lines has 0 rows, not 1000" in found


async def test_a_damaged_dump_is_found_out_and_changes_nothing(engine: Engine, orders: Orders) -> None:
    point = await _dumped(engine, orders)
    assert (await engine.verify_point(orders.source, point)).ok
    assert (await engine.points(orders.source))[0].health == "valid"
    largest = max((orders.dumps / f"{point.id}.dump").glob("*.dat.gz"), key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 0xFF
    largest.write_bytes(content)
    orders.damage()

    assert not (await engine.verify_point(orders.source, point)).ok
    state = await _ended(engine, _restore(orders, point))

    assert state.phase is Phase.FAILED
    assert "its files are not those that were dumped" in state.because
    assert (orders.total(), orders.databases("_re")) == (BAD, [])
    assert [each.health for each in await engine.points(orders.source)] == ["invalid"]


async def test_another_content_than_was_approved_is_refused(engine: Engine, orders: Orders) -> None:
    point = replace(await _dumped(engine, orders), digest="0" * 64)
    state = await _ended(engine, _restore(orders, point))
    assert state.phase is Phase.FAILED
    assert "is not the content that was approved" in state.because


async def test_what_does_not_hold_what_was_dumped_never_takes_the_name(
    engine: Engine, orders: Orders
) -> None:
    point = await _dumped(engine, orders)
    file = orders.dumps / f"{point.id}.json"
    note = json.loads(file.read_text())
    note["tables"]["shop.lines"]["rows"] += 1
    file.write_text(json.dumps(note))
    orders.damage()
    state = await _ended(engine, _restore(orders, point))
    assert state.phase is Phase.FAILED
    assert "so nothing was replaced: the table shop.lines has 1000 rows, not 1001" in state.because
    assert orders.total() == BAD


async def test_a_prepared_transaction_is_named_before_anything_is_done(
    engine: Engine, orders: Orders
) -> None:
    point = await _dumped(engine, orders)
    with orders.server.connect(orders.name) as client:
        client.execute("BEGIN")
        client.execute("DELETE FROM shop.lines")
        client.execute("PREPARE TRANSACTION 'of an app'")
    state = await _ended(engine, _restore(orders, point))
    assert state.phase is Phase.FAILED
    assert "has 1 prepared transactions, so it cannot be renamed" in state.because
    assert orders.databases("_re") == []


async def test_a_database_that_is_gone_is_restored_too(engine: Engine, orders: Orders) -> None:
    point = await _dumped(engine, orders)
    before = await engine.health(orders.target)
    assert before.made.isdecimal()
    with orders.server.connect() as connection:
        connection.execute(psycopg.sql.SQL("DROP DATABASE {}").format(psycopg.sql.Identifier(orders.name)))
    gone = await engine.health(orders.target)
    assert (gone.ok, gone.identity) == (True, before.identity)
    assert gone.problems == (f"There is no database {orders.name}.",)
    assert gone.made == ""
    state = await _ended(engine, _restore(orders, point))
    assert (state.phase, state.evidence["kept"]) == (Phase.SUCCEEDED, None)
    assert orders.total() == GOOD


async def test_a_kept_database_is_a_note_with_its_age_its_size_and_how_to_drop_it(
    engine: Engine, orders: Orders
) -> None:
    point = await _dumped(engine, orders)
    assert (await _ended(engine, _restore(orders, point))).phase is Phase.SUCCEEDED
    (kept,) = orders.databases("_replaced_")

    health = await engine.health(orders.target)

    assert (health.ok, health.problems) == (True, ())
    (note,) = health.notes
    assert re.match(
        rf"{re.escape(kept)} \([0-9]+ kB\) is kept since 20[0-9-]+T[0-9:]+Z, when RUN-1/restore/1 ",
        note,
    )
    assert note.endswith(f" {shlex.quote(kept)}`.")
    assert "once nobody needs it: `" in note
    assert "/dropdb -h " in note


async def test_a_damaged_dump_refuses_the_plan_and_is_not_chosen_again(
    engine: Engine, orders: Orders
) -> None:
    point = await _dumped(engine, orders)
    dump = next(file for file in orders.dumps.glob("*.dump/*") if file.stat().st_size > 10)
    content = bytearray(dump.read_bytes())
    content[5] ^= 1
    dump.write_bytes(content)
    assert (await engine.points(orders.source))[0].health == "unknown"

    with pytest.raises(
        IntegrationError, match=f"{point.id} is damaged: its content is not what was backed up"
    ):
        await engine.plan(_restore(orders, point))

    assert (await engine.points(orders.source))[0].health == "invalid"


class Gate:
    """A file that is there while the gate is open, where the server can see it."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def open(self) -> None:
        self._file.touch()

    def shut(self) -> None:
        self._file.unlink(missing_ok=True)


@pytest.fixture
def gate(orders: Orders) -> Iterator[Gate]:
    """An index that takes as long as the gate is shut."""
    handle, name = tempfile.mkstemp(prefix="backstop-gate-")
    os.close(handle)
    with orders.server.connect(orders.name) as connection:
        connection.execute(
            sql.SQL(
                """CREATE FUNCTION shop.slowly(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
                WHILE (pg_stat_file({}, true)).size IS NULL LOOP PERFORM pg_sleep(0.02); END LOOP;
                RETURN $1; END $$"""
            ).format(sql.Literal(name))
        )
        connection.execute('CREATE INDEX "or ders slowly" ON shop."or ders" (shop.slowly(total))')
    made = Gate(Path(name))
    yield made
    made.shut()


async def test_an_index_that_is_built_is_named_with_how_far_the_server_is(
    engine: Engine, orders: Orders, gate: Gate
) -> None:
    point = await _dumped(engine, orders)
    gate.shut()
    ref = await engine.start(_restore(orders, point), key="RUN-1/restore/1", token=1)

    async def builds() -> str | None:
        state = await engine.poll(ref)
        assert state.phase is Phase.RUNNING, state.because
        doing = state.progress.doing if state.progress else ""
        return doing if "slowly" in doing and "(" in doing else None

    assert (await until(builds, seconds=60)).startswith("building index or ders slowly (scanning table")
    gate.open()

    async def ended() -> bool:
        return (await engine.poll(ref)).phase is Phase.SUCCEEDED

    await until(ended, seconds=60)
    assert await _restored(engine, orders, point) == "right: 2 of 2 tables hold exactly what was dumped"


async def test_a_dump_that_does_not_fit_is_refused_when_the_plan_is_made(
    engine: Engine, orders: Orders
) -> None:
    point = await _dumped(engine, orders)
    await engine.plan(_restore(orders, point))
    note = orders.dumps / f"{point.id}.json"
    note.write_text(json.dumps({**json.loads(note.read_text()), "bytes": 99 * 10**15}))
    with pytest.raises(IntegrationError, match=r"90040\.0 TiB|87\.9 PiB|and a tenth more are needed"):
        await engine.plan(_restore(orders, point))


async def test_a_dump_is_looked_at_without_noting_it_and_one_too_big_has_its_contents_listed(
    engine: Engine, orders: Orders
) -> None:
    point = await _dumped(engine, orders)
    look = Call("look", source=orders.source, point=point)
    found = await engine.check(look)
    assert (found.ok, found.found) == (True, f"{point.id} was read and is what was backed up")

    programs, note = orders.server.binaries, orders.dumps / f"{point.id}.json"
    before = note.read_bytes()
    (orders.dumps / f"{point.id}.dump" / "toc.dat").write_bytes(b"PGDMP broken")
    assert not (await engine.check(look)).ok
    assert not dumps.look(programs, orders.dumps, point.id, within_s=0)["ok"]
    assert note.read_bytes() == before
