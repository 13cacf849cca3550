"""Looks whether an engine keeps its promises for what is set up, without changing anything.

What is found wrong is a sentence for whoever operates Backstop or writes an engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from integrations.contract import (
    Call,
    Cap,
    Engine,
    Fence,
    Guard,
    Health,
    IntegrationError,
    RecoveryPoint,
    Source,
    Target,
    ToPoint,
    Window,
)
from integrations.contract.points import MENDED

_NEVER = "doctor-never-started"
_LOOK = "look"
_UNFIT = ("invalid", "partial")


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found of a target or a source: in short, what is wrong, and what is merely unwise.

    `fence` is what a target remembers of whoever acted on it last.
    """

    says: str
    problems: tuple[str, ...] = ()
    unwise: tuple[str, ...] = ()
    fence: Fence | None = None


async def examine_target(engine: Engine, target: Target) -> Examined:
    """Ask a target twice which thing it is and how it is."""
    try:
        first, second = await engine.health(target), await engine.health(target)
    except IntegrationError as problem:
        return Examined("cannot be asked", (str(problem),))
    says = ", ".join(filter(None, (first.version, first.identity)))
    told = " ".join((f"{says}." if first.notes else says, *first.notes))
    return Examined(told, tuple(_ill(first, second)), fence=second.fence)


def _ill(first: Health, second: Health) -> Iterator[str]:
    yield from first.problems
    if not first.ok and not first.problems and not first.notes:
        yield "It is not well and does not say why."
    if first.ok and not first.identity:
        yield "It does not say which thing it is, so an approval for one could pass for another."
    if first.identity != second.identity:
        yield f"It calls itself {first.identity}, and a moment later {second.identity}."


async def examine_source(engine: Engine, source: Source, *, now: datetime) -> Examined:
    """List a source's recovery points, and ask what holds for them and who could delete them."""
    try:
        points = await engine.points(source)
        window = await engine.window(source) if Cap.WINDOW in engine.caps else None
        nowhere = await engine.resolve(source, ToPoint(_NEVER))
        guard = await engine.guard(source) if Cap.GUARD in engine.caps else None
    except IntegrationError as problem:
        return Examined("cannot be asked", (str(problem),))
    problems = [*_wrong(points, window, now=now)]
    looked, damaged = await _looked_at(engine, source, points)
    problems += damaged
    if nowhere.point is not None:
        problems.append(f"It would restore {nowhere.point.id} when a point is named that it has not.")
    says = f"{_summary(points, window)}{looked}"
    return Examined(says, tuple(problems), tuple(_unwise(points, guard)))


async def _looked_at(
    engine: Engine, source: Source, points: Sequence[RecoveryPoint]
) -> tuple[str, tuple[str, ...]]:
    """Have an engine that can look at a point for a few seconds look at the newest that counts."""
    newest = next((point for point in points if point.health not in _UNFIT), None)
    if newest is None or _LOOK not in engine.operations:
        return "", ()
    try:
        found = await engine.check(Call(_LOOK, source=source, point=newest))
    except IntegrationError as problem:
        return f"; {newest.id} was not looked at: {str(problem).rstrip('.')}", ()
    return (f"; {found.found}", ()) if found.ok else ("", (f"{found.found}.",))


def _wrong(points: Sequence[RecoveryPoint], window: Window | None, *, now: datetime) -> Iterator[str]:
    if not points:
        yield "There is no recovery point: nothing could be restored."
    ids = [point.id for point in points]
    for twice in sorted({id for id in ids if ids.count(id) > 1}):
        yield f"Two recovery points are called {twice}."
    moments = [point.finished_at for point in points]
    if moments != sorted(moments, reverse=True):
        yield "The recovery points do not come newest first."
    for point in points:
        if point.finished_at > now:
            yield f"{point.id} is of {_at(point.finished_at)}, which is still to come: look at the clocks."
    if window and window.earliest > window.latest:
        yield "The span of restorable moments ends before it begins."


def _unwise(points: Sequence[RecoveryPoint], guard: Guard | None) -> Iterator[str]:
    for point in points:
        if point.health in _UNFIT:
            mended = f"; {MENDED}" if point.health == "invalid" else ""
            yield f"{point.id} cannot be restored: it is {point.health}{mended}."
    if guard and guard.deletes is None:
        yield f"Whether whoever takes these backups could delete them cannot be seen: {guard.because}."
    if guard and guard.deletes:
        yield f"Whoever takes these backups could delete them: {guard.because}."


def _summary(points: Sequence[RecoveryPoint], window: Window | None) -> str:
    if not points:
        return "no recovery points"
    proved = sum(point.verified_at is not None for point in points)
    newest = max(point.finished_at for point in points)
    span = f", any moment from {_at(window.earliest)} to {_at(window.latest)}" if window else ""
    return f"{len(points)} recovery points, {proved} proved, the newest of {_at(newest)}{span}"


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%SZ}"
