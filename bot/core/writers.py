"""When the writers of damaged data were stopped."""

from __future__ import annotations

from datetime import datetime

from bot.core.events import WritersStopped
from bot.core.incident import Incident
from bot.core.plan import PlannedStep


def writers_stopped(
    run: str, step: PlannedStep, incident: Incident, at: datetime
) -> tuple[WritersStopped, ...]:
    """Return what a step that is over says of the writers, whoever carried it out.

    The first stop is what contained the damage; a later run that stops them again changes no loss.
    """
    first = step.stops_writers and incident.writers_stopped is None
    return (WritersStopped(at=at, run=run),) if first else ()
