"""Say what can be said."""

from __future__ import annotations

from collections.abc import Sequence

from bot.commands.verb import Answer, Ask, Outcome, Verb, find
from bot.core.document import Bullets, Code, Document, Paragraph, Small
from bot.core.errors import Refused
from bot.core.incident import Incident
from bot.core.may import Right
from bot.core.run import Run


async def act(ask: Ask) -> Outcome:
    """List the verbs the caller may use here, or tell one verb's usage."""
    if ask.words.args:
        verb = find(ask.words.args[0].lower(), ask.verbs, ask.desk.command)
        usage = Paragraph((Code(f"{ask.desk.command} {verb.usage}"), f" {verb.summary}"))
        return Outcome(Answer(Document("", (usage,))))
    incident = await ask.open_here()
    runs = [run for run in await ask.runs_of(incident) if not run.over] if incident else []
    verbs = [verb for verb in ask.verbs.values() if _allowed(ask, verb, incident, runs)]
    items = [(Code(verb.usage), f" {verb.summary}") for verb in verbs]
    left = len(ask.verbs) - len(verbs)
    more = (Small((f"{left} more need a role; `help <verb>` tells which.",)),) if left else ()
    data = {"verbs": [verb.name for verb in verbs]}
    return Outcome(Answer(Document("What you can say", (Bullets(items), *more)), data=data))


def _allowed(ask: Ask, verb: Verb, incident: Incident | None, runs: Sequence[Run]) -> bool:
    """Say whether the caller may use a verb; a role in a run's playbook gives the right to operate it."""
    return any(_may(ask, verb, incident, run) for run in (None, *runs))


def _may(ask: Ask, verb: Verb, incident: Incident | None, run: Run | None) -> bool:
    try:
        ask.may(verb.right, verb.name, incident, run)
    except Refused:
        return False
    return True


VERB = Verb(name="help", usage="help [verb]", summary="Say what can be said.", right=Right.READ, act=act)
