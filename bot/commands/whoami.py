"""Say who Backstop takes you for."""

from __future__ import annotations

from bot.commands.verb import Answer, Ask, Outcome, Verb
from bot.core.document import Document, Paragraph, Strong
from bot.core.may import Right


async def act(ask: Ask) -> Outcome:
    """Name the person or pipeline, their groups and the door they came through."""
    groups = ", ".join(sorted(ask.who.groups)) or "no group"
    line = (Strong(f"@{ask.who.name}"), f", a {ask.who.kind}, in {groups}; you speak through {ask.via}.")
    data = {"name": ask.who.name, "kind": ask.who.kind, "groups": sorted(ask.who.groups)}
    return Outcome(Answer(Document("", (Paragraph(line),)), data=data))


VERB = Verb(
    name="whoami", usage="whoami", summary="Say who you are here.", right=Right.READ, act=act, words=0
)
