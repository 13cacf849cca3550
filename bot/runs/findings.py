"""What is there now: the inputs, the recovery points and the targets a playbook names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.core.choose import Choice, Wish, choose
from bot.core.loss import beside
from bot.core.plan import PlannedSource, PlannedTarget, RefusedPoint, way_out
from bot.core.recovered import Recovered, put_back, recoveries
from bot.runs.ground import Drafting
from bot.runs.unchanged import unknown_act
from integrations.contract import (
    BeforeXid,
    Cap,
    CheckResult,
    Engine,
    Goal,
    Health,
    IntegrationError,
    RecoveryPoint,
    Source,
    Target,
    ToLsn,
    ToMarker,
    ToRevision,
    ToTime,
)
from playbooks.inputs import read_input, suggestions
from playbooks.model import Select
from playbooks.model import Source as PlaybookSource
from playbooks.references import UnknownReference, resolve_references


def find_inputs(drafting: Drafting) -> None:
    """Take the inputs that were given, else what the playbook suggests from what is known."""
    playbook = drafting.ground.playbook
    given = {name: str(value) for name, value in drafting.ground.given.items()}
    proposed = suggestions(playbook, drafting.ground.known)
    for name, wanted in playbook.inputs.items():
        text = given.get(name, proposed.get(name))
        if text is None:
            drafting.problems.append(f"The input {name} is missing ({wanted.ask}): say it as {name}:value.")
            continue
        try:
            drafting.inputs[name] = value = read_input(wanted, text)
            if wanted.type == "instant" and datetime.fromisoformat(str(value)) > drafting.ground.now:
                raise ValueError(f"{value} is still to come, and what was damaged is past")
        except ValueError as wrong:
            drafting.problems.append(f"The input {name} cannot be used: {wrong}.")


async def find_sources(drafting: Drafting) -> None:
    """Choose a recovery point of every source."""
    ground = drafting.ground
    for wanted in ground.playbook.sources:
        source = ground.catalog.completed(wanted)
        choice = await _choice(drafting, wanted, source)
        drafting.sources[wanted.id] = PlannedSource(
            id=wanted.id,
            engine=wanted.engine,
            point=choice.point,
            because=choice.because,
            refused=tuple(RefusedPoint(point=point, because=why) for point, why in choice.refused),
            settings=source.settings,
            hold=wanted.hold,
            goal=choice.goal,
            reaches=choice.reaches,
            caution=" ".join(
                filter(None, (choice.caution, _beside(drafting, wanted) if choice.point else ""))
            ),
        )
    _fall_back(drafting)


def _beside(drafting: Drafting, wanted: PlaybookSource) -> str:
    """Say how the moment somebody gave differs from when the damage began; a playbook's own is meant so."""
    ground = drafting.ground
    before = _moment(drafting, wanted.select.before)
    own = suggestions(ground.playbook, ground.known)
    meant = {
        datetime.fromisoformat(own[name])
        for name, put in ground.playbook.inputs.items()
        if put.type == "instant" and name in own
    }
    return "" if before is None or before in meant or ground.drill else beside(before, ground.incident)


def _fall_back(drafting: Drafting) -> None:
    """A source without a usable point is a problem, unless the one it falls back to has one."""
    for wanted in drafting.ground.playbook.sources:
        own = drafting.sources[wanted.id]
        other = drafting.sources.get(wanted.fallback or "")
        if own.point is None and other and other.point:
            drafting.sources[wanted.id] = own.model_copy(
                update={
                    "engine": other.engine,
                    "point": other.point,
                    "settings": other.settings,
                    "goal": other.goal,
                    "reaches": other.reaches,
                    "caution": other.caution,
                    "because": f"{own.because}; taken from {other.id} instead: {other.because}",
                }
            )
            drafting.warnings.append(f"{wanted.id} falls back to {other.id}: {own.because}.")
        elif own.point is None:
            problem = f"No recovery point of {wanted.id} can be used: {own.because.rstrip('.')}."
            drafting.problems.append(way_out(problem, drafting.fallbacks, "source_unusable"))


async def _choice(drafting: Drafting, wanted: PlaybookSource, source: Source) -> Choice:
    engine = drafting.engine(wanted.engine)
    if engine is None:
        return Choice(None, f"the engine {wanted.engine} cannot be used")
    try:
        before = _moment(drafting, wanted.select.before)
        exact = _text(drafting, wanted.select.point)
        if goal := _goal(drafting, wanted.select, before):
            return await _reached(drafting, wanted, engine, source, goal)
        points = await engine.points(source)
    except (IntegrationError, UnknownReference) as problem:
        return Choice(None, str(problem))
    damage, recovered = drafting.ground.incident.damage_start, _recovered(drafting, wanted)
    wish = Wish(drafting.ground.now, before, damage, exact, recovered=recovered)
    return await _trusted(drafting, wanted, engine, source, points, wish)


def _goal(drafting: Drafting, select: Select, before: datetime | None) -> Goal | None:
    """Return what the engine is to reach, or None where the playbook's rule chooses among whole points."""
    if select.strategy == "previous":
        return ToRevision()
    if select.strategy != "pitr":
        return None
    if marker := _text(drafting, select.marker):
        return ToMarker(marker)
    if lsn := _text(drafting, select.lsn):
        return ToLsn(lsn)
    if xid := _text(drafting, select.xid):
        try:
            return BeforeXid(int(xid))
        except ValueError:
            raise UnknownReference(f"{xid} is not the number of a transaction") from None
    return ToTime(before) if before else None


async def _reached(
    drafting: Drafting, wanted: PlaybookSource, engine: Engine, source: Source, goal: Goal
) -> Choice:
    """What an engine resolved a goal to must meet the playbook's requirements like any other point."""
    found = await engine.resolve(source, goal)
    refused = tuple((item.point, item.because) for item in found.refused)
    if found.point is None:
        return Choice(None, found.because, refused)
    wish = Wish(
        drafting.ground.now,
        goal.at if isinstance(goal, ToTime) else None,
        drafting.ground.incident.damage_start,
        reaches=found.reaches,
        log_continuous=found.log_continuous,
        recovered=_recovered(drafting, wanted),
    )
    choice = await _trusted(drafting, wanted, engine, source, [found.point], wish)
    if choice.point is None:
        return replace(choice, refused=(*refused, *choice.refused))
    refused = (*refused, *choice.refused)
    pinned = replace(choice, goal=found.goal, reaches=found.reaches, caution=found.caution)
    return replace(pinned, because=found.because, refused=refused)


def _recovered(drafting: Drafting, wanted: PlaybookSource) -> tuple[Recovered, ...]:
    """Return the runs that recovered what a source is put back to; what it was between holds damage."""
    ground = drafting.ground
    return recoveries(ground.recovered, put_back(ground.playbook, wanted.id))


async def _trusted(
    drafting: Drafting,
    wanted: PlaybookSource,
    engine: Engine,
    source: Source,
    points: Sequence[RecoveryPoint],
    wish: Wish,
) -> Choice:
    """Choose; a point that an earlier run could not restore is read whole again before it is trusted."""
    suspects = {id: why for (name, id), why in drafting.ground.suspects.items() if name == wanted.engine}
    points, spoilt = await _read_again(drafting, engine, source, points, wish)
    known = {point.id for point in points if point.health == "invalid"} & suspects.keys()
    drilled = {(id, digest) for name, id, digest in drafting.ground.drilled if name == wanted.engine}
    wish = replace(wish, failed={**{id: suspects[id] for id in known}, **spoilt}, drilled=frozenset(drilled))
    while True:
        choice = choose(wanted.select, points, wish)
        point = choice.point
        why = suspects.get(point.id) if point else None
        if point is None or why is None:
            return choice
        proof = await _proof(engine, source, point)
        if proof.ok:
            what = why.replace(" could not restore it: ", f" could not restore {point.id} (", 1)
            drafting.warnings.append(f"{what}); it was read whole again: {proof.found}.")
            return choice
        wish = replace(wish, failed={**wish.failed, point.id: f"{why.rstrip('.')}; {proof.found}"})


async def _read_again(
    drafting: Drafting, engine: Engine, source: Source, points: Sequence[RecoveryPoint], wish: Wish
) -> tuple[Sequence[RecoveryPoint], dict[str, str]]:
    """Have the point that is asked for by name read again where it was found damaged once."""
    named = next((point for point in points if point.id == wish.exact and point.health == "invalid"), None)
    if named is None or Cap.VERIFY_POINT not in engine.caps:
        return points, {}
    proof = await _proof(engine, source, named)
    if not proof.ok:
        return points, {named.id: f"it was found damaged before; {proof.found}"}
    drafting.warnings.append(f"{named.id} was found damaged before; it was read whole again: {proof.found}.")
    sound = replace(named, health="valid", verified_at=wish.now)
    return [sound if point is named else point for point in points], {}


async def _proof(engine: Engine, source: Source, point: RecoveryPoint) -> CheckResult:
    """Have a point read whole; who cannot prove it has not proved it."""
    if Cap.VERIFY_POINT not in engine.caps:
        return CheckResult(ok=False, found=f"{engine.name} cannot prove that it can be read")
    try:
        found = await engine.verify_point(source, point)
    except IntegrationError as problem:
        return CheckResult(ok=False, found=f"it cannot be proved: {problem}")
    return found if found.ok else replace(found, found=f"now {found.found}")


def _moment(drafting: Drafting, text: str | None) -> datetime | None:
    value = _text(drafting, text)
    return datetime.fromisoformat(value) if value else None


def _text(drafting: Drafting, text: str | None) -> str | None:
    if text is None:
        return None
    value = resolve_references(text, drafting.scopes(None))
    return None if value is None else str(value)


async def find_targets(drafting: Drafting) -> None:
    """Ask every target whether it can be reached and which thing it is."""
    for name, wanted in drafting.ground.playbook.targets.items():
        target = drafting.ground.catalog.target(name)
        if target is None:
            drafting.problems.append(f"The target {name} is not in the catalog, so nobody knows where it is.")
            continue
        if wanted.isolated and drafting.ground.drill is None:
            continue
        health = await _health(drafting, target)
        if health.fence and not await drafting.ground.gave(health.fence):
            drafting.problems.append(unknown_act(name, health.fence))
        said = [f"{name}: {problem}" for problem in (*health.problems, *health.notes)]
        # What is right about a standby is what keeps it from being restored.
        obstacles = [] if health.ok else said[: len(health.problems) or 1]
        drafting.problems += [way_out(each, drafting.fallbacks, "target_unusable") for each in obstacles]
        # A damaged database, or one that is gone, is what the restore is for: to know, not to mend first.
        drafting.warnings += said[len(obstacles) :]
        drafting.targets[name] = PlannedTarget(
            name=name,
            kind=target.kind,
            environment=target.environment,
            identity=health.identity,
            made=health.made,
            server=health.server,
            whole=health.whole,
            isolated=target.isolated,
            stands_for=_stands_for(drafting, name),
            recovered=drafting.ground.recovered.get(name, ()),
            settings=target.settings,
        )


def _stands_for(drafting: Drafting, name: str) -> str | None:
    drill = drafting.ground.drill
    real = drill.targets.items() if drill else ()
    return next((target for target, stand_in in real if stand_in == name), None)


async def _health(drafting: Drafting, target: Target) -> Health:
    engine = drafting.engine(target.kind)
    if engine is None:
        return Health(ok=False)
    try:
        return await engine.health(target)
    except IntegrationError as problem:
        return Health(ok=False, problems=(str(problem),))
