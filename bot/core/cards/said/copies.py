"""What a run's thread reads about the copy that is made ready before anybody decided."""

from __future__ import annotations

from bot.core import events
from bot.core.cards.copies import checked, discard, prepare
from bot.core.cards.states import place
from bot.core.document import Buttons, Code, Document, Line, Moment, Paragraph, Strong
from bot.core.due import MOST_REMOVALS
from bot.core.plan import Plan, PlannedStep
from bot.core.run import Run
from bot.core.words import joined, sentence

_Of = events.StepSucceeded | events.StepFailed | events.AttemptOpened


def is_copy(event: _Of, run: Run) -> bool:
    """Say whether an event is about a copy: a warm step before the start, or its removal whenever."""
    step = run.plan.step(event.step) if run.plan else None
    removal = run.over if isinstance(event, events.AttemptOpened) else event.undo
    return step is not None and step.warm and (removal or run.started_at is None)


def said_of_copy(event: events.WarmAsked | _Of, run: Run) -> Document | None:
    """Return what is said of it; a copy that was removed without trouble is said with why it was."""
    unwanted = run.started_at is None and (run.warm is None or run.abort is not None)
    if run.plan is None or (unwanted and not (isinstance(event, events.StepFailed) and event.undo)):
        return None
    match event:
        case events.WarmAsked():
            return _begins(event, run, run.plan)
        case events.StepSucceeded(undo=False):
            return _ready(event, run, run.plan)
        case events.StepFailed(undo=False):
            because = f"{place(run.plan, event.step)} failed: {sentence(event.because)}"
            line = (Strong(f"{run.id}: no copy is ready. "), because, " A restore makes its own.")
            return Document("", (Paragraph(line), Buttons((prepare(run, "Try again"),))))
        case events.StepFailed() if run.copies.get(event.step, 0) >= MOST_REMOVALS:
            return _stays(event, run, run.plan)
        case _:
            return None


def _line(line: Line) -> Document:
    return Document("", (Paragraph(line),))


def _begins(event: events.WarmAsked, run: Run, plan: Plan) -> Document:
    targets = joined([(Code(step.call.target or step.id),) for step in plan.steps if step.warm])
    line: Line = (
        Strong(f"{run.id} makes a checked copy ready"),
        " beside ",
        *targets,
        f", because {event.why}. It changes nothing and needs no approval; it is removed ",
        Moment(event.until),
        " unless the run is started before.",
    )
    return Document("", (Paragraph(line), Buttons((discard(run),))))


def _ready(event: events.StepSucceeded, run: Run, plan: Plan) -> Document | None:
    step = plan.step(event.step)
    source = plan.source(step.call.source) if step else None
    moment = source.moment if source else None
    if step is None or moment is None:
        return None
    line: Line = (
        Strong(f"{run.id}: a checked copy is ready"),
        ", ",
        Code(step.call.target or step.id),
        " as of ",
        Moment(moment),
        checked(event.evidence),
        ".",
    )
    return _line((*line, " Approvals are only about the switch to it."))


def _stays(event: events.StepFailed, run: Run, plan: Plan) -> Document:
    step = plan.step(event.step)
    target = step.call.target if step else event.step
    because = f" from beside {target}: {sentence(event.because)}"
    return _line((Strong(f"{run.id} could not remove its copy"), because, *_by_hand(step)))


def _by_hand(step: PlannedStep | None) -> Line:
    words = step.undo.by_hand if step and step.undo else ""
    return (" By hand: ", Code(words)) if words else ()
