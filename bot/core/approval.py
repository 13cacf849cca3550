"""Who said yes to what, and whether that is enough.

A gate is open while different people fill every quorum, nobody said no, and the plan is still the
one they approved. One person counts once, whatever number of roles they hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.core.plan import PlannedGate


class Standing(StrEnum):
    """Where a gate stands."""

    GATHERING = "gathering"
    OPEN = "open"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's yes; `break_glass` is the reason when the playbook's emergency way was used."""

    person: str
    role: str
    hash: str
    at: datetime
    break_glass: str | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """One person's no."""

    person: str
    why: str
    at: datetime


@dataclass(frozen=True, slots=True)
class GateState:
    """What was said at a gate so far."""

    name: str
    asked_at: datetime
    expires: datetime
    approvals: tuple[Approval, ...] = ()
    rejection: Rejection | None = None
    expired: bool = False
    used: bool = False


def standing(
    gate: PlannedGate, state: GateState, *, hash: str, holders: Mapping[str, Sequence[str]], now: datetime
) -> Standing:
    """Return where a gate stands now; `holders` are the people who hold each role at this moment."""
    if state.rejection:
        return Standing.REJECTED
    valid = [a for a in state.approvals if counts(a, gate, hash=hash, holders=holders, now=now)]
    if _broken_glass(gate, valid):
        return Standing.OPEN
    if state.expired:
        return Standing.EXPIRED
    return Standing.OPEN if filled(gate, valid, holders) else Standing.GATHERING


def counts(
    approval: Approval,
    gate: PlannedGate,
    *,
    hash: str,
    holders: Mapping[str, Sequence[str]],
    now: datetime,
) -> bool:
    """Say whether an approval still counts: the same plan, not too old, the person still in the role."""
    return stands(approval, gate, hash=hash, now=now) and approval.person in holders.get(approval.role, ())


def stands(approval: Approval, gate: PlannedGate, *, hash: str, now: datetime) -> bool:
    """Say whether an approval is of the same plan and not too old, whoever holds its role now."""
    return approval.hash == hash and now - approval.at <= timedelta(seconds=gate.valid_for_s)


def missing(
    gate: PlannedGate, approvals: Sequence[Approval], holders: Mapping[str, Sequence[str]]
) -> tuple[str, ...]:
    """Return the role of each yes that is still needed, in the order of the gate."""
    seats = [quorum.role for quorum in gate.require for _ in range(quorum.least)]
    people = dict.fromkeys(approval.person for approval in approvals)
    fit = [[person for person in people if person in holders.get(role, ())] for role in seats]
    taken: dict[str, int] = {}
    return tuple(role for seat, role in enumerate(seats) if not _seated(seat, fit, taken, set()))


def _seated(seat: int, fit: Sequence[Sequence[str]], taken: dict[str, int], asked: set[str]) -> bool:
    """Give a seat to somebody, who may have to leave another that somebody else can take."""
    for person in fit[seat]:
        if person not in asked:
            asked.add(person)
            if person not in taken or _seated(taken[person], fit, taken, asked):
                taken[person] = seat
                return True
    return False


def filled(gate: PlannedGate, approvals: Sequence[Approval], holders: Mapping[str, Sequence[str]]) -> bool:
    """Say whether different people fill every quorum of the gate."""
    return not missing(gate, approvals, holders)


def _broken_glass(gate: PlannedGate, approvals: Sequence[Approval]) -> bool:
    glass = gate.break_glass
    if glass is None:
        return False
    people = {a.person for a in approvals if a.break_glass and a.role == glass.role}
    return len(people) >= glass.least


def role_of(
    gate: PlannedGate, person: str, holders: Mapping[str, Sequence[str]], *, left: Sequence[str] = ()
) -> str | None:
    """Return the role in which a person may approve at this gate, first of those that are `left`, or None."""
    roles = (*left, *(quorum.role for quorum in gate.require))
    return next((role for role in roles if person in holders.get(role, ())), None)
