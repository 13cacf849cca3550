"""Who holds a playbook's roles at a moment. Pure: what Slack and the incident say is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from playbooks.catalog import Catalog
from playbooks.model import Role

Holders = Mapping[str, tuple[str, ...]]

INCIDENT_ROLES = ("commander", "ops", "comms", "scribe")
"""The roles that every incident has, whatever its playbook."""


def holders(
    roles: Mapping[str, Role],
    catalog: Catalog,
    *,
    incident: Mapping[str, str],
    slack_groups: Mapping[str, Iterable[str]] | None = None,
    requester: str | None = None,
    places: Mapping[str, str] = MappingProxyType({}),
) -> Holders:
    """Return the people who hold each role, by catalog name, each once.

    `incident` maps incident roles to people, `slack_groups` Slack groups, and whatever people are on call
    for, to ids. A role that nobody but the requester holds passes to the holders of its substitute.
    `places` says who sits in whose place in every role.
    """
    named = {name: _own(role, catalog, incident, slack_groups) for name, role in roles.items()}
    own = {
        name: tuple(dict.fromkeys(places.get(person, person) for person in found))
        for name, found in named.items()
    }
    return {name: _with_substitute(name, roles, own, requester) for name in roles}


def _own(
    role: Role,
    catalog: Catalog,
    incident: Mapping[str, str],
    slack_groups: Mapping[str, Iterable[str]] | None,
) -> tuple[str, ...]:
    holder = incident.get(role.incident) if role.incident else None
    group = catalog.members(role.group or "", slack_groups)
    slack = catalog.slack_members(role.slack_group, slack_groups)
    called = catalog.slack_members(f"escalation_policy:{role.pagerduty}", slack_groups)
    people = (person for person in role.people if person in catalog.people)
    return tuple(dict.fromkeys((*([holder] if holder else []), *group, *slack, *called, *people)))


def _with_substitute(
    name: str, roles: Mapping[str, Role], own: Holders, requester: str | None
) -> tuple[str, ...]:
    found = own[name]
    substitute = roles[name].substitute
    if substitute is None or any(person != requester for person in found):
        return found
    others = _with_substitute(substitute, roles, own, requester)
    return tuple(dict.fromkeys((*found, *others)))
