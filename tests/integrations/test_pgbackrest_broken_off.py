"""A restore that is broken off while PostgreSQL replays leaves no server that goes on by itself."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from integrations.contract import BeforeXid, Call, Engine, JobRef, JobState, Phase
from integrations.registry import open_engines
from integrations.runner import processes, servers
from tests import postgres
from tests.integrations.host import Host, a_host, until
from tests.pgbackrest import PORT, SIDE_PORT, Cluster, Release

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
_KEY = "RUN-1/restore/1"
_SLOWLY = "recovery_min_apply_delay = '1d'\n"
"""It waits before the first transaction that comes back."""


@pytest.fixture
async def host(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Host]:
    async with a_host(tmp_path, cluster.runner_config()) as made:
        yield made


@pytest.fixture
def engine(host: Host) -> Engine:
    return open_engines(host.connections)["pgbackrest"]


class Restore:
    """One restore of a cluster to before its bad release, and what becomes of it."""

    def __init__(self, engine: Engine, cluster: Cluster, call: Call, bad: Release) -> None:
        self.engine, self.cluster, self.call, self.bad = engine, cluster, call, bad
        self.count = 0

    async def begin(self) -> JobRef:
        """Start another attempt."""
        self.count += 1
        token = self.count if self.call.operation != "prepare" else None
        return await self.engine.start(self.call, key=f"RUN-1/restore/{self.count}", token=token)

    async def replaying(self, port: str = PORT) -> JobRef:
        """Start an attempt and wait until its server stands still in the middle of its replay."""
        self.cluster.set(_SLOWLY)
        ref = await self.begin()

        await self.comes_to(ref, "replaying", lambda: self.cluster.recovers(port))
        return ref

    async def comes_to(self, ref: JobRef, phase: str, also: Callable[[], bool] = lambda: True) -> None:
        """Wait until a running attempt says that it is in a phase."""

        async def there() -> bool:
            state = await self.engine.poll(ref)
            assert state.phase is Phase.RUNNING, state.because
            return state.progress is not None and state.progress.phase == phase and also()

        await until(there, seconds=90)

    async def ended(self, ref: JobRef) -> JobState:
        """Wait until nothing of an attempt acts."""

        async def look() -> JobState | None:
            state = await self.engine.poll(ref)
            return None if state.phase is Phase.RUNNING or state.alive else state

        return await until(look, seconds=90)

    async def lost(self, ref: JobRef) -> None:
        """Wait until it is known that nobody looks after an attempt, of which something still acts."""

        async def look() -> bool:
            state = await self.engine.poll(ref)
            return (state.phase, state.alive) == (Phase.LOST, True)

        await until(look)

    async def done(self) -> None:
        """Restore without hindrance, and see that everything came back."""
        self.cluster.set("")
        state = await self.ended(await self.begin())
        assert state.phase is Phase.SUCCEEDED, state.because
        assert self.cluster.rows() == self.bad.good


@pytest.fixture(params=["restore_in_place", "restore"])
async def restore(request: pytest.FixtureRequest, engine: Engine, cluster: Cluster) -> Restore:
    return await _restore(engine, cluster, request.param)


@pytest.fixture
async def in_place(engine: Engine, cluster: Cluster) -> Restore:
    return await _restore(engine, cluster, "restore_in_place")


async def _restore(engine: Engine, cluster: Cluster, operation: str) -> Restore:
    bad = cluster.release_badly()
    cluster.archived()
    found = await engine.resolve(cluster.source, BeforeXid(bad.xid))
    assert found.point, found.because
    call = Call(operation, target=cluster.target, source=cluster.source, point=found.point, goal=found.goal)
    return Restore(engine, cluster, call, bad)


async def test_a_cancel_stops_a_server_that_still_replays_before_the_end_is_recorded(
    in_place: Restore, cluster: Cluster
) -> None:
    ref = await in_place.replaying()

    await in_place.engine.cancel(ref)
    state = await in_place.ended(ref)

    assert (state.phase, cluster.pid()) == (Phase.CANCELLED, None)
    assert f"PostgreSQL in {cluster.data} had not ended its recovery and is stopped" in state.because
    await in_place.done()


@pytest.mark.parametrize("operation", ["prepare", "restore"])
async def test_a_cancel_stops_the_server_of_a_copy_that_still_replays_and_leaves_the_real_one(
    engine: Engine, cluster: Cluster, operation: str
) -> None:
    beside = await _restore(engine, cluster, operation)
    server, damaged = cluster.pid(), cluster.rows()
    ref = await beside.replaying(SIDE_PORT)

    await engine.cancel(ref)
    state = await beside.ended(ref)

    assert (state.phase, servers.pid_in(cluster.side)) == (Phase.CANCELLED, None)
    assert (cluster.pid(), cluster.rows()) == (server, damaged)


async def test_a_server_whose_replay_hangs_is_stopped_as_well(in_place: Restore, cluster: Cluster) -> None:
    ref = await in_place.replaying()
    workers = processes.children(cluster.pid())
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)

    await in_place.engine.cancel(ref)
    state = await in_place.ended(ref)

    assert (state.phase, cluster.pid()) == (Phase.CANCELLED, None)
    assert not [pid for pid in workers if processes.runs(pid)]


async def test_a_restore_that_takes_too_long_leaves_no_server_that_replays(
    in_place: Restore, cluster: Cluster
) -> None:
    in_place.call = replace(in_place.call, timeout_s=20.0)
    state = await in_place.ended(await in_place.replaying())

    assert (state.phase, cluster.pid()) == (Phase.TIMED_OUT, None)
    assert "had not ended its recovery and is stopped" in state.because


async def test_a_server_that_replays_ends_with_its_program(
    in_place: Restore, cluster: Cluster, host: Host
) -> None:
    ref = await in_place.replaying()

    os.kill(await host.child(_KEY), signal.SIGKILL)
    state = await in_place.ended(ref)

    assert (state.phase, state.code, cluster.pid()) == (Phase.FAILED, 137, None)
    assert "had not ended its recovery and is stopped" in state.because
    await in_place.done()


async def test_a_server_that_was_killed_while_it_replayed_is_in_nobodys_way(
    in_place: Restore, cluster: Cluster
) -> None:
    ref = await in_place.replaying()

    os.kill(_pid(cluster), signal.SIGKILL)
    state = await in_place.ended(ref)

    assert state.phase is Phase.FAILED
    assert "PostgreSQL ended while it replayed" in state.because
    await in_place.done()


async def test_what_outlives_a_killed_server_is_waited_for_before_its_files_are_written(
    in_place: Restore, cluster: Cluster
) -> None:
    ref = await in_place.replaying()
    server = _pid(cluster)
    (replays,) = (pid for pid in processes.children(server) if _is_startup(pid))
    os.kill(replays, signal.SIGSTOP)
    os.kill(server, signal.SIGKILL)
    await in_place.ended(ref)
    cluster.set("")

    again = await in_place.begin()

    await in_place.comes_to(again, "stopping")
    os.kill(replays, signal.SIGCONT)
    state = await in_place.ended(again)
    assert state.phase is Phase.SUCCEEDED, state.because
    assert cluster.rows() == in_place.bad.good


async def test_a_restore_over_a_cluster_whose_server_was_killed_needs_no_copy_of_it(
    in_place: Restore, cluster: Cluster
) -> None:
    without = {**in_place.call.params, "keep": "nothing", "because": "nobody needs it"}
    in_place.call = replace(in_place.call, params=without)
    os.kill(_pid(cluster), signal.SIGKILL)

    await in_place.done()


async def test_a_killed_server_that_nobody_waited_for_does_not_keep_the_restored_one_from_its_start(
    in_place: Restore, cluster: Cluster
) -> None:
    cluster.stop()
    with _begun(cluster) as server:

        async def serves() -> bool:
            return servers.is_open(cluster.data)

        await until(serves)
        server.kill()
        await in_place.done()


def _begun(cluster: Cluster) -> subprocess.Popen[bytes]:
    words = [cluster.binaries / "postgres", "-D", cluster.data]
    return subprocess.Popen(words, cwd="/", **postgres.as_account(cluster.account))


def _pid(cluster: Cluster) -> int:
    pid = cluster.pid()
    assert pid
    return pid


def _is_startup(pid: int) -> bool:
    return b"startup" in Path(f"/proc/{pid}/cmdline").read_bytes()


async def test_a_server_that_replays_after_everything_else_was_killed_counts_until_it_is_up(
    in_place: Restore, cluster: Cluster, host: Host
) -> None:
    ref = await in_place.replaying()
    server, child = cluster.pid(), await host.child(_KEY)
    os.kill(host.supervisor(_KEY), signal.SIGKILL)
    os.kill(child, signal.SIGKILL)

    await in_place.lost(ref)
    refused = await in_place.ended(await in_place.begin())
    assert refused.phase is Phase.REFUSED
    assert f"Processes of {_KEY} still run on orders-cluster: {server}" in refused.because

    cluster.set("")
    cluster.reload()
    state = await in_place.ended(ref)
    assert (state.phase, state.alive) == (Phase.LOST, False)
    assert "it is up and takes writes" in state.because
    await in_place.engine.cancel(ref)
    assert cluster.pid() == server
    assert cluster.rows() == in_place.bad.good


async def test_a_server_that_replays_after_everything_else_was_killed_can_be_cancelled(
    in_place: Restore, cluster: Cluster, host: Host
) -> None:
    ref = await in_place.replaying()
    child = await host.child(_KEY)
    os.kill(host.supervisor(_KEY), signal.SIGKILL)
    os.kill(child, signal.SIGKILL)
    await in_place.lost(ref)

    await in_place.engine.cancel(ref)
    state = await in_place.ended(ref)

    assert (state.phase, state.alive, cluster.pid()) == (Phase.LOST, False, None)
    assert "had not ended its recovery and is stopped" in state.because
    await in_place.done()


async def test_a_server_whose_recovery_was_over_is_never_stopped_and_it_is_said_that_it_is_up(
    restore: Restore, cluster: Cluster
) -> None:
    # The end waits for the archive, which takes nothing.
    cluster.set("archive_command = '/bin/false'\n")
    ref = await restore.begin()

    await restore.comes_to(ref, "done")
    server = cluster.pid()

    await restore.engine.cancel(ref)
    state = await restore.ended(ref)

    assert state.phase is Phase.CANCELLED
    assert "had ended its recovery before: it is up and takes writes" in state.because
    assert cluster.pid() == server
    assert cluster.rows() == restore.bad.good
