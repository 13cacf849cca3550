"""A cluster is put back whole, the replaced one is never lost, and a kill at any stage changes neither."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from integrations.runner import servers
from integrations.runner.attempts import Attempt
from integrations.runner.config import parse
from integrations.runner.operations import build
from integrations.runner.pgbackrest.aim import Goal
from integrations.runner.pgbackrest.beside import Beside
from integrations.runner.pgbackrest.stanza import stanza_of
from integrations.runner.pgbackrest.switching import Switch, done
from integrations.runner.program import _parser
from tests.pgbackrest import SIDE_PORT, Cluster, Release

pytestmark = pytest.mark.real
_HUGE = 8 << 40
_DIE_AT = """
import os, signal, sys, threading, time
from integrations.runner.attempts import Attempt
from integrations.runner.pgbackrest import verbs
from integrations.runner.program import _parser

stage, key, *argv = sys.argv[1:]
given = _parser("pgbackrest").parse_args(argv)

def die_half_way():
    while (given.path / "global" / "pg_control").exists():
        time.sleep(0)
    os.killpg(0, signal.SIGKILL)

def is_ready():
    return Attempt(given.kept, key, given.point).record.get("state") == "ready"

if stage == "half copied":
    threading.Thread(target=die_half_way, daemon=True).start()
for step in verbs.work(given, key):
    if step.phase == stage or (stage == "about to exchange" and step.phase == "stopping" and is_ready()):
        os.killpg(0, signal.SIGKILL)
"""


class Host:
    """A cluster whose restores can be killed at a stage."""

    def __init__(self, cluster: Cluster, state: Path) -> None:
        self.cluster, self.state = cluster, state
        self.config = parse(cluster.runner_config())

    def argv(self, operation: str, **params: str) -> list[str]:
        built = build(self.config, self.state, operation, self.cluster.target.name, params, how="job")
        return list(built.argv[built.argv.index("pgbackrest") + 1 :])

    def act(
        self, stage: str, key: str, bad: Release, operation: str = "pgbackrest.restore", **params: str
    ) -> int:
        done = self._run(stage, key, bad, operation, **params)
        assert not done.stderr or done.returncode == -signal.SIGKILL, done.stderr.decode()
        return done.returncode

    def said(self, key: str, bad: Release) -> str:
        """Return what a restore that does not succeed says."""
        done = self._run("never", key, bad, "pgbackrest.restore")
        assert done.returncode
        return done.stderr.decode()

    def broken_off(self, key: str, **inodes: int) -> None:
        """Leave the record of a restore that was killed about to exchange directories of these inodes."""
        attempt = Attempt(self.cluster.kept, key, self.cluster.label())
        with attempt.alone("orders-cluster"):
            attempt.ready(**inodes)

    def state_of(self, key: str) -> str:
        """Return what the record of a restore says of it."""
        return str(Attempt(self.cluster.kept, key, "").record["state"])

    def _run(
        self, stage: str, key: str, bad: Release, operation: str, **params: str
    ) -> subprocess.CompletedProcess[bytes]:
        argv = self.argv(operation, point=self.cluster.label(), lsn=bad.lsn, **params)
        return subprocess.run(
            [sys.executable, "-c", _DIE_AT, stage, key, *argv],
            process_group=0,
            check=False,
            capture_output=True,
            # As the runner itself: what it makes, nobody else may enter.
            umask=0o077,
            env={**os.environ, "BACKSTOP_JOB": "of a test"},
        )

    def switch(self, key: str, bad: Release) -> Switch:
        """Return what a restore under a key made of the cluster."""
        argv = self.argv("pgbackrest.restore_in_place", point=self.cluster.label(), lsn=bad.lsn, keep="copy")
        stanza = stanza_of(_parser("pgbackrest").parse_args(argv))
        return Switch(Beside(stanza, key, Goal()), Attempt(self.cluster.kept, key, self.cluster.label()))


def test_a_restore_killed_at_any_stage_is_finished_by_the_next_under_its_key(
    cluster: Cluster, tmp_path: Path
) -> None:
    host = Host(cluster, tmp_path)
    bad = cluster.release_badly()
    for number, stage in enumerate(("copying", "stopping", "swapped", "kept", "checking")):
        key = f"RUN-{number}/restore/1"
        assert host.act(stage, key, bad) == -signal.SIGKILL
        if stage in ("copying", "stopping") and number == 0:
            assert cluster.rows() != bad.good
        assert host.act("never", key, bad) == 0
        assert cluster.rows() == bad.good
        assert (cluster.kept / key.replace("/", "%2F") / "data" / "PG_VERSION").exists()
        assert not cluster.side.exists()


def test_another_attempt_after_a_kill_keeps_what_was_replaced(cluster: Cluster, tmp_path: Path) -> None:
    host = Host(cluster, tmp_path)
    bad = cluster.release_badly()
    damaged = cluster.rows()
    assert host.act("swapped", "RUN-1/restore/1", bad) == -signal.SIGKILL
    restored = cluster.data.stat().st_ino
    assert host.act("kept", "RUN-1/restore/2", bad) == -signal.SIGKILL
    assert host.act("never", "RUN-1/restore/3", bad) == 0
    assert (cluster.rows(), cluster.data.stat().st_ino) == (bad.good, restored)
    first = cluster.kept / "RUN-1%2Frestore%2F1" / "data"
    said = done(host.switch("RUN-1/restore/3", bad))
    assert (said["kept"], said["goes_on_from"]) == (str(first), ["RUN-1/restore/1", "RUN-1/restore/2"])
    cluster.stop()
    first.rename(cluster.side)
    cluster.start_side()
    assert cluster.rows(SIDE_PORT) == damaged


def test_a_replay_that_was_killed_after_it_took_its_signal_away_stops_at_its_goal_again(
    cluster: Cluster, tmp_path: Path
) -> None:
    host = Host(cluster, tmp_path)
    bad = cluster.release_badly()
    cluster.archived()
    for number, next_number in ((1, 1), (2, 3)):
        assert host.act("starting", f"RUN-{number}/restore/1", bad) == -signal.SIGKILL
        (cluster.data / "recovery.signal").unlink()

        assert host.act("never", f"RUN-{next_number}/restore/1", bad) == 0
        assert cluster.rows() == bad.good


def test_a_restore_in_place_whose_replay_took_its_signal_away_stops_at_its_goal_again(
    cluster: Cluster, tmp_path: Path
) -> None:
    host = Host(cluster, tmp_path)
    bad = cluster.release_badly()
    cluster.archived()
    cluster.set("recovery_min_apply_delay = '1d'\n")
    in_place = {"operation": "pgbackrest.restore_in_place", "keep": "copy"}
    assert host.act("replaying", "RUN-1/restore/1", bad, **in_place) == -signal.SIGKILL
    end = time.monotonic() + 60
    while not cluster.recovers():
        assert time.monotonic() < end
        time.sleep(0.05)
    cluster.stop(mode="immediate")
    (cluster.data / "recovery.signal").unlink()
    cluster.set("")

    assert host.act("never", "RUN-1/restore/1", bad, **in_place) == 0
    assert cluster.rows() == bad.good


def test_a_cluster_that_came_up_past_its_goal_is_not_called_restored(
    cluster: Cluster, tmp_path: Path
) -> None:
    host = Host(cluster, tmp_path)
    bad = cluster.release_badly()
    damaged = cluster.rows()
    cluster.archived()
    assert host.act("starting", "RUN-1/restore/1", bad) == -signal.SIGKILL
    (cluster.data / "recovery.signal").unlink()
    cluster.start()
    assert cluster.rows() == damaged

    assert (
        "PostgreSQL came up on timeline 1, which it was to leave: it replayed past the goal, so that what "
        "was to be undone is there, and it takes writes. Stop it, and restore again."
    ) in host.said("RUN-1/restore/1", bad)
    assert host.act("never", "RUN-1/restore/2", bad) == 0
    assert cluster.rows() == bad.good


def _next_incident(host: Host) -> None:
    """Prepare and restore anew under keys of another run, and see that the very copy took the place."""
    cluster, bad = host.cluster, host.cluster.release_badly()
    cluster.archived()
    damaged = cluster.data.stat().st_ino
    assert host.act("never", "RUN-9/prepare", bad, "pgbackrest.prepare") == 0
    copy, server = cluster.side.stat().st_ino, servers.pid_in(cluster.side)

    assert host.act("never", "RUN-9/restore/1", bad) == 0

    assert server is not None
    assert (cluster.data.stat().st_ino, cluster.rows()) == (copy, bad.good)
    assert (cluster.kept / "RUN-9%2Frestore%2F1" / "data").stat().st_ino == damaged


def test_the_restore_after_one_that_took_the_copy_of_another_takes_its_own(
    cluster: Cluster, tmp_path: Path
) -> None:
    host, bad = Host(cluster, tmp_path), cluster.release_badly()
    assert host.act("never", "RUN-1/prepare", bad, "pgbackrest.prepare") == 0
    copy = cluster.side.stat().st_ino
    assert host.act("about to exchange", "RUN-1/restore/1", bad) == -signal.SIGKILL
    cluster.stop()
    assert host.act("never", "RUN-1/restore/2", bad) == 0
    assert (cluster.data.stat().st_ino, cluster.rows()) == (copy, bad.good)
    assert host.state_of("RUN-1/restore/1") == "given up"

    _next_incident(host)

    assert not (cluster.kept / "RUN-1%2Frestore%2F1" / "data").exists()


def test_a_number_that_was_given_to_another_directory_makes_no_copy_a_replaced_cluster(
    cluster: Cluster, tmp_path: Path
) -> None:
    host, inode = Host(cluster, tmp_path), cluster.data.stat().st_ino
    # An older version noted the copy alone.
    for replaced in ({}, {"replaced": inode}):
        host.broken_off(f"RUN-{len(replaced)}/restore/1", inode=inode, **replaced)

    _next_incident(host)

    assert {host.state_of(f"RUN-{number}/restore/1") for number in (0, 1)} == {"given up"}


def test_an_attempt_is_not_over_because_another_directory_was_given_its_number(
    cluster: Cluster, tmp_path: Path
) -> None:
    host, bad = Host(cluster, tmp_path), cluster.release_badly()
    cluster.archived()
    inode = cluster.data.stat().st_ino
    host.broken_off("RUN-1/restore/1", inode=inode, replaced=1)

    assert host.act("never", "RUN-1/restore/1", bad) == 0

    assert (cluster.data.stat().st_ino == inode, cluster.rows()) == (False, bad.good)


def test_a_replaced_cluster_that_somebody_started_is_not_moved_away_under_its_server(
    cluster: Cluster, tmp_path: Path
) -> None:
    host, bad = Host(cluster, tmp_path), cluster.release_badly()
    damaged = cluster.rows()
    for key in ("RUN-1/restore/1", "RUN-1/restore/2"):
        assert host.act("swapped", "RUN-1/restore/1", bad) == -signal.SIGKILL
        cluster.start_side()

        said = host.said(key, bad)

        assert f"A server runs in {cluster.side} (process {servers.pid_in(cluster.side)}), so" in said
        assert "it was not moved. Stop that server, and restore again." in said
        assert cluster.rows(SIDE_PORT) == damaged
        cluster.stop(cluster.side)
    assert host.act("never", "RUN-1/restore/2", bad) == 0
    assert cluster.rows() == bad.good


def test_a_restore_over_the_cluster_puts_away_what_one_that_was_broken_off_replaced(
    cluster: Cluster, tmp_path: Path
) -> None:
    host, bad, damaged = Host(cluster, tmp_path), cluster.release_badly(), cluster.data.stat().st_ino
    cluster.archived()
    assert host.act("swapped", "RUN-1/restore/1", bad) == -signal.SIGKILL

    again = host.act("never", "RUN-1/restore/2", bad, "pgbackrest.restore_in_place", keep="copy")

    assert (again, cluster.side.exists(), cluster.rows()) == (0, False, bad.good)
    assert (cluster.kept / "RUN-1%2Frestore%2F1" / "data").stat().st_ino == damaged


def test_a_half_restored_cluster_is_nobodys_any_more_once_another_took_its_place(
    cluster: Cluster, tmp_path: Path
) -> None:
    host, bad = Host(cluster, tmp_path), cluster.release_badly()
    cluster.archived()
    over = host.act("copying", "RUN-1/restore/1", bad, "pgbackrest.restore_in_place", keep="copy")
    assert over == -signal.SIGKILL

    assert host.act("never", "RUN-1/restore/2", bad) == 0

    assert (host.state_of("RUN-1/restore/1"), cluster.rows()) == ("given up", bad.good)


@pytest.mark.parametrize("keep", ["copy", "nothing"])
def test_a_restore_over_the_cluster_killed_half_way_is_finished_by_another_attempt(
    cluster: Cluster, tmp_path: Path, keep: str
) -> None:
    host, operation = Host(cluster, tmp_path), "pgbackrest.restore_in_place"
    how = {"keep": keep} | ({"because": "there is no room"} if keep == "nothing" else {})
    bad = cluster.release_badly()
    cluster.archived()
    stages = ("half copied", *(("keeping",) if keep == "copy" else ()), "copying", "starting", "checking")
    for number, stage in enumerate(stages):
        assert host.act(stage, f"RUN-{number}/restore/1", bad, operation, **how) == -signal.SIGKILL
        same = stage in ("copying", "checking")
        assert host.act("never", f"RUN-{number}/restore/{1 if same else 2}", bad, operation, **how) == 0
        assert cluster.rows() == bad.good


def test_a_kill_while_the_damaged_cluster_is_put_aside_loses_nothing_of_it(
    cluster: Cluster, tmp_path: Path
) -> None:
    host, operation, key = Host(cluster, tmp_path), "pgbackrest.restore_in_place", "RUN-1/restore/1"
    bad, damaged = cluster.release_badly(), cluster.data.stat().st_ino
    cluster.archived()
    assert host.act("copying", key, bad, operation, keep="copy") == -signal.SIGKILL
    shelf = cluster.kept / "RUN-1%2Frestore%2F1"
    # As it is between the exchange of the two directories and the name of the one that is kept.
    (shelf / "data").rename(shelf / "data.part")

    assert host.act("never", key, bad, operation, keep="copy") == 0

    assert (shelf / "data").stat().st_ino == damaged
    assert cluster.rows() == bad.good


@pytest.mark.parametrize("name", ["data", "data.part"])
def test_another_attempt_says_where_the_one_that_was_killed_kept_the_damaged_cluster(
    cluster: Cluster, tmp_path: Path, name: str
) -> None:
    host, operation = Host(cluster, tmp_path), "pgbackrest.restore_in_place"
    bad, damaged = cluster.release_badly(), cluster.data.stat().st_ino
    cluster.archived()
    assert host.act("copying", "RUN-1/restore/1", bad, operation, keep="copy") == -signal.SIGKILL
    first = cluster.kept / "RUN-1%2Frestore%2F1"
    (first / "data").rename(first / name)

    assert host.act("never", "RUN-1/restore/2", bad, operation, keep="copy") == 0

    assert (first / "data").stat().st_ino == damaged
    assert done(host.switch("RUN-1/restore/2", bad))["kept"] == str(first / "data")


def _broken_off_in_its_replay(host: Host, key: str, bad: Release) -> None:
    """Kill a restore over the cluster while PostgreSQL replays, and that as well."""
    cluster = host.cluster
    cluster.set("recovery_min_apply_delay = '1d'\n")
    assert host.act("replaying", key, bad, "pgbackrest.restore_in_place", keep="copy") == -signal.SIGKILL
    while not cluster.recovers():
        pass
    cluster.stop(mode="immediate")
    cluster.set("")
    # No second copy of this would find room.
    with (cluster.data / "huge").open("wb") as file:
        file.truncate(_HUGE)


@pytest.mark.parametrize("operation", ["pgbackrest.restore_in_place", "pgbackrest.restore"])
def test_what_is_kept_is_the_damaged_cluster_and_no_half_restored_one(
    cluster: Cluster, tmp_path: Path, operation: str
) -> None:
    host = Host(cluster, tmp_path)
    bad, damaged = cluster.release_badly(), cluster.data.stat().st_ino
    cluster.archived()
    _broken_off_in_its_replay(host, "RUN-1/restore/1", bad)
    in_place = operation.endswith("in_place")
    if in_place:
        _broken_off_in_its_replay(host, "RUN-1/restore/2", bad)

    assert host.act("never", "RUN-1/restore/3", bad, operation, **({"keep": "copy"} if in_place else {})) == 0

    first = cluster.kept / "RUN-1%2Frestore%2F1" / "data"
    assert first.stat().st_ino == damaged
    assert done(host.switch("RUN-1/restore/3", bad))["kept"] == str(first)
    assert [path.parent for path in cluster.kept.glob("*/data")] == [first.parent] or not in_place
    assert cluster.rows() == bad.good


def test_a_restore_that_ended_is_none_that_others_go_on_with(cluster: Cluster, tmp_path: Path) -> None:
    host, operation = Host(cluster, tmp_path), "pgbackrest.restore_in_place"
    bad = cluster.release_badly()
    cluster.archived()
    assert host.act("starting", "RUN-1/restore/1", bad, operation, keep="copy") == -signal.SIGKILL
    assert host.act("never", "RUN-1/restore/2", bad, operation, keep="copy") == 0
    restored = cluster.data.stat().st_ino

    assert host.act("never", "RUN-2/restore/1", bad, operation, keep="copy") == 0

    kept = cluster.kept / "RUN-2%2Frestore%2F1" / "data"
    assert (kept.stat().st_ino, done(host.switch("RUN-2/restore/1", bad))["kept"]) == (restored, str(kept))
