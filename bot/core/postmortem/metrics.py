"""The figures of an incident with their formulas; one that cannot be computed says why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core import events
from bot.core.approval import GateState
from bot.core.budget import time_to_recover
from bot.core.document import Block, Heading, Line, Table
from bot.core.loss import losses, restored
from bot.core.postmortem.recovery import rpo_line, rto_verdict
from bot.core.postmortem.steps import attempts
from bot.core.postmortem.story import Story
from bot.core.run import Run
from bot.core.words import in_words, lasted

NO_IMPACT = "cannot be computed: nobody stated when the impact began"
NO_RECOVERY = "cannot be computed: no run recovered the service"


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure in words with its formula."""

    name: str
    formula: str
    value: str


def metrics_section(told: Story) -> Iterator[Block]:
    """Return the table of metrics."""
    yield Heading("Metrics")
    rows: list[tuple[Line, ...]] = [((m.name,), (m.formula,), (m.value,)) for m in metrics(told)]
    yield Table(("Metric", "Formula", "Value"), rows)


def metrics(told: Story) -> Iterator[Metric]:
    """Return every metric of the incident."""
    yield from _early(told)
    yield from _waits(told)
    yield from _recovery(told)
    yield from _backups(told)
    yield _failed(told)


def _early(told: Story) -> Iterator[Metric]:
    incident = told.incident
    declared, began = incident.declared_at, incident.impact_start
    yield Metric(
        "TTD", "declared − impact start (detection is not recorded apart)", _span(began, declared, NO_IMPACT)
    )
    apart = "cannot be computed: detection is not recorded apart from the declaration"
    yield Metric("TTDeclare", "declared − detected", apart)
    first = next((entry.occurred_at for entry, _ in told.told(events.UpdatePosted)), None)
    yield Metric(
        "Time to first update", "first update − declared", _to(declared, first, "no update was posted")
    )
    decided = incident.decisions[0].at if incident.decisions else None
    yield Metric("TTDecide", "first decision − declared", _to(declared, decided, "no decision was recorded"))
    for number, later in enumerate(incident.decisions[1:], start=2):
        yield Metric(
            f"TTDecide, decision {number}", "decision − declared", in_words(lasted(declared, later.at))
        )
    stopped = incident.writers_stopped
    yield Metric(
        "Time to contain", "writers stopped − declared", _to(declared, stopped, "writers were not stopped")
    )


def _span(start: datetime | None, end: datetime, why: str) -> str:
    return why if start is None else in_words(lasted(start, end))


def _to(start: datetime, end: datetime | None, why: str) -> str:
    return f"cannot be computed: {why}" if end is None else in_words(lasted(start, end))


def _waits(told: Story) -> Iterator[Metric]:
    for run, plan in told.planned:
        for gate in plan.gates:
            state = run.gates.get(gate.name)
            if state:
                value = _waited(state)
                yield Metric(f"Time to approve {run.id}.{gate.name}", "last approval − asked for", value)


def _waited(state: GateState) -> str:
    if not state.used or not state.approvals:
        return "cannot be computed: it was never used"
    return in_words(lasted(state.asked_at, max(a.at for a in state.approvals)))


def _recovery(told: Story) -> Iterator[Metric]:
    formula = "end checks passed − impact start"
    if told.recovered is None:
        yield Metric("TTR", formula, NO_RECOVERY)
        yield Metric("RTO achieved", "TTR against the RTO", NO_RECOVERY)
        yield Metric("RPO achieved", "damage start − recovery point, against the RPO", NO_RECOVERY)
        return
    run, plan = told.recovered
    took = time_to_recover(run, told.incident)
    yield Metric("TTR", formula, in_words(took) if took is not None else NO_IMPACT)
    yield Metric("Execution time", "end checks passed − run started", _carried_out(run))
    yield Metric("RTO achieved", "TTR against the RTO", rto_verdict(told, run, plan))
    for loss in losses(told.incident, run, now=told.end):
        yield Metric("RPO achieved", "damage start − recovery point, against the RPO", rpo_line(loss))
        discarded = (
            in_words(loss.discarded)
            if loss.discarded is not None
            else "cannot be computed: damage start unknown"
        )
        yield Metric("Writes discarded", "writers stopped − damage start", f"{discarded}{loss.so_far}")


def _carried_out(run: Run) -> str:
    assert run.started_at
    assert run.recovered_at
    return in_words(lasted(run.started_at, run.recovered_at))


def _backups(told: Story) -> Iterator[Metric]:
    used = [(run, source) for run, plan in told.planned for source in restored(plan) if source.point]
    for run, source in used:
        point, damage = source.point, told.incident.damage_start
        assert point
        why = "cannot be computed: nobody stated when the damage began"
        age = in_words(lasted(point.finished_at, damage)) if damage else why
        yield Metric(f"Backup age at use, {source.id}", "damage start − backup end", age)
        verified = "cannot be computed: nobody verified it"
        if point.verified_at and run.started_at:
            verified = in_words(lasted(point.verified_at, run.started_at))
        yield Metric(f"Backup verification age, {source.id}", "run started − last verified", verified)
    if not used:
        yield Metric(
            "Backup age at use", "damage start − backup end", "cannot be computed: no backup was used"
        )


def _failed(told: Story) -> Metric:
    """An attempt that failed or ended in doubt costs its own time."""
    bad = [
        attempt
        for run, _ in told.planned
        for attempt in attempts(told, run)
        if attempt.outcome.startswith(("failed", "in doubt"))
    ]
    spent = sum((attempt.took for attempt in bad if attempt.took is not None), timedelta(0))
    return Metric("Failed attempts", "count and time spent", f"{len(bad)}, {in_words(spent)}")
