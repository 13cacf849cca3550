"""Give somebody a role in the incident."""

from __future__ import annotations

import re

from bot.commands.handoff import given_up, offer
from bot.commands.verb import Ask, Outcome, Verb
from bot.core.duplicate import go_on
from bot.core.errors import Refused
from bot.core.events import Phase, RoleAssigned
from bot.core.incident import Incident
from bot.core.may import Right
from bot.timeline import Change
from playbooks.problems import nearest
from playbooks.roles import INCIDENT_ROLES

ROLES = INCIDENT_ROLES
KNOWN = {"ic": "commander"}
OPEN_TO_ALL = ("comms", "scribe")


async def act(ask: Ask) -> Outcome:
    """Record who holds a role from now on; roles that a playbook names can be given too."""
    word = ask.argument(0, "The role (commander, ops, comms, scribe, dba, app)").lower()
    role = KNOWN.get(word, word)
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,39}", role):
        raise Refused(
            f"`{role[:40]}` is no name of a role: letters, digits and dashes. Nothing was recorded."
        )
    _known(ask, role)
    person = ask.person(ask.argument(1, "The person (@name)"))
    incident = await ask.incident(ask.words.options.get("inc"))
    if person != ask.who.name or not _free(ask, incident, role):
        ask.may(Right.COMMAND, f"give the role {role}", incident)
    if incident.phase is Phase.CLOSED:
        raise Refused(f"{incident.id} is {incident.stands}: {go_on(incident)}. Nothing was recorded.")
    if role == "commander" and person not in (ask.who.name, incident.commander):
        return offer(ask, incident, person)
    ended = given_up(incident) if role == "commander" else ()
    change = Change(incident.seq, (*ended, RoleAssigned(role=role, person=person)))
    return Outcome(ask.done(incident.id, f"@{person} is {role}."), {f"incident/{incident.id}": change})


def _known(ask: Ask, role: str) -> None:
    """Raise Refused for a role that is nearly one that exists: somebody would hold it and no say with it."""
    playbooks = ask.desk.shelf.playbooks().values()
    roles = {*ROLES, *(name for loaded in playbooks for name in loaded.playbook.roles)}
    near = nearest(role, roles)
    if role not in roles and near:
        raise Refused(f"There is no role {role}: nothing was recorded. Did you mean {near}?")


def _free(ask: Ask, incident: Incident, role: str) -> bool:
    """Say whether whoever is there may take a role: nobody holds it, and it gives no say over anything."""
    if role == "comms" and ask.desk.publishes:
        return False
    approving = {
        part.incident
        for loaded in ask.desk.shelf.playbooks().values()
        for part in loaded.playbook.roles.values()
    }
    return role in OPEN_TO_ALL and role not in incident.roles and role not in approving


VERB = Verb(
    name="role",
    usage="role commander|ops|comms|scribe|… @name",
    summary="Give somebody a role in the incident.",
    right=Right.RESPOND,
    act=act,
    options=frozenset({"inc"}),
    words=2,
)
