"""Whether somebody waits for what a system lost to be put back."""

from __future__ import annotations

from collections.abc import Iterable

from bot.core.events import Entry, RepairAsked, Repaired


def repair_of(own: Iterable[Entry], system: str) -> int:
    """Return the number of the entry whose repair a system still owes an incident, 0 for none."""
    asked = 0
    for entry in own:
        match entry.event:
            case RepairAsked():
                asked = entry.seq
            case Repaired(system=done) if done == system:
                asked = 0
            case _:
                pass
    return asked
