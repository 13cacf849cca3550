"""What a person can choose when a run is paused, as buttons; each stands for a line one can type."""

from __future__ import annotations

from collections.abc import Iterator

from bot.core.document import Button
from bot.core.events import RunPaused
from bot.core.plan import Plan
from bot.core.run import Run, Status
from bot.core.words import one_line

MOST_INPUTS = 3
MOST_UNDONE = 5


def choices(run: Run) -> tuple[Button, ...]:
    """Return what can be done about a paused run; nothing when it is not paused."""
    if run.paused is None:
        return ()
    first = choices_of(run, run.paused)
    # A hold stands for itself beside what else is to be decided, and a person ends it whenever they want.
    held = any(pause.hold for pause in run.pauses) and all(not b.line.startswith("resume") for b in first)
    return (*first[:-1], *_resume(run), *first[-1:]) if held and first else first


def choices_of(run: Run, paused: RunPaused) -> tuple[Button, ...]:
    """Return what can be done about one of the pauses of a run."""
    if run.plan is None or run.abort or run.over:
        return ()
    step = run.plan.step(paused.step) if paused.step else None
    if paused.objection:
        back = Button("Take it back", f"object {run.id} withdraw")
        return (*_resume(run), back, abort(run))
    if step is None:
        return (*_again(run), *_resume(run), abort(run))
    if paused.freeze:
        return (*_resume(run), abort(run))
    match run.step(step.id).status:
        case Status.FAILED | Status.IN_DOUBT:
            return _six(run, run.plan, step.id)
        case Status.UNDONE:
            return (*_again(run), _skip(run, step.id), by_hand(run, step.id), abort(run))
        case _ if waits_for_gate(run, run.plan, step.gate):
            return (Button("Ask again", f"start {run.id}", style="primary"), abort(run))
        case _:
            return (*_resume(run), _skip(run, step.id), by_hand(run, step.id), abort(run))


def waits_for_gate(run: Run, plan: Plan, name: str | None) -> bool:
    """Say whether a pause came from approvals that were refused or did not come in time."""
    gate, state = plan.gate(name or ""), run.gates.get(name or "")
    return bool(gate and state and (state.rejection or state.expired))


def abort(run: Run) -> Button:
    """Return the button that first says what an abort leaves behind and then asks."""
    return Button("Abort", f"abort {run.id}", style="danger")


def _six(run: Run, plan: Plan, step: str) -> tuple[Button, ...]:
    at = f"{run.id}.{step}"
    if run.step(step).not_ours:
        # Until what the pause says was done, another try is refused as well.
        again = Button("Handed over: try again", f"retry {at}", ask="What does the runner belong to now?")
        return (_skip(run, step), by_hand(run, step), *_undo(run, plan, step), again, abort(run))
    return (
        Button("Retry", f"retry {at}", style="primary", ask="Why is another attempt right?"),
        *_changed(run, plan, at),
        _skip(run, step),
        by_hand(run, step),
        *_undo(run, plan, step),
        abort(run),
    )


def _changed(run: Run, plan: Plan, at: str) -> Iterator[Button]:
    """One button for each input; the changed plan gets a new hash and is approved again."""
    if run.restored:
        return
    for name, value in list(plan.inputs.items())[:MOST_INPUTS]:
        yield Button(
            f"Retry, other {one_line(name, 40)}",
            f'retry {at} why:"with another {one_line(name, 40)}"',
            ask=f"{one_line(name, 40)} is {one_line(str(value), 60)}. What should it be?",
            into=name,
        )


def _undo(run: Run, plan: Plan, step: str) -> Iterator[Button]:
    """Going back begins with the newest step that can be taken back, which this one may not be."""
    ids = [each.id for each in plan.steps]
    before = plan.steps[: ids.index(step) + 1]
    done = [s.id for s in before if s.undo and run.step(s.id).status in (Status.SUCCEEDED, Status.DONE)]
    for newest in done[-1:]:
        label = f"Undo back to {one_line(newest, 40)}"
        yield Button(label, f"undo {run.id}.{newest}", ask="Why is it taken back?")


def _skip(run: Run, step: str) -> Button:
    return Button("Skip", f"skip {run.id}.{step}", ask="Why can it be left out?")


def by_hand(run: Run, step: str) -> Button:
    """Return the button that says that a person did a step, which `done` takes wherever it is offered."""
    return Button("Done by hand", f"done {run.id}.{step}", ask="What shows that it is done?", into="evidence")


def _resume(run: Run) -> tuple[Button, ...]:
    asked = ""
    if any(pause.freeze for pause in run.pauses):
        asked = "Why may it go on although the freeze stands?"
    if any(pause.objection for pause in run.pauses):
        asked = "Why is it right although somebody objects? Everybody reads it."
    return (Button("Resume", f"resume {run.id}", style="primary", ask=asked),)


def _again(run: Run) -> Iterator[Button]:
    """After an undo, what was undone can be carried out again."""
    undone = [id for id, state in run.steps.items() if state.status is Status.UNDONE]
    for id in undone[:MOST_UNDONE]:
        yield Button(f"Retry {one_line(id, 40)}", f"retry {run.id}.{id}", ask="Why is another attempt right?")
