"""What the thread of a run reads about it; its progress and its approvals have cards of their own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import assert_never

from bot.core import events
from bot.core.budget import time_to_recover
from bot.core.cards.abort import left
from bot.core.cards.choices import choices_of, waits_for_gate
from bot.core.cards.lines import describe
from bot.core.cards.lines.runs import counted
from bot.core.cards.said.copies import is_copy, said_of_copy
from bot.core.cards.said.silences import said_of_silence
from bot.core.cards.states import half_restored, place
from bot.core.document import (
    Block,
    Bullets,
    Button,
    Buttons,
    Code,
    Document,
    Line,
    Moment,
    Paragraph,
    Strong,
    Who,
)
from bot.core.events import Entry, RunEvent
from bot.core.incident import Incident
from bot.core.loss import lines as loss_lines
from bot.core.loss import losses
from bot.core.run import Run, Status
from bot.core.salvage import attempt_named, kept_copies
from bot.core.step import caution
from bot.core.words import in_words, people, says, sentence

_Silent = (
    events.PlanAsked
    | events.RunStarted
    | events.GateReopened
    | events.StepProgressed
    | events.CheckFound
    | events.StepInDoubt
    | events.StepProved
)
_Chosen = (
    events.Withdrawn
    | events.AttemptOpened
    | events.RetryAsked
    | events.StepSkipped
    | events.StepDone
    | events.UndoAsked
    | events.RunResumed
    | events.ObjectionsSet
    | events.AbortAsked
    | events.SalvageAsked
    | events.WarmStopped
)
_OfSteps = events.StepSucceeded | events.StepFailed | events.AttemptOpened


def said_of_run(entry: Entry, event: RunEvent, run: Run, incident: Incident | None) -> Document | None:
    """Return what the run's thread reads about something that happened in it."""
    if isinstance(event, events.WarmAsked) or (isinstance(event, _OfSteps) and is_copy(event, run)):
        return said_of_copy(event, run)
    if isinstance(event, events.SilenceEvent):
        return said_of_silence(entry, event, run)
    if isinstance(event, _Silent):
        return None
    if isinstance(event, _Chosen):
        return _line((*says(entry.by), *describe(entry)))
    match event:
        case events.Planned():
            return _changed(event, run)
        case events.StepStarted():
            return _no_way_back(event, run)
        case events.StepSucceeded():
            return _warned(event, run)
        case events.StepFailed():
            return _goes_on(event, run)
        case events.Approved():
            return _glass(entry, event, incident)
        case _:
            return _turning_point(entry, event, run, incident)


_Turn = (
    events.PlanFailed
    | events.Rejected
    | events.GateExpired
    | events.RunPaused
    | events.ObjectionsAsked
    | events.RunAborted
    | events.RunRecovered
    | events.SalvageFound
    | events.SalvageFailed
)


def _turning_point(entry: Entry, event: _Turn, run: Run, incident: Incident | None) -> Document | None:
    match event:
        case events.PlanFailed(because=because):
            return _line((Who(run.asked_by, ping=True), f": {run.id} could not be planned: {because}"))
        case events.Rejected(gate=gate, why=why):
            ask: Line = (_asker(run), ": ", Who(entry.by), Strong(" rejected "), f"{run.id}.{gate}: {why}")
            return _line(ask, Button("Ask again", f"start {run.id}"))
        case events.GateExpired(gate=gate):
            late: Line = (
                _asker(run),
                f": the approvals of {run.id}.{gate} ran out of time; it is not approved.",
            )
            return _line(late, Button("Ask again", f"start {run.id}", style="primary"))
        case events.RunPaused():
            return _paused(event, run, incident)
        case events.ObjectionsAsked():
            return _whether(event, run)
        case events.RunAborted(leaves=leaves):
            return _line((Strong(f"{run.id} is aborted."), f" It leaves:{left(leaves)}"))
        case events.RunRecovered() if incident and incident.drill:
            # The drill itself says what its rehearsal and its clean-up came to.
            return None
        case events.RunRecovered():
            return _recovered(entry, run, incident)
        case events.SalvageFound():
            return _salvaged(event)
        case events.SalvageFailed(asked_by=who, because=because):
            kept = f"what {attempt_named(event.step, event.attempt)} kept"
            failed = f"{kept} could not be compared: {sentence(because)} Nothing was changed."
            return _line((Who(who, ping=True), f": {failed}"))
        case _:
            assert_never(event)


def _line(line: Line, *buttons: Button) -> Document:
    pressed: tuple[Block, ...] = (Buttons(buttons),) if buttons else ()
    return Document("", (Paragraph(line), *pressed))


def _asker(run: Run) -> Who:
    return Who(run.requester or run.asked_by, ping=True)


def _changed(event: events.Planned, run: Run) -> Document | None:
    """The first plan is a card; a later one voids approvals, which people must not find out by chance."""
    if not event.changes:
        return None
    void = " Earlier approvals are void and are asked for again." if event.expires else ""
    head: Line = (Strong(f"The plan of {run.id} changed"), f", it is now {event.hash[:8]}.{void}")
    return Document("", (Paragraph(head), Bullets([(change,) for change in event.changes])))


def _no_way_back(event: events.StepStarted, run: Run) -> Document | None:
    step = run.plan.step(event.step) if run.plan else None
    if run.plan is None or step is None or event.undo or not (step.destructive or step.no_way_back):
        return None
    word = "The point of no return is passed: " if step.no_way_back else "Destructive: "
    return _line((Strong(word), f"{run.id} begins {place(run.plan, step.id)}, attempt {event.attempt}."))


def _warned(event: events.StepSucceeded, run: Run) -> Document | None:
    """What went well is read on the card; what must be known although it went well is told."""
    said = caution(event.evidence)
    if run.plan is None or not said:
        return None
    return _line((Strong(place(run.plan, event.step)), f" succeeded. Look at this: {sentence(said)}"))


def _goes_on(event: events.StepFailed, run: Run) -> Document | None:
    """Other failures pause the run or open another attempt, which says why."""
    step = run.plan.step(event.step) if run.plan else None
    if run.plan is None or step is None or step.on_failure != "continue" or step.destructive or event.undo:
        return None
    title = place(run.plan, step.id)
    return _line((Strong(title), f" failed: {event.because}. {run.id} goes on, as the playbook says."))


def _glass(entry: Entry, event: events.Approved, incident: Incident | None) -> Document | None:
    if event.break_glass is None:
        return None
    told = (incident.commander,) if incident else ()
    loud: Line = (
        Strong("The glass was broken. "),
        Who(entry.by),
        f" as {event.role} let {event.gate} pass alone: ",
    )
    review = f"{sentence(event.break_glass)} The post-mortem looks at it. "
    return _line((*loud, review, *(people(told, ping=told) if told else ())))


def _whether(event: events.ObjectionsAsked, run: Run) -> Document:
    """Everybody reads it, and who says nothing agrees; the button stands until the step begins."""
    what = place(run.plan, event.step) if run.plan else event.step
    line: Line = (Strong(f"{what} destroys data and begins "), Moment(event.until))
    begun = run.step(event.step).status is not Status.WAITING or run.step(event.step).attempt != event.attempt
    ask = "I object because …"
    pressed = () if begun or run.over or run.abort else (Button("I object", f"object {run.id}", ask=ask),)
    return _line((*line, " unless somebody objects. Who says nothing agrees."), *pressed)


def _paused(event: events.RunPaused, run: Run, incident: Incident | None) -> Document | None:
    """A rejection or an expiry was told when it came; its pause would tell it twice."""
    step = run.plan.step(event.step) if run.plan and event.step else None
    if run.plan and step and waits_for_gate(run, run.plan, step.gate) and not event.freeze:
        return None
    roles = incident.roles if incident else {}
    told = tuple(dict.fromkeys(roles[role] for role in ("commander", "ops") if role in roles))
    head: Line = (*people(told, ping=told), ": ")
    current = choices_of(run, event) if event in run.pauses else ()
    if event.objection is None:
        return _line((*head, Strong(f"{run.id} is paused. "), event.why), *current)
    against: Line = (Who(event.objection), Strong(f" objects to {run.id}: "), sentence(event.why))
    return _line((*head, *against, " It waits until the commander has decided."), *current)


def _recovered(entry: Entry, run: Run, incident: Incident | None) -> Document:
    if run.ended_at:
        half = half_restored(run)
        how = f"and no restore came to its end: {half}" if half else "and it restored nothing."
        left: Line = (Strong(f"{run.id} is over, {how} "), "The end checks passed.")
        return Document("", (Paragraph(left), Bullets([*_left_out(run), *_warnings(run)])))
    took = time_to_recover(run, incident) if incident else None
    rto = timedelta(seconds=run.plan.rto_s) if run.plan and run.plan.rto_s is not None else None
    after = f" {in_words(took)} after the impact began" if took is not None else ""
    verdict = ""
    if took is not None and rto is not None:
        verdict = f"; the RTO of {in_words(rto)} is {'met' if took <= rto else 'missed'}"
    head: Line = (Strong(f"✓ {run.id} recovered"), f"{after}{verdict}. Every blocking end check passed.")
    lost = losses(incident, run, now=entry.occurred_at) if incident and run.restored else ()
    facts = [*_left_out(run), *_warnings(run), *(line for loss in lost for line in loss_lines(loss))]
    kept = [Buttons((Button("Look for rows left behind", f"salvage {run.id}"),))] if kept_copies(run) else []
    return Document("", (Paragraph(head), *((Bullets(facts),) if facts else ()), *kept))


def _salvaged(event: events.SalvageFound) -> Document:
    """The rows themselves are data of customers: they stay on the host, and only their number is said."""
    head: Line = (
        Who(event.asked_by, ping=True),
        ": ",
        Strong(f"{attempt_named(event.step, event.attempt)} left behind {counted(event)}"),
    )
    tables = [_table(table) for table in event.tables]
    untold = event.only + event.differ - sum(table.only + table.differ for table in event.tables)
    if untold:
        tables.append((f"{untold} more rows in other tables, see the manifest",))
    where: Line = (
        "The files lie on ",
        Code(event.host),
        " in ",
        Code(event.folder),
        ", see manifest.json there.",
    )
    told: list[Block] = [Paragraph((*head, f", in {event.compared} tables compared."))]
    if tables:
        told += [Bullets(tables), Paragraph(where)]
    return Document("", tuple(told))


def _table(table: events.SalvagedTable) -> Line:
    if table.problem:
        return (Strong(table.table), f" could not be read: {table.problem}")
    return (Strong(table.table), f": {counted(table)}")


def _left_out(run: Run) -> Iterator[Line]:
    """What was not done must not look done because the checks pass."""
    if run.plan is None:
        return
    for step in run.plan.steps:
        state = run.step(step.id)
        if state.status is Status.SKIPPED:
            yield (Strong(f"Not done: {place(run.plan, step.id)}"), f" was skipped: {state.because}")


def _warnings(run: Run) -> Iterator[Line]:
    """What must be known of steps that succeeded does not end with the run."""
    if run.plan is None:
        return
    for step in run.plan.steps:
        if said := caution(run.step(step.id).evidence):
            yield (Strong(f"Look at {place(run.plan, step.id)}"), f": {said}")
