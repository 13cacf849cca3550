"""Why a run waits: several reasons can stand at once, and each ends by what settles it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bot.core.events import Event, RunPaused, RunRecovered, RunResumed
from bot.core.words import sentence

Pauses = tuple[RunPaused, ...]


def after(pauses: Pauses, event: Event) -> Pauses:
    """Return the pauses of a run after one more event; one for the same reason takes the place of the old."""
    match event:
        case RunPaused():
            return (*without(pauses, [event.reason]), event)
        case RunResumed(lifts=()) | RunRecovered():
            return ()
        case RunResumed(lifts=lifts):
            return without(pauses, lifts)
        case _:
            return pauses


def without(pauses: Pauses, reasons: Collection[str]) -> Pauses:
    """Return the pauses that are left when these reasons are gone."""
    return tuple(pause for pause in pauses if pause.reason not in reasons)


def first_of(pauses: Pauses) -> RunPaused | None:
    """Return the pause to settle first: one about a step that wants a choice, else the newest."""
    steps = [pause for pause in pauses if pause.of_step]
    return (steps or pauses or (None,))[-1]


def whys(pauses: Sequence[RunPaused]) -> str:
    """Return everything that a run waits for, in words."""
    return pauses[0].why if len(pauses) == 1 else " ".join(sentence(pause.why) for pause in pauses)
