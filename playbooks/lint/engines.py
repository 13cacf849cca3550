"""Lints against the engines there are: operations, their parameters, effects and recovery points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pydantic import JsonValue, ValidationError
from pydantic_core import ErrorDetails

from integrations.contract import Effect, Operation
from playbooks.consistency import actions, target_at
from playbooks.lint.finding import Look
from playbooks.model import Action, Step, parameters
from playbooks.names import ACTIONS, values
from playbooks.problems import Problem, instead
from playbooks.references import is_reference
from playbooks.validate import details, model_problems
from playbooks.yaml_text import Path, Text

_WEIGHT = {Effect.READ: 0, Effect.REVERSIBLE: 1, Effect.DESTRUCTIVE: 2}


def named(look: Look) -> Iterator[Problem]:
    """E01, E02: each `uses` is an operation there is."""
    yield from unknown_operations(look.loaded.text, look.operations)


def unknown_operations(text: Text, known: Mapping[str, Operation] | None) -> Iterator[Problem]:
    """Yield every `uses` that no engine has, whether or not the text is a playbook."""
    for path, uses in values(text, *(f"{action}.uses" for action in ACTIONS)):
        if known is not None and isinstance(uses, str) and uses != "person" and uses not in known:
            yield _unknown(text, path, uses, known)


def _unknown(text: Text, path: Path, uses: str, known: Mapping[str, Operation]) -> Problem:
    engine = uses.partition(".")[0]
    own = tuple(sorted(name for name in known if name.startswith(f"{engine}.")))
    if own:
        what = f"{engine} has no operation {uses!r}"
        return replace(text.problem(path, what, instead(uses, own), own), code="E02")
    engines = tuple(sorted({name.partition(".")[0] for name in known}))
    what = f"there is no engine {engine!r}"
    return replace(text.problem(path, what, instead(engine, engines), engines), code="E01")


def operations(look: Look) -> Iterator[Problem]:
    """E03, E04, E06, E07: each operation there is is rightly used."""
    known = look.operations or {}
    for path, action in actions(look.playbook):
        operation = known.get(action.operation)
        if operation is not None:
            yield from _misused(look, path, action, operation)
            yield from _parameters(look, path, action, operation)


def _misused(look: Look, path: Path, action: Action, operation: Operation) -> Iterator[Problem]:
    is_check = path[-2] == "verify" or path[0] == "verify"
    if is_check and operation.kind != "check":
        yield look.found("E06", (*path, "uses"), f"{action.uses} is not a check", "it acts instead of asking")
    if not is_check and operation.kind == "check":
        yield look.found("E06", (*path, "uses"), f"{action.uses} is a check", "write it under `verify`")
    if isinstance(action, Step) and _WEIGHT[action.effect] < _WEIGHT[operation.effect]:
        what = f"the step {action.id!r} is called {action.effect} and {action.uses} is {operation.effect}"
        yield look.found(
            "E04", (*path, "effect"), what, "it would pass unapproved", (operation.effect.value,)
        )
    if path[-1] == "undo" and operation.effect is Effect.DESTRUCTIVE:
        what = f"the undo {action.uses} is destructive"
        yield look.found("E04", (*path, "uses"), what, "nobody approves an undo: make it a step of its own")
    if operation.needs_target and target_at(look.playbook, path, action) is None:
        yield look.found("E07", path, f"{action.uses} needs a target", "name it as `target` in `with`")


def _parameters(look: Look, path: Path, action: Action, operation: Operation) -> Iterator[Problem]:
    for where, given in _given(path, action):
        try:
            operation.params.model_validate(given)
        except ValidationError as error:
            sure = [detail for detail in details(error) if not _waits(detail, given)]
            for problem in model_problems(sure, look.loaded.text, operation.params, where):
                yield look.coded("E03", problem)


def _given(path: Path, action: Action) -> Iterator[tuple[Path, dict[str, JsonValue]]]:
    """Yield what an operation is given, in the run and if that is different in a drill."""
    if isinstance(action, Step) and action.manual:
        if action.person is not None:
            yield (*path, "person"), action.person.model_dump(mode="json")
        return
    given = parameters(action)
    yield (*path, "with"), given
    if isinstance(action, Step) and action.drill.params is not None:
        drill = {name: value for name, value in action.drill.params.items() if name != "target"}
        yield (*path, "drill", "with"), {**given, **drill}


def _waits(detail: ErrorDetails, given: JsonValue) -> bool:
    """Say whether a misfit may only be a reference whose value is not known yet."""
    if detail["type"] in ("extra_forbidden", "missing"):
        return False
    value = given
    for part in detail["loc"]:
        # the names of the members of a union stand in the path too, and lead nowhere in the value
        match value, part:
            case dict(), str() if part in value:
                value = value[part]
            case list(), int():
                value = value[part]
            case _:
                continue
    return _holds_reference(value)


def _holds_reference(value: JsonValue) -> bool:
    match value:
        case dict():
            return any(_holds_reference(item) for item in value.values())
        case list():
            return any(_holds_reference(item) for item in value)
        case _:
            return is_reference(value)


def sources(look: Look) -> Iterator[Problem]:
    """E05: what needs a recovery point has a source, and the engine of a step reads its source.

    What belongs to a step has the step's source; an end check has that of the last step with one.
    """
    book, known = look.playbook, look.operations or {}
    last = next((step.source for step in reversed(book.steps) if step.source), None)
    words = tuple(source.id for source in book.sources)
    for path, action in actions(book):
        operation = known.get(action.operation)
        step = book.steps[path[1]] if path[0] == "steps" and isinstance(path[1], int) else None
        id = step.source if step else last
        if operation is not None and operation.needs_point and id is None:
            yield look.found(
                "E05", path, f"{action.uses} needs a source", "it is about a recovery point", words
            )
        source = book.source(id) if id and action is step else None
        if operation is not None and source is not None and source.engine != action.engine:
            what = f"{action.uses} cannot read {source.id!r}, which {source.engine} keeps"
            yield look.found("E05", (*path, "source"), what, "the engines differ")
