from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from integrations.argocd import ArgoCd
from integrations.argocd.application import AUTO_SYNC, JOBS
from integrations.connections import Connections
from integrations.contract import (
    BeforeXid,
    Call,
    Effect,
    IntegrationError,
    Json,
    Phase,
    RecoveryPoint,
    ToPoint,
    ToRevision,
    ToTime,
)
from tests.clock import Clock
from tests.fakes.argocd import BAD, GOOD, ArgoStandIn, argocd

SECRET = "canary-argo-77"
KEY = "RUN-1.back.1.0a1b2c3d"
WAS = {"prune": True, "selfHeal": True}


@pytest.fixture
async def argo(clock: Clock) -> AsyncIterator[ArgoStandIn]:
    async with argocd(SECRET, clock) as stand_in:
        yield stand_in


@pytest.fixture
def reached(tmp_path: Path, clock: Clock) -> Connections:
    (tmp_path / "argocd-token").write_text(SECRET + "\n")
    return Connections(session=aiohttp.ClientSession, secrets=tmp_path, now=clock)


@pytest.fixture
def engine(reached: Connections) -> ArgoCd:
    return ArgoCd(reached)


@pytest.fixture
async def good(engine: ArgoCd, argo: ArgoStandIn) -> RecoveryPoint:
    return (await engine.points(argo.source()))[1]


@pytest.fixture
def back(argo: ArgoStandIn, good: RecoveryPoint) -> Call:
    return Call("rollback", target=argo.target(), point=good, source=argo.source())


async def test_points_are_the_history_and_the_previous_one_is_the_one_before(
    engine: ArgoCd, argo: ArgoStandIn, good: RecoveryPoint
) -> None:
    bad = (await engine.points(argo.source()))[0]
    assert (good.id, good.commit, good.release, good.kind) == ("0", GOOD, "main", "revision")
    assert await engine.points(argo.source(), since=bad.finished_at) == (bad,)
    previous = await engine.resolve(argo.source(), ToRevision())
    assert (previous.point, previous.because) == (good, "what was there before the current 1")
    assert [refusal.because for refusal in previous.refused] == ["it is what is there now"]
    assert (await engine.resolve(argo.source(), ToPoint("0"))).point == good
    assert (await engine.resolve(argo.source(), ToRevision(0))).point == good
    then = await engine.resolve(argo.source(), ToTime(good.finished_at + timedelta(hours=1)))
    assert (then.point, [refusal.point for refusal in then.refused]) == (good, [bad])
    assert (
        await engine.resolve(argo.source(), ToPoint("9"))
    ).because == "there is no usable 9 in the history of the application"
    assert "name one, a moment" in (await engine.resolve(argo.source(), BeforeXid(1))).because
    early = await engine.resolve(argo.source(), ToTime(good.finished_at - timedelta(hours=1)))
    assert early.because.startswith("nothing in the history of the application is as old as")
    argo.app["status"]["history"] = argo.app["status"]["history"][1:]
    alone = await engine.resolve(argo.source(), ToRevision())
    assert alone.because == "nothing else than what is there now is in the history of the application"
    argo.app["status"]["history"] = []
    assert (await engine.resolve(argo.source(), ToRevision())).because == (
        "there is nothing usable in the history of the application"
    )


async def test_a_rollback_holds_auto_sync_off_so_that_it_stays_rolled_back(
    engine: ArgoCd, argo: ArgoStandIn, back: Call
) -> None:
    ref = await engine.start(back, key=KEY)
    assert await engine.start(back, key=KEY) == ref
    argo.half()
    running = await engine.poll(ref)
    assert running.progress is not None
    assert (running.progress.phase, running.progress.done, running.progress.total) == ("running", 1, 2)
    argo.go()
    ended = await engine.poll(ref)
    assert (ended.phase, ended.alive) == (Phase.SUCCEEDED, False)
    assert ended.evidence == {"revision": GOOD, "auto_sync": "held off"}
    assert await engine.poll(ref) == ended
    argo.reconcile()
    assert argo.live == GOOD
    assert json.loads(argo.annotations[AUTO_SYNC]) == WAS
    assert argo.annotations["owner"] == "cy"
    assert argo.app["spec"]["syncPolicy"]["syncOptions"] == ["CreateNamespace=true"]


async def test_auto_sync_comes_back_when_it_is_told_to_and_then_git_has_the_last_word(
    engine: ArgoCd, argo: ArgoStandIn, back: Call
) -> None:
    ref = await engine.start(replace(back, params={"auto_sync": "comes_back"}), key=KEY)
    argo.go()
    ended = await engine.poll(ref)
    assert (ended.phase, ended.evidence["auto_sync"]) == (Phase.SUCCEEDED, "on")
    assert argo.automated == WAS
    assert AUTO_SYNC not in argo.annotations
    argo.reconcile()
    assert argo.live == BAD


@pytest.mark.parametrize("phase", ["Failed", "Error"])
async def test_auto_sync_is_as_it_was_after_a_rollback_that_failed(
    engine: ArgoCd, argo: ArgoStandIn, back: Call, phase: str
) -> None:
    ref = await engine.start(back, key=KEY)
    argo.go(phase, "one or more objects failed to apply")
    state = await engine.poll(ref)
    assert (state.phase, state.because) == (Phase.FAILED, "one or more objects failed to apply")
    assert argo.automated == WAS
    assert AUTO_SYNC not in argo.annotations


async def test_auto_sync_is_as_it_was_after_a_rollback_that_was_cancelled(
    engine: ArgoCd, argo: ArgoStandIn, back: Call
) -> None:
    ref = await engine.start(back, key=KEY)
    await engine.cancel(ref)
    assert (await engine.poll(ref)).phase is Phase.RUNNING
    argo.take_up()
    await engine.cancel(ref)
    assert (await engine.poll(ref)).phase is Phase.RUNNING
    argo.go()
    state = await engine.poll(ref)
    assert (state.phase, state.alive) == (Phase.CANCELLED, False)
    assert (argo.automated, argo.live) == (WAS, BAD)
    await engine.cancel(ref)


async def test_auto_sync_is_as_it_was_after_argo_refused_the_rollback(
    engine: ArgoCd, argo: ArgoStandIn, back: Call
) -> None:
    argo.faults.answer(
        "POST", 403, '{"error": "permission denied", "code": 7, "message": "permission denied"}'
    )
    ref = await engine.start(back, key=KEY)
    state = await engine.poll(ref)
    assert (state.phase, state.alive) == (Phase.REFUSED, False)
    assert "answered 403 to POST /api/v1/applications/orders/rollback: permission denied" in state.because
    assert (argo.automated, AUTO_SYNC in argo.annotations) == (WAS, False)
    found = await engine.find(back, key=KEY)
    assert found is not None
    assert (await engine.poll(found)).phase is Phase.REFUSED


async def test_another_process_finds_a_rollback_and_brings_auto_sync_back(
    engine: ArgoCd, argo: ArgoStandIn, back: Call, reached: Connections
) -> None:
    await engine.start(back, key=KEY)
    argo.go("Failed", "hook failed")
    later = ArgoCd(reached)
    found = await later.find(back, key=KEY)
    assert found is not None
    assert (await later.poll(found)).phase is Phase.FAILED
    assert argo.automated == WAS


@pytest.mark.parametrize("taken", [False, True])
async def test_a_rollback_whose_answer_was_lost_is_found_and_not_asked_again(
    engine: ArgoCd, argo: ArgoStandIn, back: Call, reached: Connections, taken: bool
) -> None:
    argo.faults.lose_answer("POST")
    with pytest.raises(IntegrationError) as lost:
        await engine.start(back, key=KEY)
    assert not lost.value.permanent
    if taken:
        argo.go()
    later = ArgoCd(reached)
    ref = await later.start(back, key=KEY)
    argo.go()
    assert (await later.poll(ref)).phase is Phase.SUCCEEDED
    assert argo.asked.count("rollback") == 1
    assert json.loads(argo.annotations[AUTO_SYNC]) == WAS


async def test_who_died_between_the_two_requests_is_carried_on_with_what_was_there_before(
    engine: ArgoCd, argo: ArgoStandIn, back: Call, reached: Connections
) -> None:
    argo.faults.answer("POST", 502)
    with pytest.raises(IntegrationError):
        await engine.start(back, key=KEY)
    assert argo.automated is None
    later = ArgoCd(reached)
    assert await later.find(back, key=KEY) is None
    await later.start(back, key=KEY)
    argo.go("Failed", "no")
    found = await later.find(back, key=KEY)
    assert found is not None
    assert (await later.poll(found)).phase is Phase.FAILED
    assert argo.automated == WAS


async def test_who_died_between_the_two_requests_and_is_given_up_leaves_auto_sync_as_it_was(
    engine: ArgoCd, argo: ArgoStandIn, back: Call, reached: Connections
) -> None:
    argo.faults.answer("POST", 502)
    with pytest.raises(IntegrationError):
        await engine.start(back, key=KEY)
    await ArgoCd(reached).forbid(back, key=KEY)
    assert argo.automated == WAS
    late = await engine.start(back, key=KEY)
    assert (await engine.poll(late)).phase is Phase.CANCELLED
    assert "rollback" not in argo.asked


async def test_what_others_did_since_is_a_doubt_unless_the_history_tells(
    engine: ArgoCd, argo: ArgoStandIn, back: Call, reached: Connections, clock: Clock
) -> None:
    ref = await engine.start(back, key=KEY)
    argo.go()
    clock.advance(5)
    argo.sync_by_hand()
    argo.go()
    assert (await engine.poll(ref)).phase is Phase.SUCCEEDED

    second = await engine.start(back, key="RUN-2.back.1.0a1b2c3d")
    argo.go("Failed", "no")
    clock.advance(5)
    argo.sync_by_hand()
    argo.go()
    lost = await engine.poll(second)
    assert (lost.phase, lost.alive) == (Phase.LOST, None)
    with pytest.raises(IntegrationError, match="nobody can tell what came of RUN-2") as doubt:
        await ArgoCd(reached).find(back, key="RUN-2.back.1.0a1b2c3d")
    assert doubt.value.permanent


async def test_auto_sync_to_the_same_revision_is_not_our_rollback(
    engine: ArgoCd, argo: ArgoStandIn, back: Call, clock: Clock
) -> None:
    argo.faults.answer("POST", 502)
    with pytest.raises(IntegrationError):
        await engine.start(back, key=KEY)
    clock.advance(5)
    argo.git, argo.app["spec"]["syncPolicy"]["automated"] = GOOD, WAS
    argo.reconcile()
    argo.app["status"]["history"].pop()
    with pytest.raises(IntegrationError, match="nobody can tell what came of RUN-1"):
        await engine.find(back, key=KEY)


async def test_a_deny_window_that_stops_syncs_by_hand_is_named_before_anything_is_changed(
    engine: ArgoCd, argo: ArgoStandIn, back: Call
) -> None:
    argo.deny(by_hand=False)
    with pytest.raises(IntegrationError) as refusal:
        await engine.plan(back)
    assert str(refusal.value) == (
        "orders cannot be synced now: a deny window of its project, `0 22 * * *` for 8h, stops syncs by hand "
        "too. Set `manualSync` on it, or take it away, and plan again."
    )
    state = await engine.poll(await engine.start(back, key=KEY))
    assert (state.phase, state.because) == (Phase.REFUSED, str(refusal.value))
    assert (argo.automated, argo.asked) == (WAS, [])
    argo.windows = [{"kind": "allow", "schedule": "0 7 * * *", "duration": "2h", "manualSync": False}]
    with pytest.raises(IntegrationError, match=r"allow windows is open \(`0 7 \* \* \*` for 2h\)"):
        await engine.plan(back)


async def test_a_deny_window_for_auto_sync_alone_lets_us_through(
    engine: ArgoCd, argo: ArgoStandIn, back: Call
) -> None:
    argo.deny(by_hand=True)
    ref = await engine.start(back, key=KEY)
    argo.go()
    assert (await engine.poll(ref)).phase is Phase.SUCCEEDED


async def test_an_operation_that_a_window_stops_says_so_for_as_long_as_it_waits(
    engine: ArgoCd, argo: ArgoStandIn, back: Call
) -> None:
    ref = await engine.start(back, key=KEY)
    argo.deny(by_hand=False)
    argo.go()
    state = await engine.poll(ref)
    assert state.progress is not None
    assert (state.phase, state.progress.phase) == (Phase.RUNNING, "Sync operation blocked by sync window")


async def test_a_busy_application_is_named_with_who_keeps_it_busy(
    engine: ArgoCd, argo: ArgoStandIn, back: Call
) -> None:
    argo.sync_by_hand()
    argo.take_up()
    with pytest.raises(IntegrationError) as refusal:
        await engine.plan(back)
    assert str(refusal.value) == (
        "Argo CD is busy with orders: a sync by hand to bbbbbbbbbbbb began at 2026-11-23T02:10:00Z. "
        "Wait for it, or end it with `argocd app terminate-op orders`, and plan again."
    )
    assert (await engine.poll(await engine.start(back, key=KEY))).phase is Phase.REFUSED
    assert argo.automated == WAS


@pytest.mark.parametrize(
    ("metadata", "owner"),
    [
        ({"ownerReferences": [{"kind": "ApplicationSet", "name": "shops"}]}, "the ApplicationSet shops"),
        (
            {"annotations": {"argocd.argoproj.io/tracking-id": "all:argoproj.io/Application:argocd/orders"}},
            "the application all",
        ),
    ],
)
async def test_an_owner_that_would_turn_auto_sync_on_again_is_named(
    engine: ArgoCd, argo: ArgoStandIn, back: Call, metadata: dict[str, Json], owner: str
) -> None:
    argo.app["metadata"] |= metadata
    with pytest.raises(IntegrationError, match=f"orders belongs to {owner}, which turns auto-sync on again"):
        await engine.plan(back)
    assert (await engine.poll(await engine.start(back, key=KEY))).phase is Phase.REFUSED
    assert argo.automated == WAS
    tolerant = argo.target(owner_ignores_sync_policy=True)
    assert (await engine.plan(replace(back, target=tolerant))).preview
    argo.app["spec"]["syncPolicy"].pop("automated")
    assert (await engine.plan(back)).preview


async def test_an_entry_that_is_gone_or_another_by_now_is_refused(
    engine: ArgoCd, argo: ArgoStandIn, back: Call
) -> None:
    argo.app["status"]["history"][0]["source"]["path"] = "elsewhere"
    with pytest.raises(IntegrationError, match="has no such entry 0 any more"):
        await engine.plan(back)


async def test_a_plan_says_what_becomes_of_auto_sync(engine: ArgoCd, argo: ArgoStandIn, back: Call) -> None:
    plan = await engine.plan(back)
    argo.app["spec"]["syncPolicy"].pop("automated")
    assert plan == await engine.plan(back)
    assert list(plan.preview) == [
        "auto-sync of orders, if it is on, is turned off and kept in the annotation backstop.dev/auto-sync",
        f"POST {argo.url}/api/v1/applications/orders/rollback "
        '{"id": "0", "name": "orders", "prune": false}',
        "auto-sync is turned on again only if this fails: it would bring the release back",
    ]
    assert plan.by_hand == "argocd app set orders --sync-policy none && argocd app rollback orders 0"
    assert plan.effect is Effect.REVERSIBLE
    pruning = await engine.plan(replace(back, target=argo.target(prune=True)))
    assert (pruning.effect, pruning.by_hand.endswith("rollback orders 0 --prune")) == (
        Effect.DESTRUCTIVE,
        True,
    )
    assert SECRET not in repr(plan)
    assert argo.asked == []


async def test_pause_and_resume_keep_the_setting_and_can_be_said_twice(
    engine: ArgoCd, argo: ArgoStandIn, reached: Connections, back: Call
) -> None:
    pause, resume = (Call(name, target=argo.target()) for name in ("pause", "resume"))
    for key in ("P-1", "P-1", "P-2"):
        assert (await engine.poll(await engine.start(pause, key=key))).phase is Phase.SUCCEEDED
    assert (argo.automated, json.loads(argo.annotations[AUTO_SYNC])) == (None, WAS)
    # A rollback that fails leaves off what it did not turn off.
    ref = await engine.start(back, key=KEY)
    argo.go("Failed", "no")
    await engine.poll(ref)
    assert argo.automated is None
    for key in ("R-1", "R-2"):
        assert (await engine.poll(await engine.start(resume, key=key))).phase is Phase.SUCCEEDED
    assert (argo.automated, AUTO_SYNC in argo.annotations) == (WAS, False)
    assert await ArgoCd(reached).find(resume, key="R-2") is not None
    assert len(json.loads(argo.annotations[JOBS])) == 5
    assert (await engine.plan(resume)).by_hand == "argocd app set orders --sync-policy automated"


async def test_who_turned_auto_sync_on_meanwhile_is_not_overruled(engine: ArgoCd, argo: ArgoStandIn) -> None:
    await engine.start(Call("pause", target=argo.target()), key="P-1")
    argo.app["spec"]["syncPolicy"]["automated"] = {"prune": False}
    await engine.start(Call("resume", target=argo.target()), key="R-1")
    assert (argo.automated, AUTO_SYNC in argo.annotations) == ({"prune": False}, False)


async def test_a_sync_carries_its_key_and_is_found_by_it(
    engine: ArgoCd, argo: ArgoStandIn, reached: Connections, clock: Clock
) -> None:
    argo.git = GOOD
    sync = Call("sync", target=argo.target())
    ref = await engine.start(sync, key=KEY)
    assert argo.app["operation"]["info"] == [{"name": "backstop", "value": KEY}]
    assert await ArgoCd(reached).find(sync, key=KEY) == ref
    argo.go()
    assert (await engine.poll(ref)).phase is Phase.SUCCEEDED
    assert (argo.live, argo.automated) == (GOOD, WAS)
    assert (await engine.plan(sync)).by_hand == "argocd app sync orders"


async def test_a_rollback_that_takes_longer_than_it_may_is_ended(
    engine: ArgoCd, argo: ArgoStandIn, back: Call, clock: Clock
) -> None:
    ref = await engine.start(replace(back, timeout_s=60), key=KEY)
    argo.take_up()
    clock.advance(61)
    assert (await engine.poll(ref)).phase is Phase.RUNNING
    argo.go()
    assert (await engine.poll(ref)).phase is Phase.TIMED_OUT


async def test_what_is_deployed_is_compared_and_its_health_counts(
    engine: ArgoCd, argo: ArgoStandIn, back: Call
) -> None:
    check = replace(back, operation="restored")
    assert (await engine.check(check)).found == "another revision than the point, Healthy"
    ref = await engine.start(back, key=KEY)
    argo.go()
    await engine.poll(ref)
    found = await engine.check(check)
    assert (found.ok, found.found) == (True, "what the point has, Healthy")
    assert found.evidence == {"revision": GOOD, "health": "Healthy", "auto_sync": "held off"}
    argo.app["status"]["health"] = {"status": "Degraded"}
    assert not (await engine.check(check)).ok


async def test_the_identity_is_the_applications_own(engine: ArgoCd, argo: ArgoStandIn) -> None:
    health = await engine.health(argo.target())
    assert (health.ok, health.identity) == (True, f"argocd:{argo.url}:7b1c")
    argo.app["metadata"]["deletionTimestamp"] = "2026-11-23T02:10:00Z"
    assert list((await engine.health(argo.target())).problems) == ["The application orders is being deleted."]
    with pytest.raises(IntegrationError, match="permission denied"):
        await engine.health(argo.target(app="stocks"))


async def test_an_annotation_that_somebody_spoilt_says_nothing(
    engine: ArgoCd, argo: ArgoStandIn, back: Call
) -> None:
    argo.annotations[JOBS], argo.annotations[AUTO_SYNC] = "{", "{"
    assert await engine.find(back, key=KEY) is None
    ref = await engine.start(back, key=KEY)
    argo.go()
    assert (await engine.poll(ref)).phase is Phase.SUCCEEDED
