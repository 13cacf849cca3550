"""Whether PagerDuty takes what Backstop writes, knows what the catalog names, and is heard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Literal

from bot.notify.oncall import named
from bot.notify.told import SEEN
from bot.settings import Settings
from bot.shelf import Shelf
from bot.terminal.doctor.finding import Finding
from bot.terminal.here import told
from integrations.contract import IntegrationError
from integrations.pagerduty import Account, Called, PagerDuty
from playbooks.catalog import Catalog, OnCall

PART = "pagerduty"
SET = "Look at the BACKSTOP_PAGERDUTY_… settings."


async def pagerduty(settings: Settings, shelf: Shelf, catalog: Catalog) -> list[Finding]:
    """Return what is to be said of PagerDuty; nothing where neither settings nor catalog speak of it."""
    paged = {name: each.pagerduty.service for name, each in catalog.services.items() if each.pagerduty}
    wanted = sorted([*paged, *(name for name, group in catalog.groups.items() if group.oncall)])
    if settings.pagerduty_token is None:
        if not wanted:
            return [Finding(PART, "off", "BACKSTOP_PAGERDUTY_TOKEN is not set; nobody is paged")]
        says = f"BACKSTOP_PAGERDUTY_TOKEN is not set, and {', '.join(wanted)} needs it: nobody is paged."
        return [Finding(PART, "wrong", says, "Set it, or take PagerDuty out of catalog.yaml.")]
    if not settings.pagerduty_from:
        says = "BACKSTOP_PAGERDUTY_FROM is missing: PagerDuty takes no write without a person's e-mail."
        return [Finding(PART, "wrong", says, "Set it to the e-mail of a PagerDuty user.")]
    account = Account(settings.pagerduty_token, settings.pagerduty_from, settings.pagerduty_url)
    client = PagerDuty(account)
    try:
        found = [await _health(client, paged), *[each async for each in _on_call(client, shelf, catalog)]]
    finally:
        await client.close()
    return [*found, *await _heard(settings)]


async def _health(client: PagerDuty, paged: Mapping[str, str]) -> Finding:
    health = await client.health(paged)
    if not health.ok:
        return Finding(PART, "wrong", " ".join(health.problems), SET)
    return Finding(PART, "ok", f"as {health.identity}, {len(paged)} services")


async def _on_call(client: PagerDuty, shelf: Shelf, catalog: Catalog) -> AsyncIterator[Finding]:
    """Yield a line for each rota of which nobody holds a role: who is on it now is nobody of the catalog."""
    wanted = set(named(shelf))
    for rota in ("escalation_policy", "schedule"):
        ids = sorted({id for each in wanted if (id := getattr(each, rota))})
        try:
            found = await client.on_call(rota, ids)
        except IntegrationError as problem:
            yield Finding(PART, "wrong", str(problem), SET)
            continue
        for id, people in found.items():
            if not any(catalog.called(each.id, each.email) for each in people):
                yield _nobody(f"the {rota.replace('_', ' ')} {id}", people, catalog, OnCall(**{rota: id}))


def _nobody(rota: str, people: tuple[Called, ...], catalog: Catalog, asked: OnCall) -> Finding:
    groups = [name for name, group in catalog.groups.items() if group.oncall == asked]
    others = bool(groups) and all(catalog.groups[name].people for name in groups)
    state: Literal["unwise", "wrong"] = "unwise" if others else "wrong"
    of = f", of {', '.join(groups)}," if groups else ""
    if not people:
        says = f"nobody is on call for {rota}{of} so that nobody holds it."
        return Finding(PART, state, says, "Look at it in PagerDuty.")
    who = ", ".join(each.email for each in people)
    says = f"on call for {rota}{of} is {who}, who is not in catalog.yaml: nobody holds it."
    return Finding(PART, state, says, "Name them there, with that e-mail or their id as `pagerduty`.")


async def _heard(settings: Settings) -> list[Finding]:
    if not settings.pagerduty_secrets:
        says = "BACKSTOP_PAGERDUTY_WEBHOOK_SECRETS is not set; what people do there is not heard"
        return [Finding(PART, "off", says)]
    seen = await told(settings, lambda timeline: timeline.records.remote(SEEN))
    if seen:
        return [Finding(PART, "ok", f"its webhook told of {seen['kind']} at {seen['at'][:19]}Z")]
    says = "its webhook has told nothing yet."
    where = f"{settings.door}/pagerduty/events"
    return [Finding(PART, "unwise", says, f"Send a test event from PagerDuty to {where}.")]
