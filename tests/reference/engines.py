"""The page of every engine, with what playbooks can use of it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from integrations import beside
from integrations.contract import Cap, Operation
from integrations.registry import ENGINES, ON_RUNNERS, operations
from tests.reference.markdown import Schema, code, fields, page, sentences, table

_INTRO = """
A step or check of a playbook says `uses: engine.operation`. The words of the tables:

- **effect**: `read` changes nothing, `reversible` can be taken back, `destructive` cannot and needs an
  approval.
- **done twice**: `safe` is the same as once, `resumes` goes on from where it was, `once` must not happen.
- **cancelled**: leaves things `clean`, `partial`, or (`none`) cannot be cancelled.
- **traceable**: the target remembers what it was asked for. Where it does not, a step whose answer was lost
  waits for a person.
"""
_CAPS = {
    Cap.POINTS: "lists recovery points",
    Cap.WINDOW: "restores to any moment of a span",
    Cap.CANCEL: "can be cancelled",
    Cap.PROGRESS: "tells how far it is",
    Cap.VERIFY_POINT: "proves that a recovery point can be read",
    Cap.MARK: "sets named markers",
    Cap.BACKUP: "takes recovery points",
    Cap.HOLD: "keeps recovery points from expiring",
    Cap.GUARD: "says who could delete recovery points",
}


def engines() -> str:
    """Return the page."""
    header = ("Operation", "Is a", "Effect", "Done twice", "Cancelled", "Needs", "Traceable")
    rows = [(code(name), *_row(operation)) for name, operation in operations().items()]
    return page("Engines and operations", _INTRO, table(header, rows), *map(_engine, ENGINES))


def _row(operation: Operation) -> Iterator[str]:
    needs = [
        *(["a target"] if operation.needs_target else []),
        *(["a recovery point"] if operation.needs_point else []),
    ]
    yield from (operation.kind, operation.effect.value, operation.repeat.value, operation.cancel.value)
    yield " and ".join(needs) or "nothing"
    yield "yes" if operation.traceable else "no"


def _engine(name: str) -> str:
    module, _, kind = ENGINES[name].partition(":")
    engine = getattr(import_module(module), kind)
    can = ", ".join(_CAPS[cap] for cap in Cap if cap in engine.caps)
    parts = [f"## {name}", sentences(engine.__doc__), sentences(import_module(module).__doc__)]
    if name in ON_RUNNERS:
        parts.append(sentences((beside.__doc__ or "").partition("\n\n")[2]))
    parts += [f"It {can}."] if can else []
    for operation in engine.operations.values():
        parts += _operation(f"{name}.{operation.name}", operation)
    return "\n\n".join(parts)


def _operation(name: str, operation: Operation) -> Iterator[str]:
    schema = operation.params.model_json_schema()
    defs: dict[str, Schema] = schema.get("$defs", {})
    yield f"### {name}"
    if not schema.get("properties"):
        yield "It takes no parameters."
        return
    yield sentences(operation.params.__doc__)
    yield fields(schema, defs)
    for part in (defs[used] for used in defs if "properties" in defs[used]):
        yield f"#### {part['title']}"
        yield sentences(part.get("description"))
        yield fields(part, defs)
