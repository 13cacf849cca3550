"""Who holds a playbook's roles at a moment. Pure: what Slack and the incident say is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from playbooks.catalog import Catalog
from playbooks.model import Role

Holders = Mapping[str, tuple[str, ...]]


def holders(
    roles: Mapping[str, Role],
    catalog: Catalog,
    *,
    incident: Mapping[str, str],
    slack_groups: Mapping[str, Iterable[str]] | None = None,
    requester: str | None = None,
) -> Holders:
    """Return the people who hold each role, by catalog name, each once.

    `incident` maps incident roles to people, `slack_groups` Slack groups to Slack ids. A role that
    nobody but the requester holds passes to the holders of its substitute.
    """
    own = {name: _own(role, catalog, incident, slack_groups) for name, role in roles.items()}
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
    people = (person for person in role.people if person in catalog.people)
    return tuple(dict.fromkeys((*([holder] if holder else []), *group, *slack, *people)))


def _with_substitute(
    name: str, roles: Mapping[str, Role], own: Holders, requester: str | None
) -> tuple[str, ...]:
    found = own[name]
    substitute = roles[name].substitute
    if substitute is None or any(person != requester for person in found):
        return found
    others = _with_substitute(substitute, roles, own, requester)
    return tuple(dict.fromkeys((*found, *others)))
