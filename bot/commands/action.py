"""Note what is left to do so that it does not happen again: an action with an owner and a day."""

from __future__ import annotations

from bot.commands.task import give_action, new_number, twice
from bot.commands.verb import Ask, Outcome, Verb
from bot.core.errors import Refused
from bot.core.may import Right
from bot.core.tasks import same


async def act(ask: Ask) -> Outcome:
    """Record an action of the incident, also once that is resolved."""
    what = ask.argument(0, 'What is to be done, in "quotes",').strip()
    if not what:
        raise Refused(f"An empty action says nothing: nothing was recorded. {ask.usage}")
    to = ask.person(ask.argument(1, "The owner (@name)"))
    incident = await ask.incident(ask.words.options.get("inc"))
    if already := same(incident.tasks, what, to, follow_up=True):
        return twice(ask, incident, already)
    return give_action(ask, incident, new_number(incident), what, to, option="due")


VERB = Verb(
    name="action",
    usage='action "what" @owner [due:14d|2026-12-24] [inc:INC-42]',
    summary="Note what is left to do so that it does not happen again.",
    right=Right.RESPOND,
    act=act,
    options=frozenset({"due", "inc"}),
    words=2,
)
