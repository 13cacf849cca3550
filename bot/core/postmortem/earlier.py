"""The figures of an incident beside those of earlier incidents and drills of the same playbooks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from bot.core.document import Block, Heading, Line, Small, Table
from bot.core.postmortem.figures import RESTORE, Figure, figures, restore_took
from bot.core.postmortem.story import Story
from bot.core.run import Run
from bot.core.spread import FEW, spread_in_words
from bot.core.words import in_words, joined, lasted

WHOLE = "Execution time"
_COMPARED = ("TTD", "TTDecide", "Time to contain", "Time to approve", "TTM", "TTR", WHOLE, RESTORE)
_HEADER = ("Figure", "This time", "Earlier incidents", "Drills")
_SAID = (
    "Earlier incidents of the service in which the same playbook was started, and its drills that came to "
    f"their end. Of fewer than {FEW} each is told, shortest first; no average is made."
)


def beside_earlier(told: Story, earlier: Sequence[Story]) -> Iterator[Block]:
    """Return a table of the figures of an incident beside those of earlier incidents and drills, if any."""
    playbooks = sorted({run.asked.playbook for run, _ in told.planned})
    before = [each for each in earlier if any(run.asked.playbook in playbooks for run, _ in each.planned)]
    drills = [run for run in told.drills if run.asked.playbook in playbooks and run.recovered_at]
    mine, theirs = list(figures(told)), [figure for each in before for figure in figures(each)]
    restored = [took for each in drills if (took := restore_took(each)) is not None]
    rehearsed = {WHOLE: [_carried_out(each) for each in drills], RESTORE: restored}
    rows: list[tuple[Line, ...]] = []
    for name in _COMPARED:
        times = (_of(name, mine), _of(name, theirs), rehearsed.get(name, []))
        rows.append(((name,), *((_spread(each),) for each in times)))
    if before or drills:
        ids = joined([(each.incident.id,) for each in before]) or ("none",)
        yield Heading(f"Beside earlier incidents and drills of {', '.join(playbooks)}")
        yield Table(_HEADER, rows)
        yield Small((_SAID, " Incidents: ", *ids, f"; drills: {len(drills)}."))


def _of(name: str, found: Iterable[Figure]) -> list[timedelta]:
    return [each.value for each in found if each.name == name and isinstance(each.value, timedelta)]


def _carried_out(drill: Run) -> timedelta:
    assert drill.started_at
    assert drill.recovered_at
    return lasted(drill.started_at, drill.recovered_at)


def _spread(times: Sequence[timedelta]) -> str:
    return spread_in_words([time.total_seconds() for time in times], _said)


def _said(seconds: float) -> str:
    return in_words(timedelta(seconds=seconds))
