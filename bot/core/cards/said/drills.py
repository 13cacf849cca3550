"""What the thread of a drill reads at its end; before that its card and its runs say everything."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bot.core import events
from bot.core.document import Block, Bullets, Document, Line, Paragraph, Small, Strong
from bot.core.events import DrillEvent, Entry
from bot.core.words import in_words

_HEAD = {
    "passed": "✓ The drill passed",
    "failed": "✗ The drill failed",
    "refused": "✗ The drill was refused, and nothing was done",
    "skipped": "The drill was skipped, and nothing was done",
}


def said_of_drill(entry: Entry, event: DrillEvent) -> Document | None:
    """Return what is read about the end of a drill."""
    if not isinstance(event, events.DrillEnded):
        return None
    id = entry.stream.removeprefix("drill/")
    return Document("", tuple(result(id, event)))


def result(id: str, ended: events.DrillEnded) -> Iterator[Block]:
    """Yield how a drill ended: what was proved, how long it took, and each gap."""
    why = f": {ended.because}" if ended.because else "."
    yield Paragraph((Strong(f"{_HEAD.get(ended.outcome, ended.outcome)} ({id})"), why))
    if facts := [*_facts(ended)]:
        yield Bullets(facts)
    if ended.gaps:
        yield Paragraph((Strong("Gaps: what would go wrong on the day"),))
        yield Bullets([(gap.what,) for gap in ended.gaps])
    if ended.left_out:
        yield Small((f"Not rehearsed, as the playbook says: {', '.join(ended.left_out)}.",))


def _facts(ended: events.DrillEnded) -> Iterator[Line]:
    if ended.took_s is not None:
        rto = timedelta(seconds=ended.rto_s) if ended.rto_s is not None else None
        took = timedelta(seconds=ended.took_s)
        verdict = f"; the RTO of {in_words(rto)} is {'met' if took <= rto else 'missed'}" if rto else ""
        yield (Strong("Recovered after "), f"{in_words(took)}{verdict}")
    if ended.seconds:
        yield (
            Strong("Steps: "),
            ", ".join(f"{id} {in_words(timedelta(seconds=s))}" for id, s in ended.seconds.items()),
        )
    for point in ended.restored:
        yield (Strong("Proved: "), f"{point.point} of {point.source} can be restored")
