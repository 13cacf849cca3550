"""Clusters, the real PostgreSQL and the real pgBackRest: what is there, and what a goal would mean."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from integrations.contract import (
    BeforeXid,
    Call,
    Engine,
    IntegrationError,
    JobState,
    Phase,
    RecoveryPoint,
    ToLsn,
    ToMarker,
    ToPoint,
    ToRevision,
    ToTime,
)
from integrations.examine import examine_target
from integrations.registry import open_engines
from tests.integrations.host import Host, a_host, until
from tests.pgbackrest import PORT, Cluster, now

pytestmark = pytest.mark.real


@pytest.fixture
async def host(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Host]:
    async with a_host(tmp_path, cluster.runner_config()) as made:
        yield made


@pytest.fixture
def engine(host: Host) -> Engine:
    return open_engines(host.connections)["pgbackrest"]


async def _ended(engine: Engine, call: Call, key: str = "B-1") -> JobState:
    ref = await engine.start(call, key=key)

    async def look() -> JobState | None:
        state = await engine.poll(ref)
        return None if state.phase is Phase.RUNNING else state

    return await until(look, seconds=60)


async def _backed_up(engine: Engine, cluster: Cluster, kind: str = "incr", key: str = "B-1") -> RecoveryPoint:
    labels = {"release": "2.3.1", "commit": "1f2e3d", "environment": "production", "type": kind}
    state = await _ended(engine, Call("backup", target=cluster.target, params=labels), key)
    assert state.phase is Phase.SUCCEEDED, state.because
    return (await engine.points(cluster.source))[0]


async def test_health_names_the_database_also_while_it_is_stopped(engine: Engine, cluster: Cluster) -> None:
    running = await engine.health(cluster.target)
    assert (running.ok, running.problems) == (True, ())
    assert running.version == "PostgreSQL 15, pgBackRest 2.45"
    identity = cluster.run(cluster.binaries / "pg_controldata", cluster.data).splitlines()[2].split()[-1]
    assert running.identity.endswith(f":orders#{identity}")
    cluster.stop()
    stopped = await engine.health(cluster.target)
    assert (stopped.ok, stopped.identity) == (True, running.identity)
    assert stopped.problems == (f"The server in {cluster.data} is stopped.",)
    (cluster.data / "global" / "pg_control").unlink()
    damaged = await engine.health(cluster.target)
    assert (damaged.ok, damaged.identity) == (True, running.identity)
    assert f"What is in {cluster.data} is no whole cluster" in damaged.problems[0]


async def test_a_standby_is_as_it_should_be_and_says_where_to_restore(
    engine: Engine, cluster: Cluster
) -> None:
    cluster.stop()
    cluster.run("touch", cluster.data / "standby.signal")
    cluster.start("-c archive_mode=off")
    health = await engine.health(cluster.target)
    assert (health.ok, health.problems) == (False, ())
    assert health.notes == ("The server is a standby; restore on the one it follows.",)
    found = await examine_target(engine, cluster.target)
    assert found.problems == ()
    assert found.says.endswith(". The server is a standby; restore on the one it follows.")


async def test_whoever_may_write_in_the_repository_could_delete_its_backups(
    engine: Engine, cluster: Cluster
) -> None:
    guard = await engine.guard(cluster.source)
    assert guard.deletes is True
    assert guard.because.endswith(f" may write in {cluster.home}/repo/backup/orders")


async def test_the_cluster_of_another_database_is_not_restored(engine: Engine, cluster: Cluster) -> None:
    cluster.stop()
    cluster.run("rm", "-r", cluster.data)
    cluster.run(cluster.binaries / "initdb", "--pgdata", cluster.data, "--no-sync", "--username=postgres")
    other = await engine.health(cluster.target)
    assert not other.ok
    assert "is another database (" in other.problems[0]


async def test_backups_are_points_with_their_labels_and_can_be_proved_and_held(
    engine: Engine, cluster: Cluster
) -> None:
    newer = await _backed_up(engine, cluster)
    (_, older) = await engine.points(cluster.source)
    assert (newer.kind, newer.release, newer.commit, newer.environment) == (
        *("incr", "2.3.1", "1f2e3d"),
        "production",
    )
    assert (older.kind, older.release, older.health) == ("full", "2.3.0", "unknown")
    assert older.size
    assert older.size > 10_000_000
    held = older.finished_at + timedelta(days=30)
    await engine.hold(cluster.source, older, until=held)
    assert (await engine.verify_point(cluster.source, older)).found == (
        "every file of it and of the log has its checksum"
    )
    again = (await engine.points(cluster.source))[1]
    assert (again.health, again.held_until) == ("valid", held)
    assert again.verified_at is not None
    assert '"backstop-hold-until"' in cluster.pgbackrest("info", "--output=json")


async def test_a_backup_that_is_gone_is_not_held_unless_its_copy_lies_ready(
    engine: Engine, cluster: Cluster
) -> None:
    (full,) = await engine.points(cluster.source)
    until = full.finished_at + timedelta(days=30)
    backups = cluster.home / "repo/backup/orders"
    (backups / full.id).rename(cluster.home / "elsewhere")
    with pytest.raises(IntegrationError) as refused:
        await engine.hold(cluster.source, full, until=until)
    assert f"The backup {full.id} cannot be marked as one to keep (pgbackrest annotate: " in str(
        refused.value
    )
    assert "Look whether it is still there: `pgbackrest --stanza=orders info`. If not, plan again." in str(
        refused.value
    )
    (cluster.home / "elsewhere").rename(backups / full.id)
    prepare = Call("prepare", source=cluster.source, point=full, target=cluster.target)
    assert (await _ended(engine, prepare, "RUN-1.prepare.1")).phase is Phase.SUCCEEDED
    (backups / full.id).rename(cluster.home / "elsewhere")
    await engine.hold(cluster.source, full, until=until)


async def test_a_damaged_backup_is_found_out_though_verify_ends_well(
    engine: Engine, cluster: Cluster
) -> None:
    newer = await _backed_up(engine, cluster)
    (_, older) = await engine.points(cluster.source)
    bundle = max(
        (cluster.home / "repo/backup/orders" / older.id).rglob("*"), key=lambda path: path.stat().st_size
    )
    content = bytearray(bundle.read_bytes())
    content[len(content) // 2] ^= 0xFF
    bundle.write_bytes(content)
    state = await _ended(
        engine, Call("verify", target=cluster.target, point=older, source=cluster.source), "V-1"
    )
    assert state.phase is Phase.FAILED
    assert f"{older.id} is damaged: backup: {older.id}" in state.because
    assert [point.health for point in await engine.points(cluster.source)] == ["invalid", "invalid"]
    found = await engine.resolve(cluster.source, ToPoint(newer.id))
    assert found.point is None
    assert f"it builds on {older.id}: it is damaged" in found.refused[0].because


async def test_a_bad_release_is_found_by_moment_position_transaction_and_marker(
    engine: Engine, cluster: Cluster
) -> None:
    (full,) = await engine.points(cluster.source)
    position = await engine.mark(cluster.target, "before-2.4.0")
    bad = cluster.release_badly()
    late = await _backed_up(engine, cluster)
    later = "it ended after the goal, so a replay from it could not end there"
    edges = f"the last transaction that comes back is {bad.xid - 1} of "
    for goal in (ToTime(bad.began), ToLsn(bad.lsn), BeforeXid(bad.xid)):
        found = await engine.resolve(cluster.source, goal)
        assert found.point == full, found.because
        assert found.goal == replace(goal, timeline=1)
        assert found.log_continuous is True
        assert edges in found.because
        assert f"the first that does not is {bad.xid} of " in found.because
        assert [(each.point.id, each.because) for each in found.refused] == [(late.id, later)]
        assert found.reaches
        assert found.reaches < bad.began
    plan = await engine.plan(
        Call("restore", target=cluster.target, source=cluster.source, point=full, goal=found.goal)
    )
    assert plan.work["copying"] == full.size
    assert plan.work["replaying"] % (1 << 20) == 0
    found = await engine.resolve(cluster.source, ToMarker("before-2.4.0"))
    assert (found.point, found.goal) == (full, ToMarker("before-2.4.0", timeline=1))
    assert found.reaches
    assert abs(found.reaches - bad.began) < timedelta(seconds=30)
    assert (await engine.resolve(cluster.source, ToLsn(position))).point == full


async def test_settings_that_were_changed_since_the_backup_are_named_with_what_becomes_of_them(
    engine: Engine, cluster: Cluster
) -> None:
    bad = cluster.release_badly()
    (full,) = await engine.points(cluster.source)
    assert (await engine.resolve(cluster.source, BeforeXid(bad.xid))).caution == ""

    changed = datetime(2100, 1, 1, 2, 10, tzinfo=UTC).timestamp()
    os.utime(cluster.data / "pg_hba.conf", (changed, changed))

    assert (await engine.resolve(cluster.source, BeforeXid(bad.xid))).caution == (
        f"pg_hba.conf was changed at 2100-01-01 02:10:00Z, after {full.id} began, and comes back as it was: "
        "copy it now, and put it back afterwards."
    )


async def test_what_no_replay_can_end_at_is_refused_before_anything_is_done(
    engine: Engine, cluster: Cluster
) -> None:
    (full,) = await engine.points(cluster.source)
    bad = cluster.release_badly()
    early = full.finished_at - timedelta(hours=1)
    for goal, says in (
        (ToTime(now() + timedelta(hours=1)), "is still to come."),
        (ToTime(datetime.min.replace(tzinfo=UTC)), "0001-01-01 00:00:00Z lies before there was PostgreSQL"),
        (ToTime(early), f" lies before the first backup, {full.id}, which ended at "),
        (ToLsn("F/0"), "F/0 lies after the end of the archived log of timeline 1"),
        (ToLsn(bad.lsn, timeline=7), "there is no timeline 7 in the archive; there are: 1."),
        (BeforeXid(99_999), "the end of transaction 99999 is not in the log of timeline 1: it has not ended"),
        (ToMarker("never-set"), "nothing is known of a marker never-set: markers are set with `mark`"),
        (ToPoint("20200101-000000F"), "There is no backup 20200101-000000F."),
        (ToRevision(3), "pgbackrest restores databases, not revisions."),
    ):
        found = await engine.resolve(cluster.source, goal)
        assert found.point is None
        assert says in found.because
    moment = now()
    assert (await engine.resolve(cluster.source, ToTime(moment))).point == full
    cluster.stop()
    stopped = await engine.resolve(cluster.source, ToTime(moment))
    assert stopped.point is None
    assert (
        "lies after the last transaction in the archived log of timeline 1, which is of 20" in stopped.because
    )
    assert "Choose an earlier moment, or start the server" in stopped.because
    assert (await engine.resolve(cluster.source, ToTime(bad.began))).point == full


_WHILE_LISTING = """#!/bin/sh
case "$*" in
*repo-ls*)
    found=$({pgbackrest} "$@") || exit
    for _ in 1 2; do
        {programs}/psql -qAtX -h {home}/s -p {port} -U postgres postgres -c \\
            "INSERT INTO orders (total) VALUES (1)" -c "SELECT pg_switch_wal()" >&2
    done
    {pgbackrest} --config={home}/pgbackrest.conf --stanza=orders --log-level-console=off check >&2
    printf '%s' "$found";;
*) exec {pgbackrest} "$@";;
esac
"""


async def test_a_moment_in_whose_second_several_segments_were_archived_is_found(
    engine: Engine, cluster: Cluster
) -> None:
    bad = cluster.release_badly()
    for _ in range(2):
        cluster.order()
        cluster.archived()
    second = int(bad.began.timestamp())
    for path in (cluster.home / "repo/archive").rglob("*.lz4"):
        os.utime(path, (second, second))

    found = await engine.resolve(cluster.source, ToTime(bad.began))

    assert found.point, found.because
    assert f"the first that does not is {bad.xid} of " in found.because


async def test_what_is_archived_while_one_looks_is_no_gap(cluster: Cluster, tmp_path: Path) -> None:
    slow = cluster.home / "slow-pgbackrest"
    words = {"home": cluster.home, "programs": cluster.binaries, "port": PORT}
    slow.write_text(_WHILE_LISTING.format(pgbackrest=shutil.which("pgbackrest"), **words))
    slow.chmod(0o755)
    async with a_host(tmp_path, cluster.runner_config(more=f'pgbackrest = "{slow}"\n')) as host:
        engine = open_engines(host.connections)["pgbackrest"]
        (full,) = await engine.points(cluster.source)
        bad = cluster.release_badly()
        for goal in (ToLsn(bad.lsn), ToTime(bad.began), BeforeXid(bad.xid)):
            found = await engine.resolve(cluster.source, goal)
            assert (found.point, found.log_continuous) == (full, True), found.because
        assert (await engine.check(Call("log_continuous", source=cluster.source, point=full))).ok


async def test_a_gap_in_the_log_is_named_and_no_backup_before_it_is_chosen(
    engine: Engine, cluster: Cluster
) -> None:
    (full,) = await engine.points(cluster.source)
    cluster.order()
    cluster.archived()
    cluster.order()
    cluster.archived()
    bad = cluster.release_badly()
    check = Call("log_continuous", source=cluster.source, point=full)
    assert (await engine.check(check)).ok
    segments = sorted((cluster.home / "repo/archive/orders/15-1").rglob("*.lz4"))
    gone = segments[-1]
    cluster.archived()
    gone.unlink()
    name = gone.name[:24]
    found = await engine.resolve(cluster.source, ToTime(bad.began))
    assert (found.point, found.log_continuous) == (None, False)
    gap = f"the log after {full.id} has a gap: {name} is not archived"
    assert found.because == f"{gap}; only a goal before it can be reached."
    broken = await engine.check(check)
    assert not broken.ok
    assert broken.found.startswith(f"{name} is missing between ")


async def test_the_window_reaches_to_the_newest_transaction(engine: Engine, cluster: Cluster) -> None:
    (full,) = await engine.points(cluster.source)
    before = now()
    cluster.order()
    window = await engine.window(cluster.source)
    assert window
    assert window.earliest == full.finished_at
    assert before < window.latest < datetime.now(UTC)


async def test_a_stopped_stanza_is_said_and_not_taken_for_a_missing_log(
    engine: Engine, cluster: Cluster
) -> None:
    bad = cluster.release_badly()
    cluster.archived()
    cluster.pgbackrest("stop")
    found = await engine.resolve(cluster.source, ToTime(bad.began))
    assert found.point is None
    assert "pgBackRest is stopped for orders: it takes no backup, archives and gives no log" in found.because
    assert "run `pgbackrest --stanza=orders start`" in found.because


async def test_a_name_marks_one_place_for_good(engine: Engine, cluster: Cluster) -> None:
    await engine.mark(cluster.target, "before-2.4.0")
    again = Call("mark", target=cluster.target, params={"name": "before-2.4.0"})
    state = await _ended(engine, again, "RUN-2/mark/1")
    assert state.phase is Phase.FAILED
    assert "There is a marker before-2.4.0 already, of 20" in state.because


async def test_a_cluster_that_nobody_follows_has_no_copy_to_take_over(
    engine: Engine, cluster: Cluster
) -> None:
    found = await engine.check(Call("in_step", target=cluster.target, params={"within_s": 300}))
    assert (found.ok, found.found) == (False, "no copy follows it")
    assert found.evidence["is_copy"] is False
