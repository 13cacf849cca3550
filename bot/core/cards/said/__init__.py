"""What the channel or a run's thread reads about one entry; nothing where a card already shows it."""

from __future__ import annotations

from typing import assert_never

from bot.core import events
from bot.core.cards.said.drills import said_of_drill
from bot.core.cards.said.external import said_of_external
from bot.core.cards.said.freezes import said_of_freeze
from bot.core.cards.said.handoff import said_of_handoff
from bot.core.cards.said.incidents import one_line, said_of_incident
from bot.core.cards.said.merging import said_of_merging
from bot.core.cards.said.runs import said_of_run
from bot.core.document import Document
from bot.core.events import Entry
from bot.core.freeze import Freeze
from bot.core.incident import Incident
from bot.core.run import Run


def said(
    entry: Entry, *, incident: Incident | None, run: Run | None, freeze: Freeze | None
) -> Document | None:
    """Return the message about an entry, or None when there is nothing to say beside the cards."""
    event = entry.event
    match event:
        case (
            None
            | events.TargetHeld()
            | events.TargetReleased()
            | events.CopyTouched()
            | events.ReleaseRecorded()
        ):
            return None
        case _ if isinstance(event, events.IncidentEvent):
            return said_of_incident(entry, event, incident) if incident else None
        case _ if isinstance(event, events.MergeEvent):
            return said_of_merging(entry, event, incident) if incident else None
        case _ if isinstance(event, events.HandoffEvent):
            return said_of_handoff(entry, event, incident) if incident else None
        case _ if isinstance(event, events.DelegationEvent | events.PagerEvent):
            return one_line(entry) if incident else None
        case _ if isinstance(event, events.ExternalEvent):
            return said_of_external(entry, event, incident) if incident else None
        case _ if isinstance(event, events.RunEvent):
            return said_of_run(entry, event, run, incident) if run else None
        case _ if isinstance(event, events.FreezeEvent):
            return said_of_freeze(entry, event, freeze) if freeze else None
        case _ if isinstance(event, events.DrillEvent):
            return said_of_drill(entry, event) if incident else None
        case _:
            assert_never(event)
