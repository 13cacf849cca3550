"""What happened in a drill, a line each."""

from __future__ import annotations

from typing import assert_never

from bot.core import events
from bot.core.document import Line, Strong
from bot.core.events import DrillEvent
from bot.core.words import linked


def describe_drill(event: DrillEvent) -> Line:
    """Return what happened in a drill."""
    match event:
        case events.DrillAsked(playbook=playbook, service=service, environment=environment, window=window):
            how = ", by its schedule" if window else ""
            return (Strong("Drill asked"), f": {playbook} for {service} in {environment}{how}")
        case events.DrillEnded(outcome=outcome, because=because, gaps=gaps):
            found = f"; {len(gaps)} gap{'' if len(gaps) == 1 else 's'}" if gaps else ""
            return (Strong(f"Drill {outcome}"), f": {because}" if because else "", found)
        case events.TaskOpened(gap=gap, key=key, url=url):
            return (f"The gap {gap} has a task: ", linked(key, url))
        case _:
            assert_never(event)
