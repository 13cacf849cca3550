"""What two channels read when their incidents turn out to be one event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import assert_never

from bot.core import events
from bot.core.cards.said.incidents import fact_in_words, one_line
from bot.core.document import Block, Bullets, Code, Document, Fields, Line, Moment, Paragraph, Strong, Who
from bot.core.events import Entry, MergeEvent
from bot.core.incident import Incident
from bot.core.tasks import Stand
from bot.core.words import joined, linked, people, sentence, value_in_words


def said_of_merging(entry: Entry, event: MergeEvent, incident: Incident) -> Document:
    """Return where to go on, who comes from where, or that an incident goes on by itself again."""
    match event:
        case events.Merged():
            return _merged(entry, event, incident)
        case events.MergedIn():
            return _merged_in(event, incident)
        case events.Parted():
            return one_line(entry)
        case _:
            assert_never(event)


def _merged(entry: Entry, event: events.Merged, incident: Incident) -> Document:
    room: Line = (", in ", linked(f"#{event.room}", event.url)) if event.room else ()
    pairs: list[tuple[str, Line]] = [("Why", (event.why,)), ("Go on", (f"in {event.into}", *room))]
    moved = [f"T{task.number} is {task.note}" for task in incident.tasks if task.stand is Stand.MOVED]
    if moved:
        pairs.append(("To do there", (", ".join(moved),)))
    pairs.append(("Merged", (Moment(entry.occurred_at), " by ", Who(entry.by))))
    return Document(f"{incident.id} was merged into {event.into}: {incident.title}", (Fields(tuple(pairs)),))


def _merged_in(event: events.MergedIn, incident: Incident) -> Document:
    line: Line = (Strong(event.incident), f" ({event.title}) is the same event and goes on here: ")
    who: Line = (" Who worked on it: ", *people(event.people, ping=event.people), ".")
    told = list(known_there(event, incident))
    listed: tuple[Block, ...] = (Bullets(told),) if told else ()
    return Document("", (Paragraph((*line, sentence(event.why), *who)), *listed))


_MOMENTS = {
    "start": "it began ",
    "damage": "the damage began ",
    "detected": "it was detected ",
    "acknowledged": "somebody took it on ",
    "writers-stopped": "writers were stopped ",
}


def known_there(event: events.MergedIn, incident: Incident) -> Iterator[Line]:
    """Return what the duplicate knows and this incident does not, with what says it here; people judge."""
    there, here = event.incident, f"inc:{incident.id}"
    if event.severity:
        said = f"{there} was SEV{event.severity}, {incident.id} is SEV{incident.severity}: "
        yield (said, Code(f'sev {event.severity} {here} why:"…"'))
    for run, playbook in event.planned.items():
        again = Code(f"plan {playbook} {here}")
        yield (f"{run} was planned for {there} and cannot be started: plan again, ", again)
    of = f", which is about {event.about}," if event.about else ""
    if event.facts:
        typed = " ".join(f"{name}:{value_in_words(value)}" for name, value in sorted(event.facts.items()))
        # What is so of another service need not be so of this one.
        says: Line = () if event.about else (": ", Code(f"decide {typed} {here}"))
        yield (f"{there}{of} knows what nobody said here, {_facts(event.facts)}", *says)
    if event.otherwise:
        yield (f"In {there}{of} people said otherwise: {_facts(event.otherwise)}",)
    yield from _impact(event, here)
    for what, value in (("suspected release", event.release), ("change", event.change)):
        if value:
            yield (f"The {what} of {there} is ", Code(value))
    if event.decisions:
        yield (f"Decided in {there}: {', '.join(event.decisions)}; ", linked("its timeline", event.timeline))


def not_taken_over(event: events.MergedIn, incident: Incident) -> Line:
    """Return in a few words what the duplicate had and this incident has not, empty for nothing."""
    told = (
        *(f"{run} (plan again in {incident.id})" for run in event.planned),
        *(f"the decision {option}" for option in event.decisions),
        "the impact as stated" if event.impact else "",
        f"the suspected release {event.release}" if event.release else "",
        f"the change {event.change}" if event.change else "",
        "facts" if event.facts or event.otherwise else "",
        "moments" if event.moments else "",
    )
    named = ", ".join(filter(None, told))
    return (f"Not taken over: {named}",) if named else ()


def _facts(known: Mapping[str, bool | int | float | str]) -> str:
    return ", ".join(fact_in_words(name, value) for name, value in sorted(known.items()))


def _impact(event: events.MergedIn, here: str) -> Iterator[Line]:
    if event.impact:
        yield (f"The impact as stated in {event.incident}: {event.impact}",)
    if event.moments:
        told = [(name, event.moments[name]) for name in _MOMENTS if name in event.moments]
        moments = joined([(_MOMENTS[name], Moment(at)) for name, at in told])
        typed = " ".join(f"{name}:{at:%Y-%m-%dT%H:%M:%SZ}" for name, at in told)
        yield (f"As {event.incident} has it, ", *moments, ": ", Code(f"impact {typed} {here}"))
