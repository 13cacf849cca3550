"""A dump beside the live database, and rows of it in tables of their own, with the real PostgreSQL."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from integrations.contract import Call, Engine, IntegrationError, JobState, Json, Phase, RecoveryPoint
from integrations.registry import open_engines
from integrations.runner import processes
from integrations.runner.jobs import Job
from integrations.runner.postgres.partial import pipe, whole
from integrations.runner.postgres.server import Server
from integrations.runner.report import Problem
from tests import postgres
from tests.integrations.host import Host, until
from tests.integrations.orders import Orders, orders_host

pytestmark = pytest.mark.real
GOOD, BAD = 20_010_000, 0
HOSTILE = 'shop."na""me \' 🙂\\! :x {y} that is longer than what a name may hold"'


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


def _say(orders: Orders, *statements: str) -> None:
    with orders.server.connect(orders.name) as connection:
        for statement in statements:
            connection.execute(statement)


async def _ended(engine: Engine, call: Call, key: str) -> JobState:
    ref = await engine.start(call, key=key)

    async def look() -> JobState | None:
        state = await engine.poll(ref)
        return None if state.phase is Phase.RUNNING else state

    return await until(look, seconds=120)


async def _damaged(engine: Engine, orders: Orders) -> RecoveryPoint:
    """Dump the orders, with a table of an odd name, and damage them."""
    _say(orders, f'CREATE TABLE {HOSTILE} ("te nant" int, t text)')
    _say(orders, f"INSERT INTO {HOSTILE} SELECT n % 5, 'of ' || n FROM generate_series(1, 100) n")
    assert (await _ended(engine, Call("backup", target=orders.target), "B-1")).phase is Phase.SUCCEEDED
    orders.damage()
    return (await engine.points(orders.source))[0]


async def _do(
    engine: Engine, orders: Orders, what: str, point: RecoveryPoint, key: str, **params: Json
) -> JobState:
    call = Call(what, target=orders.target, point=point, source=orders.source, params=params)
    return await _ended(engine, call, key)


async def test_rows_of_tenants_come_back_beside_and_the_live_data_is_not_touched(
    engine: Engine, orders: Orders
) -> None:
    point = await _damaged(engine, orders)
    made = await _do(engine, orders, "restore_partial", point, "P-1")
    assert made.phase is Phase.SUCCEEDED, made.because
    assert orders.databases("_partial_") == [made.evidence["database"]]
    again = await _do(engine, orders, "restore_partial", point, "P-2")
    assert (again.phase, again.evidence) == (Phase.SUCCEEDED, made.evidence)

    taken = await _do(
        engine, orders, "extract", point, "E-1", tables=['shop."or ders"', "shop.lines"], mark="inc1"
    )
    assert taken.phase is Phase.SUCCEEDED, taken.because
    tables = {'shop."or ders_restored_inc1"': 2000, "shop.lines_restored_inc1": 1000}
    assert taken.evidence["tables"] == tables
    assert orders.asked('SELECT sum(total) FROM shop."or ders_restored_inc1"') == GOOD
    assert orders.total() == BAD

    tenants: dict[str, Json] = {"tables": [HOSTILE], "column": "te nant", "values": [1, "3"], "mark": "inc2"}
    few = await _do(engine, orders, "extract", point, "E-2", **tenants)
    assert few.phase is Phase.SUCCEEDED, few.because
    assert [*few.evidence["tables"].values()] == [40]  # type: ignore[union-attr]
    assert (await _do(engine, orders, "extract", point, "E-2", **tenants)).evidence == few.evidence

    gone = await _do(engine, orders, "drop_extracted", point, "D-1", mark="inc1")
    assert gone.phase is Phase.SUCCEEDED, gone.because
    left = orders.asked("SELECT count(*) FROM pg_class WHERE relname LIKE '%restored\\_inc%'")
    assert left == 1
    assert (await _do(engine, orders, "drop_partial", point, "D-2")).phase is Phase.SUCCEEDED
    assert orders.databases("_partial_") == []
    assert orders.total() == BAD


async def test_what_cannot_be_taken_is_said_and_leaves_nothing(engine: Engine, orders: Orders) -> None:
    point = await _damaged(engine, orders)
    lines: dict[str, Json] = {"tables": ["shop.lines"], "mark": "inc1"}
    early = await _do(engine, orders, "extract", point, "E-1", **lines)
    assert "is not restored beside" in early.because
    assert (await _do(engine, orders, "restore_partial", point, "P-1")).phase is Phase.SUCCEEDED
    for number, (params, because) in enumerate(
        (
            ({**lines, "tables": ["shop.nothing"]}, "The dump has no table shop.nothing"),
            ({**lines, "column": "no", "values": [1]}, "shop.lines has no column no; nothing"),
            ({**lines, "column": "id", "values": ["1) OR (1=1"]}, "invalid input syntax for type integer"),
        )
    ):
        state = await _do(engine, orders, "extract", point, f"W-{number}", **params)
        assert state.phase is Phase.FAILED
        assert because in state.because
    _say(orders, "CREATE TABLE shop.lines_restored_inc1 (mine int)")
    state = await _do(engine, orders, "extract", point, "E-2", **lines)
    assert "has a table shop.lines_restored_inc1 already; choose another mark" in state.because
    assert (await _do(engine, orders, "drop_extracted", point, "D-1", mark="inc1")).phase is Phase.SUCCEEDED
    assert orders.asked("SELECT count(*) FROM shop.lines_restored_inc1") == 0
    with pytest.raises(IntegrationError, match="say both `column` and `values`"):
        await _do(engine, orders, "extract", point, "E-3", **{**lines, "column": "id"})


def test_rows_whose_giver_dies_on_the_way_become_no_table(
    place: tuple[Host, Orders], monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = place[1]
    monkeypatch.setenv("PGPASSWORD", orders.server.password)
    reach = Server(orders.server.binaries, "127.0.0.1", str(orders.server.port), "tests")
    rows = "COPY (SELECT 100 / (50000 - n) FROM generate_series(1, 60000) n) TO STDOUT"
    statements = ("CREATE TABLE shop.fresh (n int)", "COPY shop.fresh FROM STDIN", whole("shop.fresh", 60000))
    with pytest.raises(Problem, match="division by zero"):
        pipe(reach, orders.name, rows, orders.name, statements)
    assert orders.asked("SELECT to_regclass('shop.fresh')::text") is None
    with pytest.raises(Problem, match='schema "nowhere" does not exist'):
        pipe(reach, orders.name, rows, orders.name, ("CREATE TABLE nowhere.fresh (n int)", *statements[1:]))


async def test_an_extract_that_is_killed_leaves_no_half_table_and_goes_on(
    place: tuple[Host, Orders], engine: Engine, orders: Orders
) -> None:
    host, _ = place
    point = await _damaged(engine, orders)
    assert (await _do(engine, orders, "restore_partial", point, "P-1")).phase is Phase.SUCCEEDED
    (beside,) = orders.databases("_partial_")
    params: dict[str, Json] = {"tables": ['shop."or ders"', "shop.lines"], "mark": "inc1"}
    call = Call("extract", target=orders.target, point=point, source=orders.source, params=params)
    with orders.server.connect(beside) as holder:
        # The second table cannot be read while this lasts, so the program is killed between the two.
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE shop.lines IN ACCESS EXCLUSIVE MODE")
        ref = await engine.start(call, key="E-1")

        async def first() -> bool:
            return bool(orders.asked("SELECT to_regclass('shop.\"or ders_restored_inc1\"')::text"))

        await until(first, seconds=60)
        job = Job(host.state, "E-1").path
        for pid in processes.marked(job):
            processes.end(pid, job, signal.SIGKILL)

        async def over() -> bool:
            return (await engine.poll(ref)).phase is not Phase.RUNNING

        await until(over, seconds=60)
        assert (await engine.poll(ref)).phase is not Phase.SUCCEEDED
        assert orders.asked("SELECT to_regclass('shop.lines_restored_inc1')::text") is None
        holder.execute("ROLLBACK")
    # Under a new key the first table is that of another: people decide, nothing is overwritten.
    other = await _do(engine, orders, "extract", point, "E-2", **params)
    assert "already; choose another mark" in other.because
    await _do(engine, orders, "drop_extracted", point, "D-1", mark="inc1")
    whole = await _do(engine, orders, "extract", point, "E-3", **params)
    assert whole.phase is Phase.SUCCEEDED, whole.because
    with pytest.raises(psycopg.errors.UndefinedTable):
        orders.asked("SELECT 1 FROM shop.lines_restored_inc2")


async def test_a_table_that_people_renamed_into_use_is_theirs(engine: Engine, orders: Orders) -> None:
    point = await _damaged(engine, orders)
    assert (await _do(engine, orders, "restore_partial", point, "P-1")).phase is Phase.SUCCEEDED
    await _do(engine, orders, "extract", point, "E-1", tables=["shop.lines"], mark="inc1")
    _say(orders, "ALTER TABLE shop.lines_restored_inc1 RENAME TO lines_new")

    gone = await _do(engine, orders, "drop_extracted", point, "D-1", mark="inc1")

    assert gone.phase is Phase.SUCCEEDED, gone.because
    assert orders.asked("SELECT count(*) FROM shop.lines_new") == 1000
