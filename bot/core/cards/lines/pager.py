"""What happened between an incident and the system that pages people, a line each."""

from __future__ import annotations

from typing import assert_never

from bot.core import events
from bot.core.document import Line, Strong
from bot.core.events import PagerEvent
from bot.core.words import joined, linked, people, system_in_words

_IN_PAGERDUTY = {
    "acknowledged": "acknowledged the page",
    "unacknowledged": "The page is no longer acknowledged",
    "delegated": "gave it to others",
    "escalated": "It was escalated to the next level",
    "priority": "changed its priority",
    "reassigned": "gave it to somebody else",
    "reopened": "triggered it again",
    "resolved": "resolved it there; here it goes on until somebody says `resolve`",
}


def describe_paging(event: PagerEvent) -> Line:
    """Return who was called, and how that went."""
    match event:
        case events.PagerLinked(system=system, number=number, url=url):
            name = linked(f"{system_in_words(system)} #{number}", url)
            return (name, " was opened: who is on call for the service is paged")
        case events.PageAsked(groups=groups, people=named, why=why):
            return ("Page ", *_whom(groups, named), f": {why}")
        case events.Paged(groups=groups, people=named, missed=missed):
            sent: Line = (Strong("Paged"), ": ", *_whom(groups, named)) if groups or named else ()
            not_sent: Line = (
                (Strong("Not paged"), f": {'; '.join(missed)}. Call them yourselves") if missed else ()
            )
            return joined([part for part in (sent, not_sent) if part], ". ") or ("Nobody was paged",)
        case events.PagerTold():
            return _told(event)
        case _:
            assert_never(event)


def _told(event: events.PagerTold) -> Line:
    who = f"{event.who}: " if event.who else ""
    match event.what:
        case "asked":
            return (f"PagerDuty: {who}", Strong(event.whom or "somebody"), " is asked to come")
        case "replied":
            return (f"PagerDuty: {who}", Strong(event.whom or "somebody"), f" {event.state or 'answered'}")
        case "note" | "update":
            return (f"PagerDuty: {who}{event.text}",)
        case _:
            return (f"PagerDuty: {who}{_IN_PAGERDUTY.get(event.what, event.what)}",)


def _whom(groups: tuple[str, ...], named: tuple[str, ...]) -> Line:
    return joined([*((group,) for group in groups), *([people(named)] if named else [])])
