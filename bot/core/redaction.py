"""Words taken out of events: only out of what people and programs said, never out of what decides.

Names, ids, digests, choices and times stay as they are, so that whatever was decided on an event still is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal, get_origin

from bot.core.events import Event

REMOVED = "[removed]"
SHORTEST = 4
"""How many characters words must have that are looked for everywhere: fewer would hit half the record."""
_AROUND = ".,;:!?\"'`()[]{}<>"
"""What stands around a word in a sentence."""

WORDS = frozenset(
    {
        "actions",
        "availability_evidence",
        "because",
        "break_glass",
        "conditions",
        "data_statement",
        "evidence",
        "files",
        "found",
        "leaves",
        "needs",
        "note",
        "problem",
        "speed_evidence",
        "stands",
        "statement",
        "tail",
        "target_said",
        "text",
        "title",
        "unanswered",
        "url",
        "why",
    }
)
"""The fields of events that hold what was said."""
OF_A_KIND: Mapping[str, frozenset[str]] = {
    "task-given": frozenset({"what"}),
    "merged-in": frozenset({"impact"}),
    "external-drafted": frozenset({"lost"}),
}
"""Fields that hold what was said in events of one kind, and something else in others."""


def said_fields(kind: type[Event]) -> frozenset[str]:
    """Return the names of an event's fields that hold what was said."""
    return (WORDS | OF_A_KIND.get(kind.model_fields["kind"].default, frozenset())) - _chosen(kind)


def without(event: Event, words: str) -> Event:
    """Return an event in which these words are removed, the same one where it does not hold them."""
    return _changed(event, lambda said: said.replace(words, REMOVED))


def wordless(event: Event) -> Event:
    """Return an event without anything that was said in it, the same one where nothing was."""
    return _changed(event, lambda said: REMOVED if said else said)


def said_in(event: Event) -> list[str]:
    """Return everything that was said in an event."""
    found: list[str] = []

    def seen(said: str) -> str:
        found.append(said)
        return said

    _changed(event, seen)
    return [said for said in found if said and said != REMOVED]


def telling(texts: Iterable[str]) -> frozenset[str]:
    """Return the texts and what stands out in them: words that may be a secret or a name, unlike most."""
    return frozenset(each for text in texts for each in (text, *_standing_out(text)) if len(each) >= SHORTEST)


def _standing_out(text: str) -> Iterator[str]:
    for number, word in enumerate(text.split()):
        bare = word.strip(_AROUND)
        plain = bare.isalpha() and (bare.islower() or (number == 0 and bare.istitle()))
        if not plain:
            yield bare


def _changed(event: Event, change: Callable[[str], str]) -> Event:
    fields = event.model_dump(mode="json")
    said = said_fields(type(event))
    changed = {name: _each(value, change) if name in said else value for name, value in fields.items()}
    return event if changed == fields else type(event).model_validate(changed)


def _chosen(kind: type[Event]) -> frozenset[str]:
    """Return the fields of an event that hold one of a few words, which nobody said."""
    fields = kind.model_fields.items()
    return frozenset(name for name, field in fields if get_origin(field.annotation) is Literal)


def _each(value: object, change: Callable[[str], str]) -> object:
    match value:
        case str():
            return change(value)
        case list():
            return [_each(item, change) for item in value]
        case dict():
            return {name: _each(item, change) for name, item in value.items()}
        case _:
            return value
