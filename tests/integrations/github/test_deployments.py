from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from integrations.contract import (
    BeforeXid,
    Call,
    IntegrationError,
    RecoveryPoint,
    ToPoint,
    ToRevision,
    ToTime,
)
from integrations.github import Github
from tests.fakes.github import BAD, GOOD, GithubStandIn


async def test_points_are_what_was_deployed_and_when_it_succeeded(engine: Github, hub: GithubStandIn) -> None:
    hub.deploy("c" * 40, "in_progress", "failure")
    hub.deploy("d" * 40, "success", environment="staging")
    failed, bad, good = await engine.points(hub.source())
    assert (good.commit, good.digest, good.release, good.kind) == (GOOD, GOOD, "v2.3.0", "deployment")
    assert good.finished_at.isoformat() == "2026-11-22T16:12:00+00:00"
    assert (bad.commit, bad.release, bad.health) == (BAD, "v2.4.0", "unknown")
    assert failed.health == "partial"
    assert len(await engine.points(hub.source(), since=bad.finished_at)) == 2


async def test_the_previous_one_is_the_last_other_commit_that_succeeded(
    engine: Github, hub: GithubStandIn
) -> None:
    hub.deploy("c" * 40, "failure")
    hub.deploy(BAD, "success", ref="v2.4.0")
    found = await engine.resolve(hub.source(), ToRevision())
    assert found.point is not None
    assert found.point.commit == GOOD
    assert found.because == "what was there before the current 503"
    assert sorted(refusal.because for refusal in found.refused) == [
        "it did not succeed",
        "it is what is there now",
        "it is what is there now",
    ]


async def test_a_moment_means_what_was_deployed_then(
    engine: Github, hub: GithubStandIn, good: RecoveryPoint
) -> None:
    found = await engine.resolve(hub.source(), ToTime(good.finished_at + timedelta(minutes=5)))
    assert found.point == good
    assert [refusal.because for refusal in found.refused] == ["later than the goal"]
    early = await engine.resolve(hub.source(), ToTime(good.finished_at - timedelta(minutes=5)))
    assert early.point is None
    assert early.because.startswith("nothing in the deployments is as old as 2026-11-22 16:07:00Z")


async def test_a_deployment_can_be_asked_for_by_its_number(
    engine: Github, hub: GithubStandIn, good: RecoveryPoint
) -> None:
    assert (await engine.resolve(hub.source(), ToPoint(good.id))).point == good
    assert (await engine.resolve(hub.source(), ToRevision(int(good.id)))).point == good
    missing = await engine.resolve(hub.source(), ToPoint("499"))
    assert missing.because == "there is no usable 499 in the deployments"
    assert "name one, a moment" in (await engine.resolve(hub.source(), BeforeXid(7))).because


async def test_where_there_is_nothing_to_go_back_to_it_is_said(engine: Github, hub: GithubStandIn) -> None:
    hub.deployments = hub.deployments[1:]
    alone = await engine.resolve(hub.source(), ToRevision())
    assert alone.because == "nothing else than what is there now is in the deployments"
    hub.deployments = []
    assert (
        await engine.resolve(hub.source(), ToRevision())
    ).because == "there is nothing usable in the deployments"


async def test_what_is_deployed_is_compared_with_what_was_approved(
    engine: Github, hub: GithubStandIn, good: RecoveryPoint
) -> None:
    check = Call("deployed", point=good, source=hub.source())
    assert (await engine.plan(check)).by_hand
    before = await engine.check(check)
    assert (before.ok, before.found) == (False, f"deployment 501 of {BAD[:9]}")
    hub.deploy(GOOD, "success")
    after = await engine.check(check)
    assert after.ok
    assert after.evidence == {"deployment": "502", "commit": GOOD}
    with pytest.raises(IntegrationError, match="needs a recovery point and its source"):
        await engine.check(replace(check, source=None))
    hub.deployments = []
    assert (await engine.check(check)).found == "no deployment succeeded"
