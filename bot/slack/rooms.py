"""Where an incident is talked about: its channel or thread, who is in it, and what to do when it is gone."""

from __future__ import annotations

import asyncio
import logging
import re
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass

from bot.core import incident as incidents
from bot.core.document import Document, Paragraph, Strong
from bot.core.events import RoomOpened
from bot.core.incident import Incident, is_drill, stream_of
from bot.core.literal import visible
from bot.settings import Settings
from bot.shelf import Shelf
from bot.slack.api import Api, SlackTrouble
from bot.slack.identity import Identity
from bot.slack.messages import message
from bot.slack.posts import AT_ONCE, Posts, Spot, Urgency
from bot.slack.text import cut, escaped, escaped_size
from bot.timeline import Change, Timeline
from playbooks.problems import PlaybookInvalid

log = logging.getLogger(__name__)

NAME, TOPIC = 80, 250
LIKE_NAMES = 30
PLACES = 3
"""In how many places a message is tried: the room, the home channel, direct messages."""

# What Slack says when nothing can be written to a channel any more.
GONE = frozenset(
    {"is_archived", "not_in_channel", "channel_not_found", "restricted_action_read_only_channel"}
)
_TAKEN = "name_taken"


@dataclass(frozen=True, slots=True)
class Ground:
    """What everything that writes to Slack works with."""

    settings: Settings
    timeline: Timeline
    shelf: Shelf
    api: Api
    posts: Posts
    identity: Identity
    slack_groups: Callable[[], Mapping[str, tuple[str, ...]]]

    def people(self) -> dict[str, str]:
        """Return the Slack ids of the people of the catalog, by name; none while it is unreadable."""
        try:
            known = self.shelf.catalog().people.items()
        except PlaybookInvalid:
            return {}
        return {name: person.slack for name, person in known if person.slack}

    def name_of(self, user: str) -> str | None:
        """Return the name in the catalog of whoever has a Slack id, or None."""
        try:
            return self.shelf.catalog().person(user) if user else None
        except PlaybookInvalid:
            return None

    def url(self, incident: str) -> str:
        """Return where everything about an incident can be read."""
        return f"{self.settings.door}/{'drills' if is_drill(incident) else 'incidents'}/{incident}"


class Rooms:
    """Opens rooms and finds them; one incident's room is opened by one lane only."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._moving = asyncio.Lock()

    async def open(self, id: str) -> Incident | None:
        """Return the incident with its room, which is opened first if there is none."""
        incident = incidents.fold(await self._ground.timeline.read(stream_of(id)))
        if incident is None or incident.room:
            return incident
        await self._opened(incident)
        return incidents.fold(await self._ground.timeline.read(stream_of(id)))

    async def anew(self, incident: Incident) -> None:
        """Open another room for an incident whose own is gone."""
        await self._ground.timeline.records.forget(f"channel:{incident.id}")
        await self._opened(incident)

    async def _opened(self, incident: Incident) -> None:
        room = await self._room(incident)
        await self.invite(room.channel, self._concerned(incident))
        change = {stream_of(incident.id): Change(incident.seq, (room,))}
        await self._ground.timeline.append(change, by="backstop", via="slack")

    async def _room(self, incident: Incident) -> RoomOpened:
        settings = self._ground.settings
        if (settings.slack_rooms == "thread" or incident.drill) and settings.slack_home_channel:
            return await self._thread(incident, settings.slack_home_channel)
        try:
            channel, name = await self._channel(incident)
        except SlackTrouble as trouble:
            if not trouble.permanent:
                raise
            log.warning("no channel incident=%s error=%s", incident.id, trouble)
            async for elsewhere in self._elsewhere(incident):
                return await self._thread(incident, elsewhere)
            raise
        return RoomOpened(channel=channel, name=name, url=self._ground.identity.url_of(channel))

    async def _thread(self, incident: Incident, channel: str) -> RoomOpened:
        """Open a thread; its first message becomes the incident card."""
        state = "" if incident.drill else f" SEV{incident.severity} {incident.phase}"
        title = f"{incident.id}{state}: {incident.title}"
        root = message(Document(title), people={}, url=self._ground.url(incident.id))
        ts = await self._ground.posts.put(f"card:{incident.id}", Spot(channel), root)
        url = self._ground.identity.url_of(channel, ts)
        return RoomOpened(channel=channel, name=incident.id.lower(), thread=ts, url=url)

    async def _channel(self, incident: Incident) -> tuple[str, str]:
        """Return the id and name of the incident's channel; one made before a crash is found again."""
        records, key = self._ground.timeline.records, f"channel:{incident.id}"
        known = await records.remote(key) or {}
        if "channel" in known:
            return known["channel"], known["name"]
        for name in _names(incident):
            lost = known.get("name") == name
            if not lost:
                await records.remember(key, {"name": name})
            try:
                answer = await self._ground.api.call("conversations.create", name=name)
                channel = str(answer["channel"]["id"])
            except SlackTrouble as trouble:
                if trouble.code != _TAKEN:
                    raise
                found = await self._own(name) if lost else None
                if found is None:
                    continue
                channel = found
            await records.remember(key, {"channel": channel, "name": name})
            return channel, name
        raise SlackTrouble(f"Every name for the channel of {incident.id} is taken.", code=_TAKEN)

    async def _own(self, name: str) -> str | None:
        """Return the channel of a name if Backstop made it; asked only after a crash in the middle of it.

        Looked for among Backstop's own channels: all of a workspace can take minutes to list.
        """
        listing = self._ground.api.pages("users.conversations", "channels", exclude_archived=True, limit=1000)
        async for channel in listing:
            if channel.get("name") == name and channel.get("creator") == self._ground.identity.bot_user:
                return str(channel["id"])
        return None

    def _concerned(self, incident: Incident) -> list[str]:
        catalog = self._ground.shelf.catalog()
        service = catalog.services.get(incident.service)
        owners = catalog.members(service.owner, self._ground.slack_groups()) if service else ()
        return [*incident.roles.values(), incident.declared_by, *owners]

    async def invite(self, channel: str, names: Iterable[str]) -> None:
        """Bring people into a channel; who is there already, or cannot come, does not keep the others out."""
        people = self._ground.people()
        wanted = dict.fromkeys(people[name] for name in names if name in people)
        key = f"invited:{channel}"
        known = await self._ground.timeline.records.remote(key) or {}
        new = [user for user in wanted if user not in known]
        if not new or channel.startswith("D") or channel == self._ground.settings.slack_home_channel:
            return
        try:
            await self._ground.api.call(
                "conversations.invite", channel=channel, users=",".join(new), force=True
            )
        except SlackTrouble as trouble:
            if not trouble.permanent:
                raise
            log.info("not everybody was invited channel=%s error=%s", channel, trouble)
        await self._ground.timeline.records.remember(key, {**known, **dict.fromkeys(new, "")})

    async def spot(self, incident: Incident) -> Spot:
        """Return where to write now: the room, or where its messages go while it cannot be written to."""
        assert incident.room is not None
        away = await self._ground.timeline.records.remote(_away(incident.room.channel))
        if away:
            return Spot(away["channel"])
        return Spot(incident.room.channel, incident.room.thread)

    async def put(
        self,
        incident: Incident,
        key: str,
        document: Document,
        *,
        revision: str,
        urgency: Urgency = AT_ONCE,
        thread: str | None = None,
    ) -> str:
        """Put a message where the incident is talked about now; that changes when the place is gone."""
        ground = self._ground
        url = ground.url(incident.id)
        payload = message(document, people=ground.people(), url=url, revision=revision)
        for left in reversed(range(PLACES)):
            spot = await self.spot(incident)
            if thread and not spot.thread:
                spot = Spot(spot.channel, thread)
            try:
                return await ground.posts.put(key, spot, payload, urgency)
            except SlackTrouble as trouble:
                if trouble.code not in GONE or not left:
                    raise
                await self.leave(incident, spot.channel, trouble)
        raise AssertionError("the last place either takes a message or says why not")

    async def leave(self, incident: Incident, channel: str, why: SlackTrouble) -> None:
        """Send what belongs to an incident elsewhere from now on, and tell people so once."""
        async with self._moving:
            # Several lanes find out at the same moment; whoever is second finds the talk moved.
            if (await self.spot(incident)).channel == channel:
                await self._move(incident, channel, why)

    async def _move(self, incident: Incident, channel: str, why: SlackTrouble) -> None:
        assert incident.room is not None
        line = (
            Strong(incident.id),
            f": Backstop cannot write to #{incident.room.name} any more ({why.code}). What it has to say "
            "comes here. Unarchive the channel and invite @backstop to it, and it goes there again.",
        )
        told = message(Document("", (Paragraph(line),)), people={}, url=self._ground.url(incident.id))
        gone = {incident.room.channel, channel}
        async for elsewhere in self._elsewhere(incident):
            if elsewhere in gone:
                continue
            try:
                await self._ground.posts.put(
                    f"away:{incident.id}:{channel}:{elsewhere}", Spot(elsewhere), told
                )
            except SlackTrouble as trouble:
                if trouble.code not in GONE:
                    raise
                continue
            await self._ground.timeline.records.remember(_away(incident.room.channel), {"channel": elsewhere})
            return
        raise SlackTrouble(f"{incident.id} has no place in Slack: {why}")

    async def back(self, channel: str) -> None:
        """Write to a channel again: the bot was let in."""
        await self._ground.timeline.records.forget(_away(channel))

    async def _elsewhere(self, incident: Incident) -> AsyncIterator[str]:
        """Yield the home channel, then direct messages with those who have a role in the incident."""
        if self._ground.settings.slack_home_channel:
            yield self._ground.settings.slack_home_channel
        people = self._ground.people()
        for name in dict.fromkeys((*incident.roles.values(), incident.declared_by)):
            if name in people:
                yield await self._ground.api.direct(people[name])

    async def topic(self, incident: Incident) -> None:
        """Keep the topic of an incident's own channel up to date."""
        room = incident.room
        if room is None or room.thread or room.channel.startswith("D"):
            return
        text = f"SEV{incident.severity} {incident.stands} · {incident.service} {incident.environment} · "
        topic = escaped(cut(visible(f"{text}commander @{incident.commander}"), TOPIC, weigh=escaped_size))
        key = f"topic:{incident.id}"
        if await self._ground.timeline.records.remote(key) != {"topic": topic}:
            await self.decorate("conversations.setTopic", channel=room.channel, topic=topic)
            await self._ground.timeline.records.remember(key, {"topic": topic})

    async def decorate(self, method: str, **args: object) -> None:
        """Do what is good to have; a refusal is logged and holds nothing up."""
        try:
            await self._ground.api.call(method, **args)
        except SlackTrouble as trouble:
            if not trouble.permanent and trouble.code != "missing_scope":
                raise
            log.info("not done error=%s", trouble)


def _away(channel: str) -> str:
    return f"away:{channel}"


def _names(incident: Incident) -> Iterable[str]:
    """Yield names for a channel as Slack takes them: inc-42-orders-are-wrong, then the same with a number."""
    plain = unicodedata.normalize("NFKD", incident.title).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    first = f"{incident.id.lower()}-{words}".strip("-")[: NAME - 4].rstrip("-")
    yield first
    for number in range(2, LIKE_NAMES):
        yield f"{first}-{number}"
