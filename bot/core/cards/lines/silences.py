"""Which alerts a run keeps silent, a line each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from bot.core import events
from bot.core.document import Code, Line, Moment, Strong, Who
from bot.core.events import SilenceEvent
from bot.core.silence import Labels, Silence, matchers
from bot.core.words import BACKSTOP, joined, sentence

_BECAUSE = {
    "run": "the run is over",
    "person": "somebody wants them heard",
    "time": "its time is over",
    "elsewhere": "somebody ended it in Alertmanager",
}


def describe_silence(event: SilenceEvent) -> Line:
    """Return what was asked of the alerts of a run, or what came of it."""
    match event:
        case events.SilenceAsked(alerts=alerts, until=until, why=why):
            return (*alerts_with(alerts), " are to be silent until ", Moment(until), f": {why}")
        case events.SilenceLifted(why=why):
            return (f"Its alerts are to be heard again{f': {why}' if why else ''}",)
        case events.SilencePlaced(labels=labels, until=until):
            return (
                *alerts_with([labels]),
                " are ",
                Strong("silent"),
                " until ",
                Moment(until),
                " at the latest",
            )
        case events.SilenceEnded(labels=labels, because=because):
            return (*alerts_with([labels]), f" are no longer silent: {_BECAUSE.get(because, because)}")
        case events.SilenceTroubled(why=""):
            return ("Alertmanager does what it is asked again",)
        case events.SilenceTroubled(why=why):
            return (Strong("Alertmanager does not do what it is asked"), f": {sentence(why)}")
        case _:
            assert_never(event)


def alerts_with(alerts: Iterable[Labels], word: str = "Alerts") -> Line:
    """Return which alerts are meant, by the labels that they carry."""
    return (f"{word} with ", *joined([(Code(matchers(labels)),) for labels in alerts], " or "))


def silence_line(silence: Silence) -> Line:
    """Return how a silence stands: whether alerts are silent, until when, and who wanted it."""
    said: Line = (", as the plan says",) if silence.by == BACKSTOP else (", said ", Who(silence.by))
    until: Line = (" until ", Moment(silence.until), " at the latest", *said)
    if silence.lifted:
        until = (" for now: somebody wants them heard",)
    word = "Silent" if silence.placed else "To be silent"
    return (Strong(word), *(": ", *alerts_with([silence.labels], "alerts")), *until)
