"""What customers were told, a line each."""

from __future__ import annotations

from typing import assert_never

from bot.core import events
from bot.core.document import Line, Strong
from bot.core.events import ExternalEvent
from bot.core.words import linked, sentence, system_in_words


def describe_external(event: ExternalEvent) -> Line:
    """Return what was drafted or sent, or what came of it."""
    match event:
        case events.ExternalDrafted(status=status, text=text):
            return (f"Draft for customers, {status}: {text}",)
        case events.ExternalSent(draft=draft):
            return (f"Send E{draft} to customers",)
        case events.ExternalDropped(draft=draft):
            return (f"Do not send E{draft} to customers",)
        case events.ExternalTold():
            return _told(event)
        case _:
            assert_never(event)


def _told(event: events.ExternalTold) -> Line:
    system = system_in_words(event.system)
    if not event.why:
        return ("Customers are told ", linked(f"E{event.draft}", event.url), f" ({event.status}) by {system}")
    if event.trying:
        return (Strong(f"E{event.draft} has not reached {system} yet"), f": {sentence(event.why)}")
    return (Strong(f"E{event.draft} did not reach {system}"), f": {sentence(event.why)}")
