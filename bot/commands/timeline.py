"""Show the timeline of an incident."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bot.commands.grammar import an_id, one_of
from bot.commands.verb import Answer, Ask, Outcome, Verb
from bot.core.cards import timeline_document, timeline_json
from bot.core.document import Document, Preformatted, markdown
from bot.core.errors import Refused
from bot.core.events import Entry
from bot.core.evidence import Leads
from bot.core.may import Right
from bot.timeline.evidence import leads_of

FORMS = ("text", "md", "json")


async def act(ask: Ask) -> Outcome:
    """Show every entry in the order it happened, as text, Markdown or JSON."""
    named = {word: an_id(word, "INC") or an_id(word, "DRL") for word in ask.words.args}
    ids = [word for word, id in named.items() if id]
    forms = [word for word, id in named.items() if not id]
    if len(ids) > 1 or len(forms) > 1:
        raise Refused("Name one incident and one form: timeline INC-42 md.")
    form = one_of(forms[0], FORMS, "form of a timeline") if forms else "text"
    incident = await ask.incident_or_drill(ids[0] if ids else None)
    story = await ask.timeline.story(incident.id)
    leads = await leads_of(ask.timeline.records, story, ask.desk.console)
    drawn = timeline_document(story, incident, leads)
    data: dict[str, object] = {"incident": incident.id, "entries": len(story)}
    if form != "text":
        # A file must be as it is: a terminal writes it raw, where a message shows it in a box.
        data["file"] = text = _file(form, drawn, story, leads)
        drawn = Document("", (Preformatted(text),))
    return Outcome(Answer(drawn, data=data))


def _file(form: str, drawn: Document, story: Sequence[Entry], leads: Leads) -> str:
    if form == "md":
        return markdown(drawn)
    return json.dumps(timeline_json(story, leads), indent=1, ensure_ascii=False)


VERB = Verb(
    name="timeline",
    usage="timeline [INC-42 | DRL-7] [text|md|json]",
    summary="Show everything that happened, in order.",
    right=Right.READ,
    act=act,
    words=2,
)
