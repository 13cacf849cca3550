"""One line in plain words for every event; a new event is one more case in the file of its family."""

from __future__ import annotations

from typing import assert_never

from bot.core import events
from bot.core.cards.lines.drills import describe_drill
from bot.core.cards.lines.freezes import describe_freeze, describe_release
from bot.core.cards.lines.incidents import describe_incident
from bot.core.cards.lines.runs import describe_run, describe_target
from bot.core.document import Line
from bot.core.events import Entry


def describe(entry: Entry) -> Line:
    """Return what an entry says happened, without who and when."""
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
        case _ if isinstance(event, events.RunEvent):
            return describe_run(event)
        case _ if isinstance(event, events.FreezeEvent):
            return describe_freeze(event)
        case _ if isinstance(event, events.DrillEvent):
            return describe_drill(event)
        case _:
            assert_never(event)
