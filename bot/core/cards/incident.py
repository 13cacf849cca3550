"""The card that is pinned in the incident's channel: where things stand, on one screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from bot.core.budget import for_good, relapse, time_to_recover
from bot.core.cards.copies import standing
from bot.core.cards.lines import describe
from bot.core.cards.lines.freezes import frozen_line
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
from bot.core.events import Entry, FactLearnt, IssueLinked, Probed, TaskTracked
from bot.core.freeze import Freeze
from bot.core.incident import Incident
from bot.core.loss import losses, summary
from bot.core.run import OVER, Run
from bot.core.tasks import ToDo, of_incident, of_run
from bot.core.words import in_words, joined, lasted, linked, people, shortened

LAST_LINES = 5
LONGEST_LINE = 160
MOST_TO_DO = 8


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
        *_to_do(incident, runs, now),
        *_list([frozen_line(freeze) for freeze in placed]),
        *_list([_last(entry) for entry in ordered(recent) if not _told_elsewhere(entry)][-LAST_LINES:]),
        *_buttons(incident),
        Small(_foot(incident, now)),
    )
    title = f"{incident.id} SEV{incident.severity} {incident.stands}: {incident.title}"
    return Document(title, blocks, whole_of(incident.id))


def _impact(incident: Incident) -> Line:
    if incident.resolved:
        data = incident.resolved.data_statement
        return (Strong("Resolved: "), incident.resolved.statement, " ", Strong("Data: "), data)
    if incident.false_alarm:
        return (Strong("A false alarm: "), incident.false_alarm.why)
    if incident.merged:
        there = linked(incident.merged.into, incident.merged.url)
        return (Strong("Goes on in "), there, ": ", incident.merged.why)
    return (Strong("Impact: "), incident.impact or "nobody has stated it yet")


def _people_and_place(incident: Incident) -> Iterator[tuple[str, Line]]:
    yield "Service", (f"{incident.service} in {incident.environment}",)
    if incident.release:
        yield "Suspect release", (Code(incident.release),)
    if incident.change:
        yield "Change", (Code(incident.change),)
    if incident.duplicates:
        yield "The same event", joined([(linked(each.incident, each.url),) for each in incident.duplicates])
    yield "Commander", (Who(incident.commander), *_hands_over(incident))
    others = [(f"{role} ", Who(name)) for role, name in incident.roles.items() if role != "commander"]
    yield "Roles", joined(others) or ("nobody else has a role yet",)


def _hands_over(incident: Incident) -> Line:
    waits = incident.handoff
    return (" (hands over to ", Who(waits.to), ", who has not taken it yet)") if waits else ()


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
    """The clock stops when a run recovered for good; the newest plan names the target."""
    planned = [(run, run.plan.rto_s) for run in runs if run.plan and run.plan.rto_s is not None]
    if not planned:
        return
    run, seconds = planned[-1]
    rto = timedelta(seconds=seconds)
    took = time_to_recover(run, incident) if for_good(run, incident) else None
    if took is not None:
        met = "met" if took <= rto else "missed"
        yield "RTO", (f"{met}: recovered after {in_words(took)} of {in_words(rto)}",)
    elif incident.impact_start is None:
        yield "RTO", (f"{in_words(rto)}, but nobody has said when the impact began",)
    else:
        left = rto - lasted(incident.impact_start, incident.resolved_at or now)
        said = f"{in_words(left)} left" if left >= timedelta(0) else f"missed by {in_words(-left)}"
        why = relapse(incident, runs)
        again = f": {why}, so it is counted on since the impact began" if why else ""
        yield "RTO", (f"{said} of {in_words(rto)}{again}",)


def _data(incident: Incident, runs: Sequence[Run], now: datetime) -> Iterator[tuple[str, Line]]:
    if incident.damage_start:
        yield "Damage began", (Moment(incident.damage_start),)
    newest = [run for run in runs if run.plan and (run.restored or not run.over)][-1:]
    known = [loss for run in newest for loss in losses(incident, run, now=now)]
    for loss in known[:1]:
        yield "Data", (summary(loss),)


def _decision(incident: Incident) -> Iterator[Block]:
    for decision in incident.decisions[-1:]:
        why = f": {decision.why}" if decision.why else ""
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


def _to_do(incident: Incident, runs: Sequence[Run], now: datetime) -> Iterator[Block]:
    """What people have to do, those of a run's steps whose roles the plan names."""
    steps = (each for run in runs if run.plan for each in of_run(run, run.plan.roles))
    found = [to_do_line(each, now) for each in (*steps, *of_incident(incident.id, incident.tasks))]
    if len(found) > MOST_TO_DO:
        found[MOST_TO_DO:] = [(f"… and {len(found) - MOST_TO_DO} more to do",)]
    yield from _list(found)


def to_do_line(each: ToDo, now: datetime) -> Line:
    """Return what somebody has to do, who, and by when."""
    late = ", overdue" if each.due and now > each.due else ""
    until: Line = (" until ", Moment(each.due), late) if each.due else ()
    nobody = "handed back, to be given to somebody" if each.back else "nobody"
    who = people(each.people) if each.people else (nobody,)
    issue: Line = (" (", linked(each.issue.key, each.issue.url), ")") if each.issue else ()
    what = f" {shortened((each.what,), LONGEST_LINE)[0]}: "
    return (Strong(f"To do {each.ref}"), what, *who, *until, *issue)


def _told_elsewhere(entry: Entry) -> bool:
    """Say whether it would hide the rest: what machines find is read where one decides, and issues below."""
    event = entry.event
    found = isinstance(event, Probed) or (isinstance(event, FactLearnt) and event.source != "person")
    return found or isinstance(event, IssueLinked | TaskTracked)


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
