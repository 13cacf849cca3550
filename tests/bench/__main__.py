"""`python -m tests.bench`: figures as ratios to bare ones, measured in the same run, as a Markdown table.

Nothing leaves this machine. Run it on a quiet one: what it is compared with suffers alike, but not exactly.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from pathlib import Path

from tests import pgbackrest, postgres
from tests.bench.acks import Compared, Way, compare
from tests.bench.estimates import Guess, guess
from tests.bench.pauses import Pauses, pauses
from tests.bench.process import Idle, idle
from tests.bench.restores import Restores, restores
from tests.bench.schedule import AT_ONCE, Schedule, schedule
from tests.bench.steps import COMMITS, Overhead, measure

WAYS: tuple[Way, ...] = ("socket", "http")
MOST = {
    "ack": 1.5,
    "step": 4.0,
    "memory": 150.0,
    "start": 2.0,
    "late": 3.0,
    "first": 1.0,
    "between": 0.8,
    "estimate": 0.25,
}


def main() -> int:
    """Measure, print and return 0; a missed target is marked and fails nothing."""
    given = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="backstop-bench-") as folder:
        asyncio.run(_measure(Path(folder), quick=given.quick))
    return 0


async def _measure(folder: Path, *, quick: bool) -> None:
    still = await idle(folder / "idle", rest_s=2 if quick else 10)
    step = await measure(_made(folder / "steps"), steps=20 if quick else 100)
    pause = await pauses(folder / "pauses", runs=3 if quick else 8)
    many = await schedule(_made(folder / "s"), steps=50)
    acks: list[Compared] = []
    for way in WAYS:
        acks += await compare(
            folder / way,
            way,
            commands=lambda in_flight: max(30 if quick else 100, (2 if quick else 5) * in_flight),
        )
    guesses = [one async for one in _guesses(folder, pairs=1 if quick else 3)]
    by_hand = await _restores(folder / "restores", pairs=1 if quick else 4)
    _tell([*_schedule(many), *_by_hand(by_hand), *_table(still, step, pause, acks, guesses)])


async def _restores(folder: Path, *, pairs: int) -> Restores | None:
    """Return how restores compare with those by hand; without the tools on the machine nothing."""
    programs = postgres.programs()
    if programs is None or shutil.which("pgbackrest") is None:
        return None
    with pgbackrest.template(programs) as made:
        return await restores(folder, made, rows=2_000_000, pairs=pairs)


async def _guesses(folder: Path, *, pairs: int) -> AsyncIterator[Guess]:
    """Yield the estimates of repeated restores; without PostgreSQL on the machine there are none."""
    if programs := postgres.programs():
        with postgres.server(programs) as server:
            for pair in range(pairs):
                yield await guess(_made(folder / f"guess-{pair}"), server, rows=400_000)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _table(
    still: Idle, step: Overhead, pause: Pauses, acks: Sequence[Compared], guesses: Sequence[Guess]
) -> Iterator[str]:
    for ack in acks:
        for name, ours, bare, ratio in zip(
            ("p50", "p99"),
            (ack.backstop.p50, ack.backstop.p99),
            (ack.bare.p50, ack.bare.p99),
            ack.ratios,
            strict=True,
        ):
            what = f"slash ack {name}, {ack.what}, {ack.way}, {ack.in_flight} in flight"
            yield _row(what, _ms(ours), _ms(bare), ratio, MOST["ack"])
        longest = ack.backstop.longest
        what = f"slash ack longest, {ack.what}, {ack.way}, {ack.in_flight} in flight"
        yield f"| {what} | {_ms(longest)} | {_ms(ack.bare.longest)} | | {_mark(longest, MOST['late'])} 3 s |"
    what = f"a step of a run of {step.steps}, against its {COMMITS} commits"
    ratio = step.step_s / step.commits_s
    yield _row(f"{what} by SQLAlchemy", _ms(step.step_s), _ms(step.commits_s), ratio, MOST["step"])
    ratio = step.step_s / step.driver_s
    yield f"| {what} by the driver | {_ms(step.step_s)} | {_ms(step.driver_s)} | {ratio:.2f} | |"
    first, between = pause.first_s, pause.between_s
    yield f"| last approval to the first program | {first:.2f} s | | | {_mark(first, MOST['first'])} 1 s |"
    what = f"between {pause.steps} steps of a runner, together"
    yield f"| {what} | {between:.2f} s | | | {_mark(between, MOST['between'])} 0.8 s |"
    for guessed in guesses:
        off, what = abs(guessed.ratio - 1), "the first estimate of a repeated restore, off by"
        said, took = f"{guessed.said_s:.2f} s", f"{guessed.took_s:.2f} s"
        yield _row(what, said, took, off, MOST["estimate"])
    memory, start = still.memory_mb, still.start_s
    yield f"| idle memory of `serve` | {memory:.0f} MB | | | {_mark(memory, MOST['memory'])} 150 MB |"
    yield f"| start to `/healthz` | {start:.2f} s | | | {_mark(start, MOST['start'])} 2 s |"


def _schedule(many: Schedule) -> Iterator[str]:
    yield "| what | Backstop | bare | ratio | target |"
    yield "|---|---|---|---|---|"
    what = f"a run of {many.steps} steps, at most {AT_ONCE} at once, against an ideal schedule"
    yield _row(what, f"{many.taken_s:.2f} s", f"{many.ideal_s:.2f} s", many.taken_s / many.ideal_s, 1.1)


def _by_hand(found: Restores | None) -> Iterator[str]:
    if found is None:
        return
    ways = (("driven", found.driven_s, 1.05), ("from the last approval, a copy ready", found.warm_s, 0.4))
    for how, seconds, most in ways:
        what = f"a restore by pgBackRest, {how}, against the same by hand, {found.pairs} pairs"
        yield _row(what, f"{seconds:.2f} s", f"{found.by_hand_s:.2f} s", seconds / found.by_hand_s, most)


def _row(what: str, ours: str, bare: str, ratio: float, most: float) -> str:
    return f"| {what} | {ours} | {bare} | {ratio:.2f} | {_mark(ratio, most)} {most:g} |"


def _mark(found: float, most: float) -> str:
    return "✓ ≤" if found <= most else "✗ >"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _tell(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer samples, for a first look")
    return parser


if __name__ == "__main__":
    sys.exit(main())
