"""What callers may fill into a request that the owner of a target wrote down: typed words, never free text.

A value is of one of five types: `text` of a given form, `choice`, `integer`, `boolean`, and `point`, which is
read from the recovery point that was approved and which nobody can give.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints, ValidationError

from integrations.asked import Params
from integrations.contract import IntegrationError, Json, RecoveryPoint, Source, Target

_S = TypeVar("_S", bound=BaseModel)
_PLACE = re.compile(r"\{([a-z][a-z0-9_]{0,40})\}")
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
Root = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#]+(/[^\s?#]*[^\s/?#])?$")]
SecretName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$")]


class Named(Params):
    """The name of what the target's settings list; the other parameters are those that it takes."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    __pydantic_extra__: dict[str, Json] = Field(init=False)

    name: str


class OfText(Params):
    """A text that matches a regular expression as a whole."""

    type: Literal["text"]
    pattern: str

    def read(self, value: Json) -> Json:
        """Return the value, or raise ValueError in words."""
        if not isinstance(value, str) or not re.fullmatch(self.pattern, value):
            raise ValueError(f"must be text like `{self.pattern}`")
        return value


class OfChoice(Params):
    """One of the words that are listed."""

    type: Literal["choice"]
    choices: tuple[str, ...] = Field(min_length=1)

    def read(self, value: Json) -> Json:
        """Return the value, or raise ValueError in words."""
        if value not in self.choices:
            raise ValueError(f"must be one of {', '.join(self.choices)}")
        return value


class OfInteger(Params):
    """A whole number within bounds."""

    type: Literal["integer"]
    least: StrictInt
    most: StrictInt

    def read(self, value: Json) -> Json:
        """Return the value, or raise ValueError in words."""
        if not isinstance(value, int) or isinstance(value, bool) or not self.least <= value <= self.most:
            raise ValueError(f"must be a whole number from {self.least} to {self.most}")
        return value


class OfBoolean(Params):
    """Yes or no."""

    type: Literal["boolean"]

    def read(self, value: Json) -> Json:
        """Return the value, or raise ValueError in words."""
        if not isinstance(value, bool):
            raise ValueError("must be true or false")
        return value


class OfPoint(Params):
    """What the approved recovery point says of itself."""

    type: Literal["point"]
    field: Literal["id", "commit", "release"] = "commit"


Typed = Annotated[OfText | OfChoice | OfInteger | OfBoolean | OfPoint, Field(discriminator="type")]


def settings_of(model: type[_S], thing: Target | Source) -> _S:
    """Return the settings of a target or a source, or say which of them is wrong without its value."""
    name = thing.name if isinstance(thing, Target) else thing.id
    try:
        return model.model_validate(dict(thing.settings))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise IntegrationError(f"Settings of {name}: `{place}`: {first['msg']}.", permanent=True) from None


def values(
    wanted: Mapping[str, Typed], given: Mapping[str, Json], point: RecoveryPoint | None
) -> dict[str, Json]:
    """Return the value of everything that is wanted; what is missing, wrong or unknown raises for good."""
    found: dict[str, Json] = {}
    for name in given:
        if name not in wanted or isinstance(wanted[name], OfPoint):
            takes = ", ".join(each for each, one in wanted.items() if not isinstance(one, OfPoint))
            raise _wrong(name, f"is not a parameter here; there are: {takes or 'none'}")
    for name, one in wanted.items():
        if isinstance(one, OfPoint):
            found[name] = _of_point(name, one, point)
        elif name not in given:
            raise _wrong(name, "is missing")
        else:
            try:
                found[name] = one.read(given[name])
            except ValueError as wrong:
                raise _wrong(name, str(wrong)) from None
    return found


def into_path(path: str, known: Mapping[str, Json]) -> str:
    """Return a path or query with its `{name}` filled in, each as one part that cannot become several."""
    return _PLACE.sub(lambda found: _part(in_words(_known(found[1], known))), path)


def into_json(body: Json, known: Mapping[str, Json]) -> Json:
    """Return JSON with its `{name}` filled in: one that stands alone keeps the type of its value."""
    match body:
        case str() if found := _PLACE.fullmatch(body):
            return _known(found[1], known)
        case str():
            return _PLACE.sub(lambda found: in_words(_known(found[1], known)), body)
        case dict():
            return {name: into_json(item, known) for name, item in body.items()}
        case list():
            return [into_json(item, known) for item in body]
        case _:
            return body


def in_words(value: Json) -> str:
    """Return a value as text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _of_point(name: str, wanted: OfPoint, point: RecoveryPoint | None) -> Json:
    if point is None:
        raise _wrong(name, "comes from a recovery point: name a `source` in the step")
    value: str | None = getattr(point, wanted.field)
    if not value:
        raise _wrong(name, f"is the {wanted.field} of the recovery point {point.id}, which has none")
    return value


def _known(name: str, known: Mapping[str, Json]) -> Json:
    if name not in known:
        text = f"The target's settings fill in `{{{name}}}`, which nothing gives."
        raise IntegrationError(text, permanent=True)
    return known[name]


def _part(text: str) -> str:
    if text in ("", ".", ".."):
        raise IntegrationError(f"`{text}` cannot be a part of a path.", permanent=True)
    return quote(text, safe="")


def _wrong(name: str, why: str) -> IntegrationError:
    return IntegrationError(f"`{name}` {why}.", permanent=True)
