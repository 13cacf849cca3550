"""Where in Slack entries were told, from what is remembered of the messages: nobody is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bot.core.events import Approved, Entry, IncidentDeclared, Rejected, Withdrawn
from bot.core.evidence import Leads, name_of, permalink
from bot.timeline.records import Records

WORKSPACE = "slack:identity"
"""Under this key it is kept who Backstop is in Slack, with the address of the workspace."""

_Message = Mapping[str, str]


async def leads_of(records: Records, story: Sequence[Entry], console: str) -> Leads:
    """Return what leads to the evidence of a story; `console` is where people reach its pages, or empty."""
    workspace = (await records.remote(WORKSPACE) or {}).get("url")
    if not workspace:
        return Leads({}, console)
    told: dict[str, _Message] = {}
    # A long incident has thousands of lines: those of a stream are read at once.
    for stream in dict.fromkeys(entry.stream for entry in story):
        kind, _, id = stream.partition("/")
        entries = [entry for entry in story if entry.stream == stream]
        if kind == "run":
            told |= _at_gates(entries, await records.remotes(f"gate:{id}."))
        told |= {f"{stream}#{seq}": known for seq, known in (await records.remotes(f"say:{stream}#")).items()}
        first = entries[0]
        if isinstance(first.event, IncidentDeclared) and (card := await records.remote(f"card:{id}")):
            told[name_of(first)] = card
    said = {
        name: permalink(workspace, known["channel"], known["ts"], known.get("thread"))
        for name, known in told.items()
        if "ts" in known
    }
    return Leads(said, console)


def _at_gates(entries: Sequence[Entry], asked: Mapping[str, _Message]) -> dict[str, _Message]:
    """Return the question that each answer was given to, the last that was asked before it."""
    return {name_of(entry): found for entry in entries for found in _asked(entry, asked)}


def _asked(entry: Entry, asked: Mapping[str, _Message]) -> Iterator[_Message]:
    match entry.event:
        case Approved(gate=gate) | Rejected(gate=gate) | Withdrawn(gate=gate):
            until = f"{gate}@{entry.recorded_at:%Y%m%dT%H%M%S%f}"
            before = [key for key in asked if key.startswith(f"{gate}@") and key <= until]
            yield from (asked[key] for key in sorted(before)[-1:])
        case _:
            pass
