"""Exactly what each step and check would do, as its engine says it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import TypedDict

from pydantic import JsonValue

from bot.core.drill import PATIENCE_S, TRIES
from bot.core.estimate import NEVER, PLAYBOOK, Estimate, Expected, estimate, seen_elsewhere
from bot.core.plan import (
    PersonTask,
    Plan,
    PlannedCall,
    PlannedCheck,
    PlannedSource,
    PlannedStep,
    PlannedTarget,
)
from bot.core.words import in_words
from bot.jobs import Sooner
from bot.runs.ground import Drafting
from bot.runs.took import act_of
from integrations.contract import (
    Call,
    Effect,
    Engine,
    IntegrationError,
    JobRef,
    JobState,
    Source,
    Target,
    Telling,
)
from playbooks.catalog import Catalog
from playbooks.model import Action, Check, CleanUp, Step, parameters, target_of
from playbooks.references import UnknownReference, fill_in, resolve_references

AT_ONCE = timedelta(0)
_WEIGHT = (Effect.READ, Effect.REVERSIBLE, Effect.DESTRUCTIVE)


async def plan_step(drafting: Drafting, step: Step) -> PlannedStep:
    """Return a step with its exact command, its checks and its undo."""
    call = await _call(drafting, step, step.target, step.source, step.timeout)
    undo = (
        await _call(drafting, step.undo, target_of(step.undo) or step.target, None, step.timeout)
        if step.undo
        else None
    )
    checks = [
        await plan_check(drafting, check, step.target, step.source, within=check.within or AT_ONCE)
        for check in step.verify
    ]
    call = call.model_copy(update={"effect": max(step.effect, call.effect, key=_WEIGHT.index)})
    return PlannedStep(
        id=step.id,
        title=step.title,
        by=step.by,
        call=call,
        needs=drafting.ground.playbook.needs(step),
        touches=step.touches,
        gate=step.approval,
        limit=step.limit,
        no_way_back=step.no_way_back,
        stops_writers=step.stops_writers,
        warm=step.warm,
        retries=step.retry.max,
        backoff_s=step.retry.backoff.total_seconds(),
        retry_on=step.retry.on,
        heartbeat_s=step.heartbeat.total_seconds(),
        on_failure=step.on_failure.then,
        checks=tuple(checks),
        undo=undo,
        person=_person(step, call),
        **_expected(drafting, step, call),
    )


class _Expected(TypedDict):
    estimate_s: float
    high_s: float
    basis: str
    phases: tuple[Expected, ...]


def _expected(drafting: Drafting, step: Step, call: PlannedCall) -> _Expected:
    """Return how long a step will take: as it was measured, else as its playbook says."""
    said, longest = step.estimate.total_seconds(), step.timeout.total_seconds()
    if step.person:
        return _Expected(estimate_s=said, high_s=longest, basis=PLAYBOOK, phases=())
    found = _measured(drafting, step.id, call)
    if found is None:
        return _Expected(estimate_s=said, high_s=longest, basis=NEVER, phases=())
    if found.likely_s > longest:
        took = in_words(timedelta(seconds=found.likely_s))
        drafting.warnings.append(
            f"{step.title} will likely take {took} ({found.basis}) and is ended after "
            f"{in_words(step.timeout)}: its playbook should give it a longer `timeout`."
        )
    high = max(found.likely_s, min(found.high_s, longest))
    return _Expected(estimate_s=found.likely_s, high_s=high, basis=found.basis, phases=found.phases)


def _measured(drafting: Drafting, step: str, call: PlannedCall) -> Estimate | None:
    engine, ground = drafting.engine(call.engine), drafting.ground
    if engine is None or call.operation not in engine.operations:
        return None
    found = estimate(act_of(engine, call, step), call.work, ground.measured, now=ground.now)
    return found or (seen_elsewhere(call.engine, call.known) if call.known else None)


async def plan_cleanup(drafting: Drafting, action: CleanUp) -> PlannedStep:
    """Return an operation that puts a stand-in back; what destroys nothing is tried again by itself."""
    target = target_of(action)
    call = await _call(drafting, action, target, None, action.timeout)
    return PlannedStep(
        id=action.id,
        title=action.title,
        by="commander",
        call=call,
        touches=(target,) if target else (),
        retries=TRIES,
        backoff_s=PATIENCE_S,
        retry_on=("transient", "timeout"),
        estimate_s=0,
        high_s=action.timeout.total_seconds(),
    )


def _person(step: Step, call: PlannedCall) -> PersonTask | None:
    if step.person is None:
        return None
    told = call.params.get("do")
    do = tuple(str(line) for line in told) if isinstance(told, list) else step.person.do
    return PersonTask(do=do, confirm=step.person.confirm, evidence=step.person.evidence)


async def plan_check(
    drafting: Drafting, check: Check, target: str | None, source: str | None, *, within: timedelta
) -> PlannedCheck:
    """Return a check with its exact question, about the recovery point of its source.

    It is asked again until it is right or the time `within` is over.
    """
    call = await _call(drafting, check, target_of(check) or target, source, check.timeout)
    return PlannedCheck(
        id=check.id, call=call, blocking=check.severity == "block", within_s=within.total_seconds()
    )


async def _call(
    drafting: Drafting, action: Action, target: str | None, source: str | None, timeout: timedelta
) -> PlannedCall:
    """Return the operation with its exact command; what its engine objects to becomes a problem."""
    planned = PlannedCall(
        engine=action.engine,
        operation=action.operation.partition(".")[2],
        target=target,
        source=source,
        timeout_s=timeout.total_seconds(),
    )
    engine = drafting.engine(action.engine)
    if engine is None:
        return planned
    try:
        given = _given(drafting, action, source, target)
        params = resolve_references(given, drafting.scopes(source, target))
        assert isinstance(params, dict)
        planned = planned.model_copy(update={"params": params})
        operation = engine.operations[planned.operation]
        prepared = await engine.plan(
            as_call(planned, drafting.sources, drafting.targets, drafting.ground.catalog)
        )
    except (IntegrationError, UnknownReference, KeyError) as problem:
        drafting.problems.append(f"{action.operation}: {problem}")
        return planned
    drafting.warnings += [note for note in prepared.notes if note not in drafting.warnings]
    return planned.model_copy(
        update={
            "kind": operation.kind,
            "effect": prepared.effect,
            "repeat": prepared.repeat,
            "cancel": prepared.cancel,
            "preview": tuple(prepared.preview),
            "by_hand": prepared.by_hand,
            "leaves": prepared.leaves,
            "work": dict(prepared.work),
            "known": prepared.estimate,
        }
    )


def _given(
    drafting: Drafting, action: Action, source: str | None, target: str | None
) -> dict[str, JsonValue]:
    """What `with` gives; for a person it is the work in words, with what it refers to filled in."""
    if isinstance(action, Step) and action.person:
        scopes = drafting.scopes(source, target)
        work = action.person.model_dump(mode="json")
        return {**work, "do": [fill_in(line, scopes) for line in action.person.do]}
    return dict(parameters(action))


def call_in(plan: Plan, planned: PlannedCall, catalog: Catalog) -> Call:
    """Return the call an engine is given for one of a plan."""
    sources = {source.id: source for source in plan.sources}
    targets = {target.name: target for target in plan.targets}
    return as_call(planned, sources, targets, catalog)


def as_call(
    planned: PlannedCall,
    sources: Mapping[str, PlannedSource],
    targets: Mapping[str, PlannedTarget],
    catalog: Catalog | None = None,
) -> Call:
    """Return the call an engine is given for a planned one."""
    source = sources.get(planned.source or "")
    return Call(
        operation=planned.operation,
        target=_target(planned.target, targets, catalog),
        params=planned.params,
        point=source.point if source else None,
        source=Source(source.id, source.engine, source.settings) if source else None,
        goal=source.goal if source else None,
        timeout_s=planned.timeout_s,
        holds=source is not None and source.hold,
    )


def _target(name: str | None, targets: Mapping[str, PlannedTarget], catalog: Catalog | None) -> Target | None:
    planned = targets.get(name or "")
    if planned:
        return Target(planned.name, planned.kind, planned.environment, planned.isolated, planned.settings)
    return catalog.target(name) if catalog and name else None


def moves(engine: Engine, ref: JobRef, seen: JobState, rest: timedelta) -> Sooner | None:
    """Return what ends a rest as soon as a job moves, or None for an engine that does not tell."""
    if not isinstance(engine, Telling):
        return None
    # Longer than the rest, which lets go of it: otherwise nobody would listen for the last moment.
    return partial(engine.moved, ref, seen=seen, within_s=2 * rest.total_seconds())
