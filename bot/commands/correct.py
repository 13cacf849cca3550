"""Say what a note should have said, or when it happened; what was written stays readable beside it."""

from __future__ import annotations

import re

from bot.commands.grammar import a_recent_time
from bot.commands.impact import told_in_full
from bot.commands.verb import Ask, Outcome, Verb
from bot.core.document import Line
from bot.core.errors import Refused
from bot.core.events import (
    ChangeNamed,
    Corrected,
    Decided,
    EffectObserved,
    Entry,
    FactLearnt,
    ImpactStated,
    IncidentDeclared,
    MessageCaptured,
    MessageEdited,
    NoteAdded,
    PhaseChanged,
    ReasonStated,
    RoleAssigned,
    SeverityChanged,
    UpdatePosted,
)
from bot.core.incident import Incident
from bot.core.may import Right
from bot.timeline import Change

_SAID_AGAIN: dict[type, str] = {
    SeverityChanged: "sev",
    PhaseChanged: "phase",
    RoleAssigned: "role",
    ImpactStated: "impact",
    IncidentDeclared: "impact`, `sev` or `change",
    ChangeNamed: "change",
    FactLearnt: "decide",
    Decided: 'decide why:"…"',
    ReasonStated: 'decide why:"…"',
    EffectObserved: "decide worked:yes|no|worse",
    UpdatePosted: "update",
}
"""The verb that corrects what is more than a note: it says the thing again, and that counts from then on."""


async def act(ask: Ask) -> Outcome:
    """Record what a note says instead, and when it happened."""
    word = ask.argument(0, "The number of the entry (as the timeline shows it, after #)")
    incident = await ask.incident(ask.words.options.get("inc"))
    entry = await _entry(ask, incident, word)
    text = ask.words.args[1].strip() if len(ask.words.args) > 1 else None
    said = ask.words.options.get("at")
    if text == "" or (text is None and said is None):
        raise Refused(f"What it says instead is missing: nothing was recorded. {ask.usage}")
    if entry.by != ask.who.name:
        ask.may(Right.COMMAND, f"correct what @{entry.by} noted", incident)
    at = a_recent_time(said, ask.now) if said else None
    when: Line = told_in_full(ask, ": it happened", at, said=said or "", again="at") if at else ()
    change = Change(incident.seq, (Corrected(of=entry.seq, text=text, at=at),))
    answer = ask.done(incident.id, f"entry {entry.seq} is corrected", *when, ".", entry=incident.seq + 1)
    return Outcome(answer, {f"incident/{incident.id}": change})


async def _entry(ask: Ask, incident: Incident, word: str) -> Entry:
    number = re.fullmatch(rf"(?:{incident.id}#|#)?(\d{{1,9}})", word, re.IGNORECASE)
    entry = await ask.timeline.entry(f"incident/{incident.id}", int(number[1])) if number else None
    if entry is None:
        raise Refused(
            f"{incident.id} has no entry {word[:40]}: nothing was recorded. "
            f"`{ask.desk.command} timeline {incident.id}` shows their numbers after #."
        )
    if isinstance(entry.event, NoteAdded):
        return entry
    if isinstance(entry.event, MessageCaptured | MessageEdited):
        raise Refused(
            f"Entry {entry.seq} is what somebody wrote in Slack: it stays as it was written, and nothing "
            "was recorded. Add a note beside it."
        )
    again = _SAID_AGAIN.get(type(entry.event))
    hint = f"Say `{ask.desk.command} {again}` again: that counts from then on." if again else "Add a note."
    raise Refused(f"Entry {entry.seq} is no note: nothing was recorded. {hint}")


VERB = Verb(
    name="correct",
    usage='correct <number of a note> ["what it says instead"] [at:02:10] [inc:INC-42]',
    summary="Correct a note; the timeline shows it corrected, by whom, and what it said.",
    right=Right.RESPOND,
    act=act,
    options=frozenset({"at", "inc"}),
    words=2,
)
