"""Lints of the playbook as a whole: its time, its approvals, its drill and its proof."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from integrations.contract import Effect
from playbooks.budget import time_budget
from playbooks.durations import say_duration
from playbooks.lint.finding import Look
from playbooks.model import Playbook, target_of
from playbooks.problems import Problem


def time(look: Look) -> Iterator[Problem]:
    """L10: deciding, approving, the longest path of steps and the end checks fit into the RTO."""
    rto = objective(look, "rto")
    budget = time_budget(look.playbook)
    if rto is not None and budget.total > rto:
        what = f"recovery takes {say_duration(budget.total)} and the RTO is {say_duration(rto)}"
        parts = (
            f"{say_duration(budget.decide)} to decide, {say_duration(budget.approvals)} for approvals, "
            f"{say_duration(budget.steps)} for {' → '.join(budget.path)}, "
            f"{say_duration(budget.checks)} for the end checks"
        )
        yield look.found("L10", ("objectives", "rto"), what, parts)


def objective(look: Look, name: str) -> timedelta | None:
    """Return `rto` or `rpo`: what the playbook says, else the strictest tier of its services, else None."""
    own: timedelta | None = getattr(look.playbook.objectives, name)
    if own is not None or look.catalog is None:
        return own
    services = [service for service in look.playbook.applies_to.services if service in look.catalog.services]
    tiers: list[timedelta] = [getattr(look.catalog.tier(service), name) for service in services]
    return min(tiers, default=None)


def approvers(look: Look) -> Iterator[Problem]:
    """L11: an approval that one person gives alone is worth a warning."""
    for name, gate in look.playbook.approvals.items():
        if sum(quorum.min for quorum in gate.require) == 1:
            what = f"one person alone can approve {name!r}"
            yield look.found("L11", ("approvals", name), what, "four eyes see a wrong target")


def drilled(look: Look) -> Iterator[Problem]:
    """L20 to L23: the playbook is rehearsed, on isolated stand-ins of all it touches, which are emptied."""
    drill = look.playbook.drill
    if drill is None:
        yield look.found("L22", (), "the playbook has no drill", "nobody knows whether it works")
        return
    for real, stand_in in drill.targets.items():
        if not look.playbook.targets[stand_in].isolated:
            path = ("drill", "targets", real)
            yield look.found(
                "L20", path, f"the drill target {stand_in!r} is not isolated", "a drill could do harm"
            )
    for target in _touched(look.playbook):
        if target not in drill.targets:
            what = f"the drill has no stand-in for {target!r}"
            yield look.found("L21", ("drill", "targets"), what, "it would act on the real one")
    emptied = {target_of(action) for action in drill.cleanup}
    for step in look.playbook.steps:
        full = drill.targets.get(step.target or "")
        if step.effect is Effect.DESTRUCTIVE and not step.drill.skip and full and full not in emptied:
            what = f"nothing empties {full!r} after the step {step.id!r} of a drill"
            yield look.found("L23", ("drill",), what, "restored data would stay where nobody guards it")


def beforehand(look: Look) -> Iterator[Problem]:
    """L16: a warm playbook has a warm step."""
    if look.playbook.warm and not any(step.warm for step in look.playbook.steps):
        what = "the playbook is warm and no step of it is"
        yield look.found("L16", ("warm",), what, "nothing could be made ready beforehand; mark the step")


def _touched(playbook: Playbook) -> tuple[str, ...]:
    found: list[str | None] = []
    for step in playbook.steps:
        if not step.drill.skip:
            found += [*step.touches, target_of(step), *(target_of(check) for check in step.verify)]
            found += [target_of(step.undo)] if step.undo else []
    found += [target_of(check) for check in playbook.verify]
    return tuple(dict.fromkeys(target for target in found if target is not None))


def proven(look: Look) -> Iterator[Problem]:
    """L30: something at the end proves that the business works again."""
    if not any(check.severity == "block" for check in look.playbook.verify):
        yield look.found(
            "L30", ("verify",), "no end check blocks", "a run would be called recovered unproven"
        )
