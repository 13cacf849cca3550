"""The page of every event the timeline can hold."""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Any, get_args

from bot.core import events as all_events
from bot.core.events import Kind
from tests.reference.markdown import Schema, code, fields, page, sentences

STREAMS: dict[str, Any] = {
    "incident/INC-42": all_events.IncidentEvent | all_events.PagerEvent | all_events.ExternalEvent,
    "run/RUN-9": all_events.RunEvent,
    "target/orders-db": all_events.TargetEvent,
    "freeze/FRZ-3": all_events.FreezeEvent,
    "service/checkout": all_events.ReleaseRecorded,
}
_INTRO = """
Everything that happened is an entry of the timeline: a stream, a number in it, when it happened, when it
was recorded, who caused it, through which door, and one of these events. Entries are never changed; fields
are only ever added, with a default. `backstop timeline INC-42 json` shows the entries of an incident.
"""


def events() -> str:
    """Return the page."""
    parts: list[str] = []
    shared: dict[str, Schema] = {}
    for stream, union in STREAMS.items():
        parts.append(f"## {stream.partition('/')[0].capitalize()}: streams such as `{stream}`")
        for event in members(union):
            schema = event.model_json_schema()
            defs = schema.get("$defs", {})
            shared |= {name: part for name, part in defs.items() if "properties" in part}
            parts.append(_event(event, schema, defs))
    parts.append("## Parts of events")
    parts += [f"### {name}\n\n{_part(part, shared)}" for name, part in sorted(shared.items())]
    return page("Events", _INTRO, *parts)


def members(union: Any) -> Iterator[type[Kind]]:
    """Yield the events of a union, in their order."""
    yield from (get_args(union) if isinstance(union, UnionType) else (union,))


def _event(event: type[Kind], schema: Schema, defs: dict[str, Schema]) -> str:
    kind = event.model_fields["kind"].default
    told = f"### {event.__name__}\n\n{sentences(event.__doc__)} Stored as {code(kind)}."
    return f"{told}\n\n{fields(schema, defs, hidden=('kind',))}".rstrip()


def _part(schema: Schema, defs: dict[str, Schema]) -> str:
    return f"{sentences(schema.get('description'))}\n\n{fields(schema, defs)}"
