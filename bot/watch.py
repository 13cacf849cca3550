"""What the clock brings: updates overdue, approvals that expire, freezes to look at again, drills due.

The timers are effects with a moment. A handler reads the stream when its moment has come and writes an
event only if it is still wanted, so that a timer that fires late, or twice, says a thing once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import wraps

from bot.core import drill as drills
from bot.core import freeze as freezes
from bot.core import incident as incidents
from bot.core import run as runs
from bot.core.approval import Standing, standing
from bot.core.decided import Decision
from bot.core.deciding import begun, fitting
from bot.core.delegation import asked_of
from bot.core.effects import Effect
from bot.core.events import (
    DelegationEnded,
    DrillEnded,
    EffectDue,
    Event,
    FreezeReviewDue,
    GateExpired,
    HandoffUnanswered,
    Phase,
    TaskOverdue,
    UpdateOverdue,
    WarmStopped,
)
from bot.core.incident import Incident, stream_of
from bot.core.may import COMMANDERS
from bot.core.people import holders_now
from bot.core.run import Run
from bot.core.schedule import Due, Later, Skip, verdict
from bot.core.tasks import Task
from bot.jobs import Again
from bot.shelf import Shelf
from bot.timeline import Change, Timeline
from bot.timeline.rehearsals import around
from playbooks.model import Playbook
from playbooks.windows import next_window

BY, VIA = "backstop", "clock"
ASK_AGAIN = timedelta(hours=1)
ASK_OF_ACTIONS = timedelta(days=1)
"""How often whoever has an action that is late is asked, until the post-mortem was reviewed."""
LOOK_AT_SCHEDULES = timedelta(minutes=15)
"""How often playbooks are looked at for a schedule that is new."""
SCHEDULES = Effect("drills", "schedule", "timer/drills")
"""The timer of all drills; asked for when Backstop starts, it is never over."""

_Handler = Callable[["Watch", str], Awaitable[Again | None]]


def _in_time(handler: _Handler) -> _Handler:
    """Hand the id over once the moment in the subject has come; a clock set back asks too early."""

    @wraps(handler)
    async def timed(self: Watch, subject: str) -> Again | None:
        id, _, moment = subject.partition("@")
        # The moment in a subject is cut to the second.
        at = datetime.strptime(moment, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        return Again(at + timedelta(seconds=1)) if self._timeline.now() < at else await handler(self, id)

    return timed


class Watch:
    """The handlers of the timers; the subject of each is an id and the moment, as INC-42@20261123T021000."""

    def __init__(
        self, timeline: Timeline, shelf: Shelf, slack_groups: Callable[[], Mapping[str, tuple[str, ...]]]
    ) -> None:
        self._timeline = timeline
        self._shelf = shelf
        self._slack_groups = slack_groups

    @_in_time
    async def update_due(self, id: str) -> Again | None:
        """Say once that a promised update did not come."""
        stream = f"incident/{id}"
        incident = incidents.fold(await self._timeline.read(stream))
        if incident is None or not incident.open or incident.next_update_by is None:
            return None
        promised = incident.next_update_by
        if incident.overdue == promised:
            return None
        if self._timeline.now() < promised:
            return Again(promised)
        overdue = UpdateOverdue(number=len(incident.updates) + 1, promised=promised)
        await self._write(stream, incident.seq, overdue)
        return None

    @_in_time
    async def effect_due(self, id: str) -> Again | None:
        """Ask once whether the newest decision worked, unless somebody has said so already."""
        stream = f"incident/{id}"
        incident = incidents.fold(await self._timeline.read(stream))
        newest = incident.decisions[-1] if incident and incident.open and incident.decisions else None
        if incident is None or newest is None or newest.asked_at or newest.observed:
            return None
        due = newest.made.effect_by
        if due is None:
            return None
        if self._timeline.now() < due:
            return Again(due)
        asked = EffectDue(
            decision=newest.seq, option=newest.made.option, waits=await self._waits(incident, newest)
        )
        await self._write(stream, incident.seq, asked)
        return None

    async def _waits(self, incident: Incident, newest: Decision) -> tuple[str, ...]:
        """Return the runs that would carry a decision out, where none of them was started."""
        books = [loaded.playbook for loaded in self._shelf.playbooks().values()]
        carries = fitting(books, newest.made.option, incident)
        started, waits = begun(await self._runs_of(incident), carries, newest)
        return () if started else waits

    async def _runs_of(self, incident: Incident) -> list[Run]:
        found = [runs.fold(await self._timeline.read(f"run/{id}")) for id in incident.runs]
        return [run for run in found if run]

    @_in_time
    async def handoff_due(self, id: str) -> Again | None:
        """Remind both people once of an offer of the command that nobody answered."""
        stream = f"incident/{id}"
        incident = incidents.fold(await self._timeline.read(stream))
        waits = incident.handoff if incident and incident.open else None
        if incident is None or waits is None or waits.reminded:
            return None
        if self._timeline.now() < waits.reminder:
            return Again(waits.reminder)
        await self._write(stream, incident.seq, HandoffUnanswered(offer=waits.seq, to=waits.to))
        return None

    @_in_time
    async def delegation_due(self, id: str) -> Again | None:
        """Say once that a place is its owner's again; it was since the moment, whoever says so."""
        stream = f"incident/{id}"
        incident = incidents.fold(await self._timeline.read(stream))
        if incident is None:
            return None
        now = self._timeline.now()
        over = [(name, each.to) for name, each in incident.delegated.items() if each.until <= now]
        if over:
            asking = asked_of(await self._runs_of(incident))
            ends = (DelegationEnded(person=name, to=to, how="over", runs=asking) for name, to in over)
            await self._write(stream, incident.seq, *ends)
        return None

    @_in_time
    async def task_due(self, id: str) -> Again | None:
        """Say once for each time box that a task is not done; a follow-up is asked for until the review."""
        stream = f"incident/{id}"
        incident = incidents.fold(await self._timeline.read(stream))
        if incident is None or incident.phase is Phase.CLOSED:
            return None
        now = self._timeline.now()
        late = [task for task in incident.tasks if task.late(now) and (incident.open or task.follow_up)]
        if late:
            await self._write(stream, incident.seq, *(_overdue(task, now) for task in late))
        return None

    @_in_time
    async def gate_expiry(self, id: str) -> Again | None:
        """Close the gates whose time for gathering ran out before enough people said yes."""
        stream = f"run/{id}"
        run = runs.fold(await self._timeline.read(stream))
        incident = incidents.fold(await self._timeline.read(stream_of(run.incident))) if run else None
        if run is None or run.plan is None or run.over or incident is None:
            return None
        now = self._timeline.now()
        holders = holders_now(run, incident, self._shelf.catalog(), self._slack_groups(), now=now)
        late = [
            gate
            for gate in run.plan.gates
            if (state := run.gates.get(gate.name))
            and not (state.used or state.expired)
            and state.expires <= now
            and standing(gate, state, hash=run.hash, holders=holders, now=now) is Standing.GATHERING
        ]
        if late:
            await self._write(stream, run.seq, *(GateExpired(gate=gate.name) for gate in late))
        return None

    @_in_time
    async def freeze_review(self, id: str) -> Again | None:
        """Ask whether a freeze is still needed; it stays in force until somebody lifts it."""
        stream = f"freeze/{id}"
        freeze = freezes.fold(await self._timeline.read(stream))
        now = self._timeline.now()
        if freeze is None or not freeze.in_force(now) or freeze.review_at is None or now < freeze.review_at:
            return None
        await self._write(stream, freeze.seq, FreezeReviewDue(review_at=now + ASK_AGAIN))
        return None

    async def drills(self, _subject: str) -> Again:
        """Ask for each drill that is due by its playbook's schedule, or record why it is left out."""
        now = self._timeline.now()
        looks = [now + LOOK_AT_SCHEDULES]
        for loaded in self._shelf.playbooks().values():
            rule = loaded.playbook.drill
            if rule is None or rule.schedule is None:
                continue
            said = verdict(rule, await around(self._timeline, loaded.playbook), now)
            if not isinstance(said, Later):
                await self._rehearse(loaded.playbook, said)
            if coming := next_window(rule, now):
                looks.append(coming)
        return Again(min(looks))

    async def _rehearse(self, playbook: Playbook, said: Due | Skip) -> None:
        (service,), (environment,) = playbook.applies_to.services, playbook.applies_to.environments
        catalog, groups = self._shelf.catalog(), self._slack_groups()
        found = catalog.services.get(service)
        owners = catalog.members(found.owner, groups) if found else ()
        commander = next(iter((*owners, *catalog.members(COMMANDERS, groups))), BY)
        asked = drills.asked(
            playbook, service, environment, commander=commander, window=said.window, release=said.release
        )
        id = await self._timeline.lookup.next_id("DRL")
        if isinstance(said, Skip):
            ended = DrillEnded(outcome="skipped", because=said.because)
            await self._write(f"drill/{id}", 0, asked, ended)
            return
        run = await self._timeline.lookup.next_id("RUN")
        opened = drills.opened(id, run, asked, inputs={})
        changes = {stream: Change(0, events) for stream, events in opened.items()}
        await self._timeline.append(changes, by=BY, via=VIA)

    @_in_time
    async def warm_expiry(self, id: str) -> Again | None:
        """Have a copy removed that was made ready and that nobody used."""
        stream = f"run/{id}"
        run = runs.fold(await self._timeline.read(stream))
        if run is None or run.warm is None or run.started_at or run.over or run.abort:
            return None
        if self._timeline.now() < run.warm.until:
            return Again(run.warm.until)
        await self._write(stream, run.seq, WarmStopped(why="nobody started the run in time"))
        return None

    async def _write(self, stream: str, expected: int, *events: Event) -> None:
        await self._timeline.append({stream: Change(expected, events)}, by=BY, via=VIA)


def _overdue(task: Task, now: datetime) -> TaskOverdue:
    again = now + ASK_OF_ACTIONS if task.follow_up else None
    return TaskOverdue(number=task.number, due=task.due, again=again)
