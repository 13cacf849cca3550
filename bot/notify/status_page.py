"""Tells customers what a person sent: the handler of the effect `status-page`, one system after another.

Each system is told each draft once and in order. Before it is asked it is written down that it will be, so
that whatever dies in between, it is looked for before anything is said again. A refusal ends it: old words
must not appear hours later because somebody mended a key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import aiohttp

from bot.core import incident as incidents
from bot.core.audit.cloudevents import TYPE
from bot.core.audit.record import moment
from bot.core.events import Entry, ExternalTold
from bot.core.external import Draft
from bot.core.incident import Incident
from bot.core.words import system_in_words
from bot.notify.mark import mark_of
from bot.notify.trouble import PATIENCE
from bot.settings import Settings
from bot.timeline import Change, Timeline
from integrations.contract import IntegrationError
from integrations.statuspage import Ambiguous, Gone, Page, Post, Posted, Statuspage
from integrations.webhook import NotTaken, Webhook

VIA = "status-page"


@dataclass(frozen=True, slots=True)
class Update:
    """A draft on its way: `mark` is its own for ever, `page` what a system goes on with, if anything."""

    incident: str
    mark: str
    draft: Draft
    page: str


class Outlet(Protocol):
    """Tells customers."""

    async def tell(self, update: Update, *, in_doubt: bool) -> tuple[str, str]:
        """Return the key and the address of where it stands now; one in doubt is looked for first."""
        ...


class ToStatuspage:
    """Posts to a page of Statuspage: the first draft opens an incident there, later ones update it."""

    def __init__(self, statuspage: Statuspage) -> None:
        self._statuspage = statuspage

    async def tell(self, update: Update, *, in_doubt: bool) -> tuple[str, str]:
        """Post it; an incident that somebody deleted there is opened anew."""
        post, there = _post(update), update.page
        if in_doubt:
            found = await self._found(update)
            if found and found.number >= post.number:
                return found.id, found.url
            there = found.id if found else ""
        posted = await self._posted(post, there)
        return posted.id, posted.url

    async def _found(self, update: Update) -> Posted | None:
        known = await self._statuspage.incident(update.page) if update.page else None
        return known or await self._statuspage.find(update.mark)

    async def _posted(self, post: Post, there: str) -> Posted:
        if there:
            try:
                return await self._statuspage.update(there, post)
            except Gone:
                pass
        return await self._statuspage.open(post)


def _post(update: Update) -> Post:
    drafted = update.draft.drafted
    return Post(
        mark=update.mark,
        number=update.draft.number,
        name=drafted.title,
        status=drafted.status,
        impact=drafted.impact,
        body=drafted.text,
        components={drafted.component: drafted.state} if drafted.component else {},
    )


class ToWebhook:
    """Sends a CloudEvent whose id stays the same, so that a receiver knows one that comes twice."""

    def __init__(self, webhook: Webhook, source: str) -> None:
        self._webhook = webhook
        self._source = source

    async def tell(self, update: Update, *, in_doubt: bool) -> tuple[str, str]:
        """Send it, again where it is in doubt."""
        drafted = update.draft.drafted
        await self._webhook.send(
            {
                "specversion": "1.0",
                "id": update.mark,
                "source": self._source,
                "type": f"{TYPE}.status-update",
                "subject": update.incident,
                "time": moment(update.draft.at),
                "datacontenttype": "application/json",
                "data": {
                    "incident": update.incident,
                    "update": update.draft.number,
                    "title": drafted.title,
                    "status": drafted.status,
                    "impact": drafted.impact,
                    "text": drafted.text,
                    "component": drafted.component,
                    "component_status": drafted.state,
                },
            }
        )
        return "", ""


def systems_of(settings: Settings) -> tuple[str, ...]:
    """Return the systems through which customers can be told something."""
    page = bool(settings.statuspage_page and settings.statuspage_key)
    return (*(("statuspage",) if page else ()), *(("webhook",) if settings.status_webhook_url else ()))


def outlets_of(
    settings: Settings, session: Callable[[], aiohttp.ClientSession], *, now: Callable[[], datetime]
) -> dict[str, Outlet]:
    """Return what tells customers, by the name of its system."""
    found: dict[str, Outlet] = {}
    if settings.statuspage_page and settings.statuspage_key:
        page = Page(settings.statuspage_page, settings.statuspage_key, settings.statuspage_url)
        found["statuspage"] = ToStatuspage(Statuspage(page, session, now=now))
    if settings.status_webhook_url:
        webhook = Webhook(settings.status_webhook_url, settings.status_webhook_secret, session, now=now)
        found["webhook"] = ToWebhook(webhook, settings.door)
    return found


class StatusPages:
    """Tells every system what it is to be told."""

    def __init__(self, timeline: Timeline, outlets: Mapping[str, Outlet]) -> None:
        self._timeline = timeline
        self._records = timeline.records
        self._outlets = outlets

    async def handle(self, id: str) -> None:
        """Tell of an incident what was sent; a system that is down keeps no other one waiting."""
        incident = incidents.fold(await self._timeline.read(f"incident/{id}"))
        drafts = incident.external.drafts if incident else ()
        trouble: IntegrationError | None = None
        for system in dict.fromkeys(name for draft in drafts for name in draft.open):
            try:
                while await self._next(id, system):
                    pass
            except IntegrationError as problem:
                trouble = problem
        if trouble:
            raise trouble

    async def _next(self, id: str, system: str) -> bool:
        """Tell a system the next draft it is to be told, and say whether there was one."""
        own = await self._timeline.read(f"incident/{id}")
        incident = incidents.fold(own)
        draft = incident.external.due(system) if incident else None
        if incident is None or draft is None:
            return False
        outlet = self._outlets.get(system)
        if outlet is None:
            why = f"The settings of Backstop name {system_in_words(system)} no more."
            await self._told(id, draft, system, why=why)
            return True
        if not draft.whole:
            await self._told(id, draft, system, why="Words were removed from it.")
            return True
        await self._tell(outlet, _update(own, incident, draft, system), system)
        return True

    async def _tell(self, outlet: Outlet, update: Update, system: str) -> None:
        id, draft, key = update.incident, update.draft, f"status:{update.mark}:{system}"
        known = await self._records.remote(key) or {"since": self._timeline.now().isoformat(), "doubt": "no"}
        in_doubt = known["doubt"] == "yes"
        await self._records.remember(key, {**known, "doubt": "yes"})
        try:
            there, url = await outlet.tell(update, in_doubt=in_doubt)
        except IntegrationError as problem:
            in_doubt = in_doubt or _unsure(problem)
            await self._records.remember(key, {**known, "doubt": "yes" if in_doubt else "no"})
            look = " Customers may have read it all the same: look there." if in_doubt else ""
            if problem.permanent:
                await self._told(id, draft, system, why=f"{problem}{look}")
                return
            silent = self._timeline.now() - datetime.fromisoformat(known["since"]) >= PATIENCE
            if silent and system not in draft.told:
                await self._told(id, draft, system, why=str(problem), trying=True)
            raise
        await self._told(id, draft, system, key=there, url=url)

    async def _told(
        self,
        id: str,
        draft: Draft,
        system: str,
        *,
        key: str = "",
        url: str = "",
        why: str = "",
        trying: bool = False,
    ) -> None:
        event = ExternalTold(
            draft=draft.number,
            system=system,
            status=draft.drafted.status,
            key=key,
            url=url,
            why=why,
            trying=trying,
        )
        # Whoever writes in the same moment goes first: this is asked again, and looks before it tells.
        seq = len(await self._timeline.read(f"incident/{id}"))
        await self._timeline.append({f"incident/{id}": Change(seq, (event,))}, by="backstop", via=VIA)


def _update(own: Sequence[Entry], incident: Incident, draft: Draft, system: str) -> Update:
    mark = f"{incident.id}-{mark_of(own)}-{draft.name}"
    return Update(incident.id, mark, draft, incident.external.pages.get(system, ""))


def _unsure(problem: IntegrationError) -> bool:
    return isinstance(problem, Ambiguous) or (isinstance(problem, NotTaken) and problem.unsure)
