"""Where a person says something else of a fact than what a machine knows now.

The person's word counts as the answer. What the machine knows is told beside it and still rules out what it
would, so that one word takes no danger away: going over that takes the role and the reason, as always.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.document import utc
from bot.core.errors import Refused
from bot.core.events import FactLearnt
from bot.core.incident import Incident
from bot.core.words import value_in_words
from playbooks.criteria import FACTS, Criteria, Facts, Known, Value

TICK = timedelta(minutes=5)
"""Minutes that are not farther apart are the same; less than that nobody learns anything from."""


@dataclass(frozen=True, slots=True)
class Disputed:
    """A fact with what a person said of it and what a machine found."""

    fact: str
    said: Known
    found: Known

    @property
    def words(self) -> str:
        """Return both as a sentence goes on: which machine says what, and who says otherwise."""
        return f"{self.fact} is {looked_up(self.found)}, and @{self.said.by} says {_value(self.said)}"


def disputed(incident: Incident, criteria: Criteria, now: datetime) -> tuple[Disputed, ...]:
    """Return the facts of which a person said something else than a machine knows, which is still good."""
    said = criteria.fresh(incident.known, now)
    found = criteria.fresh(incident.found, now)
    return tuple(
        Disputed(name, known, incident.found[name])
        for name, known in incident.known.items()
        if known.of_person and name in said and name in found and differ(name, known, incident.found[name])
    )


def as_found(facts: Facts, apart: Sequence[Disputed]) -> Facts:
    """Return the facts with what machines found in place of what people say."""
    return {**facts, **{each.fact: each.found.value for each in apart}}


def each_and_all(apart: Sequence[Disputed]) -> Iterator[Sequence[Disputed]]:
    """Yield the facts one by one, then together: what two of them rule out neither may alone."""
    yield from ((each,) for each in apart)
    if len(apart) > 1:
        yield apart


def differ(name: str, one: Known, other: Known) -> bool:
    """Say whether two values of a fact are not the same; minutes went by between the two."""
    return not is_as(name, one.value, other.value, within=TICK + abs(one.at - other.at))


def is_as(name: str, one: Value, other: Value, *, within: timedelta = TICK) -> bool:
    """Say whether two values of a fact are the same, minutes where they are less than so long apart."""
    if FACTS[name].unit == "minutes" and isinstance(one, int | float) and isinstance(other, int | float):
        return timedelta(minutes=abs(one - other)) < within
    return one == other


def looked_up(found: Known) -> str:
    """Return what a machine found, what that rests on and when it was."""
    because = found.because or found.source.removeprefix("machine:")
    return f"{_value(found)} as looked up {utc(found.at)} ({because})"


def says(known: Known) -> str:
    """Return what a person said and who."""
    return f"{_value(known)}, as @{known.by} says"


def _value(known: Known) -> str:
    return value_in_words(known.value)


def word_of_a_person(
    incident: Incident, name: str, value: Value, good: Container[str], at: datetime
) -> FactLearnt:
    """Return what somebody says of a fact, with what a machine knows of it if that is something else.

    Raises Refused where nobody is said to know what a machine does know: `good` are the facts it still knows.
    """
    found, known = incident.found.get(name), incident.known.get(name)
    if found is None or name not in good:
        return FactLearnt(name=name, value=value)
    if value is None and known is found:
        raise Refused(
            f"A machine knows {name}: {looked_up(found)}. Nothing was recorded. "
            "If that is wrong, say what is right instead."
        )
    told = Known(value, "person", "", at)
    return FactLearnt(name=name, value=value, against=looked_up(found) if differ(name, told, found) else "")


def handed_back(before: Incident, after: Incident) -> Mapping[str, Known]:
    """Return the facts that count again as a machine found them, because a person gave them back."""
    return {
        name: known
        for name, known in after.known.items()
        if not known.of_person and name in before.known and before.known[name].of_person
    }
