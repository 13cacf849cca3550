"""The people of a chaos run: they type until it is done, press until Slack stops complaining, and decide."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from bot.commands.abort import mark_of
from bot.core import incident as incidents
from bot.core import run as runs
from bot.core.incident import Incident
from bot.core.run import Run, Status
from bot.sandbox.slack import Message, PersonCannot, SlackStandIn
from bot.sandbox.surroundings import utc_now
from bot.timeline import Timeline
from tests.chaos.record import Yes
from tests.chaos.watch import Watch

INCIDENT = "INC-1"
_LOOK_S = 0.1
_AGAIN_S = 0.3
_MOST_DECISIONS = 6
_T = TypeVar("_T")


class People:
    """Ana commands, bo and cy approve; they know what they see in Slack and what stands on the timeline.

    `gives_up` is how likely it is that ana aborts when she is asked what to do.
    """

    def __init__(
        self,
        slack: SlackStandIn,
        timeline: Timeline,
        watch: Watch,
        rng: random.Random,
        *,
        gate: str,
        gives_up: float,
    ) -> None:
        self.slack = slack
        self.timeline = timeline
        self.watch = watch
        self._gate, self._gives_up = gate, gives_up
        self.room = "general"
        self.planned = 1
        self.yeses: list[Yes] = []
        self.decisions: list[str] = []
        self._rng = rng

    @property
    def id(self) -> str:
        """Return the run that counts: the last one that was planned."""
        return f"RUN-{self.planned}"

    async def run(self) -> Run | None:
        """Return the run as it stands."""
        return runs.fold(await self.timeline.read(f"run/{self.id}"))

    async def incident(self) -> Incident | None:
        """Return the incident as it stands."""
        return incidents.fold(await self.timeline.read(f"incident/{INCIDENT}"))

    async def until(self, look: Callable[[], Awaitable[_T | None]], within_s: float) -> _T | None:
        """Look whenever something is written until there is something, for so many seconds at most."""
        clock = asyncio.get_running_loop().time
        end = clock() + within_s
        while True:
            known = self.watch.last
            found = await look()
            if found or clock() >= end:
                return found
            await self.watch.news(known, end - clock())

    async def told(self, who: str, line: str, seen: Callable[[], Awaitable[object]]) -> None:
        """Type a command, and again when nothing comes of it, until what it should bring is there."""
        while not await seen():
            await self.slack.slash(who, f"/backstop {line}", self.room)
            if not await self.until(seen, 3.0):
                await asyncio.sleep(_AGAIN_S)

    def patience(self) -> tuple[tuple[str, float], ...]:
        """Return who approves, and how many seconds after being asked."""
        if not self._gives_up:
            return (("bo", 0.0), ("cy", 0.0))
        waits = ((0.0, self._rng.uniform(0, 3), self._rng.uniform(0, 8)) for _ in range(2))
        return tuple(zip(("bo", "cy"), map(self._rng.choice, waits), strict=True))

    async def approve(self, who: str, after_s: float) -> None:
        """Press Approve some time after it is asked for; Slack delivers until somebody acknowledges."""
        await self.watch.came("run-started")
        await asyncio.sleep(after_s)
        while True:
            if await self._pressed(who):
                return
            await asyncio.sleep(_LOOK_S)

    async def _pressed(self, who: str) -> bool:
        asked = self.slack.find(f"{self.id} approval: {self._gate}", channel=self.room)
        run = await self.run()
        if run is not None and run.over:
            return True
        if asked is None or not self._can_press(asked):
            return False
        reply = await self.slack.click(who, asked, label="Approve")
        if self._rng.random() < 0.3:
            reply = await self.slack.again(reply)
        while not reply.answered:
            await asyncio.sleep(_AGAIN_S)
            reply = await self.slack.again(reply)
        run = await self.run()
        self.yeses.append(Yes(who, utc_now(), refused=run is not None and bool(run.over or run.abort)))
        return True

    def _can_press(self, asked: Message) -> bool:
        try:
            return any(button.label == "Approve" for button in self.slack.buttons(self.slack.current(asked)))
        except PersonCannot:
            return False

    async def decide(self, until: datetime) -> Run | None:
        """Decide whenever the run asks, until it is over or it is too late; return it as it stands."""
        while utc_now() < until:
            known = self.watch.last
            run = await self.run()
            if run is None or run.over:
                return run
            if run.paused and not run.abort and not any(step.retry for step in run.steps.values()):
                await self._choose(run)
            await self.watch.news(known, 1.0)
        return await self.run()

    async def _choose(self, run: Run) -> None:
        assert run.paused
        # People read before they decide; sometimes they decide at once.
        await asyncio.sleep(self._rng.choice((0.0, 0.2, 1.0)))
        step = run.paused.step
        state = run.step(step).status if step else None
        tired = len(self.decisions) >= _MOST_DECISIONS
        if tired or self._rng.random() < self._gives_up:
            await self._abort(run)
        elif step and state in (Status.FAILED, Status.IN_DOUBT):
            await self._decided(f'retry {self.id}.{step} why:"It stopped in the middle"', run)
        else:
            await self._decided(f'resume {self.id} why:"It may go on"', run)

    async def _abort(self, run: Run) -> None:
        await self._decided(f'abort {self.id} confirm:{mark_of(run)} why:"Enough"', run)

    async def _decided(self, line: str, run: Run) -> None:
        """Say it once; whoever comes round again looks at the run as it stands then."""
        assert run.paused

        async def moved() -> bool:
            now = await self.run()
            return now is not None and now.seq > run.seq

        await self.slack.slash("ana", f"/backstop {line}", self.room)
        if await self.until(moved, 3.0):
            self.decisions.append(f"{line.partition(' why:')[0]} ({run.paused.why[:60]})")
