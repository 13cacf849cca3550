"""Resolve a playbook against now: ask the engines what is there, choose, and say exactly what would be done.

Nothing is changed here. What an engine cannot say becomes a problem on the plan, so that people read it
before they approve.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bot.core.freeze import Change, covers
from bot.core.loss import unmeant
from bot.core.plan import Plan, PlannedCheck, PlannedFreeze, PlannedGate, PlannedStep, Quorum
from bot.core.silence import Labels, alerts_of
from bot.runs.calls import AT_ONCE, plan_check, plan_cleanup, plan_step
from bot.runs.findings import find_inputs, find_sources, find_targets
from bot.runs.ground import Drafting, Ground
from bot.runs.isolated import prove
from integrations.contract import Effect
from playbooks.lint import HARMFUL
from playbooks.model import Approval, Drill, Playbook
from playbooks.roles import Holders


async def draft(ground: Ground) -> Plan:
    """Return the plan of a playbook as things stand now."""
    drafting = Drafting(ground)
    _mistaken(drafting)
    find_inputs(drafting)
    await _find(drafting)
    steps = [await plan_step(drafting, step) for step in ground.playbook.steps]
    last = next((step.source for step in reversed(ground.playbook.steps) if step.source), None)
    checks = [
        await plan_check(drafting, check, None, last, within=check.within or check.timeout)
        for check in ground.playbook.verify
    ]
    plan = _plan(drafting, tuple(steps), tuple(checks))
    if ground.drill:
        return await _drill(drafting, plan, ground.drill)
    return plan.model_copy(update={"problems": (*plan.problems, *unmeant(plan, ground.incident))})


def _mistaken(drafting: Drafting) -> None:
    """What the lint calls an error keeps a run from starting where it could do harm, and is told anyhow."""
    for found in drafting.ground.mistakes:
        if found.code in HARMFUL:
            drafting.problems.append(
                f"The playbook has an error, {found}. Until it is mended no run of it can start."
            )
        elif found.severity == "error":
            drafting.warnings.append(f"`backstop playbook check` finds an error: {found}.")


async def _find(drafting: Drafting) -> None:
    """Ask for sources and targets at once; what they say comes in one order, whoever is faster."""
    of_sources, of_targets = (replace(drafting, problems=[], warnings=[]) for _ in range(2))
    await asyncio.gather(find_sources(of_sources), find_targets(of_targets))
    drafting.problems += of_sources.problems + of_targets.problems
    drafting.warnings += of_sources.warnings + of_targets.warnings


async def _drill(drafting: Drafting, plan: Plan, drill: Drill) -> Plan:
    """Return the plan of a drill, with what proves that it does no harm and what puts the stand-ins back."""
    proofs = [
        await plan_check(drafting, check, None, None, within=check.within or AT_ONCE)
        for check in drill.isolation
    ]
    cleanup = [await plan_cleanup(drafting, action) for action in drill.cleanup]
    plan = plan.model_copy(
        update={
            "drill": True,
            "isolation": tuple(proofs),
            "cleanup": tuple(cleanup),
            "left_out": tuple(drafting.ground.left_out),
        }
    )
    problems = (*drafting.problems, *await prove(drafting, plan))
    return plan.model_copy(update={"problems": tuple(dict.fromkeys(problems))})


def _plan(drafting: Drafting, steps: tuple[PlannedStep, ...], checks: tuple[PlannedCheck, ...]) -> Plan:
    ground, playbook = drafting.ground, drafting.ground.playbook
    tier = ground.catalog.tier(ground.service)
    rto, rpo = playbook.objectives.rto or tier.rto, playbook.objectives.rpo or tier.rpo
    gates = tuple(_gate(name, playbook.approvals[name], ground.holders) for name in _gates_in_order(playbook))
    for gate in gates:
        _seats(drafting, gate)
    for step in steps if ground.drill is None else ():
        _unapproved(drafting, step)
    return Plan(
        playbook=playbook.name,
        playbook_hash=ground.hash,
        title=playbook.metadata.title,
        service=ground.service,
        environment=ground.environment,
        options=tuple(option.value for option in playbook.options),
        inputs=drafting.inputs,
        sources=tuple(drafting.sources.values()),
        targets=tuple(drafting.targets.values()),
        steps=steps,
        checks=checks,
        gates=gates,
        limits=dict(playbook.limits),
        freeze=_freeze(playbook),
        silences=_silences(drafting),
        fallbacks=drafting.fallbacks,
        at_most_s=playbook.at_most.total_seconds() if playbook.at_most else None,
        passes=_passes(ground) if ground.drill is None else (),
        roles=dict(ground.holders),
        rto_s=rto.total_seconds(),
        rpo_s=rpo.total_seconds(),
        problems=tuple(dict.fromkeys(drafting.problems)),
        warnings=tuple(dict.fromkeys(drafting.warnings)),
        drafted_at=ground.now,
    )


def _gates_in_order(playbook: Playbook) -> tuple[str, ...]:
    """Return the approvals as the steps need them: the order of a mapping is lost when a run keeps it."""
    needed = (step.approval for step in playbook.steps if step.approval)
    return tuple(dict.fromkeys((*needed, *sorted(playbook.approvals))))


def _gate(name: str, gate: Approval, holders: Holders) -> PlannedGate:
    glass = gate.break_glass
    return PlannedGate(
        name=name,
        require=tuple(Quorum(role=quorum.role, least=quorum.min) for quorum in gate.require),
        expires_s=gate.expires.total_seconds(),
        valid_for_s=gate.valid_for.total_seconds(),
        break_glass=Quorum(role=glass.role, least=glass.min) if glass else None,
        people={quorum.role: holders.get(quorum.role, ()) for quorum in gate.require},
    )


def _seats(drafting: Drafting, gate: PlannedGate) -> None:
    """A role that too few people hold can never approve, however long one waits."""
    for quorum in gate.require:
        people = gate.people.get(quorum.role, ())
        if len(people) < quorum.least:
            held = f"only {', '.join(people)}" if people else "nobody"
            drafting.problems.append(
                f"{gate.name} needs {quorum.least} of {quorum.role}, which {held} holds."
            )


def _unapproved(drafting: Drafting, step: PlannedStep) -> None:
    """A target may know better than the playbook what destroys data; nobody would be asked about that."""
    if step.destructive and step.gate is None:
        drafting.problems.append(
            f"{step.title} destroys data and its playbook asks nobody: name an `approval` for it."
        )
    if step.warm and not step.beforehand:
        drafting.problems.append(
            f"{step.title} is warm and is {step.call.effect.value}: before the start only what changes "
            "nothing is carried out. Take `warm` out."
        )
    if step.undo and step.undo.effect is Effect.DESTRUCTIVE:
        drafting.problems.append(
            f"The undo of {step.title} destroys data and nobody would be asked: "
            "take it out, and make it a step of its own with an `approval`."
        )


def _freeze(playbook: Playbook) -> PlannedFreeze | None:
    wanted = playbook.freeze
    if wanted is None:
        return None
    return PlannedFreeze(
        services=wanted.services,
        environments=wanted.environments,
        kinds=wanted.kinds,
        lift=wanted.lift,
        at_most_s=wanted.at_most.total_seconds() if wanted.at_most else None,
    )


def _silences(drafting: Drafting) -> tuple[Labels, ...]:
    """Return which alerts are silent while it acts; the alerts of a stand-in call nobody away."""
    ground = drafting.ground
    if not ground.playbook.silence or ground.drill:
        return ()
    found = alerts_of(ground.catalog, drafting.targets)
    if not found:
        why = "none of its targets has `alerts` in catalog.yaml"
    elif not ground.silences:
        why = "BACKSTOP_ALERTMANAGER_URL is not set"
    else:
        return found
    drafting.warnings.append(f"Its playbook says `silence`, and no alert will be silent: {why}.")
    return ()


def _passes(ground: Ground) -> tuple[str, ...]:
    """The freezes that stand over the service already; approving the plan approves passing them."""
    change = Change(ground.service, ground.environment, "restore")
    return tuple(
        freeze.id
        for freeze in ground.freezes
        if covers(freeze.placed.scope.model_copy(update={"kinds": ("*",)}), change)
    )
