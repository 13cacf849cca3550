"""Keeps an incident in PagerDuty in step with ours: the handler of the effect `pager`.

`core/paging.py` says each time anew what should be there, and what is missing is done. Nothing waits for it,
and what cannot be done is said in the incident once, so that people call each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.core import incident as incidents
from bot.core.errors import Conflict
from bot.core.events import Entry, Event, NoteAdded, Paged, PagerLinked
from bot.core.incident import Incident
from bot.core.paging import Note, Page, Wanted, wanted
from bot.jobs import Again
from bot.notify.mark import mark_of
from bot.notify.once import Once
from bot.shelf import Shelf
from bot.timeline import Change, Timeline
from integrations.contract import IntegrationError
from integrations.pagerduty import Ambiguous, PagerDuty, Target, Unauthorized
from playbooks.catalog import Catalog, Group

VIA = "pagerduty"
PATIENCE = timedelta(minutes=2)
"""How long PagerDuty may take nothing before people hear of it."""
LOOK_AGAIN = timedelta(minutes=5)
"""How soon what it refused is tried again: an operator may have mended a token or the catalog."""
TRIES = 5


class Pager:
    """Pages people and keeps those who were paged informed."""

    def __init__(self, timeline: Timeline, shelf: Shelf, pagerduty: PagerDuty) -> None:
        self._timeline = timeline
        self._records = timeline.records
        self._shelf = shelf
        self._pagerduty = pagerduty
        self._once = Once(timeline.records, lambda problem: isinstance(problem, Ambiguous))

    async def handle(self, id: str) -> Again | None:
        """Bring the PagerDuty incident of an incident up to date."""
        own = await self._timeline.read(f"incident/{id}")
        incident = incidents.fold(own)
        if incident is None:
            return None
        try:
            again = await self._bring(incident, own)
        except IntegrationError as problem:
            return await self._failed(id, problem)
        if again is None:
            await self._works(id)
        return again

    async def _bring(self, incident: Incident, own: Sequence[Entry]) -> Again | None:
        catalog = self._shelf.catalog()
        service = catalog.services.get(incident.service)
        paging = service.pagerduty if service else None
        story = sorted(await self._timeline.story(incident.id), key=_in_order)
        want = wanted(incident, story, paging)
        linked = incident.pager
        if linked is None:
            if paging is None or not want.open or want.status == "resolved":
                return None
            await self._open(incident, own, want, paging.service)
            # What was done before anybody was called calms nobody: it is looked at anew.
            return Again(self._timeline.now())
        await self._urge(linked.key, want)
        for page in want.pages:
            if not page.sent and want.status != "resolved":
                await self._page(incident.id, linked.key, page, catalog)
        # Before the notes, which nobody is woken by: a note that is refused must keep nobody awake.
        await self._move(linked.key, want)
        for note in want.notes:
            await self._note(incident.id, linked.key, note)
        return None

    async def _open(self, incident: Incident, own: Sequence[Entry], want: Wanted, service: str) -> None:
        """Open it, or find it by a key that no other Backstop makes: the answer to a try may be lost."""
        found = await self._pagerduty.open(
            f"backstop-{incident.id}-{mark_of(own)}",
            service=service,
            title=want.title,
            details=want.details,
            urgency=want.urgency,
        )
        await self._records.remember(_urged(found.id), {"urgency": want.urgency})
        # Before the entry: what PagerDuty tells of the incident may come before anything else is read.
        await self._records.remember(way_back(found.id), {"incident": incident.id})
        linked = PagerLinked(system=VIA, key=found.id, number=found.number, url=found.url)
        await self._append(incident.id, linked)

    async def _urge(self, there: str, want: Wanted) -> None:
        """Wake people when it got worse; that it is less bad is for people to say there."""
        known = await self._records.remote(_urged(there))
        if want.urgency == "high" and want.status != "resolved" and known and known["urgency"] == "low":
            await self._pagerduty.urge(there)
            await self._records.remember(_urged(there), {"urgency": "high"})

    async def _page(self, id: str, there: str, page: Page, catalog: Catalog) -> None:
        groups = {name: await self._called(name, catalog) for name in page.groups}
        people = {name: await self._person(name, catalog) for name in page.people}
        targets = list(
            dict.fromkeys(each for found in (*groups.values(), *people.values()) for each in found)
        )
        missed = [
            f"PagerDuty knows nobody of the group {name}" for name, found in groups.items() if not found
        ]
        missed += [f"PagerDuty does not know @{name}" for name, found in people.items() if not found]
        try:
            if targets:
                await self._once.do(
                    f"pager:{id}:{page.mark}",
                    lambda: self._pagerduty.ask(there, page.whole, targets),
                    found=lambda: self._pagerduty.has_asked(there, _bare(page)),
                )
        except Unauthorized:
            raise
        except IntegrationError as problem:
            if not problem.permanent:
                raise
            missed, groups, people = [str(problem).rstrip(".")], {}, {}
        paged = Paged(
            page=page.mark,
            groups=tuple(name for name, found in groups.items() if found),
            people=tuple(name for name, found in people.items() if found),
            missed=tuple(missed),
        )
        await self._append(id, paged)

    async def _called(self, name: str, catalog: Catalog) -> list[Target]:
        """Return who is on call for a group, or else its people."""
        group = catalog.groups.get(name, Group())
        if group.oncall and group.oncall.escalation_policy:
            return [Target(group.oncall.escalation_policy, "escalation_policy")]
        if group.oncall and group.oncall.schedule:
            on_call = await self._pagerduty.on_call("schedule", [group.oncall.schedule])
            return [Target(each.id, "user") for each in on_call[group.oncall.schedule]]
        return [target for person in group.people for target in await self._person(person, catalog)]

    async def _person(self, name: str, catalog: Catalog) -> list[Target]:
        person = catalog.people.get(name)
        id = person and (person.pagerduty or await self._pagerduty.user(person.email))
        return [Target(id, "user")] if id else []

    async def _note(self, id: str, there: str, note: Note) -> None:
        key = f"pager:{id}:{note.mark}"
        await self._once.do(
            key,
            lambda: self._pagerduty.note(there, note.whole),
            found=lambda: self._pagerduty.has_note(there, _bare(note)),
        )
        if not note.published:
            return
        try:
            # Nothing lists status updates, so one in doubt is not repeated: the note says the same.
            await self._once.do(
                f"{key}:published", lambda: self._pagerduty.status_update(there, note.whole), found=_yes
            )
        except Unauthorized:
            raise
        except IntegrationError as problem:
            if not problem.permanent:
                raise
            await self._append(
                id, NoteAdded(text=f"The update did not reach PagerDuty's subscribers. {problem}")
            )
            await self._records.remember(f"{key}:published", {"state": "done"})

    async def _move(self, there: str, want: Wanted) -> None:
        """Move it as ours moves and never back: what people did there in between is theirs."""
        key = f"pager:status:{there}"
        known = (await self._records.remote(key) or {"status": "triggered"})["status"]
        if want.status == known:
            return
        now = (await self._pagerduty.incident(there)).status
        match want.status:
            case "resolved":
                if now != "resolved":
                    await self._pagerduty.move(there, "resolved", want.resolution)
            case "acknowledged" | "triggered":
                if known == "resolved" and now == "resolved":
                    await self._pagerduty.move(there, "triggered")
                elif want.status == "acknowledged" and now == "triggered":
                    await self._pagerduty.move(there, "acknowledged")
        await self._records.remember(key, {"status": want.status})

    async def _failed(self, id: str, problem: IntegrationError) -> Again:
        """Say once what keeps it out of step, at once where trying again does not help by itself."""
        key, now = f"pager:{id}:trouble", self._timeline.now()
        known = await self._records.remote(key) or {"since": now.isoformat(), "told": ""}
        silent = now - datetime.fromisoformat(known["since"]) >= PATIENCE
        told = str(problem) if problem.permanent else "silent" if silent else ""
        if told and known["told"] != told:
            what = (
                str(problem)
                if problem.permanent
                else f"PagerDuty has taken nothing for {_minutes(PATIENCE)}."
            )
            await self._append(id, NoteAdded(text=f"{what} Call people yourselves; Backstop goes on trying."))
        await self._records.remember(key, {**known, "told": told or known["told"]})
        if not problem.permanent:
            raise problem
        return Again(now + LOOK_AGAIN)

    async def _works(self, id: str) -> None:
        """Take back what was said of trouble."""
        key = f"pager:{id}:trouble"
        known = await self._records.remote(key)
        if known and known["told"]:
            await self._append(
                id, NoteAdded(text="PagerDuty takes what it is told again, and knows everything now.")
            )
        if known:
            await self._records.forget(key)

    async def _append(self, id: str, event: Event) -> None:
        stream = f"incident/{id}"
        for attempt in range(TRIES):
            seq = len(await self._timeline.read(stream))
            try:
                await self._timeline.append({stream: Change(seq, (event,))}, by="backstop", via=VIA)
            except Conflict:
                if attempt == TRIES - 1:
                    raise
            else:
                return


def _in_order(entry: Entry) -> tuple[datetime, str, int]:
    return entry.recorded_at, entry.stream, entry.seq


def _bare(said: Note | Page) -> str:
    return f"[{said.mark}]"


def way_back(there: str) -> str:
    """Return the key under which our incident is kept for one in PagerDuty."""
    return f"pager:incident:{there}"


def _urged(there: str) -> str:
    return f"pager:urgency:{there}"


def _minutes(length: timedelta) -> str:
    return f"{length // timedelta(minutes=1)} min"


async def _yes() -> bool:
    return True
