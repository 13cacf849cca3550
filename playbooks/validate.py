"""Turns what pydantic finds wrong with a file into problems with lines and near words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from playbooks.problems import PlaybookInvalid, Problem, instead, nearest
from playbooks.yaml_text import Path, Text

M = TypeVar("M", bound=BaseModel)


class Part(BaseModel):
    """A value of a file: unchangeable, and nothing in it that is not in its schema."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def validated(text: Text, model: type[M]) -> M:
    """Return the text as a model, or raise PlaybookInvalid with every problem of the file."""
    try:
        found = model.model_validate(text.data)
    except ValidationError as error:
        # What is wrong with a line is said once, as the reader of the text found it.
        told = {problem.line for problem in text.problems}
        others = (each for each in model_problems(details(error), text, model) if each.line not in told)
        raise PlaybookInvalid([*text.problems, *others]) from error
    if text.problems:
        raise PlaybookInvalid(list(text.problems))
    return found


def details(error: ValidationError) -> list[ErrorDetails]:
    """Return what pydantic found wrong, without addresses of its documentation."""
    return error.errors(include_url=False)


def model_problems(
    found: Iterable[ErrorDetails], text: Text, model: type[BaseModel], at: Path = ()
) -> list[Problem]:
    """Return the problems of a file, or of its part at a path, that does not fit its model.

    Misspelt keys come first, and the key they stand for is not reported missing as well.
    """
    found = tuple(found)
    unknown = [detail for detail in found if detail["type"] == "extra_forbidden"]
    problems = [_unknown_key(detail, text, model, at) for detail in unknown]
    explained = {_meant(detail, model) for detail in unknown}
    for detail in found:
        missing = detail["type"] == "missing"
        if detail in unknown or (missing and detail["loc"] in explained):
            continue
        problems.append(_misfit(detail, text, at))
    return problems


def _unknown_key(detail: ErrorDetails, text: Text, model: type[BaseModel], at: Path) -> Problem:
    path = detail["loc"]
    words = fields_at(model, path[:-1])
    key = str(path[-1])
    return text.problem((*at, *path), f"there is no key {key!r} here", instead(key, words), words)


def _meant(detail: ErrorDetails, model: type[BaseModel]) -> Path | None:
    """Return the path of the key that a misspelt one stands for: it need not be reported missing too."""
    *around, key = detail["loc"]
    near = nearest(str(key), fields_at(model, tuple(around)))
    return (*around, near) if near else None


def _misfit(detail: ErrorDetails, text: Text, at: Path) -> Problem:
    path = (*at, *detail["loc"])
    where = ".".join(map(str, path)) or "the file"
    if detail["type"] == "missing":
        return text.problem(path, f"{path[-1]} is missing", "it has no default")
    if detail["type"] == "literal_error" or detail["type"] == "enum":
        words = tuple(
            word.strip("'") for word in str(detail["ctx"]["expected"]).replace(" or ", ", ").split(", ")
        )
        given = str(detail["input"])[:60]
        return text.problem(path, f"{where} cannot be {given!r}", instead(given, words), words)
    return text.problem(path, f"{where}: {detail['msg'].removeprefix('Value error, ')}")


def fields_at(model: Any, path: Sequence[str | int]) -> tuple[str, ...]:
    """Return the keys that are valid at a path of a model, as they are written in a file."""
    for part in path:
        model = _inside(model, part)
    model = _plain(model)
    if not _is_model(model):
        return ()
    return tuple(info.alias or name for name, info in model.model_fields.items())


def _inside(model: Any, part: str | int) -> Any:
    model = _plain(model)
    if _is_model(model):
        return next(
            (info.annotation for name, info in model.model_fields.items() if part in (info.alias, name)), None
        )
    if get_origin(model) in (tuple, list):
        return get_args(model)[0]
    return get_args(model)[1] if _is_mapping(model) else None


def _plain(model: Any) -> Any:
    while get_origin(model) in (Annotated, Union, UnionType):
        model = next((part for part in get_args(model) if part is not type(None)), None)
    return model


def _is_model(model: Any) -> bool:
    return isinstance(model, type) and issubclass(model, BaseModel)


def _is_mapping(model: Any) -> bool:
    return get_origin(model) in (dict, Mapping)
