"""How long a restore takes that Backstop drives, against the same commands by hand, in turns."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bot.core.run import Status
from tests.integrations.host import until
from tests.pgbackrest import Cluster, Release, copy_of
from tests.runs.clusters import a_stage
from tests.runs.staged import carried_out, planned

_LONGEST_S = 300.0
_ROW = "md5(n::text) || md5((n + 1)::text)"


@dataclass(frozen=True, slots=True)
class Restores:
    """Seconds, medians of so many pairs: by hand, driven, and from the last approval with a copy ready."""

    pairs: int
    by_hand_s: float
    driven_s: float
    warm_s: float


async def restores(folder: Path, made: Cluster, *, rows: int, pairs: int) -> Restores:
    """Undo the same bad release by hand, by a run, and by a run with a copy made beforehand."""
    found: dict[str, list[float]] = {"hand": [], "driven": [], "warm": []}
    for pair in range(pairs):
        with copy_of(made) as cluster:
            found["hand"].append(_by_hand(cluster, _release(cluster, rows)))
        for way in ("driven", "warm"):
            place = folder / f"{way}-{pair}"
            place.mkdir(parents=True)
            with copy_of(made) as cluster:
                release = _release(cluster, rows)
                found[way].append(await _by_run(place, cluster, release, warm=way == "warm"))
    hand, driven, warm = (median(found[way]) for way in ("hand", "driven", "warm"))
    return Restores(pairs, hand, driven, warm)


def _release(cluster: Cluster, rows: int) -> Release:
    """Fill the log with so many rows, and release badly."""
    with cluster.connect() as connection:
        connection.execute("CREATE TABLE history (id bigint, said text)")
        for start in range(0, rows, 50_000):
            series = f"generate_series({start}, {min(start + 50_000, rows) - 1}) n"
            connection.execute(f"INSERT INTO history SELECT n, {_ROW} FROM {series}")
    release = cluster.release_badly()
    cluster.archived()
    return release


def _by_hand(cluster: Cluster, release: Release) -> float:
    label, begun = cluster.label(), time.perf_counter()
    cluster.stop()
    cluster.run("cp", "-a", str(cluster.data), str(cluster.home / "damaged"))
    goal = ("--type=xid", f"--target={release.xid}", "--target-exclusive", "--target-timeline=current")
    cluster.pgbackrest(
        "--delta", *goal, f"--set={label}", "--target-action=promote", "--process-max=2", "restore"
    )
    cluster.start()
    _wait(lambda: cluster.ask("SELECT pg_is_in_recovery()") is False)
    assert cluster.rows() == release.good
    return time.perf_counter() - begun


def _wait(done: Callable[[], bool]) -> None:
    late = time.perf_counter() + _LONGEST_S
    while not done():
        assert time.perf_counter() < late
        time.sleep(0.05)


async def _by_run(folder: Path, cluster: Cluster, release: Release, *, warm: bool) -> float:
    operation = "restore" if warm else "restore_in_place"
    async with a_stage(folder, cluster, "xid", operation, warm=warm, backup=False) as stage:
        await stage.told("ana", f"impact damage:{release.began.isoformat()} inc:INC-1")
        await planned(stage, "RUN-1", f"goal:{release.xid}")
        if warm:
            await stage.told("ana", "prepare RUN-1")

            async def is_ready() -> bool | None:
                return (await stage.run("RUN-1")).step("prepare").status is Status.SUCCEEDED or None

            await until(is_ready, seconds=_LONGEST_S)
        begun = time.perf_counter()
        run = await carried_out(stage, "RUN-1")
        took = time.perf_counter() - begun
        assert run.recovered_at, run.state
        assert cluster.rows() == release.good
        return took
