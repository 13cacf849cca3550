"""How long it will be until service is back, honestly: a range with its basis, against the RTO."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.core.approval import Standing, standing
from bot.core.copies import ready, switch_s
from bot.core.estimate import PLAYBOOK
from bot.core.incident import Incident
from bot.core.order import in_order, urgent_first
from bot.core.plan import Plan, PlannedGate, PlannedStep
from bot.core.run import ACTING, OVER, Run, Status
from bot.core.words import in_words, lasted
from playbooks.limits import Work, latest, scheduled

_NONE = timedelta(0)

_Time = Callable[["Part"], timedelta]


class Verdict(StrEnum):
    """What a time budget says of the RTO."""

    MEETS = "meets"
    MAY_MISS = "may miss"
    MISSES = "misses"
    CANNOT_SAY = "cannot say"


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the time that is still to come, with where its figures come from."""

    name: str
    likely: timedelta
    high: timedelta
    basis: str


@dataclass(frozen=True, slots=True)
class Budget:
    """What decides when service is back, one after another, and what that means for the RTO.

    `parts` is the chain that likely ends last, `worst` the one that does when all takes its longest.
    """

    elapsed: timedelta | None
    parts: tuple[Part, ...]
    worst: tuple[Part, ...]
    rto: timedelta | None
    verdict: Verdict
    why: str

    @property
    def likely(self) -> timedelta:
        """Return how long it will likely take from now."""
        return sum((part.likely for part in self.parts), _NONE)

    @property
    def high(self) -> timedelta:
        """Return how long it can take from now before something is wrong."""
        return sum((part.high for part in self.worst), _NONE)


def time_budget(
    run: Run, plan: Plan, incident: Incident, *, now: datetime, live: Mapping[str, Part] | None = None
) -> Budget:
    """Return the time budget of what is left of a run; `live` is what running steps say of themselves."""
    parts, worst = ((*_longest(run, plan, live or {}, now, by=by), *_checks(plan)) for by in (_likely, _high))
    elapsed = lasted(incident.impact_start, now) if incident.impact_start else None
    rto = timedelta(seconds=plan.rto_s) if plan.rto_s is not None else None
    budget = Budget(elapsed, parts, worst, rto, Verdict.CANNOT_SAY, "")
    doubt = _doubt(run, plan, incident) or _overdue(run, plan, live or {}, now)
    verdict, why = _judge(budget, now - incident.declared_at, doubt)
    return Budget(elapsed, parts, worst, rto, verdict, why)


def _longest(run: Run, plan: Plan, live: Mapping[str, Part], now: datetime, *, by: _Time) -> tuple[Part, ...]:
    """Return the chain of steps that ends last by one of their times, under the limits of the playbook.

    Gates are asked for side by side: each holds its own step.
    """
    waits = {gate.name: _wait(run, gate, now) for gate in plan.gates}
    works = []
    for step in urgent_first(plan.steps) if plan.limits else in_order(plan.steps):
        wait = waits.get(step.gate or "") if run.step(step.id).status is Status.WAITING else None
        own = _step(run, plan, step, live, now)
        works.append(Work(step.id, step.needs, own, (wait,) if wait else (), step.limit))
    # What acts already has its place.
    works.sort(key=lambda work: run.step(work.id).status not in ACTING)
    return latest(scheduled(works, plan.limits, by).values(), by)


def _likely(part: Part) -> timedelta:
    return part.likely


def _high(part: Part) -> timedelta:
    return part.high


def _wait(run: Run, gate: PlannedGate, now: datetime) -> Part | None:
    """Half the time an approval may take, until how long people really need was measured."""
    state = run.gates.get(gate.name)
    whole = timedelta(seconds=gate.expires_s)
    if state is not None:
        holders = run.plan.roles if run.plan else {}
        if standing(gate, state, hash=run.hash, holders=holders, now=now) is Standing.OPEN:
            return None
        whole = max(_NONE, state.expires - now)
    return Part(f"approval {gate.name}", whole / 2, whole, "half the time it may take")


def _step(
    run: Run, plan: Plan, step: PlannedStep, live: Mapping[str, Part], now: datetime
) -> tuple[Part, ...]:
    state = run.step(step.id)
    if state.status in OVER:
        return ()
    if step.id in live:
        return (live[step.id],)
    spent = now - state.started_at if state.status in ACTING and state.started_at else _NONE
    likely = max(_NONE, timedelta(seconds=_likely_s(run, plan, step)) - spent)
    high = max(likely, timedelta(seconds=step.high_s) - spent)
    return (Part(step.title, likely, high, step.basis),)


def _likely_s(run: Run, plan: Plan, step: PlannedStep) -> float:
    """With its copy ready a restore likely takes no longer than the switch; at worst it makes another one."""
    copy = ready(run, plan, step) if step.destructive else None
    known = switch_s(step, copy) if copy else None
    return step.estimate_s if known is None else known


def _checks(plan: Plan) -> tuple[Part, ...]:
    """The end checks are carried out in rounds, all of them until all pass, so the slowest counts."""
    if not plan.checks:
        return ()
    within = timedelta(seconds=max(check.within_s for check in plan.checks))
    return (Part("end checks", within, within, PLAYBOOK),)


def _doubt(run: Run, plan: Plan, incident: Incident) -> str:
    """Return what keeps anybody from promising that the RTO is met, or nothing."""
    left = (step for step in plan.steps if run.step(step.id).status not in OVER)
    unknown = [step.title for step in left if step.estimate_s <= 0]
    if incident.impact_start is None:
        return "nobody has said when the impact began"
    if run.paused or run.abort:
        return "the run does not go on until a person decides"
    return f"nobody estimated {', '.join(unknown)}" if unknown else ""


def _overdue(run: Run, plan: Plan, live: Mapping[str, Part], now: datetime) -> str:
    """Return what nobody can foretell: it takes longer than was expected and says nothing of the rest."""
    for step in plan.steps:
        state = run.step(step.id)
        begun = state.started_at if state.status is Status.STARTED and step.id not in live else None
        if begun and (now - begun).total_seconds() > step.high_s:
            return f"{step.title} takes longer than it ever should"
    return ""


def _judge(budget: Budget, since_declared: timedelta, doubt: str) -> tuple[Verdict, str]:
    rto = budget.rto
    if rto is None:
        return Verdict.CANNOT_SAY, "no RTO is set"
    elapsed = budget.elapsed if budget.elapsed is not None else since_declared
    if elapsed + budget.likely > rto:
        return Verdict.MISSES, f"it likely ends {in_words(elapsed + budget.likely - rto)} after the RTO"
    if doubt:
        return Verdict.CANNOT_SAY, doubt
    if elapsed + budget.high > rto:
        return Verdict.MAY_MISS, f"at worst it ends {in_words(elapsed + budget.high - rto)} after the RTO"
    return Verdict.MEETS, f"even at worst {in_words(rto - elapsed - budget.high)} are left"


def for_good(run: Run, incident: Incident) -> bool:
    """Say whether a run recovered and the incident did not turn out since not to be over."""
    return run.recovered_at is not None and (incident.doubted is None or run.recovered_at > incident.doubted)


def relapse(incident: Incident, runs: Iterable[Run]) -> str:
    """Return after which recovery the incident went on all the same, or nothing."""
    gone = [(run.recovered_at, run.id) for run in runs if run.recovered_at and not for_good(run, incident)]
    if not gone:
        return ""
    at, id = max(gone)
    how = "opened again" if incident.reopened and incident.reopened >= at else "looked into again"
    return f"{how} after {id} recovered"


def time_to_recover(run: Run, incident: Incident) -> timedelta | None:
    """Return how long it took from the impact to the passed end checks, or None while that is unknown."""
    if run.recovered_at is None or incident.impact_start is None:
        return None
    return lasted(incident.impact_start, run.recovered_at)
