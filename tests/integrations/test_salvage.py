"""What a restore left behind is found in the kept copy and written out, with the real databases."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from integrations.contract import Call, Engine, JobState, Json, Phase, RecoveryPoint, Source, Target
from integrations.registry import open_engines
from integrations.runner.attempts import Attempt
from integrations.runner.files import digest
from integrations.runner.jobs import directory
from integrations.runner.sqlite.restore import Restore, restore
from tests import postgres
from tests.integrations.host import Host, until
from tests.integrations.orders import orders_host

R, S = "RUN-1.restore.1.aa", "RUN-1.salvage.1.aa"
HOSTILE = "na\"me ' 🙂/../\\ :x {y}"


async def _ended(engine: Engine, call: Call, key: str) -> JobState:
    ref = await engine.start(call, key=key, token=1 if call.operation == "restore" else None)

    async def look() -> JobState | None:
        state = await engine.poll(ref)
        return None if state.phase is Phase.RUNNING else state

    return await until(look, seconds=60)


async def _restored(engine: Engine, target: Target, source: Source) -> RecoveryPoint:
    (point,) = await engine.points(source)
    call = Call("restore", target=target, point=point, source=source)
    assert (await _ended(engine, call, R)).phase is Phase.SUCCEEDED
    return point


async def _salvaged(engine: Engine, target: Target, key: str = S, **params: Json) -> JobState:
    return await _ended(engine, Call("salvage", target=target, params={"restore": R, **params}), key)


def _read(folder: Path, ending: str) -> dict[str, list[list[str]]]:
    """Return the rows of every file by the table they are of, each file as its manifest describes it."""
    manifest = json.loads((folder / "manifest.json").read_text())
    found = {}
    for table in manifest["tables"]:
        for file in table.get("files", ()):
            path = folder / file["name"]
            assert (digest(path), path.stat().st_size) == (file["sha256"], file["bytes"])
            if file["name"].endswith(ending):
                with path.open(newline="") as text:
                    found[table["table"]] = list(csv.reader(text))
    return found


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def _say(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


async def test_rows_written_after_the_restored_moment_are_found_in_the_kept_file(host: Host) -> None:
    engine, source = open_engines(host.connections)["sqlite"], Source("orders-db", "sqlite")
    quoted = '"' + HOSTILE.replace('"', '""') + '"'
    _say(
        host.database,
        f"CREATE TABLE {quoted} (a TEXT COLLATE NOCASE, b BLOB)",
        f"INSERT INTO {quoted} VALUES ('x', NULL), ('x', NULL), ('X', x'00ff')",
        "CREATE TABLE pairs (a INT, b TEXT, c REAL, PRIMARY KEY (b, a)) WITHOUT ROWID",
        "INSERT INTO pairs VALUES (1, 'z', 1.5), (2, 'é', 2)",
        "CREATE TABLE same (id INTEGER PRIMARY KEY)",
    )
    await _ended(engine, Call("backup", target=host.target), "B-1")
    _say(
        host.database,
        "UPDATE orders SET total = -1 WHERE id <= 3",
        "DELETE FROM orders WHERE id = 4",
        "INSERT INTO orders (id, total) VALUES (501, 7), (502, 8)",
        f"INSERT INTO {quoted} VALUES ('x', NULL), ('x', ''), ('say \"hi\",\nthere', NULL)",
        "INSERT INTO pairs VALUES (1, 'é', 0.1)",
        "ALTER TABLE pairs ADD note TEXT",
        "CREATE TABLE fresh (id INTEGER PRIMARY KEY)",
        "INSERT INTO fresh VALUES (9)",
    )
    point = await _restored(engine, host.target, source)
    _say(host.database, "INSERT INTO orders (id, total) VALUES (502, 9)")
    before = digest(host.kept / directory(R) / "orders.db"), digest(host.database)

    state = await _salvaged(engine, host.target)

    assert state.phase is Phase.SUCCEEDED, state.because
    assert (digest(host.kept / directory(R) / "orders.db"), digest(host.database)) == before
    folder = Path(str(state.evidence["folder"]))
    assert folder == host.kept / directory(R) / f"salvage-{S.replace('.', '%2E')}"
    assert _mode(folder) == 0o700
    assert {name: state.evidence[name] for name in ("only", "differ", "unread", "compared")} == {
        "only": 6,
        "differ": 4,
        "unread": 0,
        "compared": 5,
    }
    only = _read(folder, "only.csv")
    assert only["orders"] == [["id", "total"], ["501", "7"]]
    assert sorted(only[HOSTILE][1:]) == sorted([["x", ""], ["x", ""], ['say "hi",\nthere', ""]])
    assert only["pairs"] == [["a", "b", "c", "note"], ["1", "é", "0.1", ""]]
    assert only["fresh"] == [["id"], ["9"]]
    assert _read(folder, "differ.csv")["orders"][:3] == [
        ["backstop_copy", "id", "total"],
        ["kept", "1", "-1"],
        ["restored", "1", "0"],
    ]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["restore"], manifest["point"]) == (R, point.id)
    tables = {table["table"]: table for table in manifest["tables"]}
    assert tables["orders"]["only_restored"] == 1
    assert tables["pairs"]["not_compared"] == ["note"]
    assert (tables["pairs"]["key"], tables[HOSTILE]["key"]) == (["b", "a"], [])
    assert state.evidence["manifest"] == digest(folder / "manifest.json")
    # NULL and the empty text are told apart in the file, as PostgreSQL's COPY does.
    (file,) = [each["name"] for each in tables[HOSTILE]["files"]]
    assert {'"x",', '"x",""'} <= set((folder / file).read_text().splitlines())


async def test_a_damaged_page_of_the_kept_file_keeps_the_other_tables_from_nothing(host: Host) -> None:
    engine, source = open_engines(host.connections)["sqlite"], Source("orders-db", "sqlite")
    _say(host.database, "CREATE TABLE later (id INTEGER PRIMARY KEY, t TEXT)", "PRAGMA user_version = 1")
    await _ended(engine, Call("backup", target=host.target), "B-1")
    _say(host.database, "INSERT INTO later VALUES (1, 'good')")
    await _restored(engine, host.target, source)
    kept = host.kept / directory(R) / "orders.db"
    with closing(sqlite3.connect(kept)) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'orders'").fetchone()[0]
    content = bytearray(kept.read_bytes())
    content[(root - 1) * 4096 : root * 4096] = b"\xaa" * 4096
    kept.write_bytes(content)

    state = await _salvaged(engine, host.target)

    assert (state.evidence["only"], state.evidence["unread"]) == (1, 1)
    assert _read(Path(str(state.evidence["folder"])), "only.csv")["later"][1:] == [["1", "good"]]


async def test_what_cannot_be_salvaged_is_said(host: Host) -> None:
    engine, source = open_engines(host.connections)["sqlite"], Source("orders-db", "sqlite")
    nothing = await _salvaged(engine, host.target, "S-0")
    assert f"No restore began here under the key {R}, so" in nothing.because
    await _ended(engine, Call("backup", target=host.target), "B-1")
    await _restored(engine, host.target, source)
    missing = await _salvaged(engine, host.target, "S-1", table="no such")
    assert missing.because.endswith("The kept copy has no table no such; it has: orders.")
    (host.kept / directory(R) / "orders.db").unlink()
    gone = await _salvaged(engine, host.target, "S-2")
    assert "kept no database" in gone.because


@pytest.mark.parametrize("moved", [True, False])
async def test_what_a_restore_replaced_that_was_broken_off_is_found_where_it_lies(
    host: Host, *, moved: bool
) -> None:
    engine, source = open_engines(host.connections)["sqlite"], Source("orders-db", "sqlite")
    await _ended(engine, Call("backup", target=host.target), "B-1")
    _say(host.database, "INSERT INTO orders (id, total) VALUES (501, 7)")
    (point,) = await engine.points(source)
    stages = restore(Restore(host.database, host.points, Attempt(host.kept, R, point.id)))
    while next(stages).phase != ("kept" if moved else "swapped"):
        pass
    busy = await _salvaged(engine, host.target, "S-0")
    assert busy.because.endswith("A restore is under way here; ask again once it is over.")
    stages.close()

    state = await _salvaged(engine, host.target)

    assert (state.phase, state.evidence.get("only")) == (Phase.SUCCEEDED, 1), state.because
    assert _read(Path(str(state.evidence["folder"])), "only.csv")["orders"][1:] == [["501", "7"]]


async def test_a_restore_that_was_broken_off_before_the_swap_replaced_nothing(host: Host) -> None:
    engine, source = open_engines(host.connections)["sqlite"], Source("orders-db", "sqlite")
    await _ended(engine, Call("backup", target=host.target), "B-1")
    (point,) = await engine.points(source)
    what = Restore(host.database, host.points, Attempt(host.kept, R, point.id))
    stages = restore(what)
    while next(stages).phase != "linked":
        pass
    stages.close()
    assert what.damaged.samefile(host.database)
    assert "kept no database: it replaced none" in (await _salvaged(engine, host.target)).because


@pytest.mark.real
async def test_rows_written_after_the_restored_moment_are_found_in_the_replaced_database(
    postgresql_server: postgres.Server, tmp_path: Path
) -> None:
    async with orders_host(postgresql_server, tmp_path) as (host, orders):
        engine = open_engines(host.connections)["postgres"]
        quoted = 'shop."' + HOSTILE.replace('"', '""') + '"'

        def say(*statements: str) -> None:
            with orders.server.connect(orders.name) as connection:
                for statement in statements:
                    connection.execute(statement)

        say(
            f'CREATE TABLE {quoted} (a text COLLATE "C", b bytea)',
            f"INSERT INTO {quoted} VALUES ('x', NULL), ('x', NULL), ('é', '\\x00ff')",
            "CREATE TABLE shop.pairs (a int, b text, c float8, PRIMARY KEY (b, a))",
            "INSERT INTO shop.pairs VALUES (10, 'a', 1.5), (9, 'a', 0.1), (1, 'é', 'NaN')",
        )
        assert (await _ended(engine, Call("backup", target=orders.target), "B-1")).phase is Phase.SUCCEEDED
        say(
            'UPDATE shop."or ders" SET total = 0 WHERE id <= 3',
            'INSERT INTO shop."or ders" (total, t) VALUES (7, \'a\\b\n"c"\')',
            f"INSERT INTO {quoted} VALUES ('x', NULL), ('x', ''), (E'tab\\there', NULL)",
            "INSERT INTO shop.pairs VALUES (1, 'z', '-0')",
            "ALTER TABLE shop.pairs ADD note jsonb",
            "CREATE TABLE shop.fresh AS SELECT 9 AS id",
            "CREATE TABLE public.fresh AS SELECT 9 AS id WHERE false",
        )
        await _restored(engine, orders.target, orders.source)

        state = await _salvaged(engine, orders.target)

        assert state.phase is Phase.SUCCEEDED, state.because
        assert (state.evidence["only"], state.evidence["differ"]) == (6, 3)
        folder = Path(str(state.evidence["folder"]))
        only = _read(folder, "only.csv")
        assert only['shop."or ders"'] == [["id", "total", "t"], ["2001", "7", 'a\\b\n"c"']]
        assert only["shop.pairs"] == [["a", "b", "c", "note"], ["1", "z", "-0", ""]]
        assert only["shop.fresh"] == [["id"], ["9"]]
        assert sorted(only[quoted][1:]) == [["tab\there", ""], ["x", ""], ["x", "\\x"]]
        differ = _read(folder, "differ.csv")['shop."or ders"']
        assert differ[1:3] == [["kept", "1", "0", "naïve 🙂 1"], ["restored", "1", "10", "naïve 🙂 1"]]
        one = await _salvaged(engine, orders.target, "S-2", table=quoted)
        assert (one.evidence["compared"], one.evidence["only"]) == (1, 3)
        bare = await _salvaged(engine, orders.target, "S-4", table="pairs")
        assert (bare.evidence["compared"], bare.evidence["only"]) == (1, 1), bare.because
        spaced = await _salvaged(engine, orders.target, "S-5", table="or ders")
        assert (spaced.evidence["compared"], spaced.evidence["differ"]) == (1, 3), spaced.because
        twice = await _salvaged(engine, orders.target, "S-6", table="fresh")
        assert "Several tables are called fresh; name one with its schema: public.fresh, shop.fresh." in (
            twice.because
        )
        again = await _salvaged(engine, orders.target)
        assert again.evidence == state.evidence
        with orders.server.connect() as connection:
            (old,) = orders.databases("_replaced_")
            connection.execute(f'DROP DATABASE "{old.replace(chr(34), chr(34) * 2)}"')
        gone = await _salvaged(engine, orders.target, "S-3")
        assert "replaced none, or it was dropped since" in gone.because
