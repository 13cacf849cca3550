"""How long a restore takes that Backstop drives, against the same commands by hand, in turns."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.core.run import Status
from tests.bench.process import resident_mb
from tests.integrations.host import until
from tests.pgbackrest import Cluster, Release, Size, copy_of
from tests.runs.clusters import a_stage
from tests.runs.staged import carried_out, planned

_LONGEST_S = 600.0
_LOOK_S = 0.05
LARGE = Size(data=1000, log=850, segment=16)
SMALL = Size(data=40, log=40)


@dataclass(frozen=True, slots=True)
class Restores:
    """Medians of so many pairs in seconds: by hand, driven, and from the last approval with a copy ready.

    `grown_mb` is the most by which a run let this process grow, with everything of Backstop in it; the first
    run, in which it loads what it needs, is left out where there are others.
    """

    size: Size
    by_hand_s: Sequence[float]
    driven_s: Sequence[float]
    warm_s: Sequence[float]
    grown_mb: float

    @property
    def pairs(self) -> int:
        """Return how often each way was measured."""
        return len(self.by_hand_s)


async def restores(folder: Path, made: Cluster, size: Size, *, pairs: int) -> Restores:
    """Undo the same bad release by hand, by a run, and by a run with a copy made beforehand, in turns."""
    found: dict[str, list[float]] = {"hand": [], "driven": [], "warm": []}
    grown: list[float] = []
    for pair in range(pairs):
        with copy_of(made, shares=True) as cluster:
            found["hand"].append(_by_hand(cluster, _release(cluster)))
        for way in ("driven", "warm"):
            place = folder / f"{way}-{pair}"
            place.mkdir(parents=True)
            with copy_of(made, shares=True) as cluster:
                took, more = await _by_run(place, cluster, _release(cluster), warm=way == "warm")
            found[way].append(took)
            grown.append(more)
    return Restores(size, found["hand"], found["driven"], found["warm"], max(grown[1:]))


def _release(cluster: Cluster) -> Release:
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
        time.sleep(_LOOK_S)


async def _by_run(folder: Path, cluster: Cluster, release: Release, *, warm: bool) -> tuple[float, float]:
    """Return the seconds from the last approval to the end of the run, and the MB by which this grew."""
    operation = "restore" if warm else "restore_in_place"
    async with a_stage(folder, cluster, "xid", operation, warm=warm, backup=False) as stage:
        await stage.told("ana", f"impact damage:{release.began.isoformat()} inc:INC-1")
        await planned(stage, "RUN-1", f"goal:{release.xid}")
        if warm:
            await stage.told("ana", "prepare RUN-1")

            async def is_ready() -> bool | None:
                return (await stage.run("RUN-1")).step("prepare").status is Status.SUCCEEDED or None

            await until(is_ready, seconds=_LONGEST_S)
        async with Grown() as grown:
            begun = time.perf_counter()
            run = await carried_out(stage, "RUN-1")
            took = time.perf_counter() - begun
        assert run.recovered_at, run.state
        assert cluster.rows() == release.good
        return took, grown.mb


class Grown:
    """By how many MB this process grew at most while the block was carried out."""

    def __init__(self) -> None:
        self.mb = 0.0
        self._before = 0.0

    async def __aenter__(self) -> Grown:
        gc.collect()
        self._before = resident_mb(os.getpid())
        self._looking = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._looking.cancel()
        await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        while True:
            self.mb = max(self.mb, resident_mb(os.getpid()) - self._before)
            await asyncio.sleep(_LOOK_S)
