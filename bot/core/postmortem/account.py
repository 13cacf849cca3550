"""What happened, before the recovery: head, summary, impact, trigger, detection, response."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bot.core import events
from bot.core.cards.said.incidents import fact_in_words
from bot.core.document import (
    Block,
    Bullets,
    Code,
    Fields,
    Heading,
    Line,
    Moment,
    Paragraph,
    Small,
    Strong,
    Who,
)
from bot.core.events import Entry, Severity
from bot.core.loss import lines as loss_lines
from bot.core.loss import losses
from bot.core.postmortem import stamps
from bot.core.postmortem.story import Story, came_of, moment, table
from bot.core.release import migrated, put_out
from bot.core.tasks import Task
from bot.core.words import in_words, joined, lasted


def account(told: Story) -> Iterator[Block]:
    """Return the sections from the head to the response."""
    yield from _head(told)
    yield Heading("Summary")
    yield Paragraph((" ".join(_summary(told)),))
    yield Heading("Impact")
    yield Fields(tuple(_impact(told)))
    yield from _data(told)
    yield Heading("Trigger")
    yield from _trigger(told)
    yield Heading("Detection")
    yield from _detection(told)
    yield Heading("Response")
    yield from _response(told)


def _head(told: Story) -> Iterator[Block]:
    incident = told.incident
    status = (
        "closed"
        if incident.closed or incident.false_alarm
        else ("draft, the incident is open" if incident.open else "to be reviewed")
    )
    yield Fields(
        (
            ("Date", (Moment(incident.declared_at),)),
            ("Owner", (Who(incident.roles.get("postmortem", incident.commander)),)),
            ("Status", (status,)),
            ("Severity", (f"SEV{incident.severity}",)),
        )
    )
    yield Small(("Times are UTC. Drawn from the timeline ", Moment(told.now), "."))


def _summary(told: Story) -> Iterator[str]:
    incident = told.incident
    yield f"{incident.service} in {incident.environment}: {incident.title.rstrip('.')}."
    length = in_words(lasted(incident.declared_at, told.end))
    yield f"Resolved {length} after it was declared." if incident.resolved_at else f"Open for {length}."
    if incident.decisions:
        yield f"Decided: {incident.decisions[-1].made.option}."
    yield from (f"{run.id} ({plan.title}) {run.state}." for run, plan in told.planned)
    if incident.resolved:
        yield f"{incident.resolved.statement} Data: {incident.resolved.data_statement}"


def _impact(told: Story) -> Iterator[tuple[str, Line]]:
    incident = told.incident
    yield "Statement", (incident.impact or "Nobody stated the impact.",)
    yield "Impact began", moment(incident.impact_start)
    yield "Ended", moment(incident.resolved_at)
    if incident.impact_start:
        length = in_words(lasted(incident.impact_start, told.end))
        yield "Lasted", (length if incident.resolved_at else f"{length} so far",)
    else:
        yield "Lasted", ("cannot be said: nobody stated when the impact began",)
    yield "Time in each severity", (_in_severities(told),)
    yield "Damage began", moment(incident.damage_start)
    yield "Writers stopped", moment(stamps.writers_stopped(told).at)
    if incident.resolved:
        yield "Data", (incident.resolved.data_statement,)


def _in_severities(told: Story) -> str:
    changes = [(entry.occurred_at, event.severity) for entry, event in told.told(events.SeverityChanged)]
    first = next((event.severity for _, event in told.told(events.IncidentDeclared)), told.incident.severity)
    spans = [(told.incident.declared_at, first), *changes]
    ends = [*(at for at, _ in changes), told.end]
    lengths: dict[Severity, timedelta] = {}
    for (start, severity), end in zip(spans, ends, strict=True):
        lengths[severity] = lengths.get(severity, timedelta(0)) + max(timedelta(0), lasted(start, end))
    return ", ".join(f"SEV{severity} {in_words(length)}" for severity, length in lengths.items())


def _task(told: Story, task: Task) -> tuple[Line, ...]:
    what = f"T{task.number} {task.what}"
    return ((what,), (Who(task.to),), (Moment(task.due),), came_of(task, told.end))


def _data(told: Story) -> Iterator[Block]:
    for run, _ in told.planned:
        if not run.restored:
            continue
        given_up = [line for loss in losses(told.incident, run, now=told.end) for line in loss_lines(loss)]
        if given_up:
            yield Bullets([(f"{run.id}: ", *line) for line in given_up])


def _trigger(told: Story) -> Iterator[Block]:
    incident = told.incident
    if incident.release:
        yield Paragraph((Strong("Suspect release: "), Code(incident.release)))
    if released := [_released(entry, release) for entry, release in told.told(events.ReleaseRecorded)]:
        yield Bullets(released)
    yield Small(("To be written: what changed, and what made that change harmful here?",))


def _released(entry: Entry, release: events.ReleaseRecorded) -> Line:
    commit: Line = (", commit ", Code(release.commit)) if release.commit else ()
    strategy = f", {release.strategy}" if release.strategy else ""
    migrations = f", migrations {migrated(release)}" if release.migrations else ""
    return (
        Moment(entry.occurred_at),
        f" {put_out(release)} by ",
        Who(entry.by),
        *commit,
        f"{strategy}{migrations}",
    )


def _detection(told: Story) -> Iterator[Block]:
    incident = told.incident
    after = (
        f", {in_words(lasted(incident.impact_start, incident.declared_at))} after the impact began"
        if incident.impact_start
        else ""
    )
    yield Paragraph(
        (Who(incident.declared_by), " declared it at ", Moment(incident.declared_at), f"{after}.")
    )
    if incident.alerted:
        fired = ("The alert from which it was declared began to fire at ", Moment(incident.alerted))
        said: Line = (", which counts as when it was detected: nobody said otherwise.",)
        if incident.detected:
            said = ("; it was detected at ", Moment(incident.detected), ", as was said.")
        yield Paragraph((*fired, *said))
    yield Small(("To be written: what showed it first, and what would have to show it in half that time?",))


def _response(told: Story) -> Iterator[Block]:
    roles = [(f"{role}: ", Who(name)) for role, name in told.incident.roles.items()]
    yield Paragraph((Strong("Roles: "), *joined(roles)))
    phases = [
        (Moment(entry.occurred_at), f" {event.phase.value}", f": {event.why}" if event.why else "")
        for entry, event in told.told(events.PhaseChanged)
    ]
    if phases:
        yield Bullets(phases)
    yield from table(
        ("Task", "Given to", "Until", "What came of it"),
        [_task(told, t) for t in told.incident.tasks if not t.follow_up],
    )
    if told.incident.facts:
        yield Paragraph((Strong("Facts as known at the end:"),))
        yield Bullets([(fact_in_words(name, value),) for name, value in told.incident.facts.items()])
    yield Small(("To be written: what did responders see, and what did they try before it worked?",))
