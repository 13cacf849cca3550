"""Whether the receivers of the audit trail have it, and whether they can be reached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.settings import Settings
from bot.terminal.doctor.finding import Finding
from bot.terminal.here import told
from bot.timeline import Timeline


async def audit(settings: Settings) -> list[Finding]:
    """Return a line for each receiver; nothing where none is set or the database says nothing."""
    names = list(_named(settings))
    found = await told(settings, lambda timeline: _stand(timeline, names)) if names else None
    return [_told(name, waiting, error) for name, waiting, error in found or ()]


async def _stand(timeline: Timeline, names: Sequence[str]) -> list[tuple[str, int, str | None]]:
    """Return of each receiver how many entries wait for it, and what went wrong last."""
    troubled = {each.key: each.error for each in await timeline.effects.troubled()}
    return [(name, await timeline.trail.waiting(name), troubled.get(f"audit:{name}")) for name in names]


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
