"""Give somebody a role in the incident."""

from __future__ import annotations

import re

from bot.commands.verb import Ask, Outcome, Verb
from bot.core.errors import Refused
from bot.core.events import RoleAssigned
from bot.core.may import Right
from bot.timeline import Change

KNOWN = {"ic": "commander"}
# They give no right over runs or approvals, so that whoever is there may take them.
OPEN_TO_ALL = ("comms", "scribe")


async def act(ask: Ask) -> Outcome:
    """Record who holds a role from now on; roles that a playbook names can be given too."""
    word = ask.argument(0, "The role (commander, ops, comms, scribe, dba, app)").lower()
    role = KNOWN.get(word, word)
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,39}", role):
        raise Refused(
            f"`{role[:40]}` is no name of a role: letters, digits and dashes. Nothing was recorded."
        )
    person = ask.person(ask.argument(1, "The person (@name)"))
    incident = await ask.incident(ask.words.options.get("inc"))
    if not (person == ask.who.name and role in OPEN_TO_ALL and role not in incident.roles):
        ask.may(Right.COMMAND, f"give the role {role}", incident)
    change = Change(incident.seq, (RoleAssigned(role=role, person=person),))
    return Outcome(ask.done(incident.id, f"@{person} is {role}."), {f"incident/{incident.id}": change})


VERB = Verb(
    name="role",
    usage="role commander|ops|comms|scribe|… @name",
    summary="Give somebody a role in the incident.",
    right=Right.RESPOND,
    act=act,
    options=frozenset({"inc"}),
    words=2,
)
