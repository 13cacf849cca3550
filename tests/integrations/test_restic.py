"""Folders and the real restic: what it restores, what it proves, and what it refuses."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from integrations.contract import (
    Call,
    Engine,
    IntegrationError,
    JobState,
    Phase,
    RecoveryPoint,
    Target,
    ToTime,
)
from integrations.registry import open_engines
from tests.integrations.host import SECRET, Host, a_host, until
from tests.integrations.uploads import Uploads

pytestmark = pytest.mark.real


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


async def _ended(engine: Engine, call: Call, key: str = "RUN-1/restore/1") -> JobState:
    ref = await engine.start(call, key=key, token=1 if call.operation == "restore" else None)

    async def look() -> JobState | None:
        state = await engine.poll(ref)
        return None if state.phase is Phase.RUNNING else state

    return await until(look)


async def _backed_up(engine: Engine, uploads: Uploads) -> RecoveryPoint:
    labels = {"release": "2.3.0", "commit": "1f2e3d", "environment": "production"}
    state = await _ended(engine, Call("backup", target=uploads.target, params=labels), "B-1")
    assert state.phase is Phase.SUCCEEDED
    return (await engine.points(uploads.source))[0]


def _restore(uploads: Uploads, point: RecoveryPoint) -> Call:
    return Call("restore", target=uploads.target, point=point, source=uploads.source)


async def _through(host: Host, script: str) -> None:
    """Let the runner reach restic through a script, in which $RESTIC is the program."""
    text = host.config.read_text()
    program = text.split('restic = "')[1].split('"')[0]
    wrapper = host.home / "through"
    wrapper.write_text(f"#!/bin/sh\nRESTIC={program}\n{script}\n")
    wrapper.chmod(0o700)
    host.kill_serve()
    host.config.write_text(text.replace(f'restic = "{program}"', f'restic = "{wrapper}"'))
    await host.serve()


async def _restored(engine: Engine, uploads: Uploads, point: RecoveryPoint) -> str:
    found = await engine.check(Call("restored", target=uploads.target, point=point, source=uploads.source))
    return f"{'right' if found.ok else 'wrong'}: {found.found}"


async def test_a_damaged_folder_is_restored_and_the_damaged_one_is_kept(
    engine: Engine, uploads: Uploads
) -> None:
    point = await _backed_up(engine, uploads)
    uploads.damage()
    assert (await _restored(engine, uploads, point)).startswith("wrong: 6 files and directories, 4 missing")

    state = await _ended(engine, _restore(uploads, point))

    assert state.phase is Phase.SUCCEEDED
    assert uploads.whole()
    assert (Path(str(state.evidence["kept"])) / "readme").read_text() == "damaged"
    assert state.evidence["digest"] == point.digest
    right = "right: 6 files and directories, 0 missing or changed, 0 written since"
    assert await _restored(engine, uploads, point) == right


async def test_what_is_written_after_a_restore_does_not_disturb_its_proof(
    engine: Engine, uploads: Uploads
) -> None:
    point = await _backed_up(engine, uploads)
    uploads.damage()
    await _ended(engine, _restore(uploads, point))
    (uploads.path / "readme").write_text("an order of today")
    (uploads.path / "new").write_text("an order of today")
    assert "right: 6 files and directories, 0 missing or changed, 1 written since" in await _restored(
        engine, uploads, point
    )
    (uploads.path / "newest").unlink()
    assert f"1 missing or changed, 1 written since; the first is '{uploads.path}/newest'" in await _restored(
        engine, uploads, point
    )


async def test_a_snapshot_is_a_point_with_its_labels_and_keeps_its_name_while_it_is_held(
    engine: Engine, uploads: Uploads
) -> None:
    point = await _backed_up(engine, uploads)
    until_then = datetime(2026, 12, 1, tzinfo=UTC)
    await engine.hold(uploads.source, point, until=until_then)
    (held,) = await engine.points(uploads.source)
    assert (held.id, held.digest, held.held_until) == (point.id, point.digest, until_then)
    assert (held.release, held.commit, held.environment) == ("2.3.0", "1f2e3d", "production")
    assert "hold-until=2026-12-01T00:00:00Z" in uploads.restic("snapshots")

    uploads.damage()
    assert (await _ended(engine, _restore(uploads, held))).phase is Phase.SUCCEEDED
    await engine.hold(uploads.source, held, until=None)
    assert (await engine.points(uploads.source))[0].held_until is None


async def test_a_snapshot_is_proved_by_reading_it_whole(engine: Engine, uploads: Uploads) -> None:
    point = await _backed_up(engine, uploads)
    assert point.health == "unknown"
    assert (await engine.verify_point(uploads.source, point)).ok
    (proved,) = await engine.points(uploads.source)
    assert (proved.health, proved.verified_at is not None) == ("valid", True)


async def test_a_damaged_repository_is_found_out_and_changes_nothing(
    engine: Engine, uploads: Uploads
) -> None:
    point = await _backed_up(engine, uploads)
    for pack in (uploads.repository / "data").rglob("*"):
        if pack.is_file():
            content = bytearray(pack.read_bytes())
            content[: len(content) // 2] = bytes(len(content) // 2)
            pack.chmod(0o600)
            pack.write_bytes(content)
    uploads.damage()

    found = await engine.verify_point(uploads.source, point)
    state = await _ended(engine, _restore(uploads, point))

    assert not found.ok
    assert state.phase is Phase.FAILED
    assert (uploads.path / "readme").read_text() == "damaged"
    assert [each.health for each in await engine.points(uploads.source)] == ["invalid"]
    assert (
        "damaged or missing"
        in (await engine.resolve(uploads.source, ToTime(datetime.now(UTC)))).refused[0].because
    )


async def test_another_content_than_was_approved_is_refused(engine: Engine, uploads: Uploads) -> None:
    point = await _backed_up(engine, uploads)
    other = RecoveryPoint(point.id, "restic", "snapshot", point.finished_at, digest="0" * 64)
    state = await _ended(engine, _restore(uploads, other))
    assert state.phase is Phase.FAILED
    assert "is not the content that was approved" in state.because


async def test_a_repository_that_cannot_be_read_is_said_without_its_password(
    engine: Engine, uploads: Uploads, host: Host
) -> None:
    before = await engine.health(uploads.target)
    uploads.repository.rename(uploads.repository.with_name("elsewhere"))
    after = await engine.health(uploads.target)
    assert (before.ok, after.ok) == (True, False)
    assert before.identity == after.identity
    assert "unable to open config file" in after.problems[0]
    with pytest.raises(IntegrationError, match="unable to open config file"):
        await engine.points(uploads.source)

    uploads.repository.with_name("elsewhere").rename(uploads.repository)
    (host.home / "secret").write_text("another password\n")
    assert "wrong password" in (await engine.health(uploads.target)).problems[0]
    assert SECRET not in str(await engine.health(uploads.target))


async def test_a_repository_inside_the_folder_is_an_obstacle(
    engine: Engine, uploads: Uploads, host: Host
) -> None:
    host.kill_serve()
    inside = uploads.path / "repository"
    host.config.write_text(host.config.read_text().replace(str(uploads.repository), str(inside)))
    await host.serve()
    health = await engine.health(uploads.target)
    assert not health.ok
    assert f"{inside} lies inside {uploads.path}, which is replaced as a whole." in health.problems


async def test_a_backup_that_could_not_read_everything_is_no_recovery_point(
    engine: Engine, uploads: Uploads, host: Host
) -> None:
    # restic ends with 3 then; whoever may read everything never sees that, so its exit code stands in for it.
    await _through(host, '"$RESTIC" "$@" || exit\ncase "$*" in *" backup "*) exit 3;; esac')

    state = await _ended(engine, Call("backup", target=uploads.target), "B-1")

    assert state.phase is Phase.FAILED
    assert "could not read every file" in state.because
    (point,) = await engine.points(uploads.source)
    assert point.health == "partial"


async def test_a_restore_that_went_on_without_its_supervisor_is_known_to_be_done(
    engine: Engine, uploads: Uploads, host: Host
) -> None:
    point = await _backed_up(engine, uploads)
    uploads.damage()
    wait = f'echo > "{host.home}/begun"; while [ ! -e "{host.home}/go" ]; do sleep 0.02; done'
    await _through(host, f'case "$*" in *" restore "*) {wait};; esac\nexec "$RESTIC" "$@"')
    ref = await engine.start(_restore(uploads, point), key="R-1", token=1)

    async def begun() -> bool:
        return (host.home / "begun").exists()

    await until(begun)
    os.kill(host.supervisor("R-1"), signal.SIGKILL)

    async def unattended() -> bool:
        return (await engine.poll(ref)).phase is Phase.LOST

    await until(unattended)
    assert (await engine.poll(ref)).alive
    host.go()

    async def ended() -> JobState | None:
        state = await engine.poll(ref)
        return None if state.alive else state

    state = await until(ended)
    assert (state.phase, state.alive, state.evidence["point"]) == (Phase.SUCCEEDED, False, point.id)
    assert state.ended_at is not None
    assert uploads.whole()
    assert (await engine.poll(await engine.forbid(_restore(uploads, point), key="R-1"))).phase is (
        Phase.SUCCEEDED
    )


@pytest.mark.parametrize(("at", "words"), [("", "uploads"), ("..", "{home}/uploads"), ("2026", ".")])
async def test_a_snapshot_of_a_relative_path_is_restored_from_where_it_lies_or_not_planned(
    engine: Engine, uploads: Uploads, host: Host, at: str, words: str
) -> None:
    where, what = host.home, words.format(home=host.home.name)
    if words == ".":
        where, what = uploads.path, "."
    elif at == "..":
        where = host.home.parent
    uploads.restic("backup", what, cwd=where)
    (point,) = await engine.points(uploads.source)
    uploads.damage()
    if words == ".":
        with pytest.raises(
            IntegrationError, match=f"{point.id} does not hold the folder {uploads.path}: it was"
        ):
            await engine.plan(_restore(uploads, point))
        return
    assert (await engine.plan(_restore(uploads, point))).work["copying"] > 0

    state = await _ended(engine, _restore(uploads, point))

    assert state.phase is Phase.SUCCEEDED, state.because
    assert uploads.whole()
    assert "0 missing or changed" in await _restored(engine, uploads, point)
    assert (await engine.verify_point(uploads.source, point)).ok


async def test_a_stand_in_restores_what_the_snapshots_of_its_source_name_otherwise(
    engine: Engine, uploads: Uploads, host: Host
) -> None:
    point = await _backed_up(engine, uploads)
    (host.home / "lab").mkdir()
    stand_in = Target("uploads-drill", "restic", "recovery-lab", isolated=True)
    call = Call("restore", target=stand_in, point=point, source=uploads.source)
    assert (await engine.plan(call)).work["copying"] > 0

    state = await _ended(engine, call)

    assert state.phase is Phase.SUCCEEDED, state.because
    assert uploads.whole(host.home / "lab" / "uploads")
    found = await engine.check(Call("restored", target=stand_in, point=point, source=uploads.source))
    assert found.ok, found.found


async def test_a_snapshot_that_does_not_fit_is_not_planned_and_leaves_nothing(
    engine: Engine, uploads: Uploads, host: Host
) -> None:
    point = await _backed_up(engine, uploads)
    huge = r"{\"total_size\": 99000000000000000}"
    await _through(host, f'case "$*" in *" stats "*) echo "{huge}";; *) exec "$RESTIC" "$@";; esac')
    with pytest.raises(
        IntegrationError, match=r"free, and 90040\.0 TiB and a tenth more are needed: nothing"
    ):
        await engine.plan(_restore(uploads, point))
    state = await _ended(engine, _restore(uploads, point))
    assert state.phase is Phase.FAILED
    assert "Make room first." in state.because
    assert [each.name for each in host.home.glob(".uploads*")] == []


async def test_a_snapshot_of_another_host_is_told_where_this_one_has_its_own(
    engine: Engine, uploads: Uploads
) -> None:
    uploads.restic("backup", "--host=elsewhere", str(uploads.path))
    (other,) = await engine.points(uploads.source)
    assert (await engine.plan(_restore(uploads, other))).notes == ()

    await _backed_up(engine, uploads)
    (note,) = (await engine.plan(_restore(uploads, other))).notes
    assert note.startswith(f"{other.id} was taken on elsewhere, and this host, {os.uname().nodename}, has 1 ")
    assert (await engine.health(uploads.target)).made != ""
