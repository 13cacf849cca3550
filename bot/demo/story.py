"""The story of the demonstration: a release damages a database, and three people bring it back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.approval import Approval
from bot.core.deciding import WROTE
from bot.core.events import RoomOpened
from bot.core.plan import Plan
from bot.demo.narrator import Narrator
from bot.demo.pipeline import Pipeline
from bot.demo.sandbox import Sandbox
from bot.demo.stage import Stage, StoryBroke
from bot.sandbox.shop.rollout import DENIED

GOOD, BAD, NEXT = ("2.3.0", "3f2a1bc"), ("2.4.0", "9d41e7f"), ("2.4.0", "b77c0de")
GATE = "overwrite-orders"
KNOWN = (
    ("bo", "data_corruption:ongoing data_scope:database node_or_site_failure:no backup_available:yes"),
    ("bo", "restore_point_predates_damage:yes pitr_available:no"),
    ("cy", "change_suspected:yes change_type:schema schema_change:irreversible"),
)
"""Who knows what, as they say it."""

A_WHILE, A_MOMENT = timedelta(seconds=2), timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Told:
    """What the story leaves to be proved: `at` is before the recovery point, `resumed` after the restore."""

    incident: str
    at: datetime
    resumed: datetime


class Story:
    """One telling of the story in a sandbox."""

    def __init__(self, box: Sandbox, tell: Narrator, now: Callable[[], datetime]) -> None:
        self._tell = tell
        self._now = now
        self._on = Stage(box, tell)
        self._ci = Pipeline(box, tell, now)
        self._freeze = ""

    async def play(self) -> Told:
        """Tell the whole story; raises `StoryBroke` at the first thing that does not happen."""
        at = await self._ordinary_night()
        damaged = await self._bad_release()
        incident = await self._declare(damaged)
        await self._decide()
        run = await self._plan()
        await self._start(run)
        await self._approve(run)
        resumed = await self._recover(run)
        await self._close(incident)
        return Told(incident, at, resumed)

    async def _ordinary_night(self) -> datetime:
        self._tell.chapter("An ordinary night", f"Customers order at checkout {GOOD[0]} all the time.")
        await self._ci.deploy(*GOOD)
        await self._on.pause(A_WHILE)
        at = self._now()
        point = await self._ci.back_up(*GOOD)
        size = f"{point.size or 0:,} bytes, release {point.release}, commit {point.commit}"
        self._tell.aside(f"The nightly backup {point.id} is taken, read back and compared: {size}.")
        await self._on.pause(A_WHILE)
        return at

    async def _bad_release(self) -> datetime:
        self._tell.chapter("A bad release", "Its migration takes cents for tenths of a cent. Nothing fails.")
        damaged = self._now()
        ran = await self._ci.deploy(*BAD)
        if ran.code:
            raise StoryBroke("The gate must let the release through before the incident, and did not.")
        await self._on.pause(A_WHILE)
        self._tell.terminal("customers", "compare receipts with orders.db", await self._ci.orders())
        return damaged

    async def _declare(self, damaged: datetime) -> str:
        self._tell.chapter("An incident")
        title = "Customers are told wrong order totals"
        answer = await self._on.told("ana", f'declare "{title}" sev:1 svc:checkout release:{BAD[0]}')
        id = str(answer["incident"])

        async def opened() -> RoomOpened | None:
            return (await self._on.incident(id)).room

        room = await self._on.until(opened, f"The room of {id}")
        self._on.room = room.channel
        await self._on.seen(f"{id} SEV1")
        self._on.join("bo", "cy")
        await self._on.pause(A_MOMENT)
        impact = "Order totals are a tenth of what they were, and orders are missing"
        began = f"{damaged:%H:%M:%SZ}"
        await self._on.told("ana", f'impact "{impact}" start:{began} damage:{began}')
        await self._on.seen(f"Impact: {impact}")
        return id

    async def _decide(self) -> None:
        self._tell.chapter("What to do")
        await self._on.told("ana", "decide")
        await self._on.pause(A_MOMENT)
        for who, facts in KNOWN:
            await self._on.mentioned(who, f"decide {facts}")
        await self._on.seen("Proposal: restore_full")
        await self._on.pause(A_MOMENT)
        why = "Every order is damaged, and the migration cannot be taken back."
        await self._on.told("ana", f'decide restore_full why:"{why}"')
        await self._on.seen("Decided: restore_full")

    async def _plan(self) -> str:
        self._tell.chapter("The plan")
        answer = await self._on.told("ana", "plan checkout-restore")
        id = str(answer["run"])

        async def planned() -> Plan | None:
            return (await self._on.run(id)).plan

        plan = await self._on.until(planned, f"The plan of {id}")
        if plan.problems:
            raise StoryBroke(f"{id} cannot start: {'; '.join(plan.problems)}")
        await self._on.seen("Point of no return")
        await self._on.pause(A_MOMENT)
        return id

    async def _start(self, run: str) -> None:
        self._tell.chapter("Frozen, and asking")
        answer = await self._on.told("ana", f"start {run}")
        self._freeze = str(answer["freeze"])
        await self._on.seen(f"{run} approval: {GATE}")
        ran = await self._ci.deploy(*NEXT)
        if ran.code != DENIED:
            raise StoryBroke(f"The gate must refuse a deployment during {run}, and answered {ran.code}.")
        await self._on.seen("Refused: deploy")

    async def _approve(self, run: str) -> None:
        self._tell.chapter("Two people say yes", "Whoever asked, and whoever has no seat, cannot.")
        asked = await self._on.seen(f"{run} approval: {GATE}")
        await self._on.press("ana", asked, "Approve")
        if await self._approvals(run):
            raise StoryBroke("The approval of the one who asked was counted.")
        for count, who in enumerate(("bo", "cy"), start=1):
            await self._on.pause(A_MOMENT)
            await self._on.press(who, asked, "Approve")
            if len(await self._approvals(run)) != count:
                raise StoryBroke(f"The approval of {who} was not counted.")

    async def _approvals(self, run: str) -> tuple[Approval, ...]:
        return (await self._on.run(run)).gates[GATE].approvals

    async def _recover(self, run: str) -> datetime:
        self._tell.chapter("The restore")
        await self._on.told("ana", "update post")

        async def recovered() -> datetime | None:
            return (await self._on.run(run)).recovered_at

        at = await self._on.until(recovered, f"The recovery by {run}")
        await self._on.seen(f"✓ {run} recovered")
        await self._on.pause(A_WHILE)
        return at

    async def _close(self, incident: str) -> None:
        self._tell.chapter("Service is back")
        lost = "Orders between the backup and the stop of checkout are only in the kept copy."
        await self._on.told("ana", f'resolve "Totals are right again." data:"{lost}"')
        await self._on.seen(f"{incident} is resolved")
        await self._on.pause(A_MOMENT)
        await self._on.told("ana", f'freeze off {self._freeze} why:"2.3.0 runs and every total is right"')
        await self._on.told("cy", f"decide {WROTE}:no")
        await self._on.told("ana", "close availability:helped speed:helped")
        await self._on.seen(f"{incident} is closed")
