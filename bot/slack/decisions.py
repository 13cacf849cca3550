"""The decision card: one message for each incident, edited after each answer and brought up anew."""

from __future__ import annotations

from datetime import timedelta

from bot.core import incident as incidents
from bot.core.cards.decide import Deciding, addressed, decision_card
from bot.core.document import Document, Paragraph
from bot.core.incident import Incident, stream_of
from bot.jobs import Again
from bot.market import seen_now
from bot.slack.posts import CARD
from bot.slack.rooms import Ground, Rooms

SOON = timedelta(seconds=1)


class DecisionCards:
    """Keeps the decision card of each incident."""

    def __init__(self, ground: Ground, rooms: Rooms) -> None:
        self._ground = ground
        self._rooms = rooms

    async def draw(self, id: str) -> Again | None:
        """Draw the card as things stand, and call whoever is asked something for the first time."""
        timeline, shelf = self._ground.timeline, self._ground.shelf
        incident = incidents.fold(await timeline.read(stream_of(id)))
        if incident is None or not _wanted(incident):
            return None
        if incident.room is None:
            return Again(timeline.now() + SOON)
        groups, command = self._ground.slack_groups(), self._ground.settings.slack_command
        seen = await seen_now(incident, timeline, shelf, groups, command=command)
        await self._put(seen, f"decision:{id}@{incident.decision_asked or 0}")
        return None

    async def _put(self, seen: Deciding, card: str) -> None:
        incident, records = seen.incident, self._ground.timeline.records
        key = f"decision:{incident.id}"
        last = await records.remote(key) or {}
        await self._let_in(seen)
        revision = f"{card}.{incident.seq}"
        await self._rooms.put(incident, card, decision_card(seen), revision=revision, urgency=CARD)
        roles = [ask.role for ask in seen.asks]
        if last.get("card") == card:
            called = last["called"].split()
            await self._call(seen, card, called)
            roles = [*called, *roles]
        else:
            await self._put_away(incident, last.get("card", ""))
        await records.remember(key, {"card": card, "called": " ".join(dict.fromkeys(roles))})

    async def _let_in(self, seen: Deciding) -> None:
        """Bring whoever is asked into the channel: a question that cannot be read is answered by nobody."""
        if seen.incident.room:
            asked = (name for ask in seen.asks for name in seen.people(ask))
            await self._rooms.invite(seen.incident.room.channel, asked)

    async def _call(self, seen: Deciding, card: str, called: list[str]) -> None:
        """Slack notifies nobody of an edit: who was not asked before reads the question as a message."""
        for ask in seen.asks:
            if ask.role not in called:
                line = (*addressed(seen, ask), ask.question, " Answer on the decision card.")
                told, key = Document("", (Paragraph(line),)), f"{card}#{ask.role}"
                await self._rooms.put(seen.incident, key, told, revision=key)

    async def _put_away(self, incident: Incident, card: str) -> None:
        """Take the buttons away from a card that was brought up anew."""
        if card and await self._ground.posts.known(card):
            gone = Document("", (Paragraph((f"What to do in {incident.id} stands below.",)),))
            await self._rooms.put(incident, card, gone, revision=f"{card}.away")


def _wanted(incident: Incident) -> bool:
    """Say whether anybody decides here; what machines found alone calls nobody up."""
    said = any(known.of_person for known in incident.known.values())
    return said or incident.decision_asked is not None or bool(incident.decisions)
