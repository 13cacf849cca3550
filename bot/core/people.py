"""Who holds the roles of a run, by the playbook as the run keeps it, and those of an incident without one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import chain

from pydantic import TypeAdapter

from bot.core.approval import stands
from bot.core.delegation import places
from bot.core.incident import Incident
from bot.core.run import Run
from playbooks.catalog import Catalog
from playbooks.model import Playbook, Role
from playbooks.roles import Holders, holders

_ROLES: TypeAdapter[Mapping[str, Role]] = TypeAdapter(Mapping[str, Role])


def holders_now(
    run: Run,
    incident: Incident,
    catalog: Catalog,
    slack_groups: Mapping[str, Iterable[str]],
    *,
    now: datetime,
) -> Holders:
    """Return the people who hold each role of the run's playbook now, by catalog name.

    Whoever said yes to this run already has kept their place in it, whatever they delegated.
    """
    if not run.snapshot:
        return {}
    return holders(
        _ROLES.validate_python(run.snapshot["roles"]),
        catalog,
        incident=incident.roles,
        slack_groups=slack_groups,
        requester=run.requester or None,
        places=places(incident.delegated, now=now, kept=_approvers(run, now)),
    )


def _approvers(run: Run, now: datetime) -> set[str]:
    """Return whose yes to the plan as it stands is there and not too old."""
    return {
        yes.person
        for gate in (run.plan.gates if run.plan else ())
        if gate.name in run.gates
        for yes in run.gates[gate.name].approvals
        if stands(yes, gate, hash=run.hash, now=now)
    }


def who_knows(
    incident: Incident,
    playbooks: Iterable[Playbook],
    catalog: Catalog,
    slack_groups: Mapping[str, Iterable[str]],
) -> Holders:
    """Return the people to ask in each role of an incident.

    That is whoever took the role, else its holders in the service's playbooks, else the group of that name.
    """
    here = [book for book in playbooks if book.applies_to.covers(incident.service, incident.environment)]
    held = [holders(book.roles, catalog, incident=incident.roles, slack_groups=slack_groups) for book in here]
    by_playbook = {
        role: tuple(dict.fromkeys(chain.from_iterable(found.get(role, ()) for found in held)))
        for role in chain.from_iterable(held)
    }
    groups = {name: catalog.members(name, slack_groups) for name in catalog.groups}
    return {**groups, **by_playbook, **{role: (person,) for role, person in incident.roles.items()}}
