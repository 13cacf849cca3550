"""What the issue of a change says of the incident it led to: decisions, exceptions, and deviations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.core import events
from bot.core.cards.lines import describe
from bot.core.cards.timeline import ordered
from bot.core.document import (
    Block,
    Bullets,
    Code,
    Document,
    Fields,
    Heading,
    Line,
    Link,
    Moment,
    Paragraph,
    Who,
)
from bot.core.events import Entry
from bot.core.incident import Incident

_DECISIONS = (
    events.Decided,
    events.ReasonStated,
    events.RunStarted,
    events.Approved,
    events.Rejected,
    events.WarmStopped,
    events.RunRecovered,
    events.RunAborted,
)
_EXCEPTIONS = (events.ExceptionAsked, events.ExceptionGranted, events.DeploymentExcepted)
_DEVIATIONS = (
    events.StepSkipped,
    events.StepDone,
    events.RetryAsked,
    events.AttemptOpened,
    events.UndoAsked,
    events.RunPaused,
    events.AbortAsked,
)


def deviates(entry: Entry) -> bool:
    """Say whether something went otherwise than its plan, or the rules, have it."""
    match entry.event:
        case events.Approved(break_glass=broken):
            return broken is not None
        case events.Decided(overridden=overridden):
            return bool(overridden)
        case events.RunResumed() as resumed:
            return bool(resumed.passes or resumed.settles)
        case events.Planned(changes=changes):
            return bool(changes)
        case event:
            return isinstance(event, _DEVIATIONS)


def change_record(incident: Incident, story: Sequence[Entry], url: str) -> Document:
    """Return what is written to the change of an incident; `url` leads to everything of that."""
    told = ordered(story)
    decided = [entry for entry in told if isinstance(entry.event, _DECISIONS)]
    excepted = [entry for entry in told if isinstance(entry.event, _EXCEPTIONS)]
    blocks = (
        Fields(tuple(_of(incident, url))),
        *_listed("Decisions about backups and recovery", decided),
        *_listed("Exceptions from freezes", excepted),
        *_listed("Deviations from standard procedure", [entry for entry in told if deviates(entry)]),
    )
    return Document(f"{incident.id}, to which this change led: {incident.title}", blocks, whole="")


def _of(incident: Incident, url: str) -> Iterator[tuple[str, Line]]:
    yield "Incident", (Link(incident.id, url), f" SEV{incident.severity}, {incident.phase.value}")
    yield "Service", (f"{incident.service} in {incident.environment}",)
    if incident.release:
        yield "Suspect release", (Code(incident.release),)
    if incident.resolved:
        yield "Data", (incident.resolved.data_statement,)


def _listed(title: str, entries: Sequence[Entry]) -> Iterator[Block]:
    yield Heading(title, 3)
    lines = [_line(entry) for entry in entries]
    yield Bullets(lines) if lines else Paragraph(("None.",))


def _line(entry: Entry) -> Line:
    of = entry.stream.partition("/")[2]
    return (Moment(entry.occurred_at), " ", Who(entry.by), f" {of}: ", *describe(entry))
