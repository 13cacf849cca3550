"""The report of what recorded decisions teach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.core.document import Block, Document, Fields, Heading, Line, Paragraph, Preformatted, Small
from bot.core.learning import OUTCOMES, Lessons, Worked
from bot.core.spread import BINS, FEW, Spread
from bot.core.words import in_words

NO_AVERAGE = (
    "p75 is the time within which three of four were decided. "
    "One long night would be most of an average, so none is given."
)
WIDTH = 30
"""How long the longest bar of a histogram is."""


def lessons_card(found: Lessons, scope: str) -> Document:
    """Return the report; `scope` says whose decisions and of what time."""
    if not found.decisions:
        return Document("", (Paragraph((f"No decision was recorded in any incident{scope}.",)),))
    title = f"{_counted(found.decisions, 'decision')} in {_counted(found.incidents, 'incident')}{scope}"
    return Document(title, (Fields(tuple(_counts(found))), *_took(found.to_decide)))


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _counts(found: Lessons) -> Iterator[tuple[str, Line]]:
    yield "As proposed", (f"{found.agreed} of {found.decisions}",)
    against = {
        f"{chosen} where {proposed} was proposed": n for (proposed, chosen), n in found.otherwise.items()
    }
    yield "Otherwise", (_listed(against),)
    yield "Before a proposal", (str(found.early),)
    yield "Vetoes gone over", (_listed(found.against),)
    seen = ", ".join(f"{outcome.replace('_', ' ')} {found.first.get(outcome, 0)}" for outcome in OUTCOMES)
    yield "First choice", (f"{seen}; did not work: {_listed(found.failed)}",)
    proposed, other = found.worked
    yield "Worked", (f"{_of(proposed)} as proposed, {_of(other)} otherwise, of those somebody looked at",)
    yield "Chose again", (f"{found.again} of {_counted(found.incidents, 'incident')}, something else",)


def _of(found: Worked) -> str:
    return f"{found.worked} of {found.seen}"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{what} ({n})" for what, n in counts.items()) or "none"


def _took(spread: Spread) -> Iterator[Block]:
    yield Heading("From declaration to the first decision")
    percentiles = spread.percentiles
    if not percentiles:
        each = ", ".join(map(in_words, spread.times))
        yield Paragraph(
            (f"n = {len(spread.times)}, fewer than {FEW}: too few for percentiles. Each: {each}.",)
        )
        return
    said = ", ".join(f"p{share} {in_words(time)}" for share, time in percentiles.items())
    yield Paragraph((f"n = {len(spread.times)}: {said}.",))
    yield Preformatted("\n".join(_histogram(spread)))
    yield Small((NO_AVERAGE,))


def _histogram(spread: Spread) -> Iterator[str]:
    each = min(1, WIDTH / max(count for _, count in spread.bars))
    for end, count in spread.bars:
        label = f"up to {in_words(end)}" if end else f"over {in_words(BINS[-1])}"
        yield f"{label:<20} {'#' * round(count * each):<{WIDTH}} {count}"
