"""Which recovery point a playbook's rule chooses, and why each of the others will not do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.core.document import utc
from bot.core.recovered import Recovered
from integrations.contract import Goal, RecoveryPoint
from integrations.contract.points import MENDED
from playbooks.durations import say_duration
from playbooks.model import Select


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen point with the reason, or the reason that there is none; and the refused ones.

    `goal` and `reaches` say up to where a log is replayed on top of it, `caution` what else must be known.
    """

    point: RecoveryPoint | None
    because: str
    refused: tuple[tuple[RecoveryPoint, str], ...] = ()
    goal: Goal | None = None
    reaches: datetime | None = None
    caution: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted now: a state before a moment, older than the damage, or one point by its id.

    `failed` says by id why a point that an earlier run could not restore will not do. `reaches` is where the
    replay of its log ends, and `log_continuous` says whether nothing is missing up to there. `recovered` are
    the runs that recovered before what is put back.
    """

    now: datetime
    before: datetime | None = None
    damage_start: datetime | None = None
    exact: str | None = None
    failed: Mapping[str, str] = field(default_factory=dict)
    drilled: frozenset[tuple[str, str | None]] = frozenset()
    reaches: datetime | None = None
    log_continuous: bool | None = None
    recovered: Sequence[Recovered] = ()


def choose(select: Select, points: Sequence[RecoveryPoint], wish: Wish) -> Choice:
    """Return the newest point that meets every requirement; unusable ones are shown with their reason."""
    refused: list[tuple[RecoveryPoint, str]] = []
    for point in sorted(points, key=lambda point: point.finished_at, reverse=True):
        objection = next(_objections(select, point, wish), None)
        if objection is None:
            return Choice(point, _praise(select, point, wish), tuple(refused))
        refused.append((point, objection))
    if not points:
        return Choice(None, "there is no recovery point at all")
    if len(refused) == 1:
        return Choice(None, f"the only one there is will not do: {refused[0][1]}", tuple(refused))
    return Choice(None, f"none of {len(points)} recovery points will do", tuple(refused))


def _objections(select: Select, point: RecoveryPoint, wish: Wish) -> Iterator[str]:
    if wish.exact and point.id != wish.exact:
        yield f"{wish.exact} was asked for"
    if point.id in wish.failed:
        yield wish.failed[point.id]
    if point.health in ("invalid", "stranded", "partial"):
        yield f"it is {point.health}{f'; {MENDED}' if point.health == 'invalid' else ''}"
    yield from _wrong_moment(select, point, wish)
    yield from _unmet(select, point, wish)


def _wrong_moment(select: Select, point: RecoveryPoint, wish: Wish) -> Iterator[str]:
    if wish.before and point.finished_at > wish.before:
        yield f"it was finished after {utc(wish.before)}"
    if wish.damage_start and point.finished_at >= wish.damage_start:
        yield f"it was taken after the damage began at {utc(wish.damage_start)}"
    if wish.damage_start and wish.reaches and wish.reaches >= wish.damage_start:
        yield (
            f"it would come back as it was at {utc(wish.reaches)}, and the damage began at "
            f"{utc(wish.damage_start)}; if what did it was committed later, say `impact damage:` with when"
        )
    moment = wish.reaches or point.finished_at
    for each in wish.recovered:
        if each.good_until and each.good_until <= moment < each.back:
            yield f"it is of {utc(moment)}, before {each.run} had mended the damage of {utc(each.good_until)}"
    age = (wish.before or wish.now) - point.finished_at
    if select.max_age and age > select.max_age:
        yield f"it is older than {say_duration(select.max_age)}"


def _unmet(select: Select, point: RecoveryPoint, wish: Wish) -> Iterator[str]:
    if point.verified_at is None and ("verified" in select.require or select.strategy == "latest_verified"):
        yield "nobody verified that it can be read"
    if "log_continuous" in select.require and wish.log_continuous is not True:
        unknown = wish.log_continuous is None
        yield "nobody can say whether its log is continuous" if unknown else "its log has a gap"
    if "drilled" in select.require and (point.id, point.digest) not in wish.drilled:
        yield "no drill has restored it"
    if "immutable" in select.require and point.immutable is not True:
        yield "it is not known to be immutable"


def _praise(select: Select, point: RecoveryPoint, wish: Wish) -> str:
    verified = f", verified {utc(point.verified_at)}" if point.verified_at else ", not verified"
    if wish.exact:
        return f"it was asked for by name{verified}"
    moment = wish.before or wish.damage_start
    limit = f" before {utc(moment)}" if moment else ""
    return f"the newest usable one{limit}{verified}"
