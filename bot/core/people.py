"""Who holds the roles of a run at a moment, from the playbook as the run keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import TypeAdapter

from bot.core.incident import Incident
from bot.core.run import Run
from playbooks.catalog import Catalog
from playbooks.model import Role
from playbooks.roles import Holders, holders

_ROLES: TypeAdapter[Mapping[str, Role]] = TypeAdapter(Mapping[str, Role])


def holders_now(
    run: Run, incident: Incident, catalog: Catalog, slack_groups: Mapping[str, Iterable[str]]
) -> Holders:
    """Return the people who hold each role of the run's playbook now, by catalog name."""
    if not run.snapshot:
        return {}
    return holders(
        _ROLES.validate_python(run.snapshot["roles"]),
        catalog,
        incident=incident.roles,
        slack_groups=slack_groups,
        requester=run.requester or None,
    )
