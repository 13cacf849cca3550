"""The effects that speak in Slack: rooms, cards, lines, approvals, progress and answers.

Each handler reads what is true now and makes Slack say it. It may run any number of times.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import wraps

from bot.commands import Answer, Place
from bot.core import drill as drills
from bot.core import freeze as freezes
from bot.core import incident as incidents
from bot.core import run as runs
from bot.core.cards import approval_card, drill_card, incident_card, plan_card, progress_card, said
from bot.core.document import Document, Moment, Paragraph, Small
from bot.core.events import (
    Delegated,
    Entry,
    HandoffOffered,
    MergedIn,
    PlanFailed,
    Planned,
    RoleAssigned,
    RunAborted,
    RunRecovered,
    RunStarted,
    StepFailed,
    StepStarted,
    StepSucceeded,
    WarmAsked,
    WarmStopped,
)
from bot.core.freeze import Freeze
from bot.core.incident import Incident, is_drill, stream_of
from bot.core.people import holders_now
from bot.core.run import Run
from bot.jobs import Again, Handler
from bot.slack.api import SlackTrouble
from bot.slack.decisions import SOON, DecisionCards
from bot.slack.messages import Payload, message
from bot.slack.posts import AT_ONCE, CARD, PROGRESS, Spot, TooSoon, Urgency
from bot.slack.rooms import Ground, Rooms
from playbooks.roles import Holders

log = logging.getLogger(__name__)

LATE = timedelta(minutes=1)
RECENT = 40
"""How many entries a card is given to choose its last lines from."""

_NO_THREAD = "thread_not_found"
_CHANGES_THE_PLAN_CARD = (Planned, PlanFailed, RunStarted, RunAborted, RunRecovered, WarmAsked, WarmStopped)
_OF_A_COPY = (StepStarted, StepSucceeded, StepFailed)
"""Before the start these are about the copy that the plan card shows."""


def _waits(
    handler: Callable[[Deliver, str], Awaitable[Again | None]],
) -> Callable[[Deliver, str], Awaitable[Again | None]]:
    """Let a handler be asked again when an edit has to wait."""

    @wraps(handler)
    async def waiting(self: Deliver, subject: str) -> Again | None:
        try:
            return await handler(self, subject)
        except TooSoon as soon:
            return Again(soon.at)

    return waiting


class Deliver:
    """The handlers of everything that people read in Slack."""

    def __init__(self, ground: Ground, rooms: Rooms) -> None:
        self._ground = ground
        self._rooms = rooms
        self._timeline = ground.timeline
        self._decisions = DecisionCards(ground, rooms)

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers by the kind of effect."""
        return {
            "room": self.room,
            "card": self.card,
            "decision": self.decision,
            "say": self.say,
            "resay": self.resay,
            "approvals": self.approvals,
            "progress": self.progress,
            "answer": self.answer,
        }

    @_waits
    async def room(self, id: str) -> Again | None:
        """Open an incident's room and lay a link to everything about it there."""
        incident = await self._rooms.open(id)
        if incident is None or incident.room is None or incident.room.thread:
            return None
        key, records = f"bookmark:{id}", self._timeline.records
        if await records.remote(key) is None and not incident.room.channel.startswith("D"):
            await self._rooms.decorate(
                "bookmarks.add",
                channel_id=incident.room.channel,
                title=f"{id} timeline",
                type="link",
                link=self._ground.url(id),
            )
            await records.remember(key, {"channel": incident.room.channel})
        return None

    @_waits
    async def card(self, id: str) -> Again | None:
        """Draw an incident's card again; the first one is pinned."""
        await self._ground.posts.due(f"card:{id}", CARD)
        incident = await self._incident(id)
        if incident is None:
            return None
        if incident.room is None:
            return Again(self._timeline.now() + SOON)
        found = [run for name in incident.runs if (run := await self._run(name))]
        if is_drill(id):
            await self._drill_card(incident, found)
            return None
        placed = [await self._freeze(name) for name in await self._timeline.lookup.freezes(incident=id)]
        story = await self._timeline.story(id)
        document = incident_card(
            incident,
            runs=found,
            freezes=[freeze for freeze in placed if freeze],
            recent=story[-RECENT:],
            now=self._timeline.now(),
        )
        revision = f"{id}.{incident.seq}.{sum(run.seq for run in found)}"
        ts = await self._rooms.put(incident, f"card:{id}", document, revision=revision, urgency=CARD)
        await self._pin(incident, ts)
        await self._rooms.topic(incident)
        return None

    @_waits
    async def decision(self, id: str) -> Again | None:
        """Draw the card again on which an incident is decided, once somebody wants to decide."""
        return await self._decisions.draw(id)

    async def _drill_card(self, incident: Incident, found: list[Run]) -> None:
        drill = drills.fold(await self._timeline.read(stream_of(incident.id)))
        if drill:
            document = drill_card(drill, runs=found, now=self._timeline.now())
            revision = f"{drill.id}.{drill.seq}.{sum(run.seq for run in found)}"
            await self._rooms.put(incident, f"card:{drill.id}", document, revision=revision, urgency=CARD)

    async def _pin(self, incident: Incident, ts: str) -> None:
        key, spot = f"pin:{incident.id}", await self._rooms.spot(incident)
        pinned = {"channel": spot.channel, "ts": ts}
        if await self._timeline.records.remote(key) != pinned:
            await self._rooms.decorate("pins.add", channel=spot.channel, timestamp=ts)
            await self._timeline.records.remember(key, pinned)

    @_waits
    async def say(self, subject: str) -> Again | None:
        """Say one entry where it belongs: in its run's thread, in the incident's room, or at home."""
        if await self._ground.posts.known(f"say:{subject}") is None:
            await self._say(subject)
        return None

    @_waits
    async def resay(self, subject: str) -> Again | None:
        """Say anew what an entry says now, where it was said before."""
        if await self._ground.posts.known(f"say:{subject}"):
            await self._say(subject, anew=True)
        return None

    async def _say(self, subject: str, *, anew: bool = False) -> None:
        stream, _, seq = subject.rpartition("#")
        entry = await self._timeline.entry(stream, int(seq))
        if entry is None:
            return
        kind, _, id = stream.partition("/")
        run = await self._run(id) if kind == "run" else None
        freeze = await self._freeze(id) if kind == "freeze" else None
        of = run.incident if run else freeze.incident if freeze else id
        incident = await self._rooms.open(of) if of else None
        told = said(entry, incident=incident, run=run, freeze=freeze)
        document = told if anew else self._in_time(entry, told)
        if incident is None:
            await self._say_at_home(subject, document)
        elif run:
            await self._say_in_run(subject, document, entry, run, incident)
        else:
            await self._say_in_room(subject, document, entry, incident)

    def _in_time(self, entry: Entry, document: Document | None) -> Document | None:
        """What is said late says when it happened: nobody must take it for news."""
        if document is None or self._timeline.now() - entry.recorded_at < LATE:
            return document
        when = Small(("Said late: this happened ", Moment(entry.recorded_at)))
        return replace(document, blocks=(*document.blocks, when))

    async def _say_at_home(self, subject: str, document: Document | None) -> None:
        home = self._ground.settings.slack_home_channel
        if home and document:
            payload = self._message(document, self._ground.settings.door, subject)
            await self._ground.posts.put(f"say:{subject}", Spot(home), payload)

    async def _say_in_room(
        self, subject: str, document: Document | None, entry: Entry, incident: Incident
    ) -> None:
        match entry.event:
            case RoleAssigned(person=person) | HandoffOffered(to=person) | Delegated(to=person):
                await self._rooms.invite((await self._rooms.spot(incident)).channel, [person])
            case MergedIn(people=people):
                await self._rooms.invite((await self._rooms.spot(incident)).channel, people)
            case _:
                pass
        if document:
            await self._rooms.put(incident, f"say:{subject}", document, revision=subject)

    async def _say_in_run(
        self, subject: str, document: Document | None, entry: Entry, run: Run, incident: Incident
    ) -> None:
        early = run.started_at is None and isinstance(entry.event, _OF_A_COPY)
        changed = early or isinstance(entry.event, _CHANGES_THE_PLAN_CARD)
        if changed or await self._root(run, incident) is None:
            await self._draw_plan(run, incident)
        if document:
            await self._put_in_run(run, incident, f"say:{subject}", document, revision=subject)

    @_waits
    async def approvals(self, id: str) -> Again | None:
        """Ask at each gate of a run, and show there how it ended; asked again, it is a new message."""
        run = await self._run(id)
        incident = await self._rooms.open(run.incident) if run else None
        if run is None or run.plan is None or incident is None:
            return None
        catalog, groups = self._ground.shelf.catalog(), self._ground.slack_groups()
        holders = holders_now(run, incident, catalog, groups, now=self._timeline.now())
        for gate in run.plan.gates:
            if gate.name in run.gates:
                await self._ask(run, incident, gate.name, holders)
        return None

    async def _ask(self, run: Run, incident: Incident, gate: str, holders: Holders) -> None:
        asked = run.gates[gate].asked_at
        key = f"gate:{run.id}.{gate}"
        approval = f"{key}@{asked:%Y%m%dT%H%M%S%f}"
        records = self._timeline.records
        last = await records.remote(key) or {}
        if last.get("asked") != approval:
            can = [name for role in _roles(run, gate) for name in holders.get(role, ())]
            await self._rooms.invite((await self._rooms.spot(incident)).channel, can)
            await self._ask_no_more(run, incident, last.get("asked", ""))
        document = approval_card(run, incident, gate, holders=holders, now=self._timeline.now())
        await self._put_in_run(run, incident, approval, document, revision=f"{approval}.{run.seq}")
        await records.remember(key, {"asked": approval})

    async def _ask_no_more(self, run: Run, incident: Incident, approval: str) -> None:
        """Take the buttons away from a question that is asked anew."""
        if approval and await self._ground.posts.known(approval):
            gone = Document("", (Paragraph((f"{run.id} asks for this approval anew, below.",)),))
            await self._put_in_run(run, incident, approval, gone)

    @_waits
    async def progress(self, id: str) -> Again | None:
        """Keep the one message up to date that shows how far a run is."""
        await self._ground.posts.due(f"progress:{id}", PROGRESS)
        run = await self._run(id)
        incident = await self._incident(run.incident) if run else None
        if run is None or run.plan is None or run.started_at is None or incident is None:
            return None
        if incident.room is None or await self._root(run, incident) is None:
            return Again(self._timeline.now() + SOON)
        latest = {}
        for step in run.plan.steps:
            found = await self._timeline.records.progress(id, step.id)
            if found is not None:
                latest[step.id] = found
        document = progress_card(run, incident, latest=latest, now=self._timeline.now())
        revision = f"{id}.{run.seq}"
        await self._put_in_run(run, incident, f"progress:{id}", document, revision=revision, urgency=PROGRESS)
        return None

    @_waits
    async def answer(self, delivery: str) -> Again | None:
        """Give a person the answer to what they said, there or else in their direct messages."""
        records, key = self._timeline.records, f"answer:{delivery}"
        stored = await records.answer(delivery)
        if stored is None or await self._ground.posts.known(key):
            return None
        place = Place.from_json(await records.place(delivery))
        payload = self._message(Answer.from_json(stored).document, self._ground.settings.door, delivery[-80:])
        try:
            await self._reply(key, place, payload)
        except SlackTrouble as trouble:
            if not trouble.permanent or not place.user:
                raise
            await self._ground.posts.put(key, Spot(await self._ground.api.direct(place.user)), payload)
        return None

    async def _reply(self, key: str, place: Place, payload: Payload) -> None:
        """Answer where something was said; where its hook does not take the answer, Slack's Web API may."""
        api, channel, user = self._ground.api, place.channel or "", place.user or ""
        if place.reply == "thread":
            await self._ground.posts.put(key, Spot(channel, place.thread), payload)
            return
        if not channel and not place.hook:
            # A home tab and a global shortcut are in no channel.
            await self._ground.posts.put(key, Spot(await api.direct(user)), payload)
            return
        if place.hook:
            try:
                await api.respond(place.hook, payload)
            except SlackTrouble as trouble:
                log.info("hook refused error=%s", trouble)
            else:
                return
        await api.whisper(channel, user, payload, thread=place.thread)

    async def _incident(self, id: str) -> Incident | None:
        return incidents.fold(await self._timeline.read(stream_of(id)))

    async def _run(self, id: str) -> Run | None:
        return runs.fold(await self._timeline.read(f"run/{id}"))

    async def _freeze(self, id: str) -> Freeze | None:
        return freezes.fold(await self._timeline.read(f"freeze/{id}"))

    def _message(self, document: Document, url: str, revision: str) -> Payload:
        return message(document, people=self._ground.people(), url=url, revision=revision)

    async def _root(self, run: Run, incident: Incident) -> str | None:
        """Return the message that the thread of a run hangs on, if it stands where it should."""
        known = await self._ground.posts.known(f"plan:{run.id}")
        there = (await self._rooms.spot(incident)).channel
        return known["ts"] if known and known["channel"] == there else None

    async def _draw_plan(self, run: Run, incident: Incident) -> str:
        document = plan_card(run, incident, now=self._timeline.now())
        return await self._rooms.put(incident, f"plan:{run.id}", document, revision=f"{run.id}.{run.seq}")

    async def _put_in_run(
        self,
        run: Run,
        incident: Incident,
        key: str,
        document: Document,
        *,
        revision: str = "",
        urgency: Urgency = AT_ONCE,
    ) -> None:
        """Put a message into the thread of a run, whose first message is posted again when it is gone."""
        root = await self._root(run, incident) or await self._draw_plan(run, incident)
        try:
            await self._rooms.put(incident, key, document, revision=revision, urgency=urgency, thread=root)
        except SlackTrouble as trouble:
            if trouble.code != _NO_THREAD:
                raise
            await self._timeline.records.forget(f"plan:{run.id}")
            root = await self._draw_plan(run, incident)
            await self._rooms.put(incident, key, document, revision=revision, urgency=urgency, thread=root)


def _roles(run: Run, gate: str) -> tuple[str, ...]:
    planned = run.plan.gate(gate) if run.plan else None
    return tuple(quorum.role for quorum in planned.require) if planned else ()
