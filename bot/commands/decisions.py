"""Decisions: what those that were recorded teach."""

from __future__ import annotations

from datetime import datetime

from bot.commands.grammar import a_time, one_of
from bot.commands.verb import Answer, Ask, Outcome, Verb
from bot.core import incident as incidents
from bot.core.cards.learning import lessons_card
from bot.core.errors import Refused
from bot.core.incident import Incident
from bot.core.learning import lessons, lessons_json
from bot.core.may import Right


async def act(ask: Ask) -> Outcome:
    """Report on the decisions of all incidents, of one service's, or of a span of time.

    How often people chose what was proposed, what they went over, how often they chose again, and how long it
    took to decide: counts and percentiles, with how many there were.
    """
    one_of(ask.argument(0, "`report`"), ("report",), "word of decisions")
    service, since, until = _service(ask), _moment(ask, "since"), _moment(ask, "until")
    if since and until and since >= until:
        raise Refused(f"`since:` is not before `until:`: nothing lies between them. {ask.usage}")
    found = lessons(await _incidents(ask, service), since=since, until=until)
    return Outcome(Answer(lessons_card(found, _scope(service, since, until)), data=lessons_json(found)))


def _service(ask: Ask) -> str | None:
    word = ask.words.options.get("svc")
    found = ask.catalog.service(word) if word else None
    if word and found is None:
        near = ask.catalog.nearest_service(word)
        hint = f"Did you mean {near}?" if near else f"There are: {', '.join(sorted(ask.catalog.services))}."
        raise Refused(f"There is no service {word[:60]}. {hint}")
    return found


def _moment(ask: Ask, name: str) -> datetime | None:
    word = ask.words.options.get(name)
    return a_time(word, ask.now) if word else None


async def _incidents(ask: Ask, service: str | None) -> list[Incident]:
    listed = await ask.timeline.lookup.incidents(only_open=False, service=service)
    found = [incidents.fold(await ask.timeline.read(f"incident/{item.id}")) for item in listed]
    return [incident for incident in found if incident]


def _scope(service: str | None, since: datetime | None, until: datetime | None) -> str:
    of = f" of {service}" if service else ""
    start = f" since {since:%Y-%m-%d %H:%M}Z" if since else ""
    return f"{of}{start}" + (f" until {until:%Y-%m-%d %H:%M}Z" if until else "")


VERB = Verb(
    name="decisions",
    usage="decisions report [svc:name] [since:-90d] [until:-30d]",
    summary="Show what decisions teach: agreement with proposals, overrides, time to decide.",
    right=Right.READ,
    act=act,
    options=frozenset({"svc", "since", "until"}),
)
