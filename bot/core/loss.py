"""What going back to a recovery point gives up, said one way.

Lost good data runs from the recovery point to the start of the damage and is judged against the RPO.
Discarded later writes run from there to the moment writers were stopped, by the run itself or by hand, or
to the moment its restore began to overwrite what they wrote; until then both are "so far".

Where an earlier run recovered the same target, good data begins again with its proved end: who restores to a
point before that gives up what was written since as well, and it counts as lost until damage is stated that
began later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.document import Code, Line, Moment, Strong, utc
from bot.core.incident import Incident
from bot.core.plan import Plan, PlannedSource
from bot.core.recovered import Recovered, recoveries
from bot.core.run import Run, Status
from bot.core.words import in_words, joined, lasted
from bot.core.writers import Stop

_NONE = timedelta(0)


@dataclass(frozen=True, slots=True)
class Loss:
    """What going back to one moment costs; times are aware UTC, None is what nobody has said yet.

    `moment` is the state that comes back, None where no recovery point is chosen. `recovered` are the runs
    whose recovery lies after it, in order: going back undoes them.
    """

    source: str
    moment: datetime | None
    damage_start: datetime | None
    writers_stopped: datetime | None
    rpo: timedelta | None
    now: datetime
    recovered: tuple[Recovered, ...] = ()

    @property
    def end(self) -> datetime:
        """Return the moment up to which later writes are discarded."""
        return self.writers_stopped or self.now

    @property
    def lost(self) -> timedelta | None:
        """Return how much good data is lost; negative when the point holds damage itself."""
        if self.moment is None or self.until is None:
            return None
        if self.damaged:
            return lasted(self.moment, self.damaged)
        return sum((lasted(start, end) for start, end in self.good), _NONE)

    @property
    def mended(self) -> bool:
        """Say whether a run recovered after the damage that is stated: what was written since is good."""
        return bool(self.recovered and self.damage_start and self.damage_start <= self.recovered[-1].at)

    @property
    def until(self) -> datetime | None:
        """Return up to when what was written counts as good; None when nobody said when the damage began."""
        return self.end if self.mended else self.damage_start

    @property
    def _bad(self) -> Iterator[tuple[datetime, datetime]]:
        """Yield from when to when there was damage before each recovery; the start said last counts."""
        said = self.damage_start
        for each in self.recovered:
            if said and said <= each.at:
                yield said, each.at
                said = None
            else:
                yield each.good_until or each.at, each.at

    @property
    def damaged(self) -> datetime | None:
        """Return since when what comes back had been damaged, None where it had not."""
        if self.moment is None or self.damage_start is None:
            return None
        begun = (*(start for start, _ in self._bad), self.damage_start)
        return next((start for start in begun if lasted(start, self.moment) > _NONE), None)

    @property
    def good(self) -> tuple[tuple[datetime, datetime], ...]:
        """Return from when to when good data was written that does not come back."""
        if self.moment is None or self.until is None:
            return ()
        starts = (self.moment, *(each.at for each in self.recovered))
        ends = (*(start for start, _ in self._bad), self.until)
        return tuple((start, end) for start, end in zip(starts, ends, strict=True) if start < end)

    @property
    def since(self) -> timedelta | None:
        """Return how much of the good data was written since the first recovery that is undone."""
        if not self.recovered or self.lost is None or self.lost < _NONE:
            return None
        first = self.recovered[0].at
        return sum((lasted(start, end) for start, end in self.good if start >= first), _NONE)

    @property
    def discarded(self) -> timedelta | None:
        """Return the window of later writes that are thrown away."""
        return max(_NONE, lasted(self.until, self.end)) if self.until else None

    @property
    def together(self) -> timedelta | None:
        """Return both windows as one: everything after the moment that comes back."""
        return max(_NONE, lasted(self.moment, self.end)) if self.moment else None

    @property
    def so_far(self) -> str:
        """Return the words that say that writers still write."""
        return "" if self.writers_stopped else " so far"

    @property
    def meets_rpo(self) -> bool | None:
        """Say whether the lost good data stays within the RPO; None when that cannot be said."""
        if self.lost is None or self.rpo is None or self.lost < _NONE:
            return None
        return self.lost <= self.rpo


def restored(plan: Plan) -> tuple[PlannedSource, ...]:
    """Return the sources that the plan's steps put data back from."""
    used = dict.fromkeys(step.call.source for step in plan.steps if step.call.source)
    return tuple(source for source in plan.sources if source.id in used)


def losses(incident: Incident, run: Run, *, now: datetime) -> tuple[Loss, ...]:
    """Return what is given up for each source that the run's plan restores from."""
    plan = run.plan
    if plan is None:
        return ()
    rpo = timedelta(seconds=plan.rpo_s) if plan.rpo_s is not None else None
    end = _end_of_writes(incident, run, plan)
    damage = _damage(incident, run, plan, end)
    return tuple(
        Loss(source.id, source.moment, damage, end, rpo, now, undone(plan, source))
        for source in restored(plan)
    )


def ahead(incident: Incident, moment: datetime, recovered: tuple[Recovered, ...], *, now: datetime) -> Loss:
    """Return what going back to a moment would give up, before any run is planned for it."""
    said, damage, later = _said(incident, recovered), incident.damage_start, _later(recovered, moment)
    end = said.at if said else None
    if damage and any(damage <= each.at for each in recovered if each not in later):
        # A run mended that before the moment, and nobody said when new damage began.
        damage = None
    return Loss("", moment, damage, end, None, now, later)


def undone(plan: Plan, source: PlannedSource) -> tuple[Recovered, ...]:
    """Return the runs that recovered what a source is put back to, after the moment that comes back."""
    return _later(_recovered(plan, source), source.moment)


def _later(recovered: tuple[Recovered, ...], moment: datetime | None) -> tuple[Recovered, ...]:
    return tuple(each for each in recovered if moment and each.back > moment)


def _recovered(plan: Plan, source: PlannedSource) -> tuple[Recovered, ...]:
    names = {name for step in plan.steps if step.call.source == source.id for name in step.acts_on}
    return recoveries({target.name: target.recovered for target in plan.targets}, names)


def unmeant(plan: Plan, incident: Incident) -> Iterator[str]:
    """Say which recovery a plan would undo without anybody having said since then which damage is meant."""
    said, damage = incident.damage_said, incident.damage_start
    for source in restored(plan):
        for last in undone(plan, source)[-1:]:
            if said and said > last.at:
                continue
            old = f", or `impact damage:{damage:%Y-%m-%dT%H:%M:%SZ}` if that is meant still" if damage else ""
            yield (
                f"{last.run} recovered at {utc(last.at)} what {source.id} would overwrite with an older "
                f"state: everything written since, {in_words(lasted(last.at, plan.drafted_at))} so far, "
                "would be thrown away, and nobody has said since then which damage is meant. Say `impact "
                f"damage:` with when new damage began{old}."
            )


def recovery(run: Run, incident: Incident, target: str) -> Recovered | None:
    """Return what later plans must know of a run that put a target's data back and proved it, if it did."""
    steps = [step for step in run.plan.steps if target in step.acts_on] if run.plan else []
    sources = {step.call.source for step in steps if is_back(run, step.call.source)}
    if run.recovered_at is None or not sources:
        return None
    found = [loss for loss in losses(incident, run, now=run.recovered_at) if loss.source in sources]
    until = min((loss.until for loss in found if loss.until), default=None)
    ended = [run.step(step.id).ended_at for step in steps if step.destructive]
    back = max((at for at in ended if at), default=run.recovered_at)
    return Recovered(run=run.id, back=back, at=run.recovered_at, good_until=until)


def _damage(incident: Incident, run: Run, plan: Plan, writes: datetime | None) -> datetime | None:
    """What is said to have begun after the writes that a recovery discarded is not what it recovered from."""
    if run.recovered_at is None:
        return incident.damage_start
    # A clock that is set back while a run goes on lets it end before it was planned.
    end = max(writes or run.recovered_at, plan.drafted_at)
    return next((at for at in reversed(incident.damages) if at <= end), None)


def _end_of_writes(incident: Incident, run: Run, plan: Plan) -> datetime | None:
    """Return from when on nothing was written that the run's restore would discard, or None.

    That is when a person said so, unless the run was planned since then and its own step stopped them later.
    """
    states = [(step, run.step(step.id)) for step in plan.steps]
    ended = [(step, state) for step, state in states if state.status in (Status.SUCCEEDED, Status.DONE)]
    overwrites = [state.started_at for step, state in ended if step.destructive and step.call.source]
    overwritten = min((at for at in overwrites if at), default=None)
    own = _own(incident, run, [state.ended_at for step, state in ended if step.stops_writers], overwritten)
    before = [each for source in restored(plan) for each in _recovered(plan, source)]
    said = _said(incident, before, recovered_at=run.recovered_at, overwritten=overwritten)
    if said and (own is None or own <= said.at or said.said > plan.drafted_at):
        return said.at
    return own or overwritten


def _own(
    incident: Incident, run: Run, steps: Iterable[datetime | None], overwritten: datetime | None
) -> datetime | None:
    """Return when the steps of a run stopped writers, unless they wrote again before its restore."""
    first = min((at for at in steps if at), default=None)
    told = [stop for stop in incident.stops if stop.run == run.id]
    if first is None or not told:
        return first
    return next((stop.at for stop in reversed(told) if stop.held(overwritten)), None)


def _said(
    incident: Incident,
    before: Iterable[Recovered],
    *,
    recovered_at: datetime | None = None,
    overwritten: datetime | None = None,
) -> Stop | None:
    """Return when a person said that writers were stopped for what is restored next, or by one recovery.

    After a recovery writers go on, and what is said of later was for another one.
    """
    began = max((each.at for each in before), default=None)
    for stop in reversed(incident.stops):
        late = recovered_at is not None and stop.at > recovered_at
        if stop.run is None and stop.held(overwritten) and not late:
            return None if began and stop.at <= began else stop
    return None


def is_back(run: Run, source: str | None) -> bool:
    """Say whether a run put data back from a source."""
    steps = run.plan.steps if run.plan else ()
    over = (Status.SUCCEEDED, Status.DONE)
    return source is not None and any(
        step.destructive and step.call.source == source and run.step(step.id).status in over for step in steps
    )


LITTLE = timedelta(minutes=5)
"""How much earlier than the damage a moment may be without a word: playbooks leave a little room."""


def beside(before: datetime, incident: Incident) -> str:
    """Say how the moment a playbook goes back before differs from when the damage began, or nothing.

    What is chosen and what is lost go by the damage; whoever gave the moment may know it better.
    """
    damage = incident.damage_start
    if damage is None or _NONE <= lasted(before, damage) <= LITTLE:
        return ""
    said = f"{incident.id} says that the damage began at {utc(damage)}"
    if before > damage:
        return (
            f"It was to go back to before {utc(before)}, and {said}, {in_words(lasted(damage, before))} "
            "earlier: what was kept since is not used, as damaged data would come back. If the damage "
            "began later, say `impact damage:` and plan again."
        )
    return (
        f"It goes back to before {utc(before)}, and {said}, {in_words(lasted(before, damage))} later: the "
        "good data that was written between is lost. If the damage began earlier, say `impact damage:`; if "
        "not, plan again with a later moment."
    )


def lines(loss: Loss) -> tuple[Line, ...]:
    """Return the loss as sentences; what is not known is named, with its bounds."""
    if loss.moment is None:
        return ((Strong("Data lost: "), "unknown, no recovery point of ", Code(loss.source), " is chosen."),)
    if loss.damage_start is None:
        return (*_undone(loss), *_unknown_start(loss, loss.moment))
    after = () if loss.mended else (_discarded(loss, loss.damage_start),)
    return (*_undone(loss), _lost(loss, loss.moment), *after)


def _undone(loss: Loss) -> Iterator[Line]:
    for last in loss.recovered[-1:]:
        counts = "; no later damage is stated, so it counts as good data" if loss.mended else ""
        if loss.damage_start and not loss.mended:
            counts = "; up to the new damage it counts as good data"
        yield (
            Strong(f"⚠ {last.run} recovered this data at "),
            Moment(last.at),
            Strong(": everything written since is thrown away, "),
            f"{in_words(lasted(last.at, loss.end))}{loss.so_far}{counts}.",
        )


def summary(loss: Loss) -> str:
    """Return the loss in a few words, for where there is room for no more."""
    if loss.moment is None:
        return "no recovery point is chosen"
    if loss.lost is None or loss.discarded is None:
        return f"lost or discarded {in_words(loss.together or _NONE)}{loss.so_far}; damage start unknown"
    lost = f"{in_words(loss.lost)} of good data lost" if loss.lost >= _NONE else "damaged data comes back"
    if loss.since is not None:
        lost = f"{lost}{loss.so_far}, {in_words(loss.since)} of it since {loss.recovered[0].run} recovered"
    if loss.mended:
        return lost
    return f"{lost}, {in_words(loss.discarded)} of later writes discarded{loss.so_far}"


def _unknown_start(loss: Loss, moment: datetime) -> tuple[Line, ...]:
    together = in_words(loss.together or _NONE)
    stopped = "when writers were stopped" if loss.writers_stopped else "now"
    return (
        (
            Strong("Data lost: "),
            "unknown, because nobody has said when the damage began. It could be any moment from the "
            "recovery point at ",
            Moment(moment),
            f" to {stopped}, ",
            Moment(loss.end),
            ".",
        ),
        (
            Strong("Good data lost and later writes discarded, together: "),
            f"{together}{loss.so_far}.{_against(loss.rpo)}",
        ),
    )


def _against(rpo: timedelta | None) -> str:
    return f" The RPO is {in_words(rpo)}." if rpo is not None else " No RPO is set."


def _lost(loss: Loss, moment: datetime) -> Line:
    if begun := loss.damaged:
        return (
            Strong("Damaged data comes back: "),
            "it is of ",
            Moment(moment),
            f", {in_words(lasted(begun, moment))} after the damage began at ",
            Moment(begun),
            ".",
        )
    stretches = loss.good or ((moment, moment),)
    return (
        Strong("Good data lost: "),
        f"{in_words(loss.lost or _NONE)}{loss.so_far} (",
        *joined([(Moment(start), " to ", Moment(end)) for start, end in stretches], " and "),
        f"). {rpo_verdict(loss)}",
    )


def rpo_verdict(loss: Loss) -> str:
    """Return the judgement against the RPO as one sentence."""
    if loss.rpo is None:
        return "No RPO is set."
    if loss.meets_rpo is None:
        return f"Whether the RPO of {in_words(loss.rpo)} is met cannot be said."
    return f"{'Within' if loss.meets_rpo else 'Misses'} the RPO of {in_words(loss.rpo)}."


def _discarded(loss: Loss, damage_start: datetime) -> Line:
    window = in_words(loss.discarded or _NONE)
    return (
        Strong("Later writes discarded: "),
        f"{window}{loss.so_far} (",
        Moment(damage_start),
        " to ",
        *((Moment(loss.end),) if loss.writers_stopped else ("now, writers are not stopped",)),
        ").",
    )
