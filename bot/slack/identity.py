"""Who Backstop is in Slack; learnt once, and remembered for starts at which Slack is down."""

from __future__ import annotations

from dataclasses import dataclass

from bot.core.evidence import permalink
from bot.slack.api import Api
from bot.timeline.evidence import WORKSPACE
from bot.timeline.records import Records


@dataclass(slots=True)
class Identity:
    """The bot's user id, its team and the workspace's address; empty until they are known."""

    bot_user: str = ""
    team: str = ""
    url: str = ""

    async def recall(self, records: Records) -> None:
        """Take over what an earlier start learnt."""
        known = await records.remote(WORKSPACE) or {}
        self.bot_user, self.team, self.url = (known.get(key, "") for key in ("bot_user", "team", "url"))

    async def learn(self, api: Api, records: Records) -> None:
        """Ask Slack, and remember it."""
        answer = await api.call("auth.test")
        self.bot_user, self.team = str(answer["user_id"]), str(answer["team_id"])
        self.url = str(answer.get("url", ""))
        await records.remember(WORKSPACE, {"bot_user": self.bot_user, "team": self.team, "url": self.url})

    def url_of(self, channel: str, ts: str = "", thread: str | None = None) -> str | None:
        """Return the address of a channel or of a message in it, or None while the workspace is unknown."""
        return permalink(self.url, channel, ts, thread) if self.url else None
