"""Add a Slack message to the timeline as evidence, once; what it says is what Slack showed Backstop.

Its text is never taken from the line: nobody can put words into somebody else's mouth by typing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import cast

from bot.commands.verb import Answer, Ask, Outcome, Verb
from bot.core.document import Button, Buttons, Document, Menu, Paragraph, Who
from bot.core.errors import Refused
from bot.core.events import MessageCaptured, SlackFile
from bot.core.incident import Incident
from bot.core.may import Right
from bot.timeline import Change
from bot.timeline.lookup import Listed

MOST_BUTTONS = 5
_PLACE = re.compile(r"([A-Z0-9]{2,20})/(\d{1,12}\.\d{6})")
_ADDRESS = re.compile(r"https://[^\s/]+/archives/([A-Z0-9]{2,20})/p(\d{7,18})(?:\?\S*)?")


async def act(ask: Ask) -> Outcome:
    """Record a message of Slack in the incident of its channel, or in the one named by inc:."""
    channel, ts = _message(ask)
    shown = await ask.timeline.records.remote(shown_as(channel, ts))
    if shown is None:
        raise Refused(
            "Slack has not shown this message to Backstop: nothing was recorded. "
            "Use `Add to incident timeline` in the menu of the message in Slack."
        )
    if shown.get("own"):
        raise Refused("Backstop said this itself: the timeline has it already. Nothing was recorded.")
    incident = await _incident(ask, f"{channel}/{ts}")
    if isinstance(incident, Answer):
        return Outcome(incident)
    if known := incident.captured.get(f"{channel}/{ts}"):
        raise Refused(f"{incident.id} has this message already, as entry {known.seq}: it counts once.")
    files = cast("list[dict[str, str]]", json.loads(shown["files"]))
    captured = MessageCaptured(
        channel=channel,
        ts=ts,
        author=shown["author"],
        text=shown["text"],
        url=shown["url"] or None,
        files=tuple(SlackFile.model_validate(file) for file in files),
    )
    said_at = min(datetime.fromtimestamp(float(ts), UTC), ask.now)
    change = Change(incident.seq, (captured,), occurred_at=said_at)
    entry = incident.seq + 1
    answer = ask.done(
        incident.id, "has what ", Who(captured.author), f" said, as entry {entry}.", entry=entry
    )
    return Outcome(answer, {f"incident/{incident.id}": change})


def shown_as(channel: str, ts: str) -> str:
    """Return the key under which Slack's door keeps a message that may be captured."""
    return f"message:{channel}/{ts}"


def _message(ask: Ask) -> tuple[str, str]:
    word = ask.argument(0, "The message (its link in Slack)")
    if found := _PLACE.fullmatch(word):
        return found[1], found[2]
    if found := _ADDRESS.fullmatch(word):
        return found[1], f"{found[2][:-6]}.{found[2][-6:]}"
    raise Refused(f"`{word[:40]}` is no message of Slack: nothing was recorded. {ask.usage}")


async def _incident(ask: Ask, message: str) -> Incident | Answer:
    """Return the incident that is meant, or the question which one it is."""
    if "inc" in ask.words.options:
        return await ask.incident(ask.words.options["inc"])
    here = [item for item in await ask.here() if item.open] if ask.place.channel else []
    if len(here) == 1:
        return await ask.incident(here[0].id)
    there = here or await ask.timeline.lookup.incidents(only_open=True)
    if not there:
        raise Refused("No incident is open: nothing was recorded.")
    return _which(there, message)


def _which(there: list[Listed], message: str) -> Answer:
    buttons = tuple(Button(f"{item.id} {item.service}", f"capture {message} inc:{item.id}") for item in there)
    choice = Buttons(buttons) if len(buttons) <= MOST_BUTTONS else Menu("Choose an incident", buttons)
    asked = "Which incident is this message about? Nothing was recorded yet."
    return Answer(Document("", (Paragraph((asked,)), choice)), ok=False)


def as_shown(author: str, text: str, url: str, files: Iterable[SlackFile]) -> dict[str, str]:
    """Return a message as Slack's door keeps it until it is captured."""
    named = [file.model_dump() for file in files]
    return {"author": author, "text": text, "url": url, "files": json.dumps(named)}


VERB = Verb(
    name="capture",
    usage="capture <link to a message> [inc:INC-42]",
    summary="Add a Slack message to the timeline; its menu and a reaction say this.",
    right=Right.RESPOND,
    act=act,
    options=frozenset({"inc"}),
)
