"""The card that is pinned in the incident's channel: where things stand, on one screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from bot.core.budget import time_to_recover
from bot.core.cards.copies import standing
from bot.core.cards.lines import describe
from bot.core.cards.lines.freezes import in_scope
from bot.core.cards.timeline import ordered, whole_of
from bot.core.document import (
    Block,
    Bullets,
    Button,
    Buttons,
    Code,
    Document,
    Fields,
    Line,
    Moment,
    Paragraph,
    Small,
    Span,
    Strong,
    Who,
)
from bot.core.events import Entry, FactLearnt, Probed
from bot.core.freeze import Freeze
from bot.core.incident import Incident
from bot.core.loss import losses, summary
from bot.core.run import OVER, Run
from bot.core.words import in_words, joined, lasted, linked, shortened

LAST_LINES = 5
LONGEST_LINE = 160


def incident_card(
    incident: Incident,
    *,
    runs: Sequence[Run],
    freezes: Sequence[Freeze],
    recent: Sequence[Entry],
    now: datetime,
) -> Document:
    """Return the incident card; `recent` are entries of the incident, its runs and freezes."""
    placed = [freeze for freeze in freezes if freeze.in_force(now)]
    blocks = (
        Paragraph(_impact(incident)),
        Fields(tuple(_people_and_place(incident))),
        Fields(tuple(_clocks(incident, runs, now))),
        *_decision(incident),
        *_list([_run(run) for run in runs]),
        *_list([_freeze(freeze) for freeze in placed]),
        *_list([_last(entry) for entry in ordered(recent) if not _by_machine(entry)][-LAST_LINES:]),
        *_buttons(incident),
        Small(_foot(incident, now)),
    )
    title = f"{incident.id} SEV{incident.severity} {incident.phase.value}: {incident.title}"
    return Document(title, blocks, whole_of(incident.id))


def _impact(incident: Incident) -> Line:
    if incident.resolved:
        data = incident.resolved.data_statement
        return (Strong("Resolved: "), incident.resolved.statement, " ", Strong("Data: "), data)
    return (Strong("Impact: "), incident.impact or "nobody has stated it yet")


def _people_and_place(incident: Incident) -> Iterator[tuple[str, Line]]:
    yield "Service", (f"{incident.service} in {incident.environment}",)
    if incident.release:
        yield "Suspect release", (Code(incident.release),)
    yield "Commander", (Who(incident.commander),)
    others = [(f"{role} ", Who(name)) for role, name in incident.roles.items() if role != "commander"]
    yield "Roles", joined(others) or ("nobody else has a role yet",)


def _clocks(incident: Incident, runs: Sequence[Run], now: datetime) -> Iterator[tuple[str, Line]]:
    until = incident.resolved_at or now
    open_for = f"{'open for' if incident.open else 'took'} {in_words(lasted(incident.declared_at, until))}"
    yield "Declared", (Moment(incident.declared_at), f", {open_for}")
    if incident.impact_start:
        yield "Impact began", (Moment(incident.impact_start),)
    yield from _rto(incident, runs, now)
    yield from _data(incident, runs, now)
    if incident.next_update_by:
        yield "Next update by", _next_update(incident, incident.next_update_by, now)


def _next_update(incident: Incident, by: datetime, now: datetime) -> Line:
    late = f", {in_words(lasted(by, now))} overdue" if now > by else f", in {in_words(lasted(now, by))}"
    if incident.updated_at is None:
        return (Moment(by), late, "; none was posted yet")
    last = f"; the last was #{incident.updates[-1].number}, {in_words(lasted(incident.updated_at, now))} ago"
    return (Moment(by), late, last)


def _rto(incident: Incident, runs: Sequence[Run], now: datetime) -> Iterator[tuple[str, Line]]:
    """The clock stops when a run recovered; the newest plan names the target."""
    planned = [(run, run.plan.rto_s) for run in runs if run.plan and run.plan.rto_s is not None]
    if not planned:
        return
    run, seconds = planned[-1]
    rto = timedelta(seconds=seconds)
    took = time_to_recover(run, incident)
    if took is not None:
        met = "met" if took <= rto else "missed"
        yield "RTO", (f"{met}: recovered after {in_words(took)} of {in_words(rto)}",)
    elif incident.impact_start is None:
        yield "RTO", (f"{in_words(rto)}, but nobody has said when the impact began",)
    else:
        left = rto - lasted(incident.impact_start, incident.resolved_at or now)
        said = f"{in_words(left)} left" if left >= timedelta(0) else f"missed by {in_words(-left)}"
        yield "RTO", (f"{said} of {in_words(rto)}",)


def _data(incident: Incident, runs: Sequence[Run], now: datetime) -> Iterator[tuple[str, Line]]:
    if incident.damage_start:
        yield "Damage began", (Moment(incident.damage_start),)
    newest = [run for run in runs if run.plan and (run.restored or not run.over)][-1:]
    known = [loss for run in newest for loss in losses(incident, run, now=now)]
    for loss in known[:1]:
        yield "Data", (summary(loss),)


def _decision(incident: Incident) -> Iterator[Block]:
    for decision in incident.decisions[-1:]:
        why = f": {decision.made.why}" if decision.made.why else ""
        yield Paragraph(
            (
                Strong("Decided: "),
                f"{decision.made.option}{why} (",
                Who(decision.by),
                ", ",
                Moment(decision.at),
                ")",
            )
        )


def _list(items: Sequence[Line]) -> Iterator[Block]:
    if items:
        yield Bullets(items)


def _run(run: Run) -> Line:
    title = run.plan.title if run.plan else run.asked.playbook
    parts: list[Span] = [Strong(run.id), f" {run.state}: {title}"]
    if run.plan and run.started_at:
        over = sum(run.step(step.id).status in OVER for step in run.plan.steps)
        parts.append(f", {over} of {len(run.plan.steps)} steps over")
    elif run.plan and not run.over and (copy := standing(run, run.plan)):
        parts += ["; ", *copy]
    glass = [gate.name for gate in run.gates.values() if any(yes.break_glass for yes in gate.approvals)]
    if glass:
        parts.append(f"; the glass was broken at {', '.join(glass)}")
    return tuple(parts)


def _freeze(freeze: Freeze) -> Line:
    end = freeze.placed.until if freeze.placed.lift == "at_until" else freeze.review_at
    word = "until" if freeze.placed.lift == "at_until" else "next look at"
    until: Line = (f", {word} ", Moment(end)) if end else ()
    return (Strong(freeze.id), f" stops {in_scope(freeze.placed.scope)}", *until)


def _by_machine(entry: Entry) -> bool:
    """Say whether a machine found it: that is read where one decides, and would hide the rest here."""
    event = entry.event
    return isinstance(event, Probed) or (isinstance(event, FactLearnt) and event.source != "person")


def _last(entry: Entry) -> Line:
    return (Moment(entry.occurred_at), " ", Who(entry.by), " ", *shortened(describe(entry), LONGEST_LINE))


def _buttons(incident: Incident) -> Iterator[Block]:
    if incident.open:
        yield Buttons(
            (
                Button("Post an update", f"update inc:{incident.id}", form="update"),
                Button("Timeline", f"timeline {incident.id}"),
            )
        )


def _foot(incident: Incident, now: datetime) -> Line:
    issue = incident.issue
    record: Line = (" · ", linked(f"{issue.system} {issue.key}", issue.url)) if issue else ()
    return (f"{incident.id} · entry {incident.seq} · as of ", Moment(now), *record)
