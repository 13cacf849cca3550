"""A restic repository that somebody has locked: who, and what a restore does about it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from integrations.contract import Call, Engine, Phase
from integrations.registry import open_engines
from tests.integrations.host import Host, a_host, until
from tests.integrations.test_restic import _backed_up, _ended, _restore
from tests.integrations.uploads import Uploads

pytestmark = pytest.mark.real
UNTIL = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    async with a_host(tmp_path) as made:
        yield made


@pytest.fixture
def uploads(host: Host) -> Uploads:
    return Uploads(host)


@pytest.fixture
def engine(host: Host) -> Engine:
    return open_engines(host.connections)["restic"]


def _locks(uploads: Uploads) -> set[str]:
    # One that is just being written has a longer name.
    return {each.name for each in (uploads.repository / "locks").iterdir() if len(each.name) == 64}


@contextmanager
def _working(uploads: Uploads, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Let an operator's restic work until it has its lock, and end it afterwards."""
    before = _locks(uploads)
    with uploads.started(*words) as process:
        try:
            while not _locks(uploads) - before:
                assert process.poll() is None, "it ended before it had a lock"
            yield process
        finally:
            process.kill()


@contextmanager
def _backing_up(uploads: Uploads) -> Iterator[subprocess.Popen[bytes]]:
    """What is backed up comes through a pipe, so it lasts for as long as that is open."""
    with _working(uploads, "backup", "--stdin") as process:
        yield process


async def test_a_lock_that_a_killed_restic_left_is_removed(engine: Engine, uploads: Uploads) -> None:
    point = await _backed_up(engine, uploads)
    with _backing_up(uploads) as dead:
        pass
    dead.wait()
    told = (await engine.health(uploads.target)).notes
    assert f"process {dead.pid} on " in told[0]
    assert "is locked" in told[0]
    assert "gone: the next restore, backup or hold removes its lock" in told[0]

    await engine.hold(uploads.source, point, until=UNTIL)
    assert (await engine.points(uploads.source))[0].held_until == UNTIL
    assert _locks(uploads) == set()


async def test_a_running_backup_keeps_only_the_hold_away_and_its_lock_is_left_alone(
    engine: Engine, uploads: Uploads
) -> None:
    point = await _backed_up(engine, uploads)
    uploads.damage()
    with _backing_up(uploads) as backup:
        before = _locks(uploads)
        (note,) = (await engine.health(uploads.target)).notes
        assert f"The repository is locked by process {backup.pid} on {os.uname().nodename} (" in note
        await engine.hold(uploads.source, point, until=UNTIL)
        assert (await engine.points(uploads.source))[0].held_until is None

        state = await _ended(engine, _restore(uploads, point))

        assert state.phase is Phase.SUCCEEDED, state.because
        assert uploads.whole()
        assert (
            f"not held while it was restored, for the repository was locked by process {backup.pid}"
            in str(state.evidence["caution"])
        )
        assert before <= _locks(uploads)
    await engine.hold(uploads.source, point, until=UNTIL)
    assert (await engine.points(uploads.source))[0].held_until == UNTIL


async def test_whoever_has_the_repository_for_himself_is_waited_for(engine: Engine, uploads: Uploads) -> None:
    point = await _backed_up(engine, uploads)
    uploads.damage()
    with _working(uploads, "prune") as prune:
        # It has its lock, and does not come to its end.
        prune.send_signal(signal.SIGSTOP)
        assert [each.id for each in await engine.points(uploads.source)] == [point.id]
        ref = await engine.start(_restore(uploads, point), key="R-1", token=1)

        async def waits() -> bool:
            state = await engine.poll(ref)
            return state.progress is not None and state.progress.phase == "waiting for restic"

        await until(waits)
        said = (await engine.logs(ref)).text
        assert f"The repository is locked by process {prune.pid} on " in said
        assert "the restore waits until it ends." in said
        assert not uploads.whole()
        prune.send_signal(signal.SIGCONT)
        prune.wait()

        async def ended() -> bool:
            return (await engine.poll(ref)).phase is Phase.SUCCEEDED

        await until(ended)
    assert uploads.whole()


async def test_a_backup_names_whoever_has_the_repository(engine: Engine, uploads: Uploads) -> None:
    await _backed_up(engine, uploads)
    with _working(uploads, "prune") as prune:
        prune.send_signal(signal.SIGSTOP)
        ref = await engine.start(Call("backup", target=uploads.target), key="B-2")

        async def waits() -> bool:
            return f"locked by process {prune.pid} on " in (await engine.logs(ref)).text

        await until(waits)
        prune.send_signal(signal.SIGCONT)

        async def ended() -> bool:
            return (await engine.poll(ref)).phase is Phase.SUCCEEDED

        await until(ended)
