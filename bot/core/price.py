"""What each answer costs: minutes until service is back and the writes it gives up, with what that rests on.

Prices explain a choice and order its alternatives; they never take an answer away. Where nobody measured
and nobody said anything, there is no figure and the verdict is that nobody can say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from bot.core.budget import Verdict
from bot.core.estimate import Act, Estimate, Measurement, estimate
from bot.core.incident import Incident
from bot.core.loss import ahead
from bot.core.recovered import Recovered, put_back, recoveries
from bot.core.words import lasted
from playbooks.budget import time_budget
from playbooks.catalog import Tier
from playbooks.model import Playbook, Step
from playbooks.words import Option

FEW = 3
"""Fewer measurements than this are a guess."""
_NONE = timedelta(0)
_FIX_SLIPS = 1.5
_ENDLESS = timedelta(days=3650)
_WHOLE_MINUTES = timedelta(minutes=1)
"""How well the moment of a backup is known, whose age is told in minutes."""
RESTORES = (Option.RESTORE_FULL, Option.RESTORE_PITR, Option.RESTORE_PARTIAL)

Named = Callable[[Step], str]
"""Tells acts of one operation of a step apart, as their measurements do."""


class Basis(StrEnum):
    """What a price rests on."""

    DRILL = "drill"
    LIVE = "live"
    GUESS = "guess"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Range:
    """A length of time, likely and at most."""

    likely: timedelta
    high: timedelta


@dataclass(frozen=True, slots=True)
class Price:
    """What one answer costs; None is what nobody can say.

    `takes` counts from now, `gives_up` is everything written after the moment that comes back, and
    `lost` the good part of it, which the RPO is about; it is negative where damage comes back. `undoes` is
    the first run whose recovery it takes back, and `since` the good part written since that. `within` is how
    long it may take so that the RTO is still met, None where there is nothing left of it. `playbook` is whose
    price it is, None where somebody said it or none of several was carried out; `able` are all that could be.
    """

    option: Option
    playbook: str | None
    takes: Range | None
    basis: Basis
    rests_on: str
    gives_up: timedelta | None
    lost: timedelta | None
    rto: Verdict
    rpo: Verdict
    within: timedelta | None
    undoes: str | None = None
    since: timedelta | None = None
    able: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Market:
    """All that prices are made from at `now`; a service that left the catalog has no tier.

    `recovered` are the runs that recovered each target before, by its name, and `planned` the playbooks of
    the incident's runs that are not over.
    """

    incident: Incident
    tier: Tier | None
    playbooks: Sequence[Playbook]
    measured: Sequence[Measurement]
    named: Named
    now: datetime
    recovered: Mapping[str, Sequence[Recovered]] = field(default_factory=dict)
    planned: frozenset[str] = frozenset()

    def able(self, option: Option) -> tuple[Playbook, ...]:
        """Return the playbooks that can do an option; those of runs alone where one of them is planned."""
        able = tuple(each for each in self.playbooks if option in each.options)
        return tuple(each for each in able if each.name in self.planned) or able


@dataclass(frozen=True, slots=True)
class _Given:
    """What an answer gives up; None is what nobody can say."""

    up: timedelta | None = None
    lost: timedelta | None = None
    undoes: str | None = None
    since: timedelta | None = None


@dataclass(frozen=True, slots=True)
class _Time:
    takes: Range | None
    basis: Basis
    rests_on: str
    playbook: str | None = None


_UNKNOWN = _Time(None, Basis.NONE, "nobody measured it")
_NONE_OF_THEM = _Time(None, Basis.NONE, "none of them was ever carried out")


def prices(market: Market, options: Iterable[Option]) -> tuple[Price, ...]:
    """Return the price of each of the options, in their order."""
    return tuple(_price(market, option) for option in options)


def _price(market: Market, option: Option) -> Price:
    able = market.able(option)
    time = _time(market, option, able)
    given = _given_up(market, option, [each for each in able if each.name == time.playbook] or able)
    within = _left(market)
    return Price(
        option=option,
        playbook=time.playbook,
        takes=time.takes,
        basis=time.basis,
        rests_on=time.rests_on,
        gives_up=given.up,
        lost=given.lost,
        rto=_in_time(time.takes, within),
        rpo=_affordable(market, given),
        within=within if within and within > _NONE else None,
        undoes=given.undoes,
        since=given.since,
        able=tuple(each.name for each in able),
    )


def _time(market: Market, option: Option, able: Sequence[Playbook]) -> _Time:
    found = [_by_playbook(market, playbook) for playbook in able]
    known = [each for each in found if each.takes]
    said = _as_said(market, option)
    if known:
        return min(known, key=lambda each: each.takes.likely if each.takes else _ENDLESS)
    if said or not found:
        return said or _UNKNOWN
    return found[0] if len(found) == 1 else _NONE_OF_THEM


def _as_said(market: Market, option: Option) -> _Time | None:
    """Return the minutes that somebody named for a fix or a restore."""
    fix = option is Option.HOTFIX
    if not fix and option not in RESTORES:
        return None
    known = market.incident.known.get("hotfix_eta_minutes" if fix else "estimated_restore_minutes")
    if known is None or not isinstance(known.value, int | float):
        return None
    said = timedelta(minutes=known.value)
    return _Time(Range(said, said * _FIX_SLIPS), Basis.GUESS, f"as {known.by} says")


def _by_playbook(market: Market, playbook: Playbook) -> _Time:
    """Add up what its steps took before; what only its file says of the steps that act is no figure."""
    acts = [step for step in playbook.steps if not step.manual]
    found = {step.id: guess for step in acts if (guess := _estimate(market, step))}
    if not found:
        return _Time(None, Basis.NONE, "it was never carried out", playbook.name)
    likely = {id: timedelta(seconds=guess.likely_s) for id, guess in found.items()}
    high = {id: timedelta(seconds=guess.high_s) for id, guess in found.items()}
    unmeasured = {step.id: step.timeout for step in playbook.steps if step.id not in found}
    waits = {name: gate.expires for name, gate in playbook.approvals.items()}
    short = time_budget(playbook, estimates=likely)
    long = time_budget(playbook, estimates={**unmeasured, **high}, approvals=waits)
    takes = Range(short.total - short.decide, long.total - long.decide)
    return _Time(takes, _basis(acts, found), _rests_on(acts, found), playbook.name)


def _estimate(market: Market, step: Step) -> Estimate | None:
    act = Act(step.operation, market.named(step), step.target or "")
    return estimate(act, {}, market.measured, now=market.now)


def _basis(acts: Sequence[Step], found: Mapping[str, Estimate]) -> Basis:
    fewest = min(guess.drills + guess.runs for guess in found.values())
    if len(found) < len(acts) or fewest < FEW:
        return Basis.GUESS
    drills, runs = (sum(getattr(guess, of) for guess in found.values()) for of in ("drills", "runs"))
    return Basis.DRILL if drills > runs else Basis.LIVE


def _rests_on(acts: Sequence[Step], found: Mapping[str, Estimate]) -> str:
    fewest = min(found.values(), key=lambda guess: guess.drills + guess.runs)
    some = "" if len(found) == len(acts) else f"{len(found)} of {len(acts)} steps "
    return f"{some}{fewest.basis}"


def _left(market: Market) -> timedelta | None:
    """Return how much of the RTO is left, counted from the impact or else from the declaration."""
    if market.tier is None:
        return None
    since = market.incident.impact_start or market.incident.declared_at
    return market.tier.rto - lasted(since, market.now)


def _in_time(takes: Range | None, left: timedelta | None) -> Verdict:
    if takes is None or left is None:
        return Verdict.CANNOT_SAY
    if takes.likely > left:
        return Verdict.MISSES
    return Verdict.MEETS if takes.high <= left else Verdict.MAY_MISS


def _affordable(market: Market, given: _Given) -> Verdict:
    if given.lost is None or given.lost < _NONE or market.tier is None:
        return Verdict.CANNOT_SAY
    if given.lost > market.tier.rpo:
        return Verdict.MISSES
    # The clock calls nothing good that was written after the damage began; people may know better.
    much_is_good = market.incident.facts.get("good_writes_since_restore_point") == "high"
    return Verdict.CANNOT_SAY if given.up and much_is_good else Verdict.MEETS


def _given_up(market: Market, option: Option, priced: Sequence[Playbook]) -> _Given:
    incident = market.incident
    if option not in RESTORES:
        whole = incident.facts.get("data_corruption") == "none"
        return _Given(_NONE, _NONE) if whole and option is not Option.FAILOVER else _Given()
    if option is Option.RESTORE_PARTIAL:
        return _Given()
    moment = incident.damage_start if option is Option.RESTORE_PITR else _backed_up(incident)
    if moment is None:
        return _Given()
    # Where no playbook says what it would put back, it may be anything that was recovered here.
    targets = [name for each in priced for name in put_back(each)] or market.recovered
    recovered = recoveries(market.recovered, targets)
    loss = ahead(incident, moment, recovered, now=market.now)
    lost = _NONE if loss.lost is not None and -_WHOLE_MINUTES < loss.lost < _NONE else loss.lost
    undoes = loss.recovered[0].run if loss.recovered else None
    return _Given(loss.together, lost, undoes, loss.since)


def _backed_up(incident: Incident) -> datetime | None:
    age = incident.known.get("backup_age_minutes")
    if age is None or not isinstance(age.value, int | float):
        return None
    return age.at - timedelta(minutes=age.value)
