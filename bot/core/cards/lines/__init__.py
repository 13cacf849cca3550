"""One line in plain words for every event; a new event is one more case in the file of its family."""

from __future__ import annotations

from typing import assert_never

from bot.core import events
from bot.core.cards.lines.delegation import describe_delegation
from bot.core.cards.lines.drills import describe_drill
from bot.core.cards.lines.external import describe_external
from bot.core.cards.lines.freezes import describe_freeze, describe_release
from bot.core.cards.lines.handoff import describe_handoff
from bot.core.cards.lines.incidents import describe_incident
from bot.core.cards.lines.merging import describe_merging
from bot.core.cards.lines.pager import describe_paging
from bot.core.cards.lines.record import describe_corrected
from bot.core.cards.lines.runs import describe_run, describe_target
from bot.core.document import Line
from bot.core.events import Entry


def describe(entry: Entry) -> Line:
    """Return what an entry says happened, without who and when; what was corrected says so."""
    line = _described(entry)
    return describe_corrected(entry.corrected, line) if entry.corrected else line


def _described(entry: Entry) -> Line:  # noqa: C901, PLR0912 - a closed set
    event = entry.event
    match event:
        case None:
            return ("(the text of this entry was removed)",)
        case events.TargetHeld() | events.TargetReleased() | events.CopyTouched():
            return describe_target(event, entry.stream.partition("/")[2])
        case events.ReleaseRecorded():
            return describe_release(event)
        case _ if isinstance(event, events.IncidentEvent):
            return describe_incident(event)
        case _ if isinstance(event, events.MergeEvent):
            return describe_merging(event)
        case _ if isinstance(event, events.HandoffEvent):
            return describe_handoff(event)
        case _ if isinstance(event, events.DelegationEvent):
            return describe_delegation(event)
        case _ if isinstance(event, events.PagerEvent):
            return describe_paging(event)
        case _ if isinstance(event, events.ExternalEvent):
            return describe_external(event)
        case _ if isinstance(event, events.RunEvent):
            return describe_run(event)
        case _ if isinstance(event, events.FreezeEvent):
            return describe_freeze(event)
        case _ if isinstance(event, events.DrillEvent):
            return describe_drill(event)
        case _:
            assert_never(event)
