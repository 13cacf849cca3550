"""RDS and AWS Backup, over the wire: a restore is made once, found again, switched to and taken away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from integrations.aws import instances
from integrations.connections import Connections
from integrations.contract import (
    Call,
    Engine,
    IntegrationError,
    JobState,
    Phase,
    RecoveryPoint,
    Resolution,
    ToLsn,
    ToPoint,
    ToRevision,
    ToTime,
    Window,
)
from integrations.registry import open_engines
from tests.fakes.aws import REGION, SECRET, Rds, Vault, credentials, rds, vault

KEY = "RUN-7.restore.1.abcdef12"
NOW = datetime(2026, 11, 23, 2, 10, tzinfo=UTC)


@pytest.fixture
def engines(tmp_path: Path) -> Any:
    credentials(tmp_path)
    return open_engines(Connections(secrets=tmp_path))


@pytest.fixture
async def cloud(tmp_path: Path) -> AsyncIterator[Rds]:
    async with rds() as stand:
        await stand.furnish()
        yield stand


async def ended(engine: Engine, call: Call, key: str, looks: int = 20) -> JobState:
    """Follow a job as a run does, at most so many looks."""
    for _ in range(looks):
        ref = await engine.find(call, key=key)
        assert ref
        state = await engine.poll(ref)
        if state.phase is not Phase.RUNNING:
            return state
    raise AssertionError(state)


async def manual(engine: Engine, cloud: Rds) -> RecoveryPoint:
    """Return the snapshot that was taken by hand; AWS takes others by itself."""
    points = await engine.points(cloud.source)
    assert [each.finished_at for each in points] == sorted(
        (each.finished_at for each in points), reverse=True
    )
    return next(each for each in points if each.id == "orders-2-3-0")


async def restored(engine: Engine, cloud: Rds) -> Call:
    point = await manual(engine, cloud)
    call = Call("restore", target=cloud.target, source=cloud.source, point=point, params={"into": "RUN-7"})
    await engine.start(call, key=KEY)
    return call


async def test_snapshots_are_recovery_points_with_their_labels(engines: Any, cloud: Rds) -> None:
    point = await manual(engines["aws-rds"], cloud)

    assert (point.id, point.kind, point.release, point.commit, point.region) == (
        "orders-2-3-0",
        "manual snapshot",
        "2.3.0",
        "b77c0de",
        REGION,
    )
    assert (await engines["aws-rds"].guard(cloud.source)).deletes is None


async def test_a_restore_is_made_once_and_found_by_its_key(engines: Any, cloud: Rds) -> None:
    engine = engines["aws-rds"]
    call = await restored(engine, cloud)
    again = await engine.start(call, key=KEY)

    assert (await engine.poll(again)).phase is Phase.RUNNING
    state = await ended(engine, call, KEY)

    assert state.phase is Phase.SUCCEEDED
    assert state.evidence["instance"] == "orders-bs-run-7"
    assert cloud.asked.count("RestoreDBInstanceFromDBSnapshot") == 1
    assert await engine.find(call, key="RUN-8.restore.1.abcdef12") is None


async def test_another_key_does_not_take_what_is_there(engines: Any, cloud: Rds) -> None:
    engine = engines["aws-rds"]
    call = await restored(engine, cloud)

    state = await engine.poll(await engine.start(call, key="RUN-8.restore.1.12345678"))

    assert state.phase is Phase.REFUSED
    assert "DBInstanceAlreadyExists" in state.because


async def test_the_switch_renames_both_and_is_followed_after_a_crash(
    engines: Any, cloud: Rds, tmp_path: Path
) -> None:
    engine = engines["aws-rds"]
    call = await restored(engine, cloud)
    await ended(engine, call, KEY)
    switch = Call("switch", target=cloud.target, params={"into": "RUN-7"})
    await engine.start(switch, key="RUN-7.switch.1.abcdef12", token=4)

    other = open_engines(Connections(secrets=tmp_path))["aws-rds"]
    state = await ended(other, switch, "RUN-7.switch.1.abcdef12")

    assert state.phase is Phase.SUCCEEDED
    assert state.evidence["replaced"] == "orders-old-run-7"
    assert cloud.asked.count("ModifyDBInstance") == 2
    proof = await other.check(Call("restored", target=cloud.target, point=call.point))
    assert proof.ok, proof.found
    wrong = await other.check(Call("restored", target=cloud.target, point=call.point, goal=ToTime(NOW)))
    assert not wrong.ok
    assert (await ended(other, call, KEY)).phase is Phase.SUCCEEDED


async def test_a_switch_before_the_restore_or_with_an_older_token_is_refused(
    engines: Any, cloud: Rds
) -> None:
    engine = engines["aws-rds"]
    switch = Call("switch", target=cloud.target, params={"into": "RUN-7"})
    with pytest.raises(IntegrationError, match="orders-bs-run-7 is missing; restore it first"):
        await engine.start(switch, key="K-0", token=4)
    call = await restored(engine, cloud)
    await ended(engine, call, KEY)
    await engine.start(switch, key="K-1", token=4)
    await engine.cancel(await engine.find(switch, key="K-1"))

    assert await engine.find(switch, key="K-1") is None
    with pytest.raises(IntegrationError, match="token 3 is older than 4"):
        await engine.start(switch, key="K-2", token=3)
    await engine.start(switch, key="K-3", token=5)
    assert (await ended(engine, switch, "K-3")).phase is Phase.SUCCEEDED


async def test_an_instance_that_was_put_aside_before_is_in_the_way(engines: Any, cloud: Rds) -> None:
    engine = engines["aws-rds"]
    call = await restored(engine, cloud)
    await ended(engine, call, KEY)
    switch = Call("switch", target=cloud.target, params={"into": "RUN-7"})
    await engine.start(switch, key="K-1", token=4)
    await ended(engine, switch, "K-1")
    await engine.start(call, key="RUN-9.restore.1.12345678")
    await ended(engine, call, "RUN-9.restore.1.12345678")

    with pytest.raises(IntegrationError, match="There is already an instance orders-old-run-7"):
        await engine.start(switch, key="K-2", token=5)


async def test_a_cancelled_restore_takes_only_its_own_copy_away(engines: Any, cloud: Rds) -> None:
    engine = engines["aws-rds"]
    call = await restored(engine, cloud)

    await engine.cancel(await engine.find(call, key=KEY))

    assert cloud.asked.count("DeleteDBInstance") == 1
    assert await engine.find(call, key=KEY) is None
    assert (await engine.health(cloud.target)).ok


async def test_a_copy_is_discarded_and_nothing_else(engines: Any, cloud: Rds) -> None:
    engine = engines["aws-rds"]
    call = await restored(engine, cloud)
    await ended(engine, call, KEY)
    discard = Call("discard", target=cloud.target, params={"into": "RUN-7"})

    ref = await engine.start(discard, key="K-1")

    assert (await engine.poll(ref)).phase is Phase.SUCCEEDED
    assert (await engine.poll(await engine.start(discard, key="K-2"))).phase is Phase.SUCCEEDED
    assert (await engine.health(cloud.target)).ok


async def test_the_preview_is_what_a_person_types(engines: Any, cloud: Rds) -> None:
    engine = engines["aws-rds"]
    point = await manual(engine, cloud)
    call = Call("restore", target=cloud.target, source=cloud.source, point=point, params={"into": "RUN-7"})
    to_moment = Call(
        "restore",
        target=cloud.target,
        source=cloud.source,
        point=point,
        goal=ToTime(NOW),
        params={"into": "x"},
    )

    shown, moment = (await engine.plan(call)).by_hand, (await engine.plan(to_moment)).by_hand

    assert shown.startswith("aws rds restore-db-instance-from-db-snapshot --region eu-central-1")
    assert "--db-instance-identifier orders-bs-run-7 --db-snapshot-identifier orders-2-3-0" in shown
    assert "--no-publicly-accessible" in shown
    assert "--restore-time 2026-11-23T02:10:00+00:00" in moment
    switch = (await engine.plan(Call("switch", target=cloud.target, params={"into": "x"}))).by_hand
    assert (
        "--db-instance-identifier orders --new-db-instance-identifier orders-old-x --apply-immediately"
        in switch
    )
    assert SECRET not in shown + moment + switch


async def test_a_moment_that_is_still_to_come_is_refused_by_aws_in_words(engines: Any, cloud: Rds) -> None:
    engine = engines["aws-rds"]
    point = await manual(engine, cloud)
    goal = ToTime(datetime.now(UTC) + timedelta(days=1))
    call = Call("restore", target=cloud.target, point=point, goal=goal, params={"into": "x"})

    state = await engine.poll(await engine.start(call, key=KEY))

    assert state.phase is Phase.REFUSED
    assert "InvalidRestoreFault: RestoreTime is in the future" in state.because


@pytest.mark.parametrize("into", ["", "RUN 7", "a" * 21, "-x"])
async def test_a_name_that_aws_would_not_take_is_refused(engines: Any, cloud: Rds, into: str) -> None:
    call = Call("discard", target=cloud.target, params={"into": into})
    with pytest.raises(IntegrationError, match="discard: `into`"):
        await engines["aws-rds"].plan(call)


async def test_a_server_error_says_nothing_of_the_job(engines: Any, cloud: Rds) -> None:
    engine = engines["aws-rds"]
    call = await restored(engine, cloud)
    ref = await engine.find(call, key=KEY)
    cloud.fails = lambda operation: 503

    with pytest.raises(IntegrationError) as raised:
        await engine.poll(ref)

    assert not raised.value.permanent


async def test_credentials_that_are_missing_are_a_sentence(cloud: Rds, tmp_path: Path) -> None:
    engine = open_engines(Connections(secrets=tmp_path / "none"))["aws-rds"]
    with pytest.raises(IntegrationError, match="The secret `aws-keys` is missing"):
        await engine.health(cloud.target)


def point(id: str, minutes: int) -> RecoveryPoint:
    return RecoveryPoint(id, "aws-rds", "manual snapshot", NOW - timedelta(minutes=minutes))


SPAN = Window(NOW - timedelta(days=1), NOW - timedelta(minutes=5))


@pytest.mark.parametrize(
    ("goal", "span", "because", "chosen"),
    [
        (ToPoint("s2"), SPAN, "s2 was asked for.", "s2"),
        (ToPoint("s9"), SPAN, "There is no snapshot s9.", None),
        (ToTime(NOW - timedelta(minutes=30)), SPAN, "AWS replays", "s2"),
        (ToTime(NOW), SPAN, "is outside what can be restored", None),
        (ToTime(NOW - timedelta(minutes=30)), None, "keeps no automated backups", None),
        (ToTime(NOW - timedelta(hours=5)), SPAN, "no snapshot is as old as", None),
        (ToLsn("0/1"), SPAN, "restores to a moment or a snapshot", None),
    ],
)
def test_a_goal_is_inside_the_span_of_the_log_or_refused(
    goal: Any, span: Window | None, because: str, chosen: str | None
) -> None:
    known = [point("s1", 10), point("s2", 60)]
    found: Resolution = instances.resolve(known, span, goal, "aws-rds")
    assert because in found.because
    assert (found.point and found.point.id) == chosen
    if isinstance(goal, ToTime) and chosen:
        assert (found.goal, found.reaches, found.log_continuous) == (goal, goal.at, True)


@pytest.fixture
async def kept() -> AsyncIterator[Vault]:
    async with vault() as stand:
        stand.add("orders-1", NOW - timedelta(hours=2))
        stand.add("orders-2", NOW - timedelta(hours=1))
        stand.add("orders-3", NOW, status="PARTIAL")
        yield stand


async def asked(engine: Engine, kept: Vault) -> Call:
    found = await engine.resolve(kept.source, ToTime(NOW - timedelta(minutes=30)))
    assert found.point
    return Call("restore", target=kept.target, source=kept.source, point=found.point)


async def test_a_restore_job_is_started_once_and_found_after_a_crash(
    engines: Any, kept: Vault, tmp_path: Path
) -> None:
    engine = engines["aws-backup"]
    call = await asked(engine, kept)
    assert call.point
    assert call.point.id.endswith("orders-2")
    await engine.start(call, key=KEY)
    await engine.start(call, key=KEY)

    other = open_engines(Connections(secrets=tmp_path))["aws-backup"]
    ref = await other.find(call, key=KEY)
    assert ref
    running = await other.poll(ref)
    assert running.phase is Phase.RUNNING
    assert running.progress
    assert (running.progress.phase, running.progress.done, running.progress.unit) == (
        "running",
        37,
        "percent",
    )
    kept.end()
    done = await other.poll(ref)

    assert (done.phase, len(kept.jobs)) == (Phase.SUCCEEDED, 1)
    assert done.evidence["resource"] == f"arn:aws:rds:{REGION}:123456789012:db:job-1"
    assert await other.find(call, key="RUN-8.restore.1.12345678") is None


async def test_a_restore_job_cannot_be_stopped_and_that_is_said(engines: Any, kept: Vault) -> None:
    engine = engines["aws-backup"]
    call = await asked(engine, kept)
    ref = await engine.start(call, key=KEY)

    with pytest.raises(IntegrationError, match="cannot stop a restore job; AWS has no way to") as raised:
        await engine.forbid(call, key=KEY)

    assert raised.value.permanent
    kept.end("FAILED", "the role may not create instances")
    state = await engine.poll(ref)
    assert (state.phase, state.because) == (Phase.FAILED, "the role may not create instances")


async def test_what_a_vault_holds_and_whether_it_is_locked(engines: Any, kept: Vault) -> None:
    engine = engines["aws-backup"]
    points = await engine.points(kept.source)
    assert [point.health for point in points] == ["partial", "unknown", "unknown"]
    assert [point.immutable for point in points] == [False] * 3
    assert (await engine.guard(kept.source)).deletes is True
    assert not (await engine.check(Call("locked", target=kept.target))).ok

    kept.locked = True

    assert (await engine.guard(kept.source)).because == "the vault shop is locked"
    assert (await engine.check(Call("locked", target=kept.target))).ok
    assert (await engine.points(kept.source))[0].immutable is True
    assert (await engine.health(kept.target)).version == "3 recovery points"


async def test_a_recovery_point_that_is_not_whole_is_chosen_by_no_goal(engines: Any, kept: Vault) -> None:
    engine = engines["aws-backup"]
    partial = kept.points[-1]["RecoveryPointArn"]
    named = await engine.resolve(kept.source, ToPoint(partial))
    assert (named.point, named.because) == (None, f"there is no usable {partial} in the vault shop")
    assert [refused.because for refused in named.refused] == ["AWS Backup does not call it complete"]
    by_time = await engine.resolve(kept.source, ToTime(NOW))
    assert by_time.point
    assert by_time.point.id.endswith("orders-2")
    kept.points[:] = kept.points[-1:]
    assert (await engine.resolve(kept.source, ToTime(NOW))).point is None
    revision = await engine.resolve(kept.source, ToRevision(None))
    assert revision.because == "recovery points have no revisions: name one or a moment."


async def test_the_job_is_shown_as_a_person_types_it(engines: Any, kept: Vault) -> None:
    engine = engines["aws-backup"]
    shown = (await engine.plan(await asked(engine, kept))).by_hand
    assert shown.startswith("aws backup start-restore-job --region eu-central-1 --recovery-point-arn arn:")
    assert '{"DBInstanceIdentifier": "orders-bs-KEY", "Engine": "postgres"}' in shown
