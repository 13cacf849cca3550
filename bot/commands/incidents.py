"""Incidents: how long they took, by the figures of their post-mortems."""

from __future__ import annotations

from bot.commands.reports import OPTIONS, Span, asked_for, reported
from bot.commands.verb import Ask, Outcome, Verb
from bot.core.cards.measured import report_card
from bot.core.events import Entry
from bot.core.may import Right
from bot.core.measured import report, report_json
from bot.core.postmortem.story import Story
from bot.core.words import within
from bot.timeline.rehearsals import read_drill
from bot.timeline.stories import rehearsals, told


async def act(ask: Ask) -> Outcome:
    """Report on the figures of all incidents, of one service's, or of those declared in a span of time.

    Each figure as it is spread, whether its target was met, and how many incidents nobody can say it of. No
    averages. Drills, false alarms and what was merged are left out and counted; a replay leaves nothing.
    """
    span = asked_for(ask)
    drills, playbooks = await _drills(ask, span)
    found = report(await _stories(ask, span, playbooks), released=await _released(ask, span), drills=drills)
    return reported(ask, report_card(found, span.scope), report_json(found))


async def _stories(ask: Ask, span: Span, playbooks: frozenset[str]) -> list[Story]:
    listed = await ask.timeline.lookup.incidents(only_open=False, service=span.service)
    rehearsed = await rehearsals(ask.timeline, playbooks)
    found = [await told(ask.timeline, item.id, drills=rehearsed) for item in listed]
    return [each for each in found if each and within(each.incident.declared_at, span.since, span.until)]


async def _drills(ask: Ask, span: Span) -> tuple[int, frozenset[str]]:
    """Return how many drills there were in the span, and of which playbooks there were any at all."""
    every = [await read_drill(ask.timeline, id) for id in await ask.timeline.lookup.drills()]
    own = [each for each in every if each and span.service in (None, each.asked.service)]
    there = [each for each in own if within(each.asked_at, span.since, span.until)]
    return len(there), frozenset(each.asked.playbook for each in own)


async def _released(ask: Ask, span: Span) -> list[Entry]:
    services = [span.service] if span.service else sorted(ask.catalog.services)
    every = [entry for name in services for entry in await ask.timeline.read(f"service/{name}")]
    return [entry for entry in every if within(entry.occurred_at, span.since, span.until)]


VERB = Verb(
    name="incidents",
    usage="incidents report [text|json] [svc:name] [since:-90d] [until:-30d]",
    summary="Show how long incidents took: each figure as it is spread, targets met and missed.",
    right=Right.READ,
    act=act,
    options=OPTIONS,
    words=2,
)
