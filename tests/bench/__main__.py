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
from statistics import median

from tests import pgbackrest, postgres
from tests.bench.acks import Compared, Way, compare
from tests.bench.decisions import Decisions, decisions
from tests.bench.estimates import Guess, guess
from tests.bench.pages import Pages, pages
from tests.bench.pauses import Pauses, pauses
from tests.bench.process import Idle, idle
from tests.bench.restores import LARGE, SMALL, Restores, restores
from tests.bench.schedule import AT_ONCE, Schedule, schedule
from tests.bench.steps import COMMITS, Overhead, measure
from tests.bench.swaps import Swaps, swaps

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
    "decision": 30.0,
    "grown": 4.0,
    "page": 1.0,
}
PARTS = (
    "schedule",
    "decisions",
    "restores",
    "swaps",
    "acks",
    "steps",
    "pauses",
    "estimates",
    "pages",
    "idle",
)


def main() -> int:
    """Measure, print and return 0; a missed target is marked and fails nothing."""
    given = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="backstop-bench-") as folder:
        asyncio.run(_measure(Path(folder), given))
    return 0


async def _measure(folder: Path, given: argparse.Namespace) -> None:
    """Measure the parts that are wanted and tell the rows of each as soon as they are known."""
    quick: bool = given.quick
    _tell(["| what | Backstop | bare | ratio | target |", "|---|---|---|---|---|"])
    for part in given.only or PARTS:
        place = _made(folder / part)
        match part:
            case "idle":
                _tell(_idle(await idle(place / "home", rest_s=2 if quick else 10)))
            case "steps":
                _tell(_step(await measure(place, steps=20 if quick else 100)))
            case "pauses":
                _tell(_pauses(await pauses(place, runs=3 if quick else 8)))
            case "pages":
                _tell(_pages(await pages(place / "home", entries=1_000 if quick else 10_000)))
            case "schedule":
                _tell(_schedule(await schedule(place, steps=50)))
            case "decisions":
                _tell(_decision(decisions(rounds=5 if quick else 25)))
            case "acks":
                _tell(_acks(await _acked(place, quick=quick)))
            case "swaps":
                _tell(_swapped(await _swaps(place, quick=quick, pairs=given.pairs)))
            case "estimates":
                _tell(_guessed([one async for one in _guesses(place, pairs=1 if quick else 3)]))
            case _:
                _tell(_by_hand(await _restores(place, quick=quick, pairs=given.pairs)))


async def _acked(folder: Path, *, quick: bool) -> Sequence[Compared]:
    acks: list[Compared] = []
    for way in WAYS:
        acks += await compare(
            folder / way,
            way,
            commands=lambda in_flight: max(30 if quick else 100, (2 if quick else 5) * in_flight),
        )
    return acks


async def _restores(folder: Path, *, quick: bool, pairs: int | None) -> Restores | None:
    """Return how restores compare with those by hand; without the tools on the machine nothing."""
    programs = postgres.programs()
    if programs is None or shutil.which("pgbackrest") is None:
        return None
    size = SMALL if quick else LARGE
    with pgbackrest.template(programs, size) as made:
        return await restores(folder, made, size, pairs=pairs or (1 if quick else 4))


async def _swaps(folder: Path, *, quick: bool, pairs: int | None) -> Swaps | None:
    """Return how swaps compare with dumps restored by hand; without PostgreSQL on the machine nothing."""
    if programs := postgres.programs():
        with postgres.server(programs) as server:
            rows = 400_000 if quick else 4_000_000
            return await swaps(folder, server, rows=rows, pairs=pairs or (1 if quick else 4))
    return None


async def _guesses(folder: Path, *, pairs: int) -> AsyncIterator[Guess]:
    """Yield the estimates of repeated restores; without PostgreSQL on the machine there are none."""
    if programs := postgres.programs():
        with postgres.server(programs) as server:
            for pair in range(pairs):
                yield await guess(_made(folder / f"guess-{pair}"), server, rows=400_000)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _acks(acks: Sequence[Compared]) -> Iterator[str]:
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


def _step(step: Overhead) -> Iterator[str]:
    what = f"a step of a run of {step.steps}, against its {COMMITS} commits"
    ratio = step.step_s / step.commits_s
    yield _row(f"{what} by SQLAlchemy", _ms(step.step_s), _ms(step.commits_s), ratio, MOST["step"])
    ratio = step.step_s / step.driver_s
    yield f"| {what} by the driver | {_ms(step.step_s)} | {_ms(step.driver_s)} | {ratio:.2f} | |"


def _pauses(pause: Pauses) -> Iterator[str]:
    first, between = pause.first_s, pause.between_s
    yield f"| last approval to the first program | {first:.2f} s | | | {_mark(first, MOST['first'])} 1 s |"
    what = f"between {pause.steps} steps of a runner, together"
    yield f"| {what} | {between:.2f} s | | | {_mark(between, MOST['between'])} 0.8 s |"


def _guessed(guesses: Sequence[Guess]) -> Iterator[str]:
    for guessed in guesses:
        off, what = abs(guessed.ratio - 1), "the first estimate of a repeated restore, off by"
        said, took = f"{guessed.said_s:.2f} s", f"{guessed.took_s:.2f} s"
        yield _row(what, said, took, off, MOST["estimate"])


def _idle(still: Idle) -> Iterator[str]:
    memory, start = still.memory_mb, still.start_s
    yield f"| idle memory of `serve` | {memory:.0f} MB | | | {_mark(memory, MOST['memory'])} 150 MB |"
    yield f"| start to `/healthz` | {start:.2f} s | | | {_mark(start, MOST['start'])} 2 s |"


def _pages(found: Pages) -> Iterator[str]:
    for how, seconds in (("for the first time", found.first_s), ("again", found.then_s)):
        what = f"the sandbox's page with {found.entries:,} entries and messages, {how}"
        goal = f"{_mark(seconds, MOST['page'])} 1 s"
        yield f"| {what} | {_ms(seconds)} | {_ms(found.empty_s)} | {seconds / found.empty_s:.2f} | {goal} |"


def _schedule(many: Schedule) -> Iterator[str]:
    what = f"a run of {many.steps} steps, at most {AT_ONCE} at once, against an ideal schedule"
    yield _row(what, f"{many.taken_s:.2f} s", f"{many.ideal_s:.2f} s", many.taken_s / many.ideal_s, 1.1)


def _decision(found: Decisions) -> Iterator[str]:
    ratio = found.criteria_s / found.plain_s
    ours, bare = f"{found.criteria_s * 1e6:.0f} µs", f"{found.plain_s * 1e6:.1f} µs"
    yield _row("a decision, against the same rules as plain `if`s", ours, bare, ratio, MOST["decision"])


def _by_hand(found: Restores | None) -> Iterator[str]:
    if found is None:
        return
    size, hand = found.size, median(found.by_hand_s)
    of = f"{size.data} MB and {size.log} MB of log, {found.pairs} pairs"
    ways = (("driven", found.driven_s, 1.05), ("from the last approval, a copy ready", found.warm_s, 0.4))
    for how, seconds, most in ways:
        took = median(seconds)
        what = f"a restore by pgBackRest, {how}, against the same by hand, {of}"
        yield _row(what, f"{took:.2f} s", f"{hand:.2f} s", took / hand, most)
    grown, most = found.grown_mb, MOST["grown"]
    what = "memory grown during such a run, at most"
    yield f"| {what} | {grown:.1f} MB | | | {_mark(grown, most)} {most:g} MB |"
    for how, each in (("by hand", found.by_hand_s), ("driven", found.driven_s), ("warm", found.warm_s)):
        yield _each(how, each)


def _swapped(found: Swaps | None) -> Iterator[str]:
    if found is None:
        return
    warm, hand = median(found.warm_s), median(found.by_hand_s)
    what = (
        f"a dump of {found.rows:,} rows put in place by rename, from the last approval, a copy ready, "
        f"against the same by hand, {len(found.warm_s)} pairs"
    )
    yield _row(what, f"{warm:.2f} s", f"{hand:.2f} s", warm / hand, 0.25)
    for how, each in (("by hand", found.by_hand_s), ("warm", found.warm_s)):
        yield _each(how, each)


def _each(how: str, seconds: Sequence[float]) -> str:
    return f"| {how}, each | {', '.join(f'{one:.2f} s' for one in seconds)} | | | |"


def _row(what: str, ours: str, bare: str, ratio: float, most: float) -> str:
    return f"| {what} | {ours} | {bare} | {ratio:.2f} | {_mark(ratio, most)} {most:g} |"


def _mark(found: float, most: float) -> str:
    return "✓ ≤" if found <= most else "✗ >"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _tell(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller samples, for a first look")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="measure only these parts")
    parser.add_argument("--pairs", type=int, help="how often restores are compared with those by hand")
    return parser


if __name__ == "__main__":
    sys.exit(main())
