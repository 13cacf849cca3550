"""What PagerDuty tells of an incident of ours becomes an entry, in one transaction with the event's id.

The same delivery again changes nothing, and their order does not matter: an entry says what happened there
and when, and moves nothing here. A person there is one of the catalog by their id, or else by their e-mail.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence

from bot.core import incident as incidents
from bot.core.errors import Conflict
from bot.core.events import PagerTold
from bot.core.incident import Incident
from bot.core.words import BACKSTOP
from bot.notify.mark import mark_of
from bot.notify.pager import VIA, way_back
from bot.shelf import Shelf
from bot.timeline import AlreadyAnswered, Change, Delivery, Timeline
from integrations.contract import IntegrationError
from integrations.pagerduty import PagerDuty, Told

log = logging.getLogger(__name__)

LOOK_UP_S = 1.5
"""How long the e-mail of somebody is asked for: PagerDuty waits 5 s for an answer."""
TRIES = 5
SEEN = "pager:webhook"
"""Under this key it is kept when PagerDuty last told anything."""
WORTH = {
    "incident.acknowledged": "acknowledged",
    "incident.unacknowledged": "unacknowledged",
    "incident.annotated": "note",
    "incident.delegated": "delegated",
    "incident.escalated": "escalated",
    "incident.priority_updated": "priority",
    "incident.reassigned": "reassigned",
    "incident.reopened": "reopened",
    "incident.resolved": "resolved",
    "incident.responder.added": "asked",
    "incident.responder.replied": "replied",
    "incident.status_update_published": "update",
}
"""What is worth an entry, each in our word."""
_KEY = re.compile(r"backstop-(?P<id>INC-[1-9][0-9]*)-(?P<mark>[0-9a-f]{16})")


class PagerEars:
    """Takes what PagerDuty tells; `sender` is the e-mail that our own writes name."""

    def __init__(self, timeline: Timeline, shelf: Shelf, pagerduty: PagerDuty | None, sender: str) -> None:
        self._timeline = timeline
        self._records = timeline.records
        self._shelf = shelf
        self._pagerduty = pagerduty
        self._sender = sender.lower()

    async def take(self, told: Told) -> None:
        """Record what is told, if it is about an incident of ours and not our own doing."""
        incident = await self._incident(told) if told.kind in WORTH else None
        if incident:
            await self._record(told, incident)
        await self._records.remember(SEEN, {"at": self._timeline.now().isoformat(), "kind": told.kind})

    async def _incident(self, told: Told) -> str | None:
        """Return ours: it is remembered once it was opened, and its key names it before that."""
        known = await self._records.remote(way_back(told.incident))
        if known:
            return known["incident"]
        key = _KEY.fullmatch(told.key)
        own = await self._timeline.read(f"incident/{key['id']}") if key else []
        return key["id"] if key and own and mark_of(own) == key["mark"] else None

    async def _record(self, told: Told, id: str) -> None:
        email, name = await self._email(told.agent), told.agent_name
        if email and email == self._sender:
            return
        by = self._person(told.agent, email)
        event = PagerTold(
            what=WORTH[told.kind],
            who="" if by else name,
            whom=self._person(told.person, await self._email(told.person)) or told.person_name,
            text=told.text,
            state=told.state,
        )
        delivery = Delivery(f"{VIA}:{told.id}", {})
        for attempt in range(TRIES):
            found = incidents.fold(await self._timeline.read(f"incident/{id}"))
            assert found
            change = self._change(told, found, (event,))
            try:
                await self._timeline.append(change, by=by or BACKSTOP, via=VIA, delivery=delivery)
            except AlreadyAnswered:
                log.info("told again event=%s", told.id)
            except Conflict:
                if attempt == TRIES - 1:
                    raise
                continue
            return

    def _change(self, told: Told, incident: Incident, events: Sequence[PagerTold]) -> dict[str, Change]:
        """Their clock and ours differ a little: nothing happened before it was declared, or tomorrow."""
        at = min(max(told.at, incident.declared_at), self._timeline.now())
        return {f"incident/{incident.id}": Change(incident.seq, tuple(events), occurred_at=at)}

    def _person(self, id: str, email: str) -> str:
        return self._shelf.catalog().called(id, email) or ""

    async def _email(self, id: str) -> str:
        """Return somebody's e-mail, which is asked for once; nothing where PagerDuty does not say in time."""
        if not id or self._pagerduty is None:
            return ""
        key = f"pager:person:{id}"
        if known := await self._records.remote(key):
            return known["email"]
        try:
            async with asyncio.timeout(LOOK_UP_S):
                email = (await self._pagerduty.email(id)).lower()
        except (TimeoutError, IntegrationError) as problem:
            log.info("person not known id=%s error=%s", id, problem or "too slow")
            return ""
        await self._records.remember(key, {"email": email})
        return email
