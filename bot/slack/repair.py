"""What somebody deleted in Slack is put back when people ask for it: messages, cards, a whole channel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bot.core import incident as incidents
from bot.core.events import Entry, Planned, Repaired
from bot.core.incident import Incident, stream_of
from bot.core.repair import repair_of
from bot.jobs import Again, Handler
from bot.slack.api import SlackTrouble
from bot.slack.rooms import GONE, Ground, Rooms
from bot.timeline import Change

SYSTEM = "slack"
_NOT_THERE = frozenset({"channel_not_found", "thread_not_found"})
_PAGE = 200


class Repair:
    """The handler of the effect `repair`."""

    def __init__(self, ground: Ground, rooms: Rooms) -> None:
        self._ground = ground
        self._rooms = rooms
        self._timeline = ground.timeline

    def handlers(self) -> dict[str, Handler]:
        """Return the handler by the kind of effect."""
        return {"repair": self.repair}

    async def repair(self, id: str) -> Again | None:
        """Look through the room of an incident, forget what is not there, and have it drawn anew."""
        incident, asked = await self._wanted(id)
        if incident is None or incident.room is None:
            return None
        channel, records = incident.room.channel, self._timeline.records
        # What was forgotten before a crash cannot be missed after it.
        noted = f"repair:{id}#{asked}"
        lost = dict(await records.remote(noted) or {})
        try:
            there = await self._there(incident)
        except SlackTrouble as trouble:
            if trouble.code not in GONE | _NOT_THERE:
                raise
            if trouble.code not in _NOT_THERE:
                why = f"{trouble.code}. Invite @backstop to #{incident.room.name} and say `repair` again"
                await self._done(incident, Repaired(system=SYSTEM, why=why))
                return None
            there = set()
            await self._rooms.anew(incident)
            lost["room"] = f"#{incident.room.name}"
        story = await self._timeline.story(id)
        lost |= await self._missing(story, incident, channel, there)
        await records.remember(noted, lost)
        for key in (*lost, f"pin:{id}", f"topic:{id}"):
            await records.forget(key)
        incident, _ = await self._wanted(id)
        if incident:
            await self._done(incident, _repaired(lost, incident, story))
        return None

    async def _wanted(self, id: str) -> tuple[Incident | None, int]:
        own = await self._timeline.read(stream_of(id))
        asked = repair_of(own, SYSTEM)
        return (incidents.fold(own) if asked else None), asked

    async def _there(self, incident: Incident) -> set[str]:
        """Return the ts of every message in the room of an incident and in the threads of its runs."""
        assert incident.room is not None
        channel, thread = incident.room.channel, incident.room.thread
        if thread:
            return await self._told("conversations.replies", channel, ts=thread)
        there = await self._told("conversations.history", channel)
        for run in incident.runs:
            root = await self._ground.posts.known(f"plan:{run}")
            if root and root["channel"] == channel:
                try:
                    there |= await self._told("conversations.replies", channel, ts=root["ts"])
                except SlackTrouble as trouble:
                    if trouble.code not in _NOT_THERE:
                        raise
        return there

    async def _told(self, method: str, channel: str, **args: object) -> set[str]:
        pages = self._ground.api.pages(method, "messages", channel=channel, limit=_PAGE, **args)
        return {str(told["ts"]) async for told in pages if told.get("subtype") != "tombstone"}

    async def _missing(
        self, story: Sequence[Entry], incident: Incident, channel: str, there: set[str]
    ) -> Mapping[str, str]:
        """Return what people call each message that stood in a channel and is not there."""
        records = self._timeline.records
        names = dict(_drawn(incident))
        deciding = await records.remote(f"decision:{incident.id}") or {}
        if "card" in deciding:
            names[deciding["card"]] = "the decision card"
        for run in incident.runs:
            for gate in (await records.remotes(f"gate:{run}.")).values():
                if "asked" in gate:
                    names[gate["asked"]] = f"an approval of {run}"
        stood = {key: await records.remote(key) for key in names}
        # A long incident has thousands of lines: those of a stream are read at once.
        for stream in dict.fromkeys(entry.stream for entry in story):
            said = await records.remotes(f"say:{stream}#")
            stood |= {f"say:{stream}#{seq}": known for seq, known in said.items()}
        names |= {f"say:{entry.stream}#{entry.seq}": _MESSAGE for entry in story}
        return {key: name for key, name in names.items() if _is_lost(stood.get(key), channel, there)}

    async def _done(self, incident: Incident, event: Repaired) -> None:
        change = {stream_of(incident.id): Change(incident.seq, (event,))}
        await self._timeline.append(change, by="backstop", via=SYSTEM)


def _drawn(incident: Incident) -> Iterator[tuple[str, str]]:
    yield f"card:{incident.id}", "the incident card"
    for run in incident.runs:
        yield f"plan:{run}", f"the plan of {run}"
        yield f"progress:{run}", f"the progress of {run}"


_MESSAGE = "a message"


def _is_lost(known: Mapping[str, str] | None, channel: str, there: set[str]) -> bool:
    """Say whether a message was surely sent to a channel and is not there; one being sent is not lost."""
    return bool(known and known["channel"] == channel and "ts" in known and known["ts"] not in there)


def _repaired(lost: Mapping[str, str], incident: Incident, story: Sequence[Entry]) -> Repaired:
    """Return what is to be said and drawn anew; lines are said again in the order they were written."""
    said = [key.removeprefix("say:") for key in lost if key.startswith("say:")]
    # Nothing else draws a plan that stands: the entry that made it does.
    plans = {e.stream: f"{e.stream}#{e.seq}" for e in story if isinstance(e.event, Planned)}
    drawn = [plans[f"run/{run}"] for run in incident.runs if f"plan:{run}" in lost and f"run/{run}" in plans]
    words = [name for name in dict.fromkeys(lost.values()) if name != _MESSAGE]
    if said:
        words.append("1 message" if len(said) == 1 else f"{len(said)} messages")
    return Repaired(
        system=SYSTEM,
        lost=tuple(words),
        entries=(*drawn, *(name for name in said if name not in drawn)),
        runs=incident.runs,
    )
