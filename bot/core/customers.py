"""What customers would read of an incident, of what is known; whoever drafts may use other words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from bot.core.cadence import cadence
from bot.core.events.external import ExternalStatus
from bot.core.incident import Incident
from bot.core.words import sentence

_FIRST: Mapping[ExternalStatus, str] = {
    "investigating": "We are investigating a problem with {title}.",
    "identified": "We know what is wrong with {title} and are working on it.",
    "monitoring": "{Title} has been put right, and we are watching whether it stays so.",
    "resolved": "The problem with {title} is resolved.",
}


def promise(incident: Incident, now: datetime) -> datetime | None:
    """Return when the next update comes, as it is promised inside."""
    if incident.next_update_by and incident.next_update_by > now:
        return incident.next_update_by
    wait = cadence(incident.severity, incident.phase)
    return now + wait if wait else None


def within(title: str) -> str:
    """Return what a service is called inside a sentence: the title of a catalog may begin with The."""
    return f"the {title[4:]}" if title.startswith("The ") else title


def words(
    incident: Incident, title: str, status: ExternalStatus, promised: datetime | None, now: datetime
) -> str:
    """Return what customers would read of an incident, of what is known; without what was lost."""
    return " ".join(_sentences(incident, title, status, promised, now))


def _sentences(
    incident: Incident, title: str, status: ExternalStatus, promised: datetime | None, now: datetime
) -> Iterator[str]:
    if incident.false_alarm:
        yield f"What we reported of {within(title)} was a false alarm."
        return
    if incident.merged:
        yield f"What we reported of {title} is the same problem as another one that we report of."
        return
    yield _FIRST[status].format(title=within(title), Title=title)
    if incident.impact:
        may = "may have noticed" if status == "resolved" else "may notice"
        yield f"What you {may}: {sentence(incident.impact)}"
    if incident.impact_start and status != "resolved":
        yield f"It began at {incident.impact_start:%Y-%m-%d %H:%M} UTC."
    if incident.resolved and status == "resolved":
        yield sentence(incident.resolved.statement)
    if promised:
        day = "" if promised.date() == now.date() else f"{promised:%Y-%m-%d} "
        yield f"We will say more by {day}{_clock(promised)}"


def still_promises(text: str, promised: datetime) -> bool:
    """Say whether words that began as ours still promise to say more by that moment."""
    return text.partition("We will say more by ")[2].partition(".")[0].endswith(_clock(promised).rstrip("."))


def _clock(promised: datetime) -> str:
    return f"{promised:%H:%M} UTC."
