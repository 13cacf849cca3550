"""Add a line to the timeline, also for something that happened earlier."""

from __future__ import annotations

from datetime import datetime

from bot.commands.grammar import a_recent_time
from bot.commands.impact import told_in_full
from bot.commands.verb import Answer, Ask, Outcome, Verb
from bot.core.blameless import hints
from bot.core.document import Document, Line, Paragraph, Small, Strong
from bot.core.errors import Refused
from bot.core.events import NoteAdded
from bot.core.may import Right
from bot.timeline import Change


async def act(ask: Ask) -> Outcome:
    """Record a note in the incident of this place, or in the one named by inc:."""
    text = ask.argument(0, 'The text in "quotes"').strip()
    if not text:
        raise Refused("An empty note says nothing: nothing was recorded.")
    incident = await ask.incident(ask.words.options.get("inc"))
    at, when = _when(ask)
    note = NoteAdded(text=text, evidence=ask.words.options.get("link"))
    change = Change(incident.seq, (note,), occurred_at=at)
    line = (Strong(incident.id), f" note {incident.seq + 1} recorded", *when, ".")
    data = {"incident": incident.id, "entry": incident.seq + 1}
    advice = [Small((hint,)) for hint in hints([text], ask.catalog.people)]
    answer = Answer(Document("", (Paragraph(line), *advice)), data=data)
    return Outcome(answer, {f"incident/{incident.id}": change})


def _when(ask: Ask) -> tuple[datetime | None, Line]:
    said = ask.words.options.get("at")
    if said is None:
        return None, ()
    at = a_recent_time(said, ask.now)
    return at, told_in_full(ask, ": it happened", at, said=said, again="at")


VERB = Verb(
    name="note",
    usage='note "text" [at:02:10] [link:url] [inc:INC-42]',
    summary="Add a line to the timeline.",
    right=Right.RESPOND,
    act=act,
    options=frozenset({"at", "link", "inc"}),
)
