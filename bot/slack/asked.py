"""The form of each verb that has one: what it asks for, and what can be wrong with that whatever is recorded.

To give a verb a form: write a function that returns it, and list it in `FORMS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.commands.close import ANSWERS
from bot.commands.declare import key_of
from bot.commands.freeze import KINDS, REVIEW, USUAL_KINDS
from bot.commands.grammar import a_duration, a_recent_time
from bot.commands.role import ROLES
from bot.commands.update import AUDIENCES
from bot.core.errors import Refused
from bot.core.external import STATUSES
from bot.shelf import Shelf
from bot.slack.forms import Field, Form
from playbooks.catalog import Catalog
from playbooks.words import Option

SEVERITIES = (
    ("1", "SEV1: customers cannot work, or data is being lost"),
    ("2", "SEV2: much is broken"),
    ("3", "SEV3: something is broken"),
    ("4", "SEV4: nobody outside notices"),
)
WHO_HEARS = dict(zip(AUDIENCES, ("Responders", "Executives", "The public"), strict=True))


@dataclass(frozen=True, slots=True)
class Stock:
    """What forms offer: the catalog, and the roles that playbooks name."""

    catalog: Catalog
    roles: tuple[str, ...] = ()

    @classmethod
    def of(cls, shelf: Shelf) -> Stock:
        """Return what the files in force offer, or raise `PlaybookInvalid`."""
        named = (role for loaded in shelf.playbooks().values() for role in loaded.playbook.roles)
        return cls(shelf.catalog(), tuple(dict.fromkeys(named)))

    def is_known(self, word: str, _now: datetime) -> None:
        """Raise `Refused` for somebody who is not in the catalog."""
        if self.catalog.person(word) is None:
            raise Refused("This person is not in the catalog. People are listed in catalog.yaml.")

    def services(self, into: str) -> Field:
        """Return the field for a service, which is typed where there are more than a menu holds."""
        return _chosen(Field(into, "Service", "choice"), sorted(self.catalog.services))

    def environments(self) -> list[str]:
        """Return the names of all environments."""
        every = (place for service in self.catalog.services.values() for place in service.environments)
        return sorted(dict.fromkeys(every))


def _chosen(field: Field, names: Sequence[str]) -> Field:
    """Return a field with these names to choose from, or to type where they are too many or too long."""
    fits = 0 < len(names) <= 100 and all(len(name) <= 75 for name in names)
    if fits:
        return replace(field, options=tuple((name, "All" if name == "*" else name) for name in names))
    return replace(field, kind="text")


def _is_a_title(text: str, _now: datetime) -> None:
    if not text.strip():
        raise Refused("Say in a few words what is wrong.")


def _is_a_key(text: str, _now: datetime) -> None:
    key_of(text)


def _is_a_duration(text: str, _now: datetime) -> None:
    a_duration(text)


def _declare(stock: Stock) -> Form:
    one = len(stock.catalog.services) == 1
    services = () if one else (stock.services("svc"),)
    where = Field("env", "Environment", "choice", optional=True, hint="production, unless you say otherwise")
    return Form(
        "declare",
        "Declare an incident",
        "Declare",
        (
            Field(
                "1",
                "What is wrong?",
                check=_is_a_title,
                hint="One line; it heads the channel and the record.",
            ),
            Field("sev", "Severity", "choice", SEVERITIES, initial="2"),
            *services,
            _chosen(where, stock.environments()),
            Field(
                "since",
                "Since when?",
                optional=True,
                check=a_recent_time,
                hint="02:10 (UTC) or -15m; empty if unknown",
            ),
            Field("release", "The release that is suspected", optional=True),
            Field(
                "change",
                "The change that led to it",
                optional=True,
                check=_is_a_key,
                hint="The key of its issue, as OPS-12",
            ),
            Field(
                "commander", "Commander", "person", optional=True, check=stock.is_known, hint="You, if empty."
            ),
        ),
    )


def _update(stock: Stock) -> Form:
    audiences = tuple(WHO_HEARS.items())
    return Form(
        "update",
        "Post an update",
        "Post",
        (
            Field("c", "Conditions", "words", hint="The state, and what customers notice, in numbers."),
            Field("a", "Actions", "words", hint="Who does what, since when, until when."),
            Field("n", "Needs", "words", hint="From whom, and by when; none is an answer."),
            Field("next", "Next update in", optional=True, check=_is_a_duration, hint="30m, 1h"),
            Field("to", "For whom", "choice", audiences, initial=AUDIENCES[0]),
        ),
    )


def _decide(stock: Stock) -> Form:
    options = tuple((option.value, option.value.replace("_", " ").capitalize()) for option in Option)
    return Form(
        "decide",
        "Record the decision",
        "Decide",
        (
            Field("1", "What is done?", "choice", options),
            Field("why", "Why is it right?", "words", hint="The post-mortem keeps it."),
        ),
    )


def _freeze(stock: Stock) -> Form:
    services = Field("svc", "Services", "choices")
    places = Field("env", "Environments", "choices", optional=True, hint="All, unless you choose some.")
    kinds = tuple((kind, kind.capitalize()) for kind in KINDS)
    return Form(
        "freeze on",
        "Stop changes",
        "Freeze",
        (
            _chosen(services, ["*", *sorted(stock.catalog.services)]),
            _chosen(places, stock.environments()),
            Field("kinds", "What is stopped", "choices", kinds, initial=USUAL_KINDS),
            Field("why", "Why?", "words", hint="Every pipeline that is refused reads this."),
            Field(
                "for",
                "Look at it again in",
                initial=REVIEW,
                check=_is_a_duration,
                hint="It never ends by itself.",
            ),
        ),
    )


def _role(stock: Stock) -> Form:
    roles = tuple((role, role.capitalize()) for role in dict.fromkeys((*ROLES, *stock.roles)))
    return Form(
        "role",
        "Give a role",
        "Give",
        (
            Field("1", "Role", "choice", roles[:100]),
            Field("2", "Who", "person", check=stock.is_known),
        ),
    )


def _publish(stock: Stock) -> Form:
    statuses = tuple((status, status.capitalize()) for status in STATUSES)
    return Form(
        "publish",
        "Words for customers",
        "Draft",
        (
            Field(
                "1",
                "What customers read",
                "words",
                optional=True,
                hint="Empty: what is known, as the impact that was stated and when more will be said.",
            ),
            Field(
                "as", "Status", "choice", statuses, optional=True, hint="As the incident's phase, if empty."
            ),
            Field("title", "Title", optional=True, hint="Of the first draft; on the page it stays."),
            Field("data", "What was lost", "words", optional=True, hint="As resolve said it, if empty."),
        ),
        note="A draft: nobody outside reads it until somebody who may sends it.",
    )


def _other_words(stock: Stock) -> Form:
    """Return the same form for what is drafted already: it begins with that."""
    form = _publish(stock)
    first, status, *others = form.fields
    drafted = (replace(field, hint="As it is drafted, if empty.") for field in (first, status))
    return replace(form, fields=(*drafted, *others))


def _close(stock: Stock) -> Form:
    answers = tuple(zip(ANSWERS, ("No", "It helped", "It slowed", "Data was lost", "It failed"), strict=True))
    by = "40m; empty if nobody can say"
    return Form(
        "close",
        "Close the incident",
        "Close",
        (
            Field("availability", "Did backup availability affect the outcome?", "choice", answers),
            Field("availability-by", "By how much?", optional=True, check=_is_a_duration, hint=by),
            Field("availability-link", "What shows it?", optional=True, hint="An address"),
            Field("speed", "Did recovery speed affect the outcome?", "choice", answers),
            Field("speed-by", "By how much?", optional=True, check=_is_a_duration, hint=by),
            Field("speed-link", "What shows it?", optional=True, hint="An address"),
            Field("why", "In a few words", "words", optional=True),
        ),
    )


FORMS: Mapping[str, Callable[[Stock], Form]] = {
    "declare": _declare,
    "update": _update,
    "decide": _decide,
    "publish": _publish,
    "other words": _other_words,
    "freeze on": _freeze,
    "role": _role,
    "close": _close,
}
ALONE = frozenset(FORMS) - {"decide", "other words"}
"""What opens its form when it is typed alone.

`decide` alone brings up the card with a button that does, and other words are those of a draft.
"""


def opened_by(line: str) -> str | None:
    """Return the form that a typed line opens: the words of a verb and nothing else."""
    words = " ".join(line.lower().split())
    return words if words in ALONE else None


def with_draft(form: Form, draft: Mapping[str, str], note: str) -> Form:
    """Return a form whose fields begin with a draft."""
    fields = tuple(replace(field, initial=draft.get(field.into, field.initial)) for field in form.fields)
    return replace(form, fields=fields, note=note)
