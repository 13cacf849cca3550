"""What the sandbox's page shows beside Slack: the shop's pipeline, and how far its incident is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Self

from bot.core import freeze as freezes
from bot.core import incident as incidents
from bot.core import run as runs
from bot.core.deciding import unanswered, weigh
from bot.core.incident import Incident
from bot.core.run import Run
from bot.demo.pipeline import Pipeline
from bot.demo.sandbox import Sandbox
from bot.demo.stage import StoryBroke
from bot.demo.story import BAD, GATE, GOOD, NEXT
from bot.sandbox.page import Press, Progress
from bot.sandbox.page.guide import PLAYBOOK
from bot.sandbox.page.outside import Typed
from bot.sandbox.shop.home import ShopError
from integrations.contract import IntegrationError

FAILURES = (StoryBroke, IntegrationError, ShopError, TimeoutError, OSError)
MOST_TYPED = 20
CUSTOMERS_FIRST = timedelta(seconds=1)
"""How long customers order before and after the backup, so that there is something to keep and to lose."""


class Guided:
    """The pipeline of a sandbox and the progress of its newest incident, until an `async with` block ends.

    A long timeline is read beside the page and never for it, so that the page comes at once.
    """

    def __init__(self, box: Sandbox, now: Callable[[], datetime]) -> None:
        self._box = box
        self._now = now
        self._ci = Pipeline(box, self, now)
        self._tasks: set[asyncio.Task[None]] = set()
        self._damaged_at: datetime | None = None
        self._stale = True
        self.progress = Progress()
        self.busy = ""
        self.typed: Sequence[Typed] = ()
        box.app.timeline.listen(self._told)

    async def __aenter__(self) -> Self:
        self._keep(self._follow())
        return self

    async def __aexit__(self, *reason: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work, name="guided")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _told(self) -> None:
        self._stale = True
        self._box.slack.ring()

    def terminal(self, who: str, command: str, output: str) -> None:
        """Keep a command that was run outside Slack."""
        self.typed = (*self.typed, Typed(who, command, output))[-MOST_TYPED:]
        self._told()

    def release_badly(self) -> None:
        """Begin to take a backup and to let the bad release out."""
        self._begin("A backup is taken, then 2.4.0 is deployed.", self._break())

    def deploy(self) -> None:
        """Begin to deploy once more, which asks the gate."""
        self._begin("The pipeline deploys.", self._deploy())

    def _begin(self, busy: str, work: Coroutine[None, None, None]) -> None:
        self.busy = busy
        self._keep(self._to_its_end(work))
        self._told()

    async def _to_its_end(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except FAILURES as failure:
            self.terminal("sandbox", "what was begun", f"It failed: {failure}")
        finally:
            self.busy = ""
            self._told()

    async def _break(self) -> None:
        actual = self._box.shop.actual()
        if actual is None or actual.version != BAD[0]:
            await self._ci.deploy(*GOOD)
            await asyncio.sleep(CUSTOMERS_FIRST.total_seconds())
            point = await self._ci.back_up(*GOOD)
            said = f"{point.id}, {point.size or 0:,} bytes, read back and compared"
            self.terminal("backup", "orders", said)
            await asyncio.sleep(CUSTOMERS_FIRST.total_seconds())
        damaged = self._now()
        ran = await self._ci.deploy(*BAD)
        if ran.code == 0:
            self._damaged_at = damaged

    async def _deploy(self) -> None:
        await self._ci.deploy(*NEXT)

    async def _follow(self) -> None:
        """Look again whenever something was written or said, and tell the page what is new of it."""
        slack, clock = self._box.slack, asyncio.get_running_loop().time
        while True:
            seen, began, known = slack.changes, clock(), self.progress
            if self._stale:
                self._stale = False
                known = await self._read()
            known = replace(known, press=self._approve(known) if known.asks else None)
            if known != self.progress:
                self.progress = known
                slack.ring()
            # Reading takes as long as the timeline is; half of the time is for everybody else.
            await asyncio.sleep(clock() - began)
            await slack.news(seen)

    async def _read(self) -> Progress:
        begun = Progress(damaged_at=self._damaged_at, release=BAD[0])
        incident = await self._incident()
        if self._damaged_at is None or incident is None or incident.declared_at < self._damaged_at:
            return begun
        run = await self._run(incident)
        known = replace(
            begun,
            incident=incident.id,
            room=incident.room.channel if incident.room else "",
            proposal=self._proposal(incident),
            decided=incident.decisions[-1].made.option if incident.decisions else "",
            resolved=not incident.open,
            told=not unanswered(incident),
            closed=incident.closed is not None,
            issue=incident.issue.key if incident.issue else "",
        )
        return await self._with_run(known, run) if run else known

    async def _incident(self) -> Incident | None:
        listed = await self._box.app.timeline.lookup.incidents(only_open=False, service="checkout")
        if not listed:
            return None
        return incidents.fold(await self._box.app.timeline.read(f"incident/{listed[0].id}"))

    async def _run(self, incident: Incident) -> Run | None:
        """Return the newest run that has not ended without a recovery."""
        for name in reversed(incident.runs):
            run = runs.fold(await self._box.app.timeline.read(f"run/{name}"))
            if run and run.asked.playbook == PLAYBOOK and not (run.over and not run.recovered_at):
                return run
        return None

    def _proposal(self, incident: Incident) -> str:
        criteria, _ = self._box.app.desk.shelf.criteria()
        return weigh(incident, criteria, self._now()).proposal or ""

    async def _with_run(self, known: Progress, run: Run) -> Progress:
        gate = run.gates.get(GATE)
        return replace(
            known,
            run=run.id,
            planned=run.plan is not None and not run.plan.problems,
            problem="; ".join(run.plan.problems) if run.plan else run.failed or "",
            started=run.started_at is not None,
            approved=frozenset(yes.person for yes in gate.approvals) if gate else frozenset(),
            acting=_acting(run),
            paused=run.paused.why if run.paused else "",
            recovered=f"{run.recovered_at:%H:%M:%SZ}" if run.recovered_at else "",
            freeze=run.freeze or "",
            lifted=await self._lifted(run.freeze) if run.freeze else False,
        )

    async def _lifted(self, id: str) -> bool:
        freeze = freezes.fold(await self._box.app.timeline.read(f"freeze/{id}"))
        return freeze is not None and not freeze.in_force(self._now())

    def _approve(self, known: Progress) -> Press | None:
        """Return where the approval can be pressed as its message stands now."""
        slack = self._box.slack
        shown = slack.find(f"{known.run} approval: {GATE}", channel=known.room)
        for button in slack.buttons(shown) if shown else ():
            if shown and button.label == "Approve":
                return Press(shown.channel, shown.ts, button.action_id)
        return None


def _acting(run: Run) -> str:
    if run.plan is None:
        return ""
    return "; ".join(step.title for step in run.plan.steps if step.id in run.acting)
