"""Where somebody sits before the page: as whom, looking at which channel, thread and earlier part."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from bot.sandbox.slack import Person, SlackRefuses, SlackStandIn

HOME = "home"
"""The place that is the app's home and no channel."""
STATUS = "status"
"""The place where everything stands that customers were told."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A person and what they look at: `place` is a channel, an issue or a place of the page's own.

    `before` is a ts to look back from.
    """

    person: Person
    place: str
    thread: str = ""
    before: str = ""

    def at(self, *, who: Person | None = None, place: str = "", thread: str = "", before: str = "") -> Seat:
        """Return another seat; the thread and the look back are left when they are not named."""
        return Seat(who or self.person, place or self.place, thread, before)

    @property
    def query(self) -> str:
        """Return the seat as the query of an address."""
        named = {"as": self.person.name, "in": self.place, "thread": self.thread, "before": self.before}
        return urlencode({key: value for key, value in named.items() if value})

    @property
    def address(self) -> str:
        """Return where this is seen."""
        return f"/?{self.query}"

    @property
    def whole(self) -> Seat:
        """Return the same without a look back."""
        return replace(self, before="")


def people(slack: SlackStandIn) -> list[Person]:
    """Return who lives in the workspace, without bots."""
    return [person for person in slack.workspace.people.values() if not person.is_bot]


def seat_of(slack: SlackStandIn, asked: Mapping[str, str], issues: Container[str]) -> Seat:
    """Return the seat that an address names; what is not there any more becomes the first of its kind."""
    everybody = people(slack)
    person = next((each for each in everybody if each.name == asked.get("as")), everybody[0])
    place = asked.get("in", "")
    if place not in (HOME, STATUS) and place not in issues:
        place = _place(slack, person, place)
    return Seat(person, place, asked.get("thread", ""), asked.get("before", ""))


def _place(slack: SlackStandIn, person: Person, asked: str) -> str:
    try:
        found = slack.channel(asked)
        if sees(person, found.kind, found.members):
            return found.id
    except SlackRefuses:
        pass
    return next(iter(slack.workspace.channels))


def sees(person: Person, kind: str, members: Sequence[str]) -> bool:
    """Say whether a person can look into a channel."""
    return kind == "public" or person.id in members
