"""`python -m tests.chaos --runs 50`: kill everything at random and count what was done twice or lost.

Of each kind of restore so many runs are played. A run's seed chooses who is struck, when and how, and
what people do. A run that breaks a promise is played again with `--runs 1 --of KIND --seed N`;
`--keep FOLDER` leaves its files to be looked at.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.blows import Blow
from tests.chaos.play import KINDS, REAL, Played, Stage, chosen, play, stage

_GIVE_UP_S = 480.0


def main() -> int:
    """Play the runs; 1 when any broke a promise."""
    given = _parser().parse_args()
    seeds = range(given.seed, given.seed + given.runs)
    with stage() as on:
        played = asyncio.run(Playing(on, given.at_once, given.keep).all(given.of, seeds))
    wrong = [result for result in played if result.wrong]
    for kind in given.of:
        _tell(_sum(kind, [result for result in played if result.kind == kind]))
    for result in wrong:
        _tell(f"play it again: python -m tests.chaos --runs 1 --of {result.kind} --seed {result.seed}")
    return 1 if wrong else 0


def _sum(kind: str, played: Sequence[Played]) -> str:
    """Return one line on all runs of a kind."""
    outcomes = ", ".join(f"{count} {name}" for name, count in Counter(r.outcome for r in played).items())
    wrong = sum(1 for result in played if result.wrong)
    return (
        f"{kind}: {len(played)} runs: {outcomes}; {sum(r.landed for r in played)} blows landed, "
        f"{sum(r.doubts for r in played)} steps in doubt, {sum(len(r.decisions) for r in played)} decisions "
        f"by people; {wrong} runs broke a promise."
    )


class Playing:
    """Plays runs, so many side by side; `keep` is a folder in which they leave their files."""

    def __init__(self, on: Stage, at_once: int, keep: Path | None) -> None:
        self._on, self._at_once, self._keep = on, at_once, keep
        self._free = asyncio.Semaphore(at_once)

    async def all(self, kinds: Sequence[str], seeds: Sequence[int]) -> list[Played]:
        """Play every seed of every kind; how long a real restore takes is measured first."""
        current = asyncio.current_task()
        assert current
        # Told to end, everything that was started is ended in order.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, current.cancel)
        played = await asyncio.gather(*(self._seeds(kind, seeds, len(kinds)) for kind in kinds))
        return [result for of_kind in played for result in of_kind]

    async def _seeds(self, kind: str, seeds: Sequence[int], kinds: int) -> Sequence[Played]:
        # About as many side by side as later, as each then takes its time.
        sizings = -(-self._at_once // kinds) if kind in REAL else 0
        undisturbed = await asyncio.gather(*(self.one(kind, -number, ()) for number in range(sizings)))
        if any(result.wrong for result in undisturbed):
            return undisturbed
        lasts = max((result.lasted_s for result in undisturbed), default=0.0)
        return await asyncio.gather(*(self.one(kind, seed, chosen(kind, seed, lasts)) for seed in seeds))

    async def one(self, kind: str, seed: int, planned: Sequence[Blow]) -> Played:
        """Play one run and tell how it went."""
        async with self._free:
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
