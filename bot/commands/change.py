"""Say which change led to the incident, or that another one did than was said before."""

from __future__ import annotations

from bot.commands.declare import key_of
from bot.commands.verb import Ask, Outcome, Verb, in_incident
from bot.core.document import Line
from bot.core.errors import Refused
from bot.core.events import ChangeNamed
from bot.core.may import Right


async def act(ask: Ask) -> Outcome:
    """Record the key of the change's issue; what was written to another one before stays there."""
    word = ask.argument(0, "The key of the change's issue, as OPS-12, or `none`,")
    change = None if word.lower() == "none" else key_of(word)
    incident = await ask.incident(ask.words.options.get("inc"))
    if change == incident.change:
        raise Refused(f"{incident.id} names {change or 'no change'} already; nothing was recorded.")
    small: Line = (f"What was written to {incident.change} stays there.",) if incident.change else ()
    said = f"names {change} as the change that led to it." if change else "names no change any more."
    answer = ask.done(incident.id, said, small=small)
    return in_incident(answer, incident, ChangeNamed(change=change))


VERB = Verb(
    name="change",
    usage="change OPS-12|none",
    summary="Say which change led to the incident; its issue keeps what was decided.",
    right=Right.RESPOND,
    act=act,
    options=frozenset({"inc"}),
)
