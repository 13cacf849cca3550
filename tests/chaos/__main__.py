"""`python -m tests.chaos --runs 50`: kill everything at random and count what was done twice or lost.

Each run has a seed, which chooses who is struck, when and how, and what people do. A run that breaks a
promise is played again with `--runs 1 --seed N`; `--keep FOLDER` leaves its files to be looked at.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.chaos.play import Played, play

_GIVE_UP_S = 240.0


def main() -> int:
    """Play the runs; 1 when any broke a promise."""
    given = _parser().parse_args()
    seeds = range(given.seed, given.seed + given.runs)
    played = asyncio.run(_all(seeds, given.at_once, given.keep))
    wrong = [result for result in played if result.wrong]
    outcomes = ", ".join(f"{count} {name}" for name, count in Counter(r.outcome for r in played).items())
    struck = sum(1 for result in played for blow in result.blows if "missed" not in blow)
    doubts = sum(result.doubts for result in played)
    decisions = sum(len(result.decisions) for result in played)
    _tell(
        f"{len(played)} runs: {outcomes}; {struck} blows landed, {doubts} steps in doubt, "
        f"{decisions} decisions by people; {len(wrong)} runs broke a promise."
    )
    for result in wrong:
        _tell(f"play it again: python -m tests.chaos --runs 1 --seed {result.seed}")
    return 1 if wrong else 0


async def _all(seeds: Iterable[int], at_once: int, keep: Path | None) -> list[Played]:
    current = asyncio.current_task()
    assert current
    # Told to end, everything that was started is ended in order.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, current.cancel)
    free = asyncio.Semaphore(at_once)

    async def one(seed: int) -> Played:
        async with free:
            result = await _one(seed, keep)
        _tell("\n    ".join([result.line, *result.wrong, *(result.decisions if result.wrong else ())]))
        return result

    return await asyncio.gather(*(one(seed) for seed in seeds))


async def _one(seed: int, keep: Path | None) -> Played:
    folder = Path(tempfile.mkdtemp(prefix=f"backstop-chaos-{seed}-", dir=keep))
    try:
        async with asyncio.timeout(_GIVE_UP_S):
            return await play(seed, folder)
    finally:
        if keep is None:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="how many runs, each with the next seed")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the first run")
    parser.add_argument("--at-once", type=int, default=2, help="how many runs are played side by side")
    parser.add_argument("--keep", type=Path, help="an existing folder in which the runs leave their files")
    return parser


if __name__ == "__main__":
    sys.exit(main())
