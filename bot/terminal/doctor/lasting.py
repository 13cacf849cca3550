"""What runs out one day: room on the disk of the home, and tokens of the HTTP door."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from bot.settings import Settings
from bot.terminal.doctor.finding import Finding
from bot.terminal.here import told, utc_now
from bot.timeline.records import Token

SOON = timedelta(days=14)
LITTLE, HARDLY_ANY = 1_000_000_000, 100_000_000


def room(home: Path, free: int) -> Iterator[Finding]:
    """Yield a line when so many free bytes are little for what Backstop writes to its home."""
    if free < LITTLE:
        says = f"{free / 1_000_000:.0f} MB are free where {home} is; nothing can be recorded without room."
        yield Finding("home", "wrong" if free < HARDLY_ANY else "unwise", says, "Free space there.")


def ending(tokens: Sequence[Token], now: datetime) -> Iterator[Finding]:
    """Yield a line for each token that ends soon: a pipeline whose token ended is let through nowhere."""
    for token in tokens:
        if token.expires_at - now < SOON:
            says = f"{token.name} of {token.owner} ends {token.expires_at:%Y-%m-%d %H:%MZ}."
            yield Finding("token", "unwise", says, f"Issue another: backstop token issue --for {token.owner}")


async def lasting(settings: Settings) -> list[Finding]:
    """Return what runs out soon."""
    home = settings.home if settings.home.exists() else Path()
    usage = await asyncio.to_thread(shutil.disk_usage, home)
    found = list(room(settings.home, usage.free))
    tokens = await told(settings, lambda timeline: timeline.records.tokens())
    return [*found, *ending(tokens or (), utc_now())]
