"""Whose yes a gate needs, and what helps where nobody can complete it.

People leave, the catalog changes and places are given away, also while a gate is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from bot.core.approval import Approval, missing
from bot.core.delegation import Delegations, places
from bot.core.plan import PlannedGate
from bot.core.run import Run
from bot.core.words import at_names

Holders = Mapping[str, Sequence[str]]


def needed(gate: PlannedGate, holders: Holders) -> str:
    """Return whose yes a gate needs, in words."""
    return "; ".join(
        f"{quorum.least} of {quorum.role}: {at_names(holders.get(quorum.role, ()))}"
        for quorum in gate.require
    )


def empty_seats(gate: PlannedGate, holders: Holders, *, requester: str, now: datetime) -> tuple[str, ...]:
    """Return the role of each seat that stays empty even when everybody who may says yes."""
    others = [name for name in _asked(gate, holders) if name != requester]
    return missing(gate, [Approval(name, "", "", now) for name in others], holders)


def dead_end(
    run: Run, gate: PlannedGate, *, holders: Holders, delegations: Delegations, now: datetime
) -> str:
    """Return that nobody can complete a gate and what helps, or nothing where people can."""
    if not empty_seats(gate, holders, requester=run.requester, now=now):
        return ""
    started = f"; @{run.requester} started it" if run.requester in _asked(gate, holders) else ""
    ways = "; or ".join(_ways(run, gate, holders, delegations, now))
    return (
        f"Nobody can complete {run.id}.{gate.name}: it needs {needed(gate, holders)}, of different people"
        f"{started}. What helps: {ways}."
    )


def _asked(gate: PlannedGate, holders: Holders) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for quorum in gate.require for name in holders.get(quorum.role, ())))


def _ways(
    run: Run, gate: PlannedGate, holders: Holders, delegations: Delegations, now: datetime
) -> Iterator[str]:
    asked = _asked(gate, holders)
    for person, to in places(delegations, now=now).items():
        if to in asked and person not in asked:
            yield f"@{person} says `delegate end`"
    glass = gate.break_glass
    if glass and len(who := holders.get(glass.role, ())) >= glass.least:
        yield f'{at_names(who)} breaks the glass (`approve {run.id}.{gate.name} break-glass:"why"`)'
    if run.requester in asked:
        yield f"`abort {run.id}`, and somebody else plans and starts it anew"
    yield f"the catalog names somebody more for {' or '.join(_short(gate, holders, run.requester, now))}"


def _short(gate: PlannedGate, holders: Holders, requester: str, now: datetime) -> list[str]:
    """Return the roles in which one person more would fill a seat."""
    lacks = len(empty_seats(gate, holders, requester=requester, now=now))
    return [
        role
        for role in dict.fromkeys(quorum.role for quorum in gate.require)
        for more in [{**holders, role: (*holders.get(role, ()), "somebody more")}]
        if len(empty_seats(gate, more, requester=requester, now=now)) < lacks
    ]
