"""What people read since they last looked, put the same way every time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.core.silence import matchers
from bot.sandbox.alertmanager import AlertmanagerStandIn
from bot.sandbox.jira import JiraStandIn
from bot.sandbox.pagerduty import PagerDutyStandIn
from bot.sandbox.slack import Message, SlackStandIn
from bot.sandbox.slack.plain import said_once
from bot.sandbox.statuspage import StatuspageStandIn
from tests.journeys.script import Read

CARDS = {
    "incident": "card:",
    "plan": "plan:",
    "approval": "gate:",
    "progress": "progress:",
    "decision": "decision:",
}
_SILENT = (CARDS["incident"], CARDS["progress"])
"""Cards that are drawn so often that they are read only when somebody wants to."""
_SHORT = (CARDS["plan"], CARDS["approval"], CARDS["decision"])
HEAD_LINES = 2

_HASH = re.compile(r"\b(?=[0-9a-f]*[0-9])[0-9a-f]{8}\b")
_MESSAGE = re.compile(r"(/archives/\w+/p\d{10})\d{6}")
_SAME = re.compile(r"(.)\1{59,}")


@dataclass(frozen=True, slots=True)
class Room:
    """Where people are by default: what stands there needs no address."""

    channel: str
    name: str


class Around(Protocol):
    """The systems beside Slack in which something can be read, where they are up."""

    @property
    def jira(self) -> JiraStandIn | None:
        """Return the tracker."""

    @property
    def pagerduty(self) -> PagerDutyStandIn | None:
        """Return what pages people."""

    @property
    def statuspage(self) -> StatuspageStandIn | None:
        """Return what customers look at."""

    @property
    def alertmanager(self) -> AlertmanagerStandIn | None:
        """Return what sends alerts."""


class Sight:
    """Everybody's eyes in one workspace; `names` are addresses and `masks` patterns that change."""

    def __init__(
        self, slack: SlackStandIn, names: Mapping[str, str], masks: Mapping[str, str] | None = None
    ) -> None:
        self._slack = slack
        # What was said on another day is no news on the next.
        self._today = slack.workspace.now().date()
        self._names = names
        self._masks = masks or {}
        self._seen: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        self._issues = 0
        self._called: dict[str, str] = {}
        self._posted: dict[str, str] = {}
        self._silent: dict[str, str] = {}
        self.drawings: list[Message] = []
        """Every message in every state in which it was seen."""

    def news(self, around: Around) -> list[Read]:
        """Return what can be read now and could not before: answers first, then what is new, then edits."""
        room = self.room().channel
        found = [told for message in self._messages() if (told := self._of(message, room))]
        in_order = sorted(found, key=lambda told: told[:2])
        read = (read for _, _, read in in_order)
        outside = (*self._new_calls(around.pagerduty), *self._new_posts(around.statuspage))
        return [*read, *self._new_issues(around.jira), *outside, *self._new_silences(around.alertmanager)]

    @property
    def shouts(self) -> list[str]:
        """Return the messages of bots that notify everybody; nobody ever asked for that."""
        bots = [m for m in self._messages() if self._slack.workspace.people[m.user].is_bot]
        return [m.text for m in bots if self._slack.pings(m) & {"channel", "here", "everyone"}]

    def room(self) -> Room:
        """Return the room of the newest incident, or else where everybody is."""
        found = [
            Room(channel.id, channel.name)
            for channel in self._slack.workspace.channels.values()
            if channel.name.startswith("inc-")
        ]
        general = self._slack.channel("general")
        return found[-1] if found else Room(general.id, general.name)

    def where(self, place: str) -> tuple[str, str | None]:
        """Return the channel, and the thread in it, that a name stands for: #general, INC-1 or RUN-1."""
        if place.startswith("#"):
            return self._slack.channel(place).id, None
        if place.startswith("INC-"):
            start = f"{place.lower()}-"
            channels = self._slack.workspace.channels.values()
            return next(channel.id for channel in channels if channel.name.startswith(start)), None
        if place:
            root = self.newest(f"plan:{place}")
            return root.channel, root.ts
        return self.room().channel, None

    def card(self, kind: str) -> Read:
        """Return the newest card of a kind as a whole."""
        return Read("card", self.tidy(self._slack.plain(self.newest(self.key_of(kind)))))

    def key_of(self, kind: str) -> str:
        """Return the key of the newest card of a kind, as plan:RUN-1."""
        return self._key(self.newest(CARDS[kind]))

    def newest(self, key: str) -> Message:
        """Return the newest message whose key begins with a text."""
        found = [message for message in self._messages() if self._key(message).startswith(key)]
        return max(found, key=lambda message: message.ts)

    def said(self, text: str) -> Message:
        """Return the newest message that begins with a text, whoever said it."""
        found = [message for message in self._messages() if self._slack.plain(message).startswith(text)]
        return max(found, key=lambda message: message.ts)

    def tidy(self, text: str) -> str:
        """Return a text without what nobody can know before: addresses, hashes; long runs are counted."""
        for address, name in self._names.items():
            text = text.replace(address, name)
        for pattern, mask in self._masks.items():
            text = re.sub(pattern, mask, text)
        text = said_once(_MESSAGE.sub(r"\1…", text), self._today)
        text = _HASH.sub("<hash8>", text)
        text = _SAME.sub(lambda run: f"{run[1]}… ({len(run[0])} of them)", text)
        return "".join(mark if mark.isprintable() or mark == "\n" else f"\\x{ord(mark):02x}" for mark in text)

    def _messages(self) -> Iterator[Message]:
        for channel in self._slack.workspace.channels:
            yield from self._slack.messages(channel)
        yield from self._slack.workspace.hidden

    def _key(self, message: Message) -> str:
        payload = (message.metadata or {}).get("event_payload") or {}
        return self._keys.setdefault(message.ts, str(payload.get("key", "")))

    def _of(self, message: Message, room: str) -> tuple[int, str, Read] | None:
        key, shown = self._key(message), self.tidy(self._slack.plain(message))
        before, self._seen[message.ts] = self._seen.get(message.ts), shown
        if before != shown:
            self.drawings.append(message)
        person = self._slack.workspace.people[message.user]
        if key.startswith(_SILENT) or not person.is_bot or before == shown or message.subtype == "tombstone":
            return None
        now = _head(shown) if key.startswith(_SHORT) else shown
        if before is not None:
            then = _head(before) if key.startswith(_SHORT) else before
            now = _added(then, now)
            if not now:
                return None
        how = "" if before is None else " edits"
        head = f"{person.name}{self._for(message, room)}{how}"
        turn = 0 if message.only_for else 1 if before is None else 2
        return turn, message.ts, Read(head, now)

    def _for(self, message: Message, room: str) -> str:
        people, channels = self._slack.workspace.people, self._slack.workspace.channels
        if message.only_for:
            return f" (only {people[message.only_for].name})"
        channel = channels[message.channel]
        if channel.kind == "im":
            return (
                f" to {next(people[member].name for member in channel.members if not people[member].is_bot)}"
            )
        if message.is_reply:
            root = next(
                m for m in self._messages() if (m.channel, m.ts) == (message.channel, message.thread_ts)
            )
            return f" in {self._key(root).removeprefix('plan:') or 'a thread'}"
        if message.channel == room:
            return ""
        incident = re.match(r"inc-\d+", channel.name)
        return f" in {incident[0].upper()}" if incident else f" in #{channel.name}"

    def _new_issues(self, jira: JiraStandIn | None) -> Iterator[Read]:
        issues = list(jira.issues.values()) if jira else []
        for issue in issues[self._issues :]:
            yield Read("jira", self.tidy(f"{issue.key}: {issue.summary}"))
        self._issues = max(self._issues, len(issues))

    def _new_calls(self, pagerduty: PagerDutyStandIn | None) -> Iterator[Read]:
        told = dict(_told(pagerduty)) if pagerduty else {}
        if news := [line for place, line in told.items() if self._called.get(place) != line]:
            yield Read("pagerduty", self.tidy("\n".join(news)))
        self._called.update(told)

    def _new_posts(self, statuspage: StatuspageStandIn | None) -> Iterator[Read]:
        shown = dict(_shown(statuspage)) if statuspage else {}
        if news := [line for place, line in shown.items() if self._posted.get(place) != line]:
            yield Read("statuspage", self.tidy("\n".join(news)))
        self._posted.update(shown)

    def _new_silences(self, alertmanager: AlertmanagerStandIn | None) -> Iterator[Read]:
        shown = dict(_silences(alertmanager)) if alertmanager else {}
        if news := [line for place, line in shown.items() if self._silent.get(place) != line]:
            yield Read("alertmanager", self.tidy("\n".join(news)))
        self._silent.update(shown)


def _told(pagerduty: PagerDutyStandIn) -> Iterator[tuple[str, str]]:
    """Yield a line for all that stands in PagerDuty, each with its place there."""
    people = pagerduty.records.users
    for incident in pagerduty.incidents:
        number = f"#{incident.number}"
        yield number, f"{number} {incident.status}, urgency {incident.urgency}: {incident.title}"
        for n, each in enumerate(incident.responders):
            yield f"{number} page {n}", f"{number} pages {people[each.user].name}: {each.message}"
        for note in incident.notes:
            yield note.id, f"{number} note by {people[note.user].name}: {note.content}"
        for n, text in enumerate(incident.updates):
            yield f"{number} update {n}", f"{number} tells its subscribers: {text}"


def _shown(statuspage: StatuspageStandIn) -> Iterator[tuple[str, str]]:
    """Yield a line for all that customers read there, each with its place."""
    for n, incident in enumerate(statuspage.incidents, 1):
        yield f"{n}", f"#{n} {incident.name}: impact {incident.impact}"
        for m, update in enumerate(incident.updates):
            yield f"{n} {m}", f"#{n} {update['status']}: {update['body']}"
    for id, state in statuspage.components.items() if statuspage.incidents else ():
        yield id, f"{id} {state}"


def _silences(alertmanager: AlertmanagerStandIn) -> Iterator[tuple[str, str]]:
    """Yield a line for each silence there, with its place; that it was made longer is nothing to read."""
    for n, each in enumerate(alertmanager.silences, 1):
        how = "is over" if each.state(alertmanager.now()) == "expired" else "is in force"
        says = each.comment.partition(" [")[0]
        yield f"{n}", f"#{n} {matchers(each.labels)} {how}: {says}"


def _head(shown: str) -> str:
    """Return the first lines of a card; the dots say that there is more."""
    lines = shown.split("\n")
    return "\n".join([*lines[:HEAD_LINES], "…"] if len(lines) > HEAD_LINES else lines)


def _added(before: str, after: str) -> str:
    known: Sequence[str] = before.split("\n")
    return "\n".join(line for line in after.split("\n") if line not in known)
