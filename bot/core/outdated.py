"""What was said since a plan was made, by which its restore brings damaged data back, or brought it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from bot.core.document import utc
from bot.core.incident import Incident
from bot.core.loss import is_back, restored
from bot.core.run import Run


def outdated(run: Run, incident: Incident) -> str | None:
    """Say why a plan must be made again: since then the damage is said to have begun before its points."""
    if back := damaged_again(run, incident):
        return back
    late = next(_too_late(run, incident), None)
    if late is None:
        return None
    return (
        f"Since {run.id} was planned, the damage is said to have begun at {utc(late.damage)}, and what "
        f"{late.point} brings back is of {utc(late.moment)}: damaged data would come back."
    )


def damaged_again(run: Run, incident: Incident) -> str | None:
    """Say what a run put back that is said to have been damaged already, if it did."""
    late = next((late for late in _too_late(run, incident) if is_back(run, late.source)), None)
    if late is None:
        return None
    return (
        f"{run.id} put {late.point} back as of {utc(late.moment)}, and the damage began at "
        f"{utc(late.damage)}: damaged data came back."
    )


@dataclass(frozen=True, slots=True)
class _Late:
    """A source whose state is of a moment at which the damage had begun, as was said after it was chosen."""

    source: str
    point: str
    moment: datetime
    damage: datetime


def _too_late(run: Run, incident: Incident) -> Iterator[_Late]:
    plan, begun, said = run.plan, incident.damage_start, incident.damage_said
    if plan is None or begun is None or said is None or said <= plan.drafted_at:
        return
    for source in restored(plan):
        if source.point and source.moment and source.moment >= begun:
            yield _Late(source.id, source.point.id, source.moment, begun)
