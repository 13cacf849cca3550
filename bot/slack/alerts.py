"""The messages about groups of alerts, in the home channel: the handler of the effect `alert`."""

from __future__ import annotations

import json
from datetime import datetime

from bot.core.alerts import AlertGroup, suggested
from bot.core.cards.alerts import alert_card
from bot.core.events import ReleaseRecorded
from bot.jobs import Again, Handler
from bot.slack.messages import message
from bot.slack.posts import CARD, Spot, TooSoon
from bot.slack.rooms import Ground


class AlertCards:
    """Draws one message for each group of alerts, and edits it as the group goes on."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def handlers(self) -> dict[str, Handler]:
        """Return the handler by the kind of its effect."""
        return {"alert": self.draw}

    async def draw(self, key: str) -> Again | None:
        """Draw the message of a group."""
        timeline, home = self._ground.timeline, self._ground.settings.slack_home_channel
        kept = await timeline.records.remote(f"alert:{key}")
        if kept is None or not home:
            return None
        group = AlertGroup(
            labels=json.loads(kept["labels"]),
            summary=kept["summary"],
            firing=int(kept["firing"]),
            at=datetime.fromisoformat(kept["at"]),
            since=datetime.fromisoformat(kept["since"]) if kept["since"] else None,
            url=kept["url"],
        )
        suggestion = suggested(group, self._ground.shelf.catalog())
        service = suggestion.service
        entries = await timeline.read(f"service/{service}") if service else []
        changes = [
            entry
            for entry in sorted(entries, key=lambda entry: entry.occurred_at)
            if isinstance(entry.event, ReleaseRecorded)
            and suggestion.environment in (None, entry.event.environment)
        ]
        listed = await timeline.lookup.incidents(only_open=True, service=service) if service else []
        open_here = [item.id for item in listed]
        document = alert_card(group, suggestion, changes=changes, incidents=open_here)
        payload = message(
            document,
            people=self._ground.people(),
            url=self._ground.settings.door,
            revision=f"{key}.{kept['turn']}",
        )
        try:
            await self._ground.posts.put(f"alert:{key}#{kept['turn']}", Spot(home), payload, urgency=CARD)
        except TooSoon as soon:
            return Again(soon.at)
        return None
