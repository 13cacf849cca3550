"""The standard status message: Conditions, Actions, Needs, and when the next one comes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.approval import Standing, counts, missing, standing
from bot.core.budget import Verdict, for_good, time_budget
from bot.core.cadence import cadence
from bot.core.freeze import Freeze
from bot.core.incident import Incident
from bot.core.loss import Loss, losses, summary
from bot.core.plan import Plan, PlannedStep
from bot.core.run import ACTING, OVER, Run
from bot.core.words import at_clock, between, in_words, lasted

MOST_WORDS = 80
NO_ETA = "no reliable ETA"


@dataclass(frozen=True, slots=True)
class Draft:
    """An update as the events tell it, for a person to correct and post."""

    conditions: str
    actions: str
    needs: str
    next_by: datetime | None

    @property
    def nudge(self) -> str:
        """Return a sentence when the update is longer than people read, else nothing."""
        return nudge(self.conditions, self.actions, self.needs)


def nudge(*parts: str) -> str:
    """Return a sentence when the parts of an update have more than 80 words together, else nothing."""
    words = sum(len(part.split()) for part in parts)
    return f"That is {words} words; {MOST_WORDS} or fewer are read." if words > MOST_WORDS else ""


def draft(incident: Incident, runs: Sequence[Run], freezes: Sequence[Freeze], now: datetime) -> Draft:
    """Return what an update would say now."""
    wait = cadence(incident.severity, incident.phase)
    return Draft(
        conditions=" ".join(_conditions(incident, runs, freezes, now)),
        actions=" ".join(_actions(incident, runs, now)),
        needs="; ".join(_needs(runs, now)) or "none",
        next_by=now + wait if wait else None,
    )


def _conditions(
    incident: Incident, runs: Sequence[Run], freezes: Sequence[Freeze], now: datetime
) -> Iterator[str]:
    yield f"SEV{incident.severity}, {incident.phase.value}."
    yield f"{(incident.impact or 'Impact not stated yet').rstrip('.')}."
    if incident.impact_start:
        yield f"Since {at_clock(incident.impact_start, now)}, {in_words(lasted(incident.impact_start, now))}."
    yield from (f"Data: {summary(loss)}." for loss in _given_up(incident, runs, now))
    news = list(_news(incident, runs, freezes))
    if incident.updated_at:
        yield f"Since update #{incident.updates[-1].number}: {'; '.join(news) or 'no change'}."
    elif news:
        yield f"So far: {'; '.join(news)}."


def _given_up(incident: Incident, runs: Sequence[Run], now: datetime) -> tuple[Loss, ...]:
    """The newest plan is the one that will be, or was, carried out."""
    newest = [run for run in runs if run.plan and run.started_at and (run.restored or not run.over)][-1:]
    return tuple(loss for run in newest for loss in losses(incident, run, now=now))


def _news(incident: Incident, runs: Sequence[Run], freezes: Sequence[Freeze]) -> Iterator[str]:
    """What happened after the last update, the big things only."""
    since = incident.updated_at or incident.declared_at
    happened = [
        *((f"decided {made.made.option}", made.at) for made in incident.decisions),
        ("writers stopped", incident.writers_stopped),
        *((f"{freeze.id} placed", freeze.since) for freeze in freezes),
        *((f"{freeze.id} lifted", freeze.lifted_at) for freeze in freezes),
        *((f"{run.id} started", run.started_at) for run in runs),
        *((f"{run.id} recovered", run.recovered_at) for run in runs),
        *((f"{run.id} aborted", run.aborted_at) for run in runs),
    ]
    dated = [(at, what) for what, at in happened if at is not None and at >= since]
    yield from (what for _, what in sorted(dated))


def _actions(incident: Incident, runs: Sequence[Run], now: datetime) -> Iterator[str]:
    live = [(run, run.plan) for run in runs if run.plan and run.started_at and not run.over]
    doing = [_doing(run, plan, step, now) for run, plan in live for step in plan.steps if _acts(run, step)]
    yield f"In progress: {'; '.join(doing) or 'nothing in Backstop'}."
    done = [title for run in runs if run.plan for title in _completed(incident, run, run.plan)]
    if done:
        yield f"Completed: {', '.join(done)}."
    if live:
        yield " ".join(_eta(run, plan, incident, now) for run, plan in live)
    elif incident.open and not any(for_good(run, incident) for run in runs):
        yield f"{NO_ETA[0].upper()}{NO_ETA[1:]}."


def _acts(run: Run, step: PlannedStep) -> bool:
    return run.step(step.id).status in ACTING


def _doing(run: Run, plan: Plan, step: PlannedStep, now: datetime) -> str:
    """Return one step with its owner, since when it runs and how long it is expected to take."""
    owners = ", ".join(f"@{name}" for name in plan.roles.get(step.by, ())) or step.by
    started = run.step(step.id).started_at or now
    expected = f", expected {in_words(timedelta(seconds=step.estimate_s))}" if step.estimate_s > 0 else ""
    return f"{step.title} ({owners}, since {at_clock(started, now)}{expected})"


def _completed(incident: Incident, run: Run, plan: Plan) -> Iterator[str]:
    since = incident.updated_at or incident.declared_at
    for step in plan.steps:
        state = run.step(step.id)
        if state.status in OVER and state.ended_at and state.ended_at >= since:
            yield step.title


def _eta(run: Run, plan: Plan, incident: Incident, now: datetime) -> str:
    """A paused run, or one whose steps nobody estimated, has no time that could be relied on."""
    budget = time_budget(run, plan, incident, now=now)
    unknown = any(step.estimate_s <= 0 and run.step(step.id).status not in OVER for step in plan.steps)
    if run.paused or run.abort or unknown:
        return f"{run.id}: {NO_ETA}."
    judged = "" if budget.verdict is Verdict.CANNOT_SAY else f", {budget.verdict.value} the RTO"
    return f"{run.id}: {between(budget.likely, budget.high)} to come{judged}."


def _needs(runs: Sequence[Run], now: datetime) -> Iterator[str]:
    for run in runs:
        if run.plan and run.started_at and not run.over and not run.abort:
            if run.paused:
                yield f"the commander's choice on {run.id}, now ({run.why_paused.rstrip('.')})"
            yield from _approvals(run, run.plan, now)


def _approvals(run: Run, plan: Plan, now: datetime) -> Iterator[str]:
    for gate in plan.gates:
        state = run.gates.get(gate.name)
        if state is None or state.used:
            continue
        if standing(gate, state, hash=run.hash, holders=plan.roles, now=now) is not Standing.GATHERING:
            continue
        valid = [a for a in state.approvals if counts(a, gate, hash=run.hash, holders=plan.roles, now=now)]
        seats = ", ".join(dict.fromkeys(missing(gate, valid, plan.roles)))
        yield f"approval {run.id}.{gate.name} from {seats} by {at_clock(state.expires, now)}"
