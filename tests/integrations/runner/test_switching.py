"""A cluster is put back whole, the replaced one is never lost, and a kill at any stage changes neither."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

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
_DIE_AT = """
import os, signal, sys, threading, time
from integrations.runner.pgbackrest import verbs
from integrations.runner.program import _parser

stage, key, *argv = sys.argv[1:]
given = _parser("pgbackrest").parse_args(argv)

def die_half_way():
    while (given.path / "global" / "pg_control").exists():
        time.sleep(0)
    os.killpg(0, signal.SIGKILL)

if stage == "half copied":
    threading.Thread(target=die_half_way, daemon=True).start()
for step in verbs.work(given, key):
    if step.phase == stage:
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
        argv = self.argv(operation, point=self.cluster.label(), lsn=bad.lsn, **params)
        done = subprocess.run(
            [sys.executable, "-c", _DIE_AT, stage, key, *argv],
            process_group=0,
            check=False,
            capture_output=True,
            # As the runner itself: what it makes, nobody else may enter.
            umask=0o077,
            env={**os.environ, "BACKSTOP_JOB": "of a test"},
        )
        assert not done.stderr or done.returncode == -signal.SIGKILL, done.stderr.decode()
        return done.returncode

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
    assert host.act("never", "RUN-1/restore/2", bad) == 0
    assert cluster.rows() == bad.good
    first = cluster.kept / "RUN-1%2Frestore%2F1" / "data"
    cluster.stop()
    first.rename(cluster.side)
    cluster.start_side()
    assert cluster.rows(SIDE_PORT) == damaged


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
