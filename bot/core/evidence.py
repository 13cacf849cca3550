"""Where the evidence of an entry is: a message in Slack, an issue, the pager, a page of Backstop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.core import events
from bot.core.document import Line
from bot.core.events import Entry
from bot.core.literal import leads_to_the_web
from bot.core.words import linked, system_in_words

_DOORS = {
    "clock": "by the clock",
    "gate": "at the gate",
    "http": "by command line or HTTP",
    "probe": "by a probe",
    "run": "by the run",
    "status-page": "on the status page",
    "terminal": "in a terminal of its host",
}
"""How an entry came that was not told in another system."""


@dataclass(frozen=True, slots=True)
class Leads:
    """What leads to evidence besides the entries themselves.

    `said` is the address of the message in Slack that told an entry, by its name (`stream#seq`); `console` is
    where people reach the pages of Backstop, empty where nobody said that they can.
    """

    said: Mapping[str, str] = field(default_factory=dict)
    console: str = ""


NONE = Leads()


def permalink(workspace: str, channel: str, ts: str = "", thread: str | None = None) -> str:
    """Return the address of a channel of Slack, or of a message in it; an answer opens in its thread."""
    message = f"/p{ts.replace('.', '')}" if ts else ""
    within = f"?thread_ts={thread}&cid={channel}" if thread and thread != ts else ""
    return f"{workspace.rstrip('/')}/archives/{channel}{message}{within}"


def name_of(entry: Entry) -> str:
    """Return what an entry is called among all entries: `incident/INC-42#12`."""
    return f"{entry.stream}#{entry.seq}"


def evidence(entries: Sequence[Entry], leads: Leads) -> Mapping[str, str]:
    """Return the address of each entry's evidence, by the name of the entry; of one without there is none."""
    captured = {name_of(e): e.event.url or "" for e in entries if isinstance(e.event, events.MessageCaptured)}
    pager = {
        entry.stream: entry.event.url for entry in entries if isinstance(entry.event, events.PagerLinked)
    }
    found = {}
    for entry in entries:
        own = _own(entry, captured, pager.get(entry.stream, ""))
        places = (own, leads.said.get(name_of(entry), ""), _page(entry.stream, leads.console))
        found[name_of(entry)] = next(filter(leads_to_the_web, places), "")
    return {name: url for name, url in found.items() if url}


def source(entry: Entry, address: str | None) -> Line:
    """Return the number of an entry, which leads to its evidence, how it came, and whether it came later."""
    name = f"{entry.stream.partition('/')[2] or entry.stream}#{entry.seq}"
    late = " (told later)" if (entry.recorded_at - entry.occurred_at).total_seconds() >= 1 else ""
    return (linked(name, address), f" {_DOORS.get(entry.via) or f'in {system_in_words(entry.via)}'}{late}")


def _own(entry: Entry, captured: Mapping[str, str], pager: str) -> str:
    """Return where an event itself says that one can look."""
    match entry.event:
        case events.NoteAdded(evidence=str(url)) | events.StepDone(evidence=url):
            return url
        case events.IncidentClosed(availability_evidence=one, speed_evidence=other):
            return one or other or ""
        case events.MessageCaptured() | events.RoomOpened():
            return entry.event.url or ""
        case events.MessageEdited(of=of) | events.MessageDeleted(of=of):
            return captured.get(f"{entry.stream}#{of}", "")
        case (
            events.IssueLinked(url=url)
            | events.TaskTracked(url=url)
            | events.TaskOpened(url=url)
            | events.PagerLinked(url=url)
            | events.ExternalTold(url=url)
        ):
            return url
        case events.Paged() | events.PagerTold():
            return pager
        case _:
            return ""


def _page(stream: str, console: str) -> str:
    kind, _, id = stream.partition("/")
    pages = {"incident": f"incidents/{id}", "drill": f"drills/{id}", "run": f"runs/{id}", "freeze": "freezes"}
    return f"{console}/{pages[kind]}" if console and kind in pages else ""
