"""A bad release is undone: the cluster comes back to before it, whatever happens on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from integrations.contract import (
    BeforeXid,
    Call,
    Engine,
    IntegrationError,
    Phase,
    ToLsn,
    ToMarker,
    ToTime,
)
from integrations.registry import open_engines
from integrations.runner import files
from integrations.runner.prepared import TOUCHED
from tests.integrations.acts import Acts
from tests.integrations.host import Host, a_host
from tests.pgbackrest import SIDE_PORT, Cluster, now

pytestmark = pytest.mark.real


@pytest.fixture
async def host(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Host]:
    async with a_host(tmp_path, cluster.runner_config()) as made:
        yield made


@pytest.fixture
def engine(host: Host) -> Engine:
    return open_engines(host.connections)["pgbackrest"]


@pytest.fixture
def acts(engine: Engine, cluster: Cluster) -> Acts:
    return Acts(engine, cluster)


async def test_a_bad_release_is_undone_by_moment_twice_by_transaction_and_by_marker(
    acts: Acts, cluster: Cluster
) -> None:
    await acts.engine.mark(cluster.target, "before-2.4.0")
    before = cluster.rows()
    bad = cluster.release_badly()
    damaged = cluster.rows()
    for timeline, goal in enumerate(
        (ToTime(bad.began), ToTime(bad.began), BeforeXid(bad.xid), ToMarker("before-2.4.0")), start=2
    ):
        state = await acts.done("restore", goal)
        assert cluster.rows() == (before if isinstance(goal, ToMarker) else bad.good)
        assert (state.evidence["timeline"], state.evidence["prepared"]) == (timeline, False)
        assert Path(str(state.evidence["kept"])).parent.parent == cluster.kept
        check = await acts.engine.check(await acts.call("restored", goal))
        assert check.ok, check.found
        assert f"timeline {timeline} of " in check.found
    assert damaged != before
    cluster.order()
    assert not (await acts.engine.health(cluster.target)).problems


async def test_a_transaction_of_a_timeline_that_was_left_is_named_to_whoever_approves_it(
    acts: Acts, cluster: Cluster
) -> None:
    bad = cluster.release_badly()
    goal = BeforeXid(bad.xid)
    assert (await acts.engine.resolve(cluster.source, goal)).caution == ""
    await acts.done("restore", goal)
    found = await acts.engine.resolve(cluster.source, goal)
    assert found.goal == BeforeXid(bad.xid, timeline=1)
    assert found.caution.startswith(f"Transaction {bad.xid} is not on timeline 2, where the cluster is now. ")
    assert found.caution.endswith(
        " on timeline 1, which a restore left: all that was written since then goes, also what was written "
        "on timeline 2."
    )
    pinned = await acts.engine.resolve(cluster.source, BeforeXid(bad.xid, timeline=1))
    assert (pinned.point, pinned.caution) == (found.point, "")


async def test_backups_that_a_restore_left_behind_are_stranded_and_the_next_one_counts(
    acts: Acts, cluster: Cluster
) -> None:
    bad = cluster.release_badly()
    await acts.backed_up()
    await acts.done("restore", ToTime(bad.began))
    stranded, full = await acts.engine.points(cluster.source)
    assert (stranded.health, full.health) == ("stranded", "unknown")
    cluster.order(2)
    after = cluster.rows()
    moment = now()
    cluster.order()
    found = await acts.engine.resolve(cluster.source, ToTime(moment))
    assert (found.point, found.goal) == (full, ToTime(moment, timeline=2))
    left = "it was taken on timeline 1 after timeline 2 had left it"
    assert (stranded, left) in [(each.point, each.because) for each in found.refused]
    await acts.backed_up()
    newest = (await acts.engine.points(cluster.source))[0]
    assert (newest.health, newest.kind) == ("unknown", "full")
    await acts.done("restore", ToTime(moment))
    assert cluster.rows() == after


async def test_a_copy_rests_at_its_goal_goes_on_to_a_later_one_and_takes_the_place(
    acts: Acts, cluster: Cluster
) -> None:
    bad = cluster.release_badly()
    damaged = cluster.rows()
    later = now()
    cluster.order()
    newest = cluster.rows()
    state = await acts.done("prepare", ToLsn(bad.lsn))
    assert (cluster.rows(), cluster.rows(SIDE_PORT)) == (newest, bad.good)
    assert state.evidence["checked"]
    inode = cluster.side.stat().st_ino
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        cluster.ask("CREATE TABLE t ()", SIDE_PORT)
    assert cluster.ask("SHOW archive_mode", SIDE_PORT) == "off"
    assert cluster.ask("SHOW listen_addresses", SIDE_PORT) == ""
    health = await acts.engine.health(cluster.target)
    assert health.problems == ()
    assert "lies ready beside it" in "".join(health.notes)

    await acts.done("prepare", ToTime(later))
    assert (cluster.rows(SIDE_PORT), cluster.side.stat().st_ino) == (damaged, inode)
    await acts.done("prepare", ToLsn(bad.lsn))
    assert cluster.rows(SIDE_PORT) == bad.good

    taken = await acts.done("restore", ToLsn(bad.lsn))
    assert taken.evidence["prepared"] is True
    assert (cluster.rows(), cluster.side.exists()) == (bad.good, False)
    assert cluster.ask("SHOW archive_mode") == "on"
    cluster.archived()


async def test_a_copy_that_somebody_promoted_never_takes_the_place(acts: Acts, cluster: Cluster) -> None:
    bad = cluster.release_badly()
    damaged, made = cluster.rows(), files.made(cluster.data)
    await acts.done("prepare", ToLsn(bad.lsn))
    cluster.run(cluster.binaries / "pg_ctl", "-D", cluster.side, "-w", "promote")
    with cluster.connect(SIDE_PORT) as connection:
        connection.execute("INSERT INTO orders (total) VALUES (4711)")
    assert cluster.rows() == damaged
    state = await acts.done("restore", ToLsn(bad.lsn))
    assert (state.evidence["prepared"], state.evidence["caution"]) == (False, TOUCHED)
    health = await acts.engine.health(cluster.target)
    assert health.made == files.made(cluster.data) != made
    assert cluster.rows() == bad.good


async def test_what_stands_in_the_place_of_the_copy_and_is_not_ours_is_left(
    acts: Acts, cluster: Cluster
) -> None:
    bad = cluster.release_badly()
    cluster.run("mkdir", cluster.side)
    (cluster.side / "precious").touch()
    state = await acts.ended(await acts.call("restore", ToTime(bad.began)))
    assert state.phase is Phase.FAILED
    assert f"{cluster.side} is not a copy that was made here; move it away" in state.because
    assert (cluster.side / "precious").exists()


async def test_a_cluster_is_restored_over_itself_and_what_was_damaged_is_kept_unless_the_plan_says_why_not(
    acts: Acts, cluster: Cluster
) -> None:
    bad, damaged = cluster.release_badly(), _inode(cluster.data)
    call = await acts.call("restore_in_place", ToTime(bad.began))
    state = await acts.ended(call)
    assert state.phase is Phase.SUCCEEDED, state.because
    assert cluster.rows() == bad.good
    # What is kept is the cluster itself, which is on the disk whatever happens.
    assert _inode(Path(str(state.evidence["kept"]))) == damaged
    with pytest.raises(IntegrationError, match="say in `because` why nothing"):
        await acts.engine.plan(replace(call, params={"keep": "nothing"}))
    bare = replace(call, params={"keep": "nothing", "because": "there is no room for a copy"})
    assert "there is no room for a copy" in (await acts.engine.plan(bare)).preview[0]
    again = await acts.ended(bare)
    assert (again.phase, again.evidence["kept"]) == (Phase.SUCCEEDED, None), again.because
    assert cluster.rows() == bad.good


async def test_a_server_that_runs_is_stopped_before_anything_of_it_is_copied_over(
    acts: Acts, cluster: Cluster
) -> None:
    bad = cluster.release_badly()
    ran = cluster.pid()
    assert ran is not None
    state = await acts.done("restore_in_place", BeforeXid(bad.xid))
    phases = [each.phase for each in state.phases]
    assert phases.index("stopping") < phases.index("keeping") < phases.index("copying")
    assert cluster.pid() not in (None, ran)
    assert cluster.rows() == bad.good


async def test_a_cluster_is_restored_over_itself_to_a_place_in_its_log_and_to_a_marker(
    acts: Acts, cluster: Cluster
) -> None:
    await acts.engine.mark(cluster.target, "before-2.4.0")
    marked = cluster.rows()
    cluster.order()
    bad = cluster.release_badly()
    assert bad.good != marked

    await acts.done("restore_in_place", ToLsn(bad.lsn))
    assert cluster.rows() == bad.good

    # The marker lies on the timeline that the first restore went on from.
    await acts.done("restore_in_place", ToMarker("before-2.4.0"))
    assert cluster.rows() == marked


async def test_a_backup_from_after_the_damage_is_not_the_one_that_is_restored(
    acts: Acts, cluster: Cluster
) -> None:
    await acts.engine.mark(cluster.target, "before-2.4.0")
    before = cluster.rows()
    bad = cluster.release_badly()
    first = cluster.label()
    await acts.backed_up()
    assert (await acts.done("restore", BeforeXid(bad.xid))).evidence["point"] == first
    assert cluster.rows() == bad.good
    assert (await acts.done("restore", ToMarker("before-2.4.0"))).evidence["point"] == first
    assert cluster.rows() == before


def _inode(path: Path) -> int:
    return path.stat().st_ino


async def test_a_stale_pid_file_of_a_copy_stops_no_other_server(
    acts: Acts, cluster: Cluster, host: Host
) -> None:
    release = cluster.release_badly()
    await acts.done("prepare", BeforeXid(release.xid))
    cluster.stop(cluster.side, "immediate")
    # After a power cut the pid that a copy had may be that of the server that works.
    (cluster.side / "postmaster.pid").write_text((cluster.data / "postmaster.pid").read_text())

    gone = await acts.ended(Call("discard", target=cluster.target))

    assert gone.phase is Phase.SUCCEEDED, gone.because
    assert cluster.ask("SELECT 1") == 1
    assert not cluster.side.exists()


async def test_a_copy_that_was_about_to_be_promoted_is_taken_all_the_same(
    acts: Acts, cluster: Cluster, host: Host
) -> None:
    release = cluster.release_badly()
    goal = BeforeXid(release.xid)
    await acts.done("prepare", goal)
    cluster.stop(cluster.side)
    with (cluster.side / "postgresql.auto.conf").open("a") as settings:
        settings.write("recovery_target_action = 'promote'\n")

    state = await acts.done("restore", goal)

    assert state.evidence["prepared"] is True
    assert cluster.rows() == release.good


async def test_a_cluster_whose_log_does_not_come_to_its_repository_is_restored_only_in_part(
    acts: Acts, cluster: Cluster
) -> None:
    release = cluster.release_badly()
    goal = BeforeXid(release.xid)
    await acts.done("prepare", goal)
    with (cluster.side / "postgresql.auto.conf").open("a") as settings:
        # PostgreSQL takes this for archived.
        settings.write("archive_command = '/bin/true'\n")

    state = await acts.ended(await acts.call("restore", goal))

    assert state.phase is Phase.PARTIAL
    assert "The cluster is restored and works, but its log is not archived" in state.because
    assert cluster.rows() == release.good


async def test_a_cluster_that_is_not_the_restored_one_is_not_called_restored(
    acts: Acts, engine: Engine, cluster: Cluster
) -> None:
    release = cluster.release_badly()
    call = await acts.call("restore", BeforeXid(release.xid))
    await acts.done("restore", BeforeXid(release.xid))
    check = replace(call, operation="restored", goal=None)
    assert (await engine.check(check)).ok
    (kept,) = cluster.kept.glob("*/data")
    cluster.stop()
    cluster.data.rename(cluster.home / "restored")
    kept.rename(cluster.data)
    cluster.start()

    found = await engine.check(check)

    assert not found.ok
    assert "its log does not go through timeline" in found.found
