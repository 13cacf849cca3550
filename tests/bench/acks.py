"""How long a slash command takes to be acknowledged, by Backstop and by a bare bolt app, side by side."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bot.sandbox.slack import SlackStandIn
from tests.bench.process import PEOPLE, Place, program

Way = Literal["socket", "http"]

IN_FLIGHT = (1, 20, 200)
ROUNDS = 3
INCIDENTS = 20
"""Over which what is written is spread: people of one incident write tens of times, not hundreds."""
_WARM = 30
_ROOM = "general"
_UP_S = 30.0
_STILL_S = 4.0
"""A card is drawn again after three seconds, so that four without a call are rest."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds until acknowledged; `late` counts those that took longer than Slack waits."""

    p50: float
    p99: float
    longest: float
    late: int


@dataclass(frozen=True, slots=True)
class Compared:
    """One kind of command at one level of load."""

    way: Way
    what: str
    in_flight: int
    backstop: Latency
    bare: Latency

    @property
    def ratios(self) -> tuple[float, float]:
        """Return Backstop's p50 and p99 divided by the bare app's."""
        return self.backstop.p50 / self.bare.p50, self.backstop.p99 / self.bare.p99


async def compare(folder: Path, way: Way, *, commands: Callable[[int], int]) -> list[Compared]:
    """Measure every level; `commands` says how many commands one round sends at a level."""
    async with (
        _answering(folder / "bare", way, "tests.bench.bare") as bare,
        _answering(folder / "backstop", way, "bot", "serve") as backstop,
    ):
        for number in range(INCIDENTS):
            declare = f'/backstop declare "Orders are wrong ({number})" sev:4 svc:checkout'
            await backstop.slash("ana", declare, _ROOM)
        lines = {"ask (`ping`)": "ping", "write (`note`)": 'note "it goes on" inc:INC-{incident}'}
        return [
            await _level(way, what, f"/backstop {line}", count, commands(count), backstop, bare)
            for what, line in lines.items()
            for count in IN_FLIGHT
        ]


@asynccontextmanager
async def _answering(folder: Path, way: Way, *words: str) -> AsyncIterator[SlackStandIn]:
    """Run a program that answers slash commands of a workspace of its own."""
    async with SlackStandIn(PEOPLE) as slack:
        slack.invite_bot(_ROOM)
        place = Place(folder, slack, way)
        async with program(place, *words):
            if way == "socket":
                await slack.wait(lambda: len(slack.connections) >= 2, 20)
            else:
                slack.deliver_over("http", f"http://127.0.0.1:{place.port}/slack/events")
            await _heard(slack)
            yield slack


async def _heard(slack: SlackStandIn) -> None:
    async with asyncio.timeout(_UP_S):
        while True:
            if (await slack.slash("ana", "/backstop ping", _ROOM)).answered:
                return
            await asyncio.sleep(0.1)


async def _level(
    way: Way,
    what: str,
    line: str,
    in_flight: int,
    count: int,
    backstop: SlackStandIn,
    bare: SlackStandIn,
) -> Compared:
    ours: list[float] = []
    theirs: list[float] = []
    for slack in (bare, backstop):
        await _send(slack, line, min(in_flight, _WARM), _WARM)
    await _rested(backstop)
    # In turns, so that whatever else the machine does meets both, and what a round leaves to do meets none.
    for _ in range(ROUNDS):
        theirs += await _send(bare, line, in_flight, count)
        ours += await _send(backstop, line, in_flight, count)
        await _rested(backstop)
    return Compared(way, what, in_flight, _latency(ours), _latency(theirs))


async def _send(slack: SlackStandIn, line: str, in_flight: int, count: int) -> list[float]:
    """Send commands with so many under way at any time, and return the seconds each took."""
    seconds: list[float] = []
    left = iter(range(count))

    async def person() -> None:
        for number in left:
            said = line.format(incident=number % INCIDENTS + 1)
            reply = await slack.slash("ana", said, _ROOM)
            seconds.append(reply.elapsed if reply.answered else float("inf"))

    await asyncio.gather(*(person() for _ in range(in_flight)))
    return seconds


async def _rested(slack: SlackStandIn) -> None:
    """Wait until everybody has an answer and no card is drawn any more."""
    with suppress(TimeoutError):
        while True:
            seen = len(slack.calls)
            await slack.wait(lambda seen=seen: len(slack.calls) > seen, _STILL_S)  # type: ignore[misc]


def _latency(seconds: Sequence[float]) -> Latency:
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    late = sum(1 for one in seconds if one > 3)
    return Latency(cuts[49], cuts[98], max(seconds), late)
