"""Where a step stands, as people see it: an icon and always a word."""

from __future__ import annotations

from datetime import timedelta

from bot.core.plan import Plan, PlannedStep
from bot.core.run import Run, Status
from bot.core.words import in_words
from integrations.contract import Effect

ICONS = {
    Status.WAITING: "○",
    Status.STARTED: "▶",
    Status.CHECKING: "⋯",
    Status.IN_DOUBT: "⁇",
    Status.SUCCEEDED: "✓",
    Status.FAILED: "✗",
    Status.SKIPPED: "↷",
    Status.DONE: "✓",
    Status.UNDONE: "↶",
}

_EFFECTS = {
    Effect.READ: "changes nothing",
    Effect.REVERSIBLE: "can be taken back",
    Effect.DESTRUCTIVE: "destroys what is there",
}


def stands(run: Run, step: PlannedStep) -> str:
    """Return a step's icon and word: `✓ succeeded`."""
    state = run.step(step.id)
    undoing = state.undoing and state.status is Status.STARTED
    return "↶ being undone" if undoing else f"{ICONS[state.status]} {state.status.value}"


def consequence(step: PlannedStep) -> str:
    """Return in words whether a step can be taken back."""
    if step.no_way_back:
        return "point of no return"
    return "done by a person" if step.person else _EFFECTS[step.call.effect]


def place(plan: Plan, id: str) -> str:
    """Return a step by its place and title: `S3 Restore orders`; an unknown one by its id."""
    for index, step in enumerate(plan.steps, start=1):
        if step.id == id:
            return f"S{index} {step.title}"
    return id


def half_restored(run: Run) -> str:
    """Say what was skipped after an attempt of it had begun to overwrite data, or nothing."""
    steps = run.half_restored
    if run.plan is None or not steps:
        return ""
    began = ", ".join(place(run.plan, step.id) for step in steps)
    targets = dict.fromkeys(name for step in steps for name in step.acts_on)
    return (
        f"{began} was skipped after an attempt of it had begun, which may have changed "
        f"{', '.join(targets)}: look at its data before it is used."
    )


def expected(step: PlannedStep) -> str:
    """Return how long a step is expected to take, with where the figure comes from."""
    if step.estimate_s <= 0:
        return "nobody estimated how long it takes"
    likely = in_words(timedelta(seconds=step.estimate_s))
    at_most = f", at most {in_words(timedelta(seconds=step.high_s))}" if step.high_s > step.estimate_s else ""
    return f"about {likely}{at_most} ({step.basis})"
