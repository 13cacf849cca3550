"""Whether the status page can be reached with its key, and has the components that the catalog names."""

from __future__ import annotations

from urllib.parse import urlsplit

import aiohttp

from bot.settings import Settings
from bot.terminal.doctor.finding import Finding
from bot.terminal.here import utc_now
from integrations.contract import IntegrationError
from integrations.statuspage import Page, Statuspage
from playbooks.catalog import Catalog

PART = "status"


async def status_page(settings: Settings, catalog: Catalog | None) -> list[Finding]:
    """Look at the page and post nothing; where no setting names one there is nothing to say."""
    return [*await _statuspage(settings, catalog), *_webhook(settings)]


async def _statuspage(settings: Settings, catalog: Catalog | None) -> list[Finding]:
    page, key = settings.statuspage_page, settings.statuspage_key
    if not page or key is None:
        if not page and key is None:
            return []
        missing = "BACKSTOP_STATUSPAGE_KEY" if page else "BACKSTOP_STATUSPAGE_PAGE"
        says = f"{missing} is missing, so nothing can be published."
        return [Finding(PART, "wrong", says, "Set both of them, or neither.")]
    there = Statuspage(Page(page, key, settings.statuspage_url), aiohttp.ClientSession, now=utc_now)
    try:
        found = [Finding(PART, "ok", f"the page {await there.name()} can be read with the key")]
        for name, service in catalog.services.items() if catalog else ():
            id = service.status_component
            if id and await there.component(id) is None:
                says = f"{name} is the component {id}, which is not on that page."
                found.append(Finding(PART, "wrong", says, "Look at `status_component` in catalog.yaml."))
    except IntegrationError as problem:
        do = "Look at the BACKSTOP_STATUSPAGE_… settings."
        return [Finding(PART, "wrong", str(problem), do)]
    return found


def _webhook(settings: Settings) -> list[Finding]:
    if settings.status_webhook_url is None:
        return []
    place = urlsplit(settings.status_webhook_url.get_secret_value()).hostname or "no host"
    return [Finding(PART, "ok", f"a webhook to {place}, to which nothing is sent only to look")]
