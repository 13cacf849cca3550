"""Say what can be said."""

from __future__ import annotations

from bot.commands.verb import Answer, Ask, Outcome, Verb, find
from bot.core import incident as incidents
from bot.core.document import Bullets, Code, Document, Paragraph, Small
from bot.core.errors import Refused
from bot.core.incident import Incident
from bot.core.may import Right


async def act(ask: Ask) -> Outcome:
    """List the verbs the caller may use here, or tell one verb's usage."""
    if ask.words.args:
        verb = find(ask.words.args[0].lower(), ask.verbs, ask.desk.command)
        usage = Paragraph((Code(f"{ask.desk.command} {verb.usage}"), f" {verb.summary}"))
        return Outcome(Answer(Document("", (usage,))))
    incident = await _here(ask)
    verbs = [verb for verb in ask.verbs.values() if _allowed(ask, verb, incident)]
    items = [(Code(verb.usage), f" {verb.summary}") for verb in verbs]
    left = len(ask.verbs) - len(verbs)
    more = (Small((f"{left} more need a role; `help <verb>` tells which.",)),) if left else ()
    data = {"verbs": [verb.name for verb in verbs]}
    return Outcome(Answer(Document("What you can say", (Bullets(items), *more)), data=data))


async def _here(ask: Ask) -> Incident | None:
    found = await ask.timeline.lookup.incidents(only_open=True, channel=ask.place.channel)
    if len(found) != 1:
        return None
    return incidents.fold(await ask.timeline.read(f"incident/{found[0].id}"))


def _allowed(ask: Ask, verb: Verb, incident: Incident | None) -> bool:
    try:
        ask.may(verb.right, verb.name, incident)
    except Refused:
        # A role in a run's playbook gives the right to operate that run.
        return verb.right is Right.OPERATE and bool(ask.who.groups)
    return True


VERB = Verb(name="help", usage="help [verb]", summary="Say what can be said.", right=Right.READ, act=act)
