"""The copy that lies ready beside a target, as the cards show it."""

from __future__ import annotations

from collections.abc import Mapping

from bot.core.copies import nobody_wants
from bot.core.document import Button, Line, Moment, Strong
from bot.core.due import MOST_REMOVALS
from bot.core.plan import Plan
from bot.core.run import Run, Status
from integrations.contract import Json


def discard(run: Run) -> Button:
    """Return the button that ends making a copy ready and removes what there is of it."""
    return Button("Stop preparing", f"discard {run.id}", ask="Why is no copy needed?")


def prepare(run: Run, says: str = "Prepare a copy now") -> Button:
    """Return the button that makes a copy ready before the run is started."""
    sure = "This makes a checked copy beside the data. It changes nothing and needs no approval."
    return Button(says, f"prepare {run.id}", confirm=sure)


def choices(run: Run, plan: Plan) -> tuple[Button, ...]:
    """Return what can be done about the copy of a run that is not started."""
    if run.warm:
        return (discard(run),)
    return (prepare(run),) if any(step.beforehand for step in plan.steps) else ()


def checked(evidence: Mapping[str, Json]) -> str:
    """Return what was proved of a copy, as a sentence about it goes on."""
    said = evidence.get("checked")
    return f"; checked: {', '.join(map(str, said))}" if isinstance(said, list) and said else ""


def standing(run: Run, plan: Plan) -> Line:
    """Return where the copy of a run stands, in a few words; empty when it has none."""
    for step in plan.steps:
        state = run.step(step.id)
        source = plan.source(step.call.source)
        if step.id not in run.copies:
            continue
        if run.copies[step.id] >= MOST_REMOVALS:
            return (Strong("its copy could not be removed"),)
        if state.undoing or nobody_wants(run):
            return ("its copy is being removed",)
        if state.status is Status.SUCCEEDED and source and source.moment:
            return (Strong("a checked copy"), " as of ", Moment(source.moment), " is ready")
        if state.status is Status.STARTED:
            return ("a checked copy is being made ready",)
    return ()
