"""Carries out what people said in Slack, one line after another, in the order in which they were stored.

The handler of the effect `hear`. Who says something comes from the signed payload and nothing else. A line
that is carried out again, because this process died before it could forget it, gets its first answer.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import timedelta

from bot.commands import Answer, Desk, say
from bot.core.document import Document, Moment, Paragraph
from bot.core.may import Actor
from bot.jobs import Again
from bot.slack.rooms import Ground
from bot.slack.said import Said, Sender
from bot.timeline import AlreadyAnswered, Delivery
from bot.timeline.letters import Letter
from integrations.contract import IntegrationError
from playbooks.problems import PlaybookInvalid

log = logging.getLogger(__name__)

VIA = "slack"
AT_ONCE = 20
"""How many lines are carried out before those who wait for an acknowledgement go first again."""
TOO_OLD = timedelta(minutes=15)
"""What waited longer while Backstop was away is not carried out: the world has moved on since."""
BROKE = Answer.refused("Backstop broke while it did this. Ask for `status` before you say it again.")


class Hear:
    """Takes stored lines to the verbs."""

    def __init__(self, desk: Desk, ground: Ground) -> None:
        self._desk = desk
        self._ground = ground

    async def handle(self, _subject: str) -> Again | None:
        """Carry out the lines that wait longest, and ask to be called again when there may be more."""
        letters = await self._desk.timeline.letters.oldest(AT_ONCE)
        for letter in letters:
            await self._carry_out(letter)
        if letters:
            await self._desk.timeline.letters.drop(letters)
        return Again(self._desk.now) if len(letters) == AT_ONCE else None

    async def _carry_out(self, letter: Letter) -> None:
        said = Said.of(letter)
        try:
            if unkept := await self._say(said, letter):
                await self.answer(said, unkept)
        except IntegrationError:
            raise
        except Exception:
            # The named place for the unforeseen: the person hears of it, the log says why, others go on.
            log.exception("line failed delivery=%s", said.delivery)
            await self.answer(said, BROKE)

    async def _say(self, said: Said, letter: Letter) -> Answer | None:
        """Carry out one line, and return an answer that no verb has kept."""
        if self._desk.now - letter.at > TOO_OLD:
            return _too_old(letter)
        who = self.who(said.sender)
        if isinstance(who, Answer):
            return who
        answer = await say(self._desk, said.line, who=who, via=VIA, place=said.place, delivery=said.delivery)
        if answer.data.get("unavailable"):
            raise IntegrationError(answer.text.strip(), permanent=False)
        return None

    async def answer(self, said: Said, answer: Answer) -> None:
        """Have an answer posted that no verb has kept, unless one was kept before."""
        place = said.place
        delivery = Delivery(said.delivery, answer.as_json(), place.as_json(), f"answer/{place.channel}")
        with suppress(AlreadyAnswered):
            await self._desk.timeline.append({}, by="backstop", via=VIA, delivery=delivery)

    def who(self, sender: Sender) -> Actor | Answer:
        """Return who in the catalog somebody is, or why nothing is taken from them; nothing blocks."""
        home = self._ground.settings.slack_team or self._ground.identity.team
        if not home:
            return Answer.refused(
                "Backstop does not know yet which Slack team is its own. Say it again in a moment; "
                "an operator can set BACKSTOP_SLACK_TEAM."
            )
        if sender.team != home or sender.shared:
            return Answer.refused(
                "Backstop takes nothing from people of other companies or in channels shared with them: "
                "nothing was done. Ask somebody of the home team, in a channel of its own."
            )
        try:
            catalog = self._desk.shelf.catalog()
        except PlaybookInvalid as invalid:
            return Answer.refused(
                f"The catalog cannot be read, so nobody is known: nothing was done.\n{invalid}"
            )
        name = catalog.person(sender.user)
        if name is None:
            return Answer.refused(
                f"You are not in the catalog: nothing was done. Ask a commander to add you to catalog.yaml "
                f"with `slack: {sender.user}`."
            )
        return Actor(name, groups=frozenset(catalog.groups_of(name, self._desk.slack_groups())))


def _too_old(letter: Letter) -> Answer:
    """Return the answer to a line that waited while nobody was there to carry it out."""
    minutes = TOO_OLD // timedelta(minutes=1)
    line = (
        "You said this ",
        Moment(letter.at),
        f", and Backstop was away. What waited for more than {minutes} minutes is not carried out: "
        "nothing was done. Ask for `status`, and say it again if it is still right.",
    )
    return Answer(Document("", (Paragraph(line),)), ok=False)
