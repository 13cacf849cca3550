"""Who is on call in PagerDuty, kept for five minutes and asked for again in the background.

While PagerDuty does not answer, whoever was last on call is asked and invited; that they may approve is taken
for sure only while the answer is young, for a shift ends also when nobody can say so.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.shelf import Shelf
from bot.timeline import Timeline
from integrations.contract import IntegrationError
from integrations.pagerduty import Called, PagerDuty
from playbooks.catalog import Catalog, OnCall
from playbooks.problems import PlaybookInvalid

log = logging.getLogger(__name__)

KEPT = timedelta(minutes=5)
SURE = timedelta(minutes=15)
"""How old an answer may be by which somebody approves."""
_STORED = "pager:oncall:"


@dataclass(frozen=True, slots=True)
class _Known:
    people: tuple[Called, ...]
    at: datetime


class OnCallPeople:
    """Who is on call for what the catalog and playbooks name; reading never waits and never fails."""

    def __init__(self, timeline: Timeline, shelf: Shelf, pagerduty: PagerDuty) -> None:
        self._timeline = timeline
        self._shelf = shelf
        self._pagerduty = pagerduty
        self._known: dict[str, _Known] = {}
        self._loaded = False
        self._asked: datetime | None = None
        self._reading: asyncio.Task[None] | None = None

    def last(self) -> Mapping[str, tuple[str, ...]]:
        """Return the e-mails, as the catalog has them, of who was last known to be on call."""
        return self._shown(None)

    def sure(self) -> Mapping[str, tuple[str, ...]]:
        """Return only what is young enough to approve by."""
        return self._shown(SURE)

    def _shown(self, most: timedelta | None) -> Mapping[str, tuple[str, ...]]:
        now = self._timeline.now()
        if self._asked is None or not timedelta(0) <= now - self._asked < KEPT:
            self._begin()
        try:
            catalog = self._shelf.catalog()
        except PlaybookInvalid:
            return {}
        return {
            key: tuple(_emails(known, catalog))
            for key, known in self._known.items()
            if most is None or timedelta(0) <= now - known.at <= most
        }

    def _begin(self) -> None:
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self.refresh())

    async def refresh(self) -> None:
        """Ask now; what cannot be asked keeps its last answer, also over a restart."""
        self._asked = self._timeline.now()
        records = self._timeline.records
        if not self._loaded:
            for key, kept in (await records.remotes(_STORED)).items():
                people = tuple(Called(id, email) for id, email in json.loads(kept["people"]))
                self._known.setdefault(key, _Known(people, datetime.fromisoformat(kept["at"])))
            self._loaded = True
        wanted = set(named(self._shelf))
        for rota in ("escalation_policy", "schedule"):
            ids = sorted({id for each in wanted if (id := getattr(each, rota))})
            try:
                found = await self._pagerduty.on_call(rota, ids)
            except IntegrationError as problem:
                log.warning("on call not read rota=%s error=%s", rota, problem)
                continue
            for id, people in found.items():
                key, at = OnCall.model_validate({rota: id}).key, self._timeline.now()
                self._known[key] = _Known(people, at)
                told = json.dumps([[each.id, each.email] for each in people])
                await records.remember(f"{_STORED}{key}", {"people": told, "at": at.isoformat()})

    async def close(self) -> None:
        """Stop asking."""
        if self._reading:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)


def named(shelf: Shelf) -> Iterator[OnCall]:
    """Yield every schedule and escalation policy that the catalog's groups and the playbooks' roles name."""
    try:
        groups = shelf.catalog().groups.values()
    except PlaybookInvalid:
        return
    yield from (group.oncall for group in groups if group.oncall)
    for loaded in shelf.playbooks().values():
        for role in loaded.playbook.roles.values():
            if role.pagerduty:
                yield OnCall(escalation_policy=role.pagerduty)


def _emails(known: _Known, catalog: Catalog) -> Iterator[str]:
    """Somebody who is not in the catalog is nobody here."""
    for each in known.people:
        name = catalog.called(each.id, each.email)
        if name:
            yield catalog.people[name].email
