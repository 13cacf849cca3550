"""What the thread of a run reads about its alerts: everybody must know what nobody is called for."""

from __future__ import annotations

from bot.core import events
from bot.core.cards.lines import describe
from bot.core.document import Button, Buttons, Document, Line, Paragraph, Small
from bot.core.events import Entry, SilenceEvent
from bot.core.run import Run
from bot.core.silence import LEASE
from bot.core.words import in_words, says


def said_of_silence(entry: Entry, event: SilenceEvent, run: Run) -> Document:
    """Return what is said, with what to do about it."""
    by = says(entry.by) if isinstance(event, events.SilenceAsked | events.SilenceLifted) else ()
    line = Paragraph((*by, *describe(entry)))
    match event:
        case events.SilencePlaced() if not run.over and not run.silences.off:
            return Document("", (line, Buttons((heard_again(run),))))
        case events.SilenceEnded(because="elsewhere"):
            return Document(
                "", (line, Small(("It is not put back. ", f'`silence {run.id} for:1h why:"…"` does that.')))
            )
        case events.SilenceTroubled(why=str(why)) if why:
            return Document("", (line, Small(_meanwhile(run))))
        case _:
            return Document("", (line,))


def heard_again(run: Run) -> Button:
    """Return what lets everybody be called again."""
    return Button("Let alerts be heard", f"silence end {run.id}")


def _meanwhile(run: Run) -> Line:
    placed = any(each.placed for each in run.silences.open)
    rest = f"A silence that is in force ends by itself within {in_words(LEASE)}. " if placed else ""
    goes_on = "" if run.over else f", and {run.id} goes on all the same"
    return (f"{rest}It is tried again by itself{goes_on}.",)
