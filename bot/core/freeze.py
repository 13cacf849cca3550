"""A set of freezes; any that covers a change stops it. Adding one never lets through what was stopped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase

from bot.core.events import (
    DeploymentRefused,
    Entry,
    Event,
    ExceptionAsked,
    ExceptionGranted,
    FreezeExtended,
    FreezeLifted,
    FreezeMoved,
    FreezePlaced,
    FreezeReviewDue,
    Scope,
)


@dataclass(frozen=True, slots=True)
class Change:
    """Something that wants to happen: one kind of change to one service in one environment."""

    service: str
    environment: str
    kind: str
    sha: str = ""


@dataclass(frozen=True, slots=True)
class Pass:
    """One sha of one service that may pass; it needs a second person and ends by itself."""

    service: str
    sha: str
    why: str
    asked_by: str
    expires: datetime
    granted_by: str | None = None


@dataclass(frozen=True, slots=True)
class Freeze:
    """A freeze as it stands after its last event; `incident` is the one that it is of now."""

    id: str
    placed: FreezePlaced
    by: str
    since: datetime
    seq: int = 0
    incident: str | None = None
    review_at: datetime | None = None
    exceptions: tuple[Pass, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    lifted_at: datetime | None = None
    lifted_by: str | None = None

    def in_force(self, now: datetime) -> bool:
        """Say whether it stops anything; only a freeze that was placed with an end ends by itself."""
        until = self.placed.until if self.placed.lift == "at_until" else None
        return self.lifted_at is None and (until is None or now < until)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's answer: the freezes that stop a change, or the exceptions that let it through."""

    freezes: tuple[Freeze, ...]
    passed: tuple[Freeze, ...] = ()

    @property
    def allowed(self) -> bool:
        """Say whether nothing stops the change."""
        return not self.freezes


def fold(entries: Iterable[Entry]) -> Freeze | None:
    """Return the freeze a timeline describes, or None for an empty one."""
    freeze: Freeze | None = None
    for entry in entries:
        event = entry.event
        if freeze is None:
            if isinstance(event, FreezePlaced):
                freeze = Freeze(
                    id=entry.stream.removeprefix("freeze/"),
                    placed=event,
                    by=entry.by,
                    since=entry.occurred_at,
                    seq=entry.seq,
                    incident=event.incident,
                    review_at=event.review_at,
                )
        else:
            freeze = replace(freeze, seq=entry.seq)
            if event is not None:
                freeze = apply(freeze, entry, event)
    return freeze


def apply(freeze: Freeze, entry: Entry, event: Event) -> Freeze:
    """Return the freeze after one more event."""
    match event:
        case FreezeExtended(review_at=review_at) | FreezeReviewDue(review_at=review_at):
            return replace(freeze, review_at=review_at)
        case FreezeMoved(incident=incident):
            return replace(freeze, incident=incident)
        case FreezeLifted():
            return replace(freeze, lifted_at=entry.occurred_at, lifted_by=entry.by)
        case ExceptionAsked(service=service, sha=sha, why=why, expires=expires):
            asked = Pass(service, sha, why, entry.by, expires)
            kept = tuple(e for e in freeze.exceptions if (e.service, e.sha) != (service, sha))
            return replace(freeze, exceptions=(*kept, asked))
        case ExceptionGranted(service=service, sha=sha):
            granted = tuple(
                replace(e, granted_by=entry.by) if _agrees(entry, e, service, sha) else e
                for e in freeze.exceptions
            )
            return replace(freeze, exceptions=granted)
        case DeploymentRefused(service=service, sha=sha):
            return replace(freeze, refused=(*freeze.refused, (service, sha)))
        case _:
            return freeze


def _agrees(entry: Entry, asked: Pass, service: str, sha: str) -> bool:
    """Whoever asked cannot agree with themselves, whatever door let it in; nor can anybody afterwards."""
    return (asked.service, asked.sha) == (service, sha) and (
        entry.by != asked.asked_by and entry.occurred_at < asked.expires
    )


def covers(scope: Scope, change: Change) -> bool:
    """Say whether a change lies in a scope."""
    return (
        _matches(scope.services, change.service)
        and _matches(scope.environments, change.environment)
        and _matches(scope.kinds, change.kind)
    )


def _matches(patterns: Sequence[str], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def over(freezes: Iterable[Freeze], service: str, environment: str, now: datetime) -> tuple[Freeze, ...]:
    """Return the freezes that stop changes of any kind to a service in an environment now."""
    return tuple(
        f
        for f in freezes
        if f.in_force(now)
        and _matches(f.placed.scope.services, service)
        and _matches(f.placed.scope.environments, environment)
    )


def same(freezes: Iterable[Freeze], placed: FreezePlaced, by: str, now: datetime) -> Freeze | None:
    """Return the freeze that a person placed already for the same reason and scope, as one said twice.

    That of somebody else stays apart, as does that of another incident: each ends by itself.
    """
    wanted = _meant(placed, placed.incident)
    mine = (f for f in freezes if f.in_force(now) and f.by == by)
    return next((f for f in mine if _meant(f.placed, f.incident) == wanted), None)


def _meant(placed: FreezePlaced, incident: str | None) -> tuple[object, ...]:
    scope = placed.scope
    parts = (frozenset(part) for part in (scope.services, scope.environments, scope.kinds))
    return (*parts, placed.why, placed.lift, placed.run, incident)


def excepted(freeze: Freeze, change: Change, now: datetime) -> bool:
    """Say whether a granted exception of the freeze lets exactly this sha through now."""
    return bool(change.sha) and any(
        e.granted_by and now < e.expires and e.service == change.service and e.sha == change.sha
        for e in freeze.exceptions
    )


def judge(freezes: Iterable[Freeze], change: Change, now: datetime) -> Verdict:
    """Return which freezes stop a change now."""
    covering = [f for f in freezes if f.in_force(now) and covers(f.placed.scope, change)]
    passed = tuple(f for f in covering if excepted(f, change, now))
    return Verdict(tuple(f for f in covering if f not in passed), passed)
