"""What happened while you were away, for whoever asks and nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.commands.grammar import a_time
from bot.commands.status import freezes_of
from bot.commands.verb import Answer, Ask, Outcome, Verb
from bot.core.cards.catchup import catchup_card
from bot.core.events import Entry
from bot.core.may import Right


async def act(ask: Ask) -> Outcome:
    """Sum up what happened since whoever asks last did something here, or since a moment."""
    incident = await ask.incident(ask.words.args[0] if ask.words.args else None)
    story = await ask.timeline.story(incident.id)
    said = ask.words.options.get("since")
    since = a_time(said, ask.now) if said else _last_seen(story, ask.who.name)
    runs, placed = await ask.runs_of(incident), await freezes_of(ask, incident)
    card = catchup_card(incident, runs=runs, freezes=placed, story=story, since=since, now=ask.now)
    return Outcome(Answer(card, data={"id": incident.id, "since": since.isoformat() if since else None}))


def _last_seen(story: Sequence[Entry], person: str) -> datetime | None:
    """Return when a person last did something that was recorded, or None."""
    return max((entry.recorded_at for entry in story if entry.by == person), default=None)


VERB = Verb(
    name="catchup",
    usage="catchup [INC-42] [since:-30m|02:10]",
    summary="Show what happened since you last did something here; only you read it.",
    right=Right.READ,
    act=act,
    options=frozenset({"since"}),
)
