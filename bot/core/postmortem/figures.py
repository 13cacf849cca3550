"""The figures of an incident by their formulas; where a moment is missing, it says that nobody can say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core import events
from bot.core.loss import Loss, losses
from bot.core.plan import Plan, PlannedSource
from bot.core.postmortem import stamps
from bot.core.postmortem.stamps import Stamp
from bot.core.postmortem.steps import attempts
from bot.core.postmortem.story import Story, seconds
from bot.core.release import stated
from bot.core.run import Run
from bot.core.words import in_words, lasted

NONE = timedelta(0)
RESTORE = "Restore duration"
RATIO = "Drill ratio"


@dataclass(frozen=True, slots=True)
class Figure:
    """A length of time, or a ratio, by its formula. `value` is None where nobody can say, and `why` names it.

    With neither there is nothing to measure, as `note` says. `of` is the run, gate or source it is about, and
    `target` what it should be at most.
    """

    name: str
    formula: str
    value: timedelta | float | None
    why: str = ""
    of: str = ""
    note: str = ""
    target: timedelta | None = None

    @property
    def met(self) -> bool | None:
        """Say whether it is within its target; None where there is none, or nobody can say."""
        if self.target is None or not isinstance(self.value, timedelta):
            return None
        return self.value <= self.target


def figures(told: Story) -> Iterator[Figure]:
    """Return every figure of an incident; a false alarm, or what goes on in another incident, has none."""
    if told.incident.false_alarm or told.incident.merged:
        return
    yield from _people(told)
    yield from _waits(told)
    yield from _recovery(told)
    yield from _restores(told)
    yield from _tried(told)
    yield from _deployment(told)


def between(name: str, start: Stamp, end: Stamp, of: str = "", note: str = "") -> Figure:
    """Return how long it was from one moment to another; none where one is missing or they contradict."""
    formula = f"{end.name} − {start.name}"
    if start.at is None or end.at is None:
        why = "; ".join(stamp.missing for stamp in (start, end) if stamp.at is None)
        return Figure(name, formula, None, why, of)
    took = lasted(start.at, end.at)
    if took < NONE:
        return Figure(name, formula, None, f"{end.name} lies before {start.name}", of)
    return Figure(name, formula, took, of=of, note=", ".join(filter(None, (note, start.note, end.note))))


def _people(told: Story) -> Iterator[Figure]:
    began, noticed, taken = stamps.impact_start(told), stamps.detected(told), stamps.acknowledged(told)
    yield _until_noticed(began, noticed)
    yield between("TTA", noticed, taken)
    yield between("TTDeclare", noticed, stamps.declared(told))
    yield between("Time to first update", stamps.declared(told), stamps.first_update(told))
    yield between("Time to public notice", noticed, stamps.customers_told(told))
    chosen = stamps.effective(told)
    yield between("TTDecide", taken, stamps.decided(told), note=chosen.made.option if chosen else "")
    for number, other in enumerate(told.incident.decisions, 1):
        if other is not chosen:
            stamp = Stamp("decision", other.at, "")
            yield between("Other decisions", taken, stamp, f"{number}, {other.made.option}")
    yield between("Time to contain", noticed, stamps.writers_stopped(told))


def _until_noticed(began: Stamp, noticed: Stamp) -> Figure:
    """An alert fires after what it tells of began: where only its start is known, nobody can say how long."""
    took = between("TTD", began, noticed)
    if took.note and took.value == NONE:
        why = "the impact is said to begin just when the alert began to fire"
        return Figure(took.name, took.formula, None, why)
    return took


def _waits(told: Story) -> Iterator[Figure]:
    for run, plan in told.planned:
        for gate in plan.gates:
            if state := run.gates.get(gate.name):
                yes = max((each.at for each in state.approvals), default=None) if state.used else None
                asked = Stamp("asked for", state.asked_at, "")
                last = Stamp("last approval", yes, "it was never used")
                yield between("Time to approve", asked, last, f"{run.id}.{gate.name}")


def _recovery(told: Story) -> Iterator[Figure]:
    began, back = stamps.impact_start(told), stamps.verified(told)
    yield between("TTM", began, stamps.mitigated(told))
    whole = between("TTR", began, back)
    yield whole
    rto = "TTR against the RTO"
    if told.recovered is None:
        yield Figure("RTO achieved", rto, None, whole.why)
        yield Figure("RPO achieved", _RPO, None, back.missing)
        return
    run, plan = told.recovered
    yield between("Execution time", Stamp("run started", run.started_at, ""), back, run.id)
    yield Figure("RTO achieved", rto, whole.value, whole.why, target=seconds(plan.rto_s))
    for loss in losses(told.incident, run, now=told.end) if run.restored else ():
        yield _lost(loss)
        starts = stamps.damage_start(told)
        ends = Stamp("writers stopped", loss.writers_stopped, "writers were not stopped")
        given_up = between("Writes discarded", starts, ends, loss.source)
        # What began after writers were stopped made them write nothing that was thrown away.
        yield (
            Figure(given_up.name, given_up.formula, NONE, of=loss.source)
            if _none_given_up(loss)
            else given_up
        )


_SPENT = "time spent in them"
_RPO = "damage start − recovery point, against the RPO"


def _none_given_up(loss: Loss) -> bool:
    return bool(loss.writers_stopped) and loss.discarded == NONE


def _lost(loss: Loss) -> Figure:
    why = ""
    if loss.moment is None:
        why = "no recovery point was chosen"
    elif loss.lost is None:
        why = "nobody stated when the damage began"
    elif loss.lost < NONE:
        why = "damaged data came back: the recovery point lies after the damage start"
    return Figure("RPO achieved", _RPO, None if why else loss.lost, why, loss.source, target=loss.rpo)


def _restores(told: Story) -> Iterator[Figure]:
    used = False
    for run, plan in told.planned:
        for source in _used(run, plan):
            used = True
            yield from _backup(told, run, source)
        if began := restore_started(run):
            finished = Stamp("restore verified", run.recovered_at, f"{run.id} did not recover the service")
            started = Stamp("restore started", began, "")
            yield between(RESTORE, started, finished, run.id, note=_phases(told, run))
            yield _against_drill(told, run)
    if not used:
        yield Figure("Backup age at use", "damage start − backup end", None, note="no backup was used")


def _backup(told: Story, run: Run, source: PlannedSource) -> Iterator[Figure]:
    assert source.point
    of, point = f"{run.id} {source.id}", source.point
    yield between(
        "Backup age at use", Stamp("backup end", point.finished_at, ""), stamps.damage_start(told), of
    )
    checked = Stamp("last verified", point.verified_at, "nobody verified it")
    yield between("Backup verification age", checked, stamps.restore_decided(told, run.started_at), of)


def _used(run: Run, plan: Plan) -> Iterator[PlannedSource]:
    """Yield the sources whose recovery point a step began to put back."""
    began = {step.call.source for step in plan.steps if run.step(step.id).started_at}
    yield from (source for source in plan.sources if source.point and source.id in began)


def restore_started(run: Run) -> datetime | None:
    """Return when a run began to put data back in place, at its last attempt, or None."""
    steps = run.plan.steps if run.plan else ()
    began = (run.step(step.id).started_at for step in steps if step.destructive and step.call.source)
    return min((at for at in began if at), default=None)


def restore_took(run: Run) -> timedelta | None:
    """Return how long a run took from the start of its restore to its passed end checks."""
    began = restore_started(run)
    return lasted(began, run.recovered_at) if began and run.recovered_at else None


def _phases(told: Story, run: Run) -> str:
    """Return how long the phases of a run's restores took, as their programs named them."""
    plan = run.plan
    assert plan
    restores = {step.id for step in plan.steps if step.destructive and step.call.source}
    spent: dict[str, float] = {}
    for _, done in told.told(events.StepSucceeded, f"run/{run.id}"):
        for phase in done.took.phases if done.took and done.step in restores and not done.undo else ():
            spent[phase.phase] = spent.get(phase.phase, 0) + phase.seconds
    return ", ".join(f"{name} {in_words(timedelta(seconds=each))}" for name, each in spent.items())


def _against_drill(told: Story, run: Run) -> Figure:
    """Per byte, so that a backup that grew since the drill is no slower restore."""
    formula = "restore duration ÷ that of the last drill, per byte"
    took, began = restore_took(run), restore_started(run)
    assert began
    before = [
        drill
        for drill in told.drills
        if drill.asked.playbook == run.asked.playbook and drill.recovered_at and drill.recovered_at < began
    ]
    drill = max(before, key=lambda each: each.recovered_at or began, default=None)
    then, size, sizes = drill and restore_took(drill), _size(run), drill and _size(drill)
    why = ""
    if took is None:
        why = f"{run.id} did not recover the service"
    elif drill is None:
        why = "no drill of the playbook came to its end before"
    elif not then:
        why = "the last drill took no time"
    elif not size or not sizes:
        why = f"it took {took / then:.1f} times as long, but how much was put back is not known of both"
    if why or took is None or not then or not size or not sizes:
        return Figure(RATIO, formula, None, why, run.id)
    more = f"{took / then:.1f} times as long, for {size / sizes:.1f} times as much"
    return Figure(RATIO, formula, (took / then) / (size / sizes), of=run.id, note=more)


def _size(run: Run) -> int | None:
    """Return how many bytes the recovery points have that a run put back, or None where one is not known."""
    sizes = [source.point.size for source in _used(run, run.plan) if source.point] if run.plan else []
    known = [size for size in sizes if size is not None]
    return sum(known) if known and len(known) == len(sizes) else None


def _tried(told: Story) -> Iterator[Figure]:
    """A first choice that failed costs the time until another was made, or until it was seen to fail."""
    formula = "next decision, or seen to fail − first decision"
    name, decisions = "Failed first action", told.incident.decisions
    if not decisions:
        yield Figure(name, formula, None, "no decision was recorded")
    elif (seen := decisions[0].observed) is None:
        yield Figure(name, formula, None, "nobody said whether it worked")
    elif not seen.refutes:
        yield Figure(name, formula, None, note="it worked")
    else:
        end = decisions[1].at if decisions[1:] else seen.at
        spent = between(name, Stamp("first decision", decisions[0].at, ""), Stamp("its end", end, ""))
        yield Figure(name, formula, spent.value)
    if not told.planned:
        yield Figure("Failed attempts", _SPENT, None, note="no run was started")
        return
    bad = [
        attempt
        for run, _ in told.planned
        for attempt in attempts(told, run)
        if attempt.outcome.startswith(("failed", "in doubt"))
    ]
    spent_s = sum((attempt.took for attempt in bad if attempt.took is not None), NONE)
    yield Figure(
        "Failed attempts",
        _SPENT,
        spent_s,
        note=f"{len(bad)} {'attempt' if len(bad) == 1 else 'attempts'}",
    )


def _deployment(told: Story) -> Iterator[Figure]:
    """What DORA calls the recovery time of a failed deployment."""
    version = told.incident.release
    if version is None:
        return
    went = [
        entry.occurred_at
        for entry, release in stated(told.entries)
        if release.version == version and release.environment == told.incident.environment
    ]
    out = Stamp("deployed", went[-1] if went else None, "the suspect release is not recorded")
    yield between("Failed deployment recovery time", out, stamps.verified(told))
