"""A bad release is undone by playbook with the real pgBackRest: by every goal, beside and in place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests import pgbackrest, postgres
from tests.pgbackrest import Cluster, Release
from tests.required import missing
from tests.runs.clusters import a_stage
from tests.runs.stage import Stage
from tests.runs.staged import carried_out, planned

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def template() -> Iterator[Cluster]:
    binaries = postgres.programs()
    if binaries is None:
        missing("postgresql", postgres.ABSENT)
    with pgbackrest.template(binaries) as made:
        yield made


@pytest.fixture
def cluster(template: Cluster) -> Iterator[Cluster]:
    with pgbackrest.copy_of(template) as copy:
        yield copy


def _goal(by: str, release: Release) -> str:
    goals = {"before": release.began.isoformat(), "lsn": release.lsn, "xid": str(release.xid)}
    return goals.get(by, "before-2.4.0")


async def _undone(stage: Stage, cluster: Cluster, release: Release, by: str, id: str) -> None:
    backups = cluster.backups()
    began = release.began.isoformat()
    await stage.told("ana", f"impact damage:{began} inc:INC-1")
    plan = await planned(stage, id, f'goal:"{_goal(by, release)}"')
    assert plan.sources[0].moment
    assert plan.sources[0].moment < release.began

    run = await carried_out(stage, id)

    assert run.recovered_at, run.state
    assert cluster.rows() == release.good
    assert len(cluster.backups()) == len(backups) + 1


@pytest.mark.parametrize(
    ("by", "operation"),
    [
        ("before", "restore"),
        ("marker", "restore"),
        ("lsn", "restore"),
        ("xid", "restore"),
        ("xid", "restore_in_place"),
    ],
)
async def test_a_bad_release_is_undone_and_a_new_backup_exists(
    tmp_path: Path, cluster: Cluster, by: str, operation: str
) -> None:
    async with a_stage(tmp_path, cluster, by, operation) as stage:
        cluster.order(3)
        marked = cluster.rows()
        if by == "marker":
            await stage.engines["pgbackrest"].mark(cluster.target, "before-2.4.0")
        release = cluster.release_badly()
        good = marked if by == "marker" else release.good
        await _undone(stage, cluster, replace(release, good=good), by, "RUN-1")


async def test_it_is_undone_twice_in_a_row(tmp_path: Path, cluster: Cluster) -> None:
    async with a_stage(tmp_path, cluster, "xid", "restore") as stage:
        await _undone(stage, cluster, cluster.release_badly(), "xid", "RUN-1")
        cluster.order(2)
        await _undone(stage, cluster, cluster.release_badly(), "xid", "RUN-2")
