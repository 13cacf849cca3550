"""Releases rolled back by real Helm 3 and Helm 4 through the runner, also when something dies on the way."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from integrations.contract import (
    Call,
    IntegrationError,
    JobRef,
    JobState,
    Phase,
    ToPoint,
    ToRevision,
    ToTime,
)
from integrations.runner import processes
from integrations.runner.jobs import Job
from tests.integrations.host import until
from tests.integrations.releases import Releases, a_release

pytestmark = pytest.mark.real


@pytest.fixture(params=["3", "4"])
async def releases(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Releases]:
    async with a_release(tmp_path, request.param) as made:
        yield made


async def rollback(releases: Releases, to: str = "1", **params: str) -> Call:
    points = {point.id: point for point in await releases.engine.points(releases.source)}
    return Call("rollback", target=releases.target, params=params, point=points[to], source=releases.source)


async def ended(releases: Releases, ref: JobRef) -> JobState:
    async def look() -> JobState | None:
        state = await releases.engine.poll(ref)
        return state if state.phase is not Phase.RUNNING and not state.alive else None

    return await until(look, seconds=60)


def _words(pid: int) -> list[bytes]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


async def helm_of(releases: Releases, key: str) -> int:
    """Return the process of the real Helm that a job has started."""
    job = Job(releases.host.state, key)

    async def look() -> int | None:
        for pid in processes.marked(job.path):
            if _words(pid)[1:2] == [b"rollback"]:
                return pid
        return None

    return await until(look)


async def test_a_release_goes_back_and_says_so(releases: Releases) -> None:
    call = await rollback(releases)
    assert (await releases.engine.health(releases.target)).ok
    ref = await releases.engine.start(call, key="RUN-1.app.1", token=1)
    state = await ended(releases, ref)
    assert (state.phase, state.evidence) == (
        Phase.SUCCEEDED,
        {"revision": 3, "status": "deployed", "content_of": 1},
    )
    assert releases.tag == "2.3.0"
    for operation in ("deployed", "restored"):
        checked = await releases.engine.check(replace(call, operation=operation))
        assert (checked.ok, checked.found) == (True, "revision 3 is deployed: Rollback to 1")
    other = await releases.engine.check(replace(await rollback(releases, "2"), operation="restored"))
    assert (other.ok, other.found) == (
        False,
        "revision 3 is deployed: Rollback to 1; it is not what revision 2 was",
    )


@pytest.mark.parametrize("releases", ["4"], indirect=True)
async def test_history_becomes_points_and_goals_become_revisions(releases: Releases) -> None:
    newer, older = await releases.engine.points(releases.source)
    assert (newer.id, older.id, older.kind, older.health) == ("2", "1", "revision", "unknown")
    assert newer.digest != older.digest
    resolve = releases.engine.resolve
    for goal in (ToRevision(), ToRevision(1), ToPoint("1")):
        assert (await resolve(releases.source, goal)).point == older
    assert (await resolve(releases.source, ToRevision())).because == snapshot(
        "it is the newest sound revision before the current 2."
    )
    assert (await resolve(releases.source, ToRevision(7))).because == snapshot(
        "No sound revision 7 is kept; there are 2, 1."
    )
    assert (await resolve(releases.source, ToTime(older.finished_at))).because == snapshot(
        "helm goes back to revisions: name one, or `previous`."
    )


async def test_a_failed_upgrade_is_not_gone_back_to(releases: Releases) -> None:
    releases.cluster.faults.refuse.append("patch")
    chart = releases.cluster.home / "chart"
    assert (await releases.helm("upgrade", "checkout", chart, "--set=tag=2.5.0")).code != 0
    await releases.release("upgrade", "2.6.0")
    found = await releases.engine.resolve(releases.source, ToRevision())
    assert found.point is not None
    assert found.point.id == "2"
    assert [(each.point.id, each.because) for each in found.refused] == [
        ("4", "it is the current one"),
        ("3", "it failed or was uninstalled"),
    ]


async def test_a_helm_that_is_killed_leaves_a_half_that_another_attempt_ends(releases: Releases) -> None:
    call = await rollback(releases)
    releases.cluster.rollouts.open.clear()
    ref = await releases.engine.start(call, key="K-1", token=1)
    await releases.pending()
    os.kill(await helm_of(releases, "K-1"), signal.SIGKILL)
    state = await ended(releases, ref)
    assert state.phase is Phase.FAILED
    assert "revision 3 is pending-rollback; another rollback is accepted and ends it" in state.because
    upgrade = await releases.helm("upgrade", "checkout", releases.cluster.home / "chart", "--set=tag=2.5.0")
    assert "another operation (install/upgrade/rollback) is in progress" in upgrade.err
    health = await releases.engine.health(releases.target)
    assert (health.ok, health.problems) == (True, ("Revision 3 is pending-rollback (Rollback to 1).",))
    releases.cluster.rollouts.open.set()
    again = await releases.engine.start(call, key="K-2", token=2)
    assert (await ended(releases, again)).evidence["revision"] == 4
    assert releases.tag == "2.3.0"


async def test_a_job_that_is_gone_is_judged_by_the_history(releases: Releases) -> None:
    call = await rollback(releases)
    releases.cluster.rollouts.open.clear()
    ref = await releases.engine.start(call, key="K-1", token=1)
    await releases.pending()
    job = Job(releases.host.state, "K-1")
    await helm_of(releases, "K-1")
    os.kill(releases.host.supervisor("K-1"), signal.SIGKILL)
    for pid in processes.marked(job.path):
        processes.end(pid, job.path, signal.SIGKILL)
    state = await ended(releases, ref)
    assert state.phase is Phase.FAILED
    assert "In the history revision 3 (Rollback to 1) is pending-rollback." in state.because


async def test_a_rollback_that_was_done_before_its_job_was_gone_is_done(releases: Releases) -> None:
    call = await rollback(releases)
    releases.cluster.rollouts.open.clear()
    ref = await releases.engine.start(call, key="K-1", token=1)
    await releases.pending()
    job = Job(releases.host.state, "K-1")
    helm = await helm_of(releases, "K-1")
    supervisor = releases.host.supervisor("K-1")
    # First whoever would end what is left when its program dies.
    os.kill(supervisor, signal.SIGKILL)
    for pid in {*processes.marked(job.path)} - {helm, supervisor}:
        os.kill(pid, signal.SIGKILL)
    assert (await releases.engine.poll(ref)).alive
    releases.cluster.rollouts.open.set()
    state = await ended(releases, ref)
    assert (state.phase, state.evidence) == (Phase.SUCCEEDED, {"revision": 3, "status": "deployed"})


@pytest.mark.parametrize("releases", ["4"], indirect=True)
async def test_two_rollbacks_never_run_at_once(releases: Releases) -> None:
    call = await rollback(releases)
    releases.cluster.rollouts.open.clear()
    first = await releases.engine.start(call, key="K-1", token=1)
    await releases.pending()
    second = await releases.engine.start(call, key="K-2", token=2)
    state = await ended(releases, second)
    assert (state.phase, state.because) == (Phase.REFUSED, "shop is busy with K-1.")
    releases.cluster.rollouts.open.set()
    assert (await ended(releases, first)).phase is Phase.SUCCEEDED
    assert len(await releases.history()) == 3


@pytest.mark.parametrize("releases", ["4"], indirect=True)
async def test_an_operation_of_somebody_else_is_not_run_over(releases: Releases) -> None:
    call = await rollback(releases)
    releases.cluster.rollouts.open.clear()
    process = await releases.begin("rollback", "checkout", "1", "--wait")
    await releases.pending()
    process.kill()
    await process.wait()
    releases.cluster.rollouts.open.set()
    refused = await ended(releases, await releases.engine.start(call, key="K-1", token=1))
    assert refused.phase is Phase.FAILED
    assert "somebody may be at work on it. End that first, then roll back with" in refused.because
    insisted = await rollback(releases, although_pending="yes")
    done = await ended(releases, await releases.engine.start(insisted, key="K-2", token=2))
    assert done.phase is Phase.SUCCEEDED


async def test_a_rollback_that_does_not_get_ready_says_what_helm_said(tmp_path: Path) -> None:
    async with a_release(tmp_path, "4", patience="1s") as releases:
        call = await rollback(releases)
        releases.cluster.rollouts.open.clear()
        state = await ended(releases, await releases.engine.start(call, key="K-1", token=1))
        assert state.phase is Phase.FAILED
        assert state.because.endswith("; revision 3 is failed.")


@pytest.mark.parametrize("releases", ["4"], indirect=True)
async def test_a_revision_that_is_another_one_now_is_refused(releases: Releases) -> None:
    call = await rollback(releases)
    assert call.point is not None
    before = await releases.engine.health(releases.target)
    assert (await releases.helm("uninstall", "checkout")).code == 0
    with pytest.raises(IntegrationError, match="release: not found"):
        await releases.engine.health(releases.target)
    await releases.release("install", "2.3.0")
    assert (await releases.engine.health(releases.target)).identity != before.identity
    state = await ended(releases, await releases.engine.start(call, key="K-1", token=1))
    assert "Revision 1 is not the one that was approved" in state.because
    gone = replace(call, point=replace(call.point, id="9", digest=None))
    state = await ended(releases, await releases.engine.start(gone, key="K-2", token=2))
    assert "There is no revision 9 of checkout; Helm keeps 1." in state.because


@pytest.mark.parametrize("releases", ["4"], indirect=True)
async def test_a_cluster_that_is_away_may_come_back(releases: Releases) -> None:
    releases.cluster.faults.down = True
    with pytest.raises(IntegrationError, match="unreachable") as away:
        await releases.engine.health(releases.target)
    assert not away.value.permanent


@pytest.mark.parametrize("releases", ["4"], indirect=True)
async def test_what_a_revision_is_not_is_refused(releases: Releases) -> None:
    (point, _) = await releases.engine.points(releases.source)
    for asked in (
        releases.engine.verify_point(releases.source, point),
        releases.engine.hold(releases.source, point, until=None),
        releases.engine.guard(releases.source),
        releases.engine.backup(releases.source, key="B-1", labels={}),
    ):
        with pytest.raises(IntegrationError, match="helm cannot"):
            await asked
