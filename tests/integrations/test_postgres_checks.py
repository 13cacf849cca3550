"""What is asked of a real PostgreSQL database after it came back, and what cannot be asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from psycopg import sql

from integrations.contract import Call, CheckResult, Engine, IntegrationError, Json, Phase, RecoveryPoint
from integrations.registry import open_engines
from integrations.runner.postgres.asking import numbered
from integrations.runner.report import Problem
from tests import postgres
from tests.integrations.host import Host, until
from tests.integrations.orders import Orders, orders_host

pytestmark = pytest.mark.real


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


@pytest.fixture
def questions(place: tuple[Host, Orders]) -> Engine:
    return open_engines(place[0].connections)["sql"]


def _say(orders: Orders, *statements: str) -> None:
    with orders.server.connect(orders.name) as connection:
        for statement in statements:
            connection.execute(statement)


async def _ended(engine: Engine, call: Call, key: str) -> Phase:
    ref = await engine.start(call, key=key, token=1 if call.operation == "restore" else None)

    async def look() -> Phase | None:
        state = await engine.poll(ref)
        return None if state.phase is Phase.RUNNING else state.phase

    return await until(look, seconds=60)


async def _dumped(engine: Engine, orders: Orders) -> RecoveryPoint:
    assert await _ended(engine, Call("backup", target=orders.target), "B-1") is Phase.SUCCEEDED
    return (await engine.points(orders.source))[0]


async def _asked(questions: Engine, orders: Orders, query: str, **params: Json) -> CheckResult:
    return await questions.check(Call("check", target=orders.target, params={"query": query, **params}))


async def _checked(
    engine: Engine, orders: Orders, what: str, point: RecoveryPoint | None = None, **params: Json
) -> str:
    call = Call(what, target=orders.target, params=params, point=point, source=orders.source)
    found = await engine.check(call)
    return f"{'right' if found.ok else 'wrong'}: {found.found}"


async def test_a_select_finds_what_it_asks_for_and_its_names_stand_for_values(
    questions: Engine, orders: Orders
) -> None:
    found = await _asked(questions, orders, 'SELECT count(*) FROM "or ders"', equals=2000)
    assert (found.ok, found.found) == (True, "2000, expected equals 2000")
    text = "naïve 🙂 7'; -- :not"
    _say(orders, f'INSERT INTO shop."or ders" (total, t) VALUES (7, $x${text}$x$)')
    query = (
        'SELECT t, total AS t FROM "or ders" WHERE id > :least AND t = :t '
        "AND 'a::b :t' <> $q$:least$q$ -- :x"
    )
    found = await _asked(questions, orders, query, values={"least": 2000, "t": text}, matches=r"naïve.*")
    assert found.ok, found.found
    assert (await _asked(questions, orders, "SELECT 1 WHERE false", equals=1)).found.startswith("no row")


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ("DELETE FROM shop.lines", "syntax error"),
        ("WITH gone AS (DELETE FROM shop.lines RETURNING 1) SELECT count(*) FROM gone", "top level"),
        ("SELECT nextval('shop.\"or ders_id_seq\"')", "read-only transaction"),
        ("SELECT 1) AS a; COPY (SELECT 1) TO PROGRAM 'touch {mark}'; --", "one SELECT; `;`"),
        ("SELECT 1 /* /* */ ' */) AS a; COPY (SELECT 1) TO PROGRAM 'touch {mark}' --'", "one SELECT; `/\\*`"),
        ("\\! touch {mark}", r"one SELECT; `\\`"),
        ("SELECT 1\n\\! touch {mark}\n", r"one SELECT; `\\`"),
        ("SELECT '\n\\! touch {mark}\n", "one SELECT; `'`"),
        ("SELECT :nobody", "speaks of :nobody"),
        ("SELECT no_such FROM shop.lines", 'column "no_such" does not exist'),
    ],
)
async def test_what_is_no_select_is_refused_and_starts_nothing(
    questions: Engine, orders: Orders, query: str, refusal: str
) -> None:
    mark = orders.home / "mark"
    with pytest.raises(IntegrationError, match=refusal):
        await _asked(questions, orders, query.replace("{mark}", str(mark)), equals=1)
    assert not mark.exists()
    assert orders.asked("SELECT count(*) FROM shop.lines") == 1000


def test_what_is_quoted_is_left_alone() -> None:
    query = r"""SELECT E'\':a' || ':b' || $c$ :c ; $c$ || ":d" || e::text || :f || e$f$ /* :g ; */ || :f"""
    assert numbered(query) == (query.replace(":f", "$1"), ["f"])
    with pytest.raises(Problem, match="one SELECT"):
        numbered("SELECT nameE'\\'; --'")


async def test_a_reader_that_may_only_read_is_enough(
    place: tuple[Host, Orders], questions: Engine, orders: Orders
) -> None:
    host, _ = place
    role = sql.Identifier(orders.role)
    with orders.server.connect(orders.name) as connection:
        connection.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, sql.Literal(orders.server.password))
        )
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA shop TO {}").format(role))
        connection.execute(sql.SQL("GRANT SELECT ON shop.lines TO {}").format(role))
    config = host.config.read_text().replace('user = "tests"', f'user = "tests"\nreader = "{orders.role}"')
    host.kill_serve()
    host.config.write_text(config)
    await host.serve()
    assert (await _asked(questions, orders, "SELECT count(*) FROM lines", equals=1000)).ok
    with pytest.raises(IntegrationError, match="permission denied for table or ders"):
        await _asked(questions, orders, 'SELECT count(*) FROM "or ders"', equals=2000)
    with pytest.raises(IntegrationError, match="permission denied for function pg_read_file"):
        await _asked(questions, orders, "SELECT pg_read_file('PG_VERSION')", equals=1)


async def test_rows_are_counted_against_bounds_and_against_a_point(engine: Engine, orders: Orders) -> None:
    point = await _dumped(engine, orders)
    lines = "shop.lines has 1000 rows, expected"
    assert await _checked(engine, orders, "rows", table="shop.lines", at_least=1000) == (
        f"right: {lines} at least 1000"
    )
    found = await _checked(engine, orders, "rows", table="lines", at_least=1, at_most=999)
    assert found == f"wrong: {lines} at least 1 and at most 999"
    _say(orders, "DELETE FROM shop.lines WHERE id = 1")
    share = {"table": "shop.lines", "of_point": 100}
    assert await _checked(engine, orders, "rows", point, **share) == (
        f"wrong: shop.lines has 998 rows, expected at least 100 % of the 1000 rows in {point.id}"
    )
    assert (await _checked(engine, orders, "rows", point, **{**share, "of_point": 99})).startswith("right")
    hostile = "ro\"ws \\! {x} :name '🙂"
    _say(orders, f"CREATE TABLE shop.{sql.Identifier(hostile).as_string()} AS SELECT 1 AS a")
    quoted = f"shop.{sql.Identifier(hostile).as_string()}"
    assert (await _checked(engine, orders, "rows", table=quoted, at_most=1)).startswith(
        f"right: {quoted} has 1"
    )
    with pytest.raises(IntegrationError, match=r"There is no table shop\.nothing in .*; write it with its"):
        await _checked(engine, orders, "rows", table="shop.nothing", at_least=1)
    with pytest.raises(IntegrationError, match="needs a recovery point"):
        await _checked(engine, orders, "rows", table="shop.lines", of_point=90)
    with pytest.raises(IntegrationError, match="at_least, at_most or of_point"):
        await _checked(engine, orders, "rows", table="shop.lines")


async def test_the_newest_moment_says_where_the_state_ends(engine: Engine, orders: Orders) -> None:
    _say(orders, "UPDATE shop.lines SET at = '2026-11-23T02:10:00Z'")
    given: dict[str, Json] = {"table": "shop.lines", "column": "at"}
    found = await _checked(engine, orders, "recovered_to", **given, not_after="2026-11-23T03:10:00+01:00")
    assert found == (
        "right: the newest at in shop.lines is 2026-11-23T02:10:00+00:00, expected not after "
        "2026-11-23T02:10:00Z"
    )
    found = await _checked(engine, orders, "recovered_to", **given, not_before="2026-11-23T02:10:01Z")
    assert found.startswith("wrong")
    _say(orders, "DELETE FROM shop.lines")
    found = await _checked(engine, orders, "recovered_to", **given, not_after="2026-11-23T02:10:00Z")
    assert found.startswith("wrong: the newest at in shop.lines is missing, as there is none")
    with pytest.raises(IntegrationError, match="has no column price of a date or a time"):
        await _checked(
            engine,
            orders,
            "recovered_to",
            table="shop.lines",
            column="price",
            not_after="2026-11-23T02:10:00Z",
        )


_RICH = (
    "CREATE TYPE shop.state AS ENUM ('new', 'it''s paid')",
    "CREATE DOMAIN shop.cents AS int CHECK (VALUE >= 0)",
    "CREATE TABLE shop.parted (id int, at date, s shop.state, c shop.cents) PARTITION BY RANGE (at)",
    "CREATE TABLE shop.parted_1 PARTITION OF shop.parted FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
    "CREATE INDEX \"in dex\" ON shop.parted (id) WHERE s = 'new'",
    "CREATE VIEW shop.v AS SELECT id, sum(price) AS p FROM shop.lines GROUP BY id",
    "CREATE MATERIALIZED VIEW shop.m AS SELECT * FROM shop.v",
    "CREATE FUNCTION shop.f(a int) RETURNS int LANGUAGE sql AS 'SELECT a + 1'",
    "CREATE FUNCTION shop.g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE TRIGGER t BEFORE INSERT ON shop.lines FOR EACH ROW EXECUTE FUNCTION shop.g()",
    "ALTER TABLE shop.lines ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY mine ON shop.lines USING (id > 0)",
    "ALTER TABLE shop.lines ADD gone int, ADD more text DEFAULT 'x' COLLATE \"C\"",
    "ALTER TABLE shop.lines DROP COLUMN gone",
)


async def test_the_schema_of_a_restored_database_is_that_of_its_dump(engine: Engine, orders: Orders) -> None:
    _say(orders, *_RICH)
    point = await _dumped(engine, orders)
    before = await _checked(engine, orders, "schema", point)
    assert before.startswith("right: the schema (")
    fingerprint = before.partition("(")[2][:16]
    _say(
        orders,
        "ALTER TABLE shop.lines ALTER price SET NOT NULL",
        "ALTER TYPE shop.state ADD VALUE 'lost'",
        "DROP VIEW shop.v CASCADE",
        "CREATE TABLE shop.extra (id int)",
    )
    found = await _checked(engine, orders, "schema", point)
    assert found.endswith(
        "missing: materialized view shop.m, view shop.v; changed: table shop.lines, type shop.state; "
        "new: table shop.extra"
    )
    assert (await _checked(engine, orders, "schema", equals=fingerprint)).endswith(f"expected {fingerprint}")
    call = Call("restore", target=orders.target, point=point, source=orders.source)
    assert await _ended(engine, call, "R-1") is Phase.SUCCEEDED
    assert await _checked(engine, orders, "schema", point) == before
    assert (
        await _checked(engine, orders, "schema", equals=fingerprint) == f"right: the schema is {fingerprint}"
    )


async def test_a_dump_from_before_schemas_were_noted_still_restores(engine: Engine, orders: Orders) -> None:
    point = await _dumped(engine, orders)
    file = orders.dumps / f"{point.id}.json"
    note = json.loads(file.read_text())
    for name in ("schema", "sequences", "large_objects"):
        del note[name]
    file.write_text(json.dumps(note))
    assert "was dumped before schemas were noted" in await _checked(engine, orders, "schema", point)
    call = Call("restore", target=orders.target, point=point, source=orders.source)
    assert await _ended(engine, call, "R-1") is Phase.SUCCEEDED
    assert (await _checked(engine, orders, "restored", point)).startswith("right: 2 of 2")


async def test_sequences_and_large_objects_come_back_and_are_compared(engine: Engine, orders: Orders) -> None:
    _say(orders, "SELECT lo_from_bytea(4711, repeat('x', 5000)::bytea || '\\x0000')")
    _say(orders, "SELECT lo_put(4711, 90000, 'far')", "CREATE SEQUENCE shop.down INCREMENT -1")
    _say(orders, "SELECT nextval('shop.down'), nextval('shop.down')")
    point = await _dumped(engine, orders)
    assert (await _checked(engine, orders, "restored", point)).startswith("right")
    _say(orders, "SELECT lo_put(4711, 3, 'y')")
    assert (await _checked(engine, orders, "restored", point)).endswith(
        "the table of large objects has as many rows, but not the same"
    )
    call = Call("restore", target=orders.target, point=point, source=orders.source)
    assert await _ended(engine, call, "R-1") is Phase.SUCCEEDED
    assert await _checked(engine, orders, "restored", point) == (
        "right: 2 of 2 tables hold exactly what was dumped"
    )
    _say(orders, "SELECT nextval('shop.down')")
    assert (await _checked(engine, orders, "restored", point)).startswith("right")
    _say(orders, "SELECT setval('shop.down', -1)")
    assert (await _checked(engine, orders, "restored", point)).endswith(
        "the sequence shop.down is at -1, behind -2"
    )
    _say(orders, "SELECT setval('shop.down', -5), lo_unlink(4711)")
    assert (await _checked(engine, orders, "restored", point)).endswith(
        "the table of large objects has 0 rows, not 1"
    )


async def test_damage_on_the_disk_is_found_with_amcheck(engine: Engine, orders: Orders) -> None:
    with pytest.raises(IntegrationError, match="no extension amcheck; a superuser adds it with"):
        await _checked(engine, orders, "amcheck")
    _say(orders, "CREATE EXTENSION amcheck SCHEMA shop")
    found = await _checked(engine, orders, "amcheck")
    assert found.startswith("right: ")
    assert found.endswith(" indexes are sound")
    # An index whose rows are not those of its table, as after a glibc update or a lost write.
    _say(
        orders,
        "CREATE FUNCTION shop.low(t text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower(t)'",
        'CREATE INDEX broken ON shop."or ders" (shop.low(t))',
        "CREATE OR REPLACE FUNCTION shop.low(t text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT t || 1'",
    )
    found = await _checked(engine, orders, "amcheck")
    assert found.startswith("wrong: damaged: shop.broken: heap tuple")
