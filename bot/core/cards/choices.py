"""What a person can choose when a run is paused, as buttons; each stands for a line one can type."""

from __future__ import annotations

from collections.abc import Iterator

from bot.core.document import Button
from bot.core.plan import Plan
from bot.core.run import Run, Status
from bot.core.words import one_line

MOST_INPUTS = 3
MOST_UNDONE = 5


def choices(run: Run) -> tuple[Button, ...]:
    """Return what can be done about a paused run; nothing when it is not paused."""
    paused = run.paused
    if paused is None or run.plan is None or run.abort or run.over:
        return ()
    step = run.plan.step(paused.step) if paused.step else None
    if step is None:
        return (*_again(run), *_resume(run), abort(run))
    if paused.freeze:
        return (*_resume(run), abort(run))
    match run.step(step.id).status:
        case Status.FAILED | Status.IN_DOUBT:
            return _six(run, run.plan, step.id)
        case Status.UNDONE:
            return (*_again(run), _skip(run, step.id), _by_hand(run, step.id), abort(run))
        case _ if waits_for_gate(run, run.plan, step.gate):
            return (Button("Ask again", f"start {run.id}", style="primary"), abort(run))
        case _:
            return (*_resume(run), _skip(run, step.id), _by_hand(run, step.id), abort(run))


def waits_for_gate(run: Run, plan: Plan, name: str | None) -> bool:
    """Say whether a pause came from approvals that were refused or did not come in time."""
    gate, state = plan.gate(name or ""), run.gates.get(name or "")
    return bool(gate and state and (state.rejection or state.expired))


def abort(run: Run) -> Button:
    """Return the button that first says what an abort leaves behind and then asks."""
    return Button("Abort", f"abort {run.id}", style="danger")


def _six(run: Run, plan: Plan, step: str) -> tuple[Button, ...]:
    at = f"{run.id}.{step}"
    return (
        Button("Retry", f"retry {at}", style="primary", ask="Why is another attempt right?"),
        *_changed(run, plan, at),
        _skip(run, step),
        _by_hand(run, step),
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


def _by_hand(run: Run, step: str) -> Button:
    return Button("Done by hand", f"done {run.id}.{step}", ask="What shows that it is done?", into="evidence")


def done(run: Run, step: str) -> Button:
    """Return the button by which a person says that a step of theirs is done."""
    return Button(
        "Done", f"done {run.id}.{step}", style="primary", ask="What shows that it is done?", into="evidence"
    )


def _resume(run: Run) -> tuple[Button, ...]:
    asked = "Why may it go on although the freeze stands?" if run.paused and run.paused.freeze else ""
    return (Button("Resume", f"resume {run.id}", style="primary", ask=asked),)


def _again(run: Run) -> Iterator[Button]:
    """After an undo, what was undone can be carried out again."""
    undone = [id for id, state in run.steps.items() if state.status is Status.UNDONE]
    for id in undone[:MOST_UNDONE]:
        yield Button(f"Retry {one_line(id, 40)}", f"retry {run.id}.{id}", ask="Why is another attempt right?")
