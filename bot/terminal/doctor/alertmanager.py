"""Whether the Alertmanager can be reached, and whether playbooks that want silence can have it."""

from __future__ import annotations

from collections.abc import Iterator

import aiohttp

from bot.notify.silences import alertmanager_of
from bot.settings import Settings
from bot.shelf import Shelf
from bot.terminal.doctor.finding import Finding
from bot.terminal.here import utc_now
from integrations.contract import IntegrationError
from playbooks.catalog import Catalog

PART = "alerts"


async def alertmanager(settings: Settings, shelf: Shelf, catalog: Catalog | None) -> list[Finding]:
    """Ask which version it is, which changes nothing; where nobody wants silence there is nothing to say."""
    wanted = (
        [name for name, loaded in shelf.playbooks().items() if loaded.playbook.silence] if catalog else []
    )
    there = alertmanager_of(settings, aiohttp.ClientSession, now=utc_now)
    if there is None:
        return list(_unset(settings, wanted))
    try:
        found = [Finding(PART, "ok", f"Alertmanager {await there.version()} answers")]
    except IntegrationError as problem:
        return [Finding(PART, "wrong", str(problem), "Look at the BACKSTOP_ALERTMANAGER_… settings.")]
    if catalog and wanted and not any(target.alerts for target in catalog.targets.values()):
        says = f"{', '.join(wanted)} wants silence, and no target in the catalog has `alerts`."
        found.append(Finding(PART, "wrong", says, "Name the labels of their alerts in catalog.yaml."))
    return found


def _unset(settings: Settings, wanted: list[str]) -> Iterator[Finding]:
    if settings.alertmanager_user or settings.alertmanager_secret:
        yield Finding(PART, "wrong", "BACKSTOP_ALERTMANAGER_URL is missing.", "Set it, or unset the others.")
    elif wanted:
        says = f"{', '.join(wanted)} wants silence, and BACKSTOP_ALERTMANAGER_URL is not set."
        yield Finding(PART, "unwise", says, "Set it, or no alert will be silent.")
