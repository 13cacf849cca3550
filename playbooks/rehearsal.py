"""A playbook as a drill carries it out: the same steps on stand-ins, nobody to ask and nothing to freeze."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from playbooks.model import Action, Check, Drill, OnFailure, Playbook, Step, target_of

AT_MOST = timedelta(hours=4)
"""How long a drill may take when neither it nor its playbook says so."""


def rehearsed(playbook: Playbook, drill: Drill) -> Playbook:
    """Return the playbook of a drill: stand-ins in place of targets, `drill.with` over `with`.

    Steps that the drill skips are left out, and who waited for one waits for what it waited for. A step that
    fails ends the drill. Recovery points are not held: a drill may fail for want of one.
    """
    stands = drill.targets
    kept = [step for step in playbook.steps if not step.drill.skip]
    named = {stands.get(name, name) for step in kept for name in _named(step)}
    named |= {stands.get(target_of(check) or "", "") for check in playbook.verify}
    named |= {target_of(action) or "" for action in (*drill.cleanup, *drill.isolation)}
    return playbook.model_copy(
        update={
            "sources": tuple(source.model_copy(update={"hold": False}) for source in playbook.sources),
            "targets": {
                name: found for name, found in playbook.targets.items() if found.isolated and name in named
            },
            "freeze": None,
            "approvals": {},
            "fallbacks": (),
            "steps": tuple(_step(playbook, step, stands) for step in kept),
            "verify": tuple(_check(check, stands) for check in playbook.verify),
            "at_most": drill.at_most or playbook.at_most or AT_MOST,
        }
    )


def left_out(playbook: Playbook) -> tuple[str, ...]:
    """Return the steps that a drill does not rehearse because the playbook says so."""
    return tuple(step.id for step in playbook.steps if step.drill.skip)


def _named(step: Step) -> tuple[str, ...]:
    own = (target_of(step.model_copy(update={"params": {**step.params, **(step.drill.params or {})}})),)
    others = (*step.verify, *((step.undo,) if step.undo else ()))
    found = (*step.touches, step.target, *own, *(target_of(action) for action in others))
    return tuple(name for name in found if name)


def _step(playbook: Playbook, step: Step, stands: Mapping[str, str]) -> Step:
    goes_on = step.on_failure.then == "continue"
    return step.model_copy(
        update={
            "params": _on_stand_ins({**step.params, **(step.drill.params or {})}, stands),
            "touches": tuple(stands.get(name, name) for name in step.touches),
            "needs": _needs(playbook, step),
            "approval": None,
            "on_failure": OnFailure(then="continue" if goes_on else "abort"),
            "undo": _action(step.undo, stands) if step.undo else None,
            "verify": tuple(_check(check, stands) for check in step.verify),
        }
    )


def _needs(playbook: Playbook, step: Step) -> tuple[str, ...]:
    found: list[str] = []
    for id in playbook.needs(step):
        other = playbook.step(id)
        found += _needs(playbook, other) if other and other.drill.skip else (id,)
    return tuple(dict.fromkeys(found))


def _check(check: Check, stands: Mapping[str, str]) -> Check:
    return check.model_copy(update={"params": _on_stand_ins(check.params, stands)})


def _action(action: Action, stands: Mapping[str, str]) -> Action:
    return action.model_copy(update={"params": _on_stand_ins(action.params, stands)})


def _on_stand_ins(params: Mapping[str, object], stands: Mapping[str, str]) -> dict[str, object]:
    named = params.get("target")
    return {**params, "target": stands.get(named, named)} if isinstance(named, str) else {**params}
