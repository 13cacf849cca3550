"""Decisions: what those that were recorded teach."""

from __future__ import annotations

from bot.commands.reports import OPTIONS, asked_for, reported
from bot.commands.verb import Ask, Outcome, Verb
from bot.core import incident as incidents
from bot.core.cards.learning import lessons_card
from bot.core.incident import Incident
from bot.core.learning import lessons, lessons_json
from bot.core.may import Right


async def act(ask: Ask) -> Outcome:
    """Report on the decisions of all incidents, of one service's, or of a span of time.

    How often people chose what was proposed, what they went over, how often they chose again, and how long it
    took to decide: counts and percentiles, with how many there were.
    """
    span = asked_for(ask)
    found = lessons(await _incidents(ask, span.service), since=span.since, until=span.until)
    return reported(ask, lessons_card(found, span.scope), lessons_json(found))


async def _incidents(ask: Ask, service: str | None) -> list[Incident]:
    listed = await ask.timeline.lookup.incidents(only_open=False, service=service)
    found = [incidents.fold(await ask.timeline.read(f"incident/{item.id}")) for item in listed]
    return [incident for incident in found if incident]


VERB = Verb(
    name="decisions",
    usage="decisions report [text|json] [svc:name] [since:-90d] [until:-30d]",
    summary="Show what decisions teach: agreement with proposals, overrides, time to decide.",
    right=Right.READ,
    act=act,
    options=OPTIONS,
    words=2,
)
