"""An HTTP door on loopback over a real timeline, and the people and pipelines who knock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler

from bot.commands import Desk
from bot.core.events import Event, FreezePlaced, IncidentDeclared, PlanAsked, Scope, Severity
from bot.settings import Settings
from bot.shelf import Shelf
from bot.timeline import Change, Timeline
from bot.web import application

CATALOG = """
schema: backstop/catalog/1
tiers:
  critical: {rto: 30m, rpo: 5m}
services:
  checkout:
    title: Checkout
    tier: critical
    owner: owners
    aliases: [shop]
    environments:
      production: {region: eu, data: personal}
      staging: {region: eu, data: internal}
  search:
    title: Search
    tier: critical
    owner: owners
    environments:
      production: {region: eu, data: public}
people:
  ana: {name: Ana, slack: U0ANA, email: ana@example.com}
  bo: {name: Bo, slack: U0BO, email: bo@example.com}
  cy: {name: Cy, slack: U0CY, email: cy@example.com}
groups:
  commanders: {people: [ana]}
  dba: {people: [bo]}
  owners: {people: [cy]}
pipelines:
  ci: {title: Builds and deploys, owner: owners}
"""

DECLARED = IncidentDeclared(
    title="Orders are wrong",
    severity=Severity.SEV1,
    service="checkout",
    environment="production",
    commander="ana",
)
PLAN_ASKED = PlanAsked(incident="INC-1", playbook="p", service="checkout", environment="production")
FROZEN = FreezePlaced(
    scope=Scope(services=("checkout",), environments=("production",), kinds=("*",)),
    why="INC-1: orders is being restored",
    cause="incident",
    incident="INC-1",
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the door answered."""

    status: int
    headers: Mapping[str, str]
    text: str
    json: dict[str, object] = field(default_factory=dict)


class Door:
    """A door that listens, and a client that knows it."""

    def __init__(self, desk: Desk, url: str, session: aiohttp.ClientSession, folder: Path) -> None:
        self.desk = desk
        self.url = url
        self.folder = folder
        self._session = session

    @property
    def timeline(self) -> Timeline:
        return self.desk.timeline

    async def token(self, owner: str, *scopes: str, name: str = "", days: float = 30) -> str:
        expires = self.timeline.now() + timedelta(days=days)
        return await self.timeline.records.issue_token(
            owner, scopes=scopes, name=name or f"{owner}-{'-'.join(scopes)}", expires_at=expires
        )

    async def ask(self, method: str, path: str, token: str | None = None, **more: object) -> Reply:
        headers = {**more.pop("headers", {})}  # type: ignore[dict-item]
        if token:
            headers["Authorization"] = f"Bearer {token}"
        request = self._session.request(method, self.url + path, headers=headers, **more)  # type: ignore[arg-type]
        async with request as response:
            text = await response.text()
            is_json = response.content_type == "application/json"
            found = await response.json() if is_json else {}
            return Reply(
                response.status, response.headers, text, found if isinstance(found, dict) else {"": found}
            )

    async def get(self, path: str, token: str | None = None, **more: object) -> Reply:
        return await self.ask("GET", path, token, **more)

    async def post(self, path: str, body: object, token: str | None = None, **more: object) -> Reply:
        return await self.ask("POST", path, token, json=body, **more)

    async def write(self, stream: str, *events: Event, by: str = "ana") -> None:
        seq = len(await self.timeline.read(stream))
        await self.timeline.append({stream: Change(seq, events)}, by=by, via="test")


def desk_in(folder: Path, timeline: Timeline) -> Desk:
    """Return a desk with the catalog above in a folder."""
    (folder / "playbooks").mkdir(parents=True, exist_ok=True)
    (folder / "catalog.yaml").write_text(CATALOG)
    shelf = Shelf(folder / "catalog.yaml", folder / "playbooks")
    return Desk(timeline, shelf, url="https://backstop.example")


@asynccontextmanager
async def open_door(
    database_url: str,
    folder: Path,
    clock: Callable[[], datetime],
    *,
    settings: Settings | None = None,
    health: Callable[[], Mapping[str, str]] = dict,
    slack: Callable[[web.Request], object] | None = None,
    pagerduty: Handler | None = None,
) -> AsyncIterator[Door]:
    """Serve the door until the block ends."""
    timeline = await Timeline.open(database_url, now=clock)
    desk = desk_in(folder, timeline)
    given = settings or Settings(home=folder)
    app = application(desk, given, slack=slack, health=health, pagerduty=pagerduty)  # type: ignore[arg-type]
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with aiohttp.ClientSession() as session:
            yield Door(desk, f"http://127.0.0.1:{port}", session, folder)
    finally:
        await runner.cleanup()
        await timeline.close()
