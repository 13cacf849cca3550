"""What going back to a recovery point gives up, said one way.

Lost good data runs from the recovery point to the start of the damage and is judged against the RPO.
Discarded later writes run from there to the moment writers were stopped, by the run itself or by hand, or
to the moment its restore began to overwrite what they wrote; until then both are "so far".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.document import Code, Line, Moment, Strong, utc
from bot.core.incident import Incident
from bot.core.plan import Plan, PlannedSource
from bot.core.run import Run, Status
from bot.core.words import in_words, lasted

_NONE = timedelta(0)


@dataclass(frozen=True, slots=True)
class Loss:
    """What going back to one moment costs; times are aware UTC, None is what nobody has said yet.

    `moment` is the state that comes back, None where no recovery point is chosen.
    """

    source: str
    moment: datetime | None
    damage_start: datetime | None
    writers_stopped: datetime | None
    rpo: timedelta | None
    now: datetime

    @property
    def end(self) -> datetime:
        """Return the moment up to which later writes are discarded."""
        return self.writers_stopped or self.now

    @property
    def lost(self) -> timedelta | None:
        """Return how much good data is lost; negative when the point holds damage itself."""
        return lasted(self.moment, self.damage_start) if self.moment and self.damage_start else None

    @property
    def discarded(self) -> timedelta | None:
        """Return the window of later writes that are thrown away."""
        return max(_NONE, lasted(self.damage_start, self.end)) if self.damage_start else None

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
    return tuple(
        Loss(source.id, source.moment, incident.damage_start, end, rpo, now) for source in restored(plan)
    )


def _end_of_writes(incident: Incident, run: Run, plan: Plan) -> datetime | None:
    """Return from when on nothing was written that the run's restore would discard, or None.

    What another run stopped counts for that run alone: it may have let writers go on again.
    """
    said = incident.writers_stopped if incident.stopped_by in (None, run.id) else None
    states = [(step, run.step(step.id)) for step in plan.steps]
    ended = [(step, state) for step, state in states if state.status in (Status.SUCCEEDED, Status.DONE)]
    stops = [state.ended_at for step, state in ended if step.stops_writers]
    overwrites = [state.started_at for step, state in ended if step.destructive and step.call.source]
    if incident.stopped_by is None and said:
        return said
    if stops:
        return said or min((at for at in stops if at), default=None)
    return min((at for at in overwrites if at), default=None)


def outdated(run: Run, incident: Incident) -> str | None:
    """Say why a plan must be made again: since then the damage is said to have begun before its points."""
    if back := damaged_again(run, incident):
        return back
    late = next(_too_late(run, incident), None)
    if late is None:
        return None
    return (
        f"Since {run.id} was planned, the damage is said to have begun at {utc(late.damage)}, and what "
        f"{late.point} brings back is of {utc(late.moment)}: damaged data would come back."
    )


def damaged_again(run: Run, incident: Incident) -> str | None:
    """Say what a run put back that is said to have been damaged already, if it did."""
    late = next((late for late in _too_late(run, incident) if _is_back(run, late.source)), None)
    if late is None:
        return None
    return (
        f"{run.id} put {late.point} back as of {utc(late.moment)}, and the damage began at "
        f"{utc(late.damage)}: damaged data came back."
    )


@dataclass(frozen=True, slots=True)
class _Late:
    """A source whose state is of a moment at which the damage had begun, as was said after it was chosen."""

    source: str
    point: str
    moment: datetime
    damage: datetime


def _too_late(run: Run, incident: Incident) -> Iterator[_Late]:
    plan, begun, said = run.plan, incident.damage_start, incident.damage_said
    if plan is None or begun is None or said is None or said <= plan.drafted_at:
        return
    for source in restored(plan):
        if source.point and source.moment and source.moment >= begun:
            yield _Late(source.id, source.point.id, source.moment, begun)


def _is_back(run: Run, source: str) -> bool:
    steps = run.plan.steps if run.plan else ()
    over = (Status.SUCCEEDED, Status.DONE)
    return any(
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
        return _unknown_start(loss, loss.moment)
    return (_lost(loss, loss.moment, loss.damage_start), _discarded(loss, loss.damage_start))


def summary(loss: Loss) -> str:
    """Return the loss in a few words, for where there is room for no more."""
    if loss.moment is None:
        return "no recovery point is chosen"
    if loss.lost is None or loss.discarded is None:
        return f"lost or discarded {in_words(loss.together or _NONE)}{loss.so_far}; damage start unknown"
    lost = f"{in_words(loss.lost)} of good data lost" if loss.lost >= _NONE else "damaged data comes back"
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


def _lost(loss: Loss, moment: datetime, damage_start: datetime) -> Line:
    lost = lasted(moment, damage_start)
    if lost < _NONE:
        return (
            Strong("Damaged data comes back: "),
            "it is of ",
            Moment(moment),
            f", {in_words(-lost)} after the damage began at ",
            Moment(damage_start),
            ".",
        )
    return (
        Strong("Good data lost: "),
        f"{in_words(lost)}{loss.so_far} (",
        Moment(moment),
        " to ",
        Moment(damage_start),
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
