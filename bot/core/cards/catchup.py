"""What whoever joins late, or comes back, needs to know first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from bot.core.cards.incident import incident_card
from bot.core.cards.lines import describe
from bot.core.cards.timeline import ordered, whole_of
from bot.core.document import Block, Bullets, Document, Fields, Line, Moment, Paragraph, Strong, Who
from bot.core.events import Entry, FactLearnt, Probed, StepProgressed, TargetHeld, TargetReleased
from bot.core.freeze import Freeze
from bot.core.incident import Incident
from bot.core.run import Run
from bot.core.words import shortened

MOST = 15
LONGEST_LINE = 200
_QUIET = (Probed, StepProgressed, TargetHeld, TargetReleased)
"""What a machine did that somebody who was away need not read again."""


def catchup_card(
    incident: Incident,
    *,
    runs: Sequence[Run],
    freezes: Sequence[Freeze],
    story: Sequence[Entry],
    since: datetime | None,
    now: datetime,
) -> Document:
    """Return how things stand, the last update, and what was recorded after `since`, all of it when None."""
    stands = incident_card(incident, runs=runs, freezes=freezes, recent=(), now=now)
    still = tuple(block for block in stands.blocks if isinstance(block, Paragraph | Fields))
    blocks = (*still, *_update(incident), *_news(_told(story, since), since))
    return Document(stands.title, blocks, whole_of(incident.id))


def _told(story: Sequence[Entry], since: datetime | None) -> list[Entry]:
    """Return what was written down after a moment, also of what happened before it."""
    new = [entry for entry in story if since is None or entry.recorded_at > since]
    return [entry for entry in ordered(new) if not _quiet(entry)]


def _quiet(entry: Entry) -> bool:
    event = entry.event
    return isinstance(event, _QUIET) or (isinstance(event, FactLearnt) and event.source != "person")


def _update(incident: Incident) -> Iterator[Block]:
    for update in incident.updates[-1:]:
        yield Paragraph((Strong(f"Update #{update.number}"), *_at(incident.updated_at)))
        yield Fields(
            (
                ("Conditions", (update.conditions,)),
                ("Actions", (update.actions,)),
                ("Needs", (update.needs,)),
            )
        )


def _at(moment: datetime | None) -> Line:
    return (" of ", Moment(moment)) if moment else ()


def _news(told: Sequence[Entry], since: datetime | None) -> Iterator[Block]:
    when: Line = ("Since ", Moment(since)) if since else ("So far",)
    if not told:
        yield Paragraph((*when, ": nothing new was recorded."))
        return
    left_out = len(told) - MOST
    earlier: Line = (f" (the last {MOST} of {len(told)})",) if left_out > 0 else ()
    yield Paragraph((Strong("What happened. "), *when, *earlier, ":"))
    yield Bullets([_line(entry) for entry in told[-MOST:]])


def _line(entry: Entry) -> Line:
    return (Moment(entry.occurred_at), " ", Who(entry.by), " ", *shortened(describe(entry), LONGEST_LINE))
