"""Whether the clones that the catalog names can be read, and have tags of releases."""

from __future__ import annotations

import asyncio

from bot.core.document import utc
from bot.terminal.doctor.finding import Finding
from integrations.contract import IntegrationError
from integrations.tags import tags_of
from playbooks.catalog import Catalog, Tags


async def tags(catalog: Catalog) -> list[Finding]:
    """Return a line for each clone; nothing where the catalog names none."""
    named = [
        (f"{name} in {environment}", place.deploys.tags)
        for name, service in catalog.services.items()
        for environment, place in service.environments.items()
        if place.deploys and place.deploys.tags
    ]
    return list(await asyncio.gather(*(_told(what, each) for what, each in named)))


async def _told(what: str, named: Tags) -> Finding:
    try:
        found = await tags_of(named.clone, named.matching)
    except IntegrationError as problem:
        do = "Give the clone to the account of Backstop, or set `deploys.tags` right."
        return Finding("tags", "wrong", f"{what}: {problem}", do)
    if not found:
        do = f"Fetch them with `git -C {named.clone} fetch --tags`, or set `matching` right."
        return Finding("tags", "wrong", f"{what}: {named.clone} has no tag like {named.matching}.", do)
    return Finding(
        "tags", "ok", f"{what}: {named.clone}, newest {found[0].id} of {utc(found[0].finished_at)}"
    )
