"""What happens beside Slack in the story: the nightly backup, the pipeline that deploys, the customers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from bot.app import open_shelf
from bot.demo.sandbox import Sandbox
from bot.demo.stage import StoryBroke
from bot.runners import runner_of
from bot.sandbox.shop.keeper import Ran
from bot.sandbox.shop.verify import verify
from bot.timeline.whose import whose
from integrations.connections import LOCAL, Connections
from integrations.contract import Engine, JobRef, JobState, Phase, RecoveryPoint
from integrations.registry import open_engines

SOURCE = "orders-points"
_BACKUP_S = 30.0
_LOOK_S = 0.1


class Shown(Protocol):
    """Where it is seen what somebody ran outside Slack."""

    def terminal(self, who: str, command: str, output: str) -> None:
        """Show a command with what it answered."""
        ...


class Pipeline:
    """The pipeline `ci` and the backup job of one shop; each acts as it would without the bot."""

    def __init__(self, box: Sandbox, tell: Shown, now: Callable[[], datetime]) -> None:
        self._box = box
        self._tell = tell
        self._now = now
        self._token = ""

    async def deploy(self, version: str, sha: str) -> Ran:
        """Run the shop's deploy script, which asks the gate, and show what it wrote."""
        records = self._box.app.timeline.records
        if not self._token:
            expires = self._now() + timedelta(hours=1)
            self._token = await records.issue_token("ci", scopes=["gate"], name="demo-ci", expires_at=expires)
        door = {"BACKSTOP_URL": self._box.app.url, "BACKSTOP_TOKEN": self._token}
        ran = await self._box.keeper.run("deploy", "--version", version, "--sha", sha, **door)
        ended = f"\n(exit code {ran.code})" if ran.code else ""
        self._tell.terminal("ci", f"deploy checkout {version} {sha}", ran.text + ended)
        return ran

    async def back_up(self, version: str, sha: str) -> RecoveryPoint:
        """Take a recovery point with its labels, read it back, and return it verified."""
        catalog = open_shelf(self._box.settings).catalog()
        source = catalog.source(SOURCE)
        assert source is not None
        own = await whose(self._box.app.timeline.records, self._box.settings.database)
        runners = {LOCAL: runner_of(self._box.settings, own)}
        engine = open_engines(Connections(runners=runners, now=self._now))[source.engine]
        labels = {"release": version, "commit": sha, "environment": "production"}
        job = await engine.backup(source, key=f"backup-{self._now():%Y%m%dT%H%M%S}", labels=labels)
        async with asyncio.timeout(_BACKUP_S):
            state = await _ended(engine, job)
        if state.phase is not Phase.SUCCEEDED:
            raise StoryBroke(f"The backup ended as {state.phase}: {state.because}")
        newest = (await engine.points(source))[0]
        proved = await engine.verify_point(source, newest)
        if not proved.ok:
            raise StoryBroke(f"The backup {newest.id} cannot be used: {proved.found}.")
        return (await engine.points(source))[0]

    async def orders(self) -> str:
        """Return how the stored orders compare with what customers were told, in one line."""
        verdict = await asyncio.to_thread(verify, self._box.shop, at=self._now())
        return str(verdict)


async def _ended(engine: Engine, job: JobRef) -> JobState:
    while True:
        state = await engine.poll(job)
        if state.phase is not Phase.RUNNING:
            return state
        await asyncio.sleep(_LOOK_S)
