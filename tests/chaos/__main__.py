"""`python -m tests.chaos --runs 50`: kill everything at random and count what was done twice or lost.

Of each kind of restore so many runs are played. A run's seed chooses who is struck, when and how, and
what people do. When the blow in a real restore finds nobody, another seed is played in its place, a few
times at most. A run that breaks a promise is played again with `--runs 1 --of KIND --seed N`; `--keep FOLDER`
leaves its files to be looked at.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from tests.chaos.blows import STRUCK, UNKNOWN, Blow, Undisturbed
from tests.chaos.play import KINDS, REAL, Played, Stage, chosen, play, stage, victim

_GIVE_UP_S = 480.0
_DRAWS = 6
# A multiple of how many are struck in turns: whoever is struck stays the same.
_ANOTHER = len(STRUCK) * 10_000
_WAITING = 4
_T = TypeVar("_T")


def main() -> int:
    """Play the runs; 1 when any broke a promise, 130 when told to end."""
    given = _parser().parse_args()
    seeds = range(given.seed, given.seed + given.runs)
    # Also while the clusters are made: what was started is ended on the way out, whoever says so.
    # A shell that starts it in the background has it ignore Ctrl-C, which SIGTERM is turned into here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        with stage() as on:
            played = asyncio.run(Playing(on, given.at_once, given.keep).all(given.of, seeds))
    except KeyboardInterrupt:
        _tell("Told to end; everything that was started is ended.")
        return 130
    wrong = [result for result in played if result.wrong]
    for kind in given.of:
        for line in _sums(kind, [result for result in played if result.kind == kind]):
            _tell(line)
    for result in wrong:
        _tell(f"play it again: python -m tests.chaos --runs 1 --of {result.kind} --seed {result.seed}")
    return 1 if wrong else 0


def _interrupted(number: int, frame: FrameType | None) -> None:
    """Do as for Ctrl-C, which is answered in order; who says it once more is not heard."""
    signal.signal(number, signal.SIG_IGN)
    signal.raise_signal(signal.SIGINT)


def _sums(kind: str, played: Sequence[Played]) -> Iterator[str]:
    """Yield one line on all runs of a kind, and for a real restore one for each who was struck."""
    yield (
        f"{kind}: {len(played)} runs: {_counted(played)}; {sum(r.landed for r in played)} blows landed, "
        f"{sum(r.doubts for r in played)} steps in doubt, {sum(len(r.decisions) for r in played)} decisions "
        f"by people; {sum(1 for r in played if r.wrong)} runs broke a promise."
    )
    struck = [result for result in played if kind in REAL and result.blows]
    for who in STRUCK:
        of_who = [result for result in struck if victim(result.seed) == who]
        landed = [result for result in of_who if result.landed]
        if of_who:
            late = len(of_who) - len(landed)
            yield f"  {who:<10} {len(landed)} landed: {_counted(landed)}; {late} found nobody there."


def _counted(played: Sequence[Played]) -> str:
    return (
        ", ".join(f"{count} {name}" for name, count in Counter(r.came_to for r in played).items()) or "none"
    )


class Playing:
    """Plays runs, so many side by side; `keep` is a folder in which they leave their files."""

    def __init__(self, on: Stage, at_once: int, keep: Path | None) -> None:
        self._on, self._at_once, self._keep = on, at_once, keep
        self._free = asyncio.Semaphore(at_once)
        # Those in which another bot has to take over wait for half a minute and do little meanwhile.
        self._free_to_wait = asyncio.Semaphore(_WAITING)

    async def all(self, kinds: Sequence[str], seeds: Sequence[int]) -> list[Played]:
        """Play every seed of every kind; how long a real restore takes is measured first."""
        played = await _together(self._seeds(kind, seeds, len(kinds)) for kind in kinds)
        return [result for of_kind in played for result in of_kind]

    async def _seeds(self, kind: str, seeds: Sequence[int], kinds: int) -> Sequence[Played]:
        if kind not in REAL:
            return await _together(self.one(kind, seed, chosen(kind, seed, UNKNOWN)) for seed in seeds)
        # About as many side by side as later, as each then takes its time.
        sized = await self.undisturbed(kind, -(-self._at_once // kinds))
        if any(result.wrong for result in sized):
            return sized
        return await self.landings(kind, seeds, shortest(sized))

    async def undisturbed(self, kind: str, times: int) -> Sequence[Played]:
        """Play a kind without a blow."""
        return await _together(self.one(kind, -number, ()) for number in range(times))

    async def landings(self, kind: str, seeds: Sequence[int], undisturbed: Undisturbed) -> Sequence[Played]:
        """Play every seed until its blow finds somebody."""
        played = await _together(self._landing(kind, seed, undisturbed) for seed in seeds)
        return [result for draws in played for result in draws]

    async def _landing(self, kind: str, seed: int, undisturbed: Undisturbed) -> Sequence[Played]:
        """Play a seed, and others in its place while its blow finds nobody; return all that was played."""
        played: list[Played] = []
        for draw in range(_DRAWS):
            other = seed + draw * _ANOTHER
            played.append(await self.one(kind, other, chosen(kind, other, undisturbed)))
            if played[-1].landed or played[-1].wrong:
                break
        return played

    async def one(self, kind: str, seed: int, planned: Sequence[Blow]) -> Played:
        """Play one run and tell how it went."""
        waits = any(blow.how == "freeze" for blow in planned)
        async with self._free_to_wait if waits else self._free:
            folder = Path(tempfile.mkdtemp(prefix=f"backstop-chaos-{kind}-{seed}-", dir=self._keep))
            try:
                async with asyncio.timeout(_GIVE_UP_S):
                    result = await play(kind, seed, folder, self._on, planned)
            finally:
                if self._keep is None:
                    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        _tell(
            "\n    ".join(
                [
                    result.line,
                    *result.wrong,
                    *(result.decisions if result.wrong or len(result.decisions) > 1 else ()),
                ]
            )
        )
        return result


def shortest(sized: Sequence[Played]) -> Undisturbed:
    """Return the shortest of the undisturbed restores: a blow drawn from it is rarely too late."""
    return min((result.undisturbed for result in sized), key=lambda found: found.lasts_s)


async def _together(acts: Iterable[Coroutine[Any, Any, _T]]) -> list[_T]:
    """Do all side by side; when one fails, or all are told to end, wait until each has cleaned up."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(act) for act in acts]
    return [task.result() for task in tasks]


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument(
        "--runs", type=int, default=5, help="how many runs of each kind, each with the next seed"
    )
    parser.add_argument("--of", nargs="+", choices=KINDS, default=KINDS, help="which kinds of restores")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the first run")
    parser.add_argument("--at-once", type=int, default=2, help="how many runs are played side by side")
    parser.add_argument("--keep", type=Path, help="an existing folder in which the runs leave their files")
    return parser


if __name__ == "__main__":
    sys.exit(main())
