"""A whole Backstop with both its doors open: a Slack workspace, people with tokens, and a staged target."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

import aiohttp

from bot.app import App, running
from bot.core import run as runs
from bot.core.run import Run
from bot.sandbox.slack import Message, SlackStandIn
from bot.settings import Settings
from tests.clock import Clock
from tests.runs.stage import CATALOG, PLAYBOOK, StageEngine, World, point
from tests.slack.house import QUICK

Way = Literal["socket", "http"]

# Two of three who may: bo and dee are dbas, cy owns the service; all three have to agree.
WHO = CATALOG.replace("dba: {people: [bo]}", "dba: {people: [bo, dee]}").replace(
    "groups:", "  dee: {name: Dee, slack: U0DEE, email: dee@example.com}\ngroups:"
)
WHAT = PLAYBOOK.replace("{role: dba, min: 1}", "{role: dba, min: 2}")


@dataclass
class Town:
    """What a test does there."""

    app: App
    slack: SlackStandIn
    http: aiohttp.ClientSession
    world: World

    async def token(self, who: str) -> str:
        """Return a token of a person that may say things."""
        expires = self.app.timeline.now() + timedelta(days=1)
        records = self.app.timeline.records
        return await records.issue_token(who, scopes=["say"], name=f"{who}-say", expires_at=expires)

    async def said(self, token: str, line: str, key: str) -> tuple[int, dict[str, object]]:
        """Say a line over HTTP and return the status and the answer."""
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        async with self.http.post(f"{self.app.url}/v1/say", json={"line": line}, headers=headers) as reply:
            return reply.status, await reply.json()

    async def told(self, who: str, line: str) -> None:
        """Say a line over HTTP that must be carried out."""
        _, answer = await self.said(await self.token(who), line, f"{who}-{abs(hash(line))}")
        assert answer["ok"], answer

    async def answered(self, who: str, seen: int = 0) -> str:
        """Return what a person is answered in Slack after so many answers, to that person only."""
        await self.slack.wait(lambda: len(self.slack.ephemerals(who)) > seen, 15)
        return self.slack.plain(self.slack.ephemerals(who)[-1])

    async def run(self) -> Run:
        """Return RUN-1 as it stands."""
        found = runs.fold(await self.app.timeline.read("run/RUN-1"))
        assert found
        return found

    async def until(self, state: str) -> Run:
        """Wait until RUN-1 is in a state; its messages wake whoever waits."""
        seen = len(self.slack.calls)
        while (run := await self.run()).state != state:
            seen = await self._another_call(seen)
        return run

    async def happened(self, kind: str, stream: str) -> None:
        """Wait until an event of a kind is in a stream."""
        seen = len(self.slack.calls)
        while not any(found == kind for found, _ in await self.events(stream)):
            seen = await self._another_call(seen)

    async def _another_call(self, seen: int) -> int:
        """Wait for a call after so many; they are counted before one looks, so that none is missed."""
        await self.slack.wait(lambda: len(self.slack.calls) > seen, 15)
        return len(self.slack.calls)

    async def planned(self) -> None:
        """Have RUN-1 planned for an incident."""
        await self.told("ana", 'declare "Orders are wrong" sev:1 svc:checkout')
        await self.told("ana", "plan restore-orders before:2026-11-23T02:06:00Z inc:INC-1")
        await self.until("planned")

    async def asked(self) -> Message:
        """Have the approvals of RUN-1 asked for, and return the request."""
        await self.planned()
        await self.told("ana", "start RUN-1")
        return await self.slack.wait(lambda: self.slack.find("RUN-1 approval: overwrite"), 15)

    async def events(self, stream: str = "run/RUN-1") -> Counter[tuple[str, str]]:
        """Return how often each kind of event was written by whom."""
        entries = await self.app.timeline.read(stream)
        return Counter((entry.event.kind, entry.by) for entry in entries if entry.event)


@asynccontextmanager
async def town(
    slack: SlackStandIn, database_url: str, folder: Path, way: Way, clock: Clock
) -> AsyncIterator[Town]:
    """Open both doors until the block ends."""
    world = World(points=[point("P1", 0), point("P2", 5)])
    (folder / "playbooks").mkdir(parents=True, exist_ok=True)
    (folder / "catalog.yaml").write_text(WHO)
    (folder / "playbooks" / "restore.yaml").write_text(WHAT)
    settings = Settings.model_validate(
        {
            "home": folder,
            "database_url": database_url,
            "port": 0,
            "slack_mode": way,
            "slack_api_url": slack.api_url,
            "slack_bot_token": slack.bot_token,
            "slack_app_token": slack.app_token,
            "slack_signing_secret": slack.signing_secret,
            "slack_team": slack.team_id,
        }
    )
    engines = {"stage": StageEngine(world)}
    async with (
        running(settings, now=clock, engines=lambda _: engines, pace=QUICK) as app,
        aiohttp.ClientSession() as http,
    ):
        if way == "http":
            slack.deliver_over("http", f"{app.url}/slack/events")
        else:
            await slack.connected(2)
        yield Town(app, slack, http, world)
