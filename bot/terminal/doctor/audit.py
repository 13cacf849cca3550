"""Whether the receivers of the audit trail have it, and whether they can be reached."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from bot.settings import Settings
from bot.terminal.doctor.finding import Finding
from bot.terminal.here import utc_now
from bot.timeline import Timeline
from bot.timeline.database import open_engine
from integrations.contract import IntegrationError

TRY_S = 8.0


async def audit(settings: Settings) -> list[Finding]:
    """Return a line for each receiver; nothing where none is set or the database says nothing."""
    names = list(_named(settings))
    if not names or (not settings.database_url and not (settings.home / "backstop.db").exists()):
        return []
    try:
        timeline = Timeline(open_engine(settings.database), now=utc_now)
        try:
            async with asyncio.timeout(TRY_S):
                troubled = {each.key: each.error for each in await timeline.effects.troubled()}
                waiting = [(name, await timeline.trail.waiting(name)) for name in names]
        finally:
            await timeline.close()
    except (IntegrationError, TimeoutError):
        return []  # the line of the database says so
    return [_told(name, count, troubled.get(f"audit:{name}")) for name, count in waiting]


def _named(settings: Settings) -> Iterator[str]:
    if settings.audit_webhook_url:
        yield "webhook"
    if settings.audit_syslog:
        yield "syslog"


def _told(name: str, waiting: int, error: str | None) -> Finding:
    if error:
        do = f"Look at the BACKSTOP_AUDIT_{name.upper()}… settings; they are offered again until then."
        return Finding("audit", "wrong", f"{name}: {waiting} entries wait: {error}", do)
    return Finding("audit", "ok", f"{name}: {waiting} entries wait")
