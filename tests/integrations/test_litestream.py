"""Litestream for real: a ledger is put back to the last transaction before a bad release."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from integrations.contract import Call, Engine, IntegrationError, Phase, RecoveryPoint, ToPoint, ToTime
from integrations.registry import open_engines
from tests.integrations.host import Host, a_host
from tests.integrations.ledger import Ledger, config

pytestmark = pytest.mark.real
KEY = "RUN-1.restore.1.abcdef12"


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    async with a_host(tmp_path, config(tmp_path)) as furnished:
        yield furnished


@pytest.fixture
def engine(host: Host) -> Engine:
    return open_engines(host.connections)["litestream"]


@pytest.fixture
def ledger(host: Host) -> Ledger:
    """Return a ledger whose three good entries and later damage are replicated, with Litestream stopped."""
    ledger = Ledger(host)
    with ledger.replicating():
        ledger.write(10, 20)
        ledger.replicated()
        ledger.write(30)
        ledger.replicated()
        ledger.damage()
        ledger.replicated()
    return ledger


async def good(engine: Engine, ledger: Ledger) -> RecoveryPoint:
    """Return the newest transaction in which nothing is damaged, as a person finds it out."""
    points = await engine.points(ledger.source)
    assert [each.id for each in points] == sorted((each.id for each in points), reverse=True)
    return points[1]


async def ended(host: Host, engine: Engine, call: Call, key: str, token: int | None = 1) -> Phase:
    ref = await engine.start(call, key=key, token=token)
    await host.ended(key)
    return (await engine.poll(ref)).phase


async def test_the_last_good_transaction_comes_back_and_the_damaged_database_is_kept(
    host: Host, engine: Engine, ledger: Ledger
) -> None:
    point = await good(engine, ledger)
    call = Call("restore", target=ledger.target, source=ledger.source, point=point)
    before = await engine.health(ledger.target)

    assert await ended(host, engine, call, KEY) is Phase.SUCCEEDED
    assert await ended(host, engine, call, KEY) is Phase.SUCCEEDED

    assert ledger.amounts() == [10, 20, 30]
    (kept,) = ledger.kept.glob("*/ledger.db")
    assert ledger.amounts(kept) == [0, 0, 0]
    proof = await engine.check(Call("restored", target=ledger.target, source=ledger.source, point=point))
    assert proof.ok, proof.found
    assert (await engine.health(ledger.target)).identity == before.identity


async def test_after_a_restore_litestream_goes_on_and_can_be_restored_again(
    host: Host, engine: Engine, ledger: Ledger
) -> None:
    point = await good(engine, ledger)
    await ended(host, engine, Call("restore", target=ledger.target, point=point, source=ledger.source), KEY)
    with ledger.replicating():
        ledger.write(40)
        ledger.replicated()
    newest = (await engine.points(ledger.source))[0]
    assert newest.id > point.id
    ledger.damage()

    again = Call("restore", target=ledger.target, point=newest, source=ledger.source)
    assert await ended(host, engine, again, "RUN-2.restore.1.abcdef12", token=2) is Phase.SUCCEEDED

    assert ledger.amounts() == [10, 20, 30, 40]
    assert [path.name for path in (ledger.kept / "fetched").glob("*.db")] == [f"{newest.id}.db"]


async def test_a_moment_is_reached_by_the_last_transaction_before_it(engine: Engine, ledger: Ledger) -> None:
    points = await engine.points(ledger.source)
    found = await engine.resolve(ledger.source, ToTime(points[0].finished_at - timedelta(milliseconds=1)))
    assert found.point
    assert found.point.finished_at < points[0].finished_at
    never = await engine.resolve(ledger.source, ToPoint("tx-00000000000000aa"))
    assert never.point is None


async def test_litestream_that_still_runs_keeps_the_database_from_being_replaced(
    host: Host, engine: Engine, ledger: Ledger
) -> None:
    point = await good(engine, ledger)
    call = Call("restore", target=ledger.target, source=ledger.source, point=point)
    with ledger.replicating():
        ledger.write(50)
        ledger.replicated()
        ref = await engine.start(call, key=KEY, token=1)
        await host.ended(KEY)
        state = await engine.poll(ref)

    assert state.phase is Phase.FAILED
    assert "is open in litestream" in state.because
    assert ledger.amounts() == [0, 0, 0, 50]


async def test_a_copy_made_beforehand_is_taken_by_the_restore(
    host: Host, engine: Engine, ledger: Ledger
) -> None:
    point = await good(engine, ledger)
    before = Call("prepare", target=ledger.target, source=ledger.source, point=point)
    assert await ended(host, engine, before, "RUN-1.prepare.1.abcdef12", token=None) is Phase.SUCCEEDED
    assert ledger.amounts() == [0, 0, 0]

    call = Call("restore", target=ledger.target, source=ledger.source, point=point)
    ref = await engine.start(call, key=KEY, token=1)
    await host.ended(KEY)

    assert (await engine.poll(ref)).evidence["prepared"] is True
    assert ledger.amounts() == [10, 20, 30]


async def test_a_transaction_is_proved_by_making_a_database_of_it(engine: Engine, ledger: Ledger) -> None:
    point = await good(engine, ledger)
    assert point.verified_at is None

    found = await engine.verify_point(ledger.source, point)

    assert found.ok
    proved = next(each for each in await engine.points(ledger.source) if each.id == point.id)
    assert proved.verified_at is not None
    with pytest.raises(IntegrationError, match="There is no transaction tx-00000000000000aa in file://"):
        await engine.verify_point(ledger.source, replace(point, id="tx-00000000000000aa"))


async def test_a_replica_begun_anew_gives_a_number_to_another_transaction(
    host: Host, engine: Engine, ledger: Ledger
) -> None:
    first = (await engine.points(ledger.source))[-1]
    assert (await engine.verify_point(ledger.source, first)).ok
    ledger.begin_anew()
    with ledger.replicating():
        ledger.write(70)
        ledger.replicated()
        ledger.write(80)
        ledger.replicated()
    again = (await engine.points(ledger.source))[-1]
    # What was proved of the one says nothing of the other.
    assert (again.id, again.verified_at) == (first.id, None)

    call = Call("restore", target=ledger.target, source=ledger.source, point=again)
    assert await ended(host, engine, call, KEY) is Phase.SUCCEEDED

    assert ledger.amounts() in ([], [70])


async def test_what_was_approved_of_a_replica_is_not_what_another_one_calls_by_its_number(
    host: Host, engine: Engine, ledger: Ledger
) -> None:
    approved = (await engine.points(ledger.source))[-1]
    ledger.begin_anew()
    with ledger.replicating():
        ledger.write(70)
        ledger.replicated()
    again = (await engine.points(ledger.source))[-1]
    assert again.id == approved.id
    assert again.digest != approved.digest

    for operation, key in (("prepare", "RUN-1.prepare.1.abcdef12"), ("restore", KEY)):
        call = Call(operation, target=ledger.target, source=ledger.source, point=approved)
        ref = await engine.start(call, key=key, token=1 if operation == "restore" else None)
        await host.ended(key)
        state = await engine.poll(ref)
        assert state.phase is Phase.FAILED
        assert (
            f"{approved.id} is not the transaction that was approved: {ledger.url} was begun anew "
            in state.because
        )
        assert state.because.endswith("Nothing was changed; plan again.")

    assert ledger.amounts() == [70]


async def test_a_transaction_keeps_its_name_while_its_files_are_compacted(
    engine: Engine, ledger: Ledger, host: Host
) -> None:
    before = {each.id: each.digest for each in await engine.points(ledger.source)}
    ledger.compacted()
    after = {each.id: each.digest for each in await engine.points(ledger.source)}
    assert after
    assert after.items() <= before.items()


async def test_a_replica_that_is_spoilt_is_noticed_before_anything_is_replaced(
    host: Host, engine: Engine, ledger: Ledger
) -> None:
    point = await good(engine, ledger)
    for file in (host.home / "replica").rglob("*.ltx"):
        written = file.stat().st_mtime_ns
        file.write_bytes(file.read_bytes()[:100] + b"spoilt" * 20)
        os.utime(file, ns=(written, written))
    ref = await engine.start(
        Call("restore", target=ledger.target, source=ledger.source, point=point), key=KEY, token=1
    )
    await host.ended(KEY)

    state = await engine.poll(ref)

    assert state.phase is Phase.FAILED
    assert "Litestream could not restore it" in state.because or "cannot read" in state.because
    assert ledger.amounts() == [0, 0, 0]


async def test_a_replica_that_lags_is_a_problem_of_its_target(
    host: Host, engine: Engine, ledger: Ledger
) -> None:
    ago = (datetime.now(UTC) - timedelta(hours=1)).timestamp()
    assert (await engine.health(ledger.target)).problems == ()
    for file in (host.home / "replica").rglob("*.ltx"):
        os.utime(file, (ago, ago))
    health = await engine.health(ledger.target)
    assert health.ok
    assert "before the last write: is Litestream running?" in " ".join(health.problems)
    assert "Litestream 0.5" in health.version
    assert (await engine.guard(ledger.source)).deletes is True
