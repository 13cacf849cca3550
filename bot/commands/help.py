"""Say what can be said."""

from __future__ import annotations

from bot.commands.verb import Answer, Ask, Outcome, Verb, find
from bot.core.document import Bullets, Code, Document, Paragraph
from bot.core.may import Right


async def act(ask: Ask) -> Outcome:
    """List the verbs the caller may use, or tell one verb's usage."""
    if ask.words.args:
        verb = find(ask.words.args[0].lower(), ask.verbs, ask.desk.command)
        usage = Paragraph((Code(f"{ask.desk.command} {verb.usage}"), f": {verb.summary}"))
        return Outcome(Answer(Document("", (usage,))))
    items = [(Code(verb.usage), f" {verb.summary}") for verb in ask.verbs.values()]
    return Outcome(Answer(Document("What you can say", (Bullets(items),))))


VERB = Verb(name="help", usage="help [verb]", summary="Say what can be said.", right=Right.READ, act=act)
