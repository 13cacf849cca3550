"""How long the acts of an incident took beside earlier runs and drills of the same acts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from bot.core import events
from bot.core.cards.states import place
from bot.core.document import Block, Heading, Paragraph, Table
from bot.core.estimate import Measurement, Took
from bot.core.postmortem.story import Story
from bot.core.spread import spread_in_words
from bot.core.words import in_words

_HEADER = ("Act", "This time", "Earlier runs", "Drills", "Against the last drill")
_SAID = "Only attempts that succeeded are measured. No average is made: one long night would be most of it."


def compared(told: Story, measured: Sequence[Measurement]) -> Iterator[Block]:
    """Return a table of what was measured in the runs, with what was measured of the same acts before."""
    rows = [
        ((f"{run.id} {place(plan, done.step)}",), *((cell,) for cell in _cells(done.took, earlier)))
        for run, plan in told.planned
        for entry, done in told.told(events.StepSucceeded, f"run/{run.id}")
        if done.took and not done.undo
        for earlier in [_before(entry, run.id, done.took, measured)]
        if earlier
    ]
    if rows:
        yield Heading("Compared with before")
        yield Table(_HEADER, rows)
        yield Paragraph((_SAID,))


def operations_in(story: Iterable[events.Entry]) -> frozenset[str]:
    """Return the names of the operations that were measured in an incident."""
    return frozenset(
        done.took.act.operation
        for done in (entry.event for entry in story)
        if isinstance(done, events.StepSucceeded) and done.took
    )


def _before(entry: events.Entry, run: str, took: Took, measured: Sequence[Measurement]) -> list[Took]:
    """Return what was measured of an act in other runs before an attempt of it ended, the newest last."""
    others = (each for each in measured if each.run != run)
    same = (each for each in others if each.took.act == took.act and each.at < entry.occurred_at)
    return [each.took for each in sorted(same, key=lambda each: each.at)]


def _cells(took: Took, earlier: Sequence[Took]) -> Iterator[str]:
    drills = [each for each in earlier if each.drill]
    yield in_words(_whole(took))
    yield _listed([each for each in earlier if not each.drill])
    yield _listed(drills)
    yield _ratio(took, drills[-1]) if drills else "never drilled"


def _whole(took: Took) -> timedelta:
    return timedelta(seconds=sum(phase.seconds for phase in took.phases))


def _listed(found: Sequence[Took]) -> str:
    times = [_whole(took).total_seconds() for took in found]
    return spread_in_words(times, lambda seconds: in_words(timedelta(seconds=seconds)))


def _ratio(took: Took, drill: Took) -> str:
    """Return how many times as long it took, and for how many times as much where that is known."""
    before, now = _whole(drill), _whole(took)
    if not before:
        return "the drill took no time"
    more = f"{now / before:.1f} times as long"
    amounts = [sum(phase.amount or 0 for phase in each.phases) for each in (took, drill)]
    return f"{more}, for {amounts[0] / amounts[1]:.1f} times as much" if all(amounts) else more
