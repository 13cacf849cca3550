"""Reading who holds the servers that targets are of."""

from __future__ import annotations

from collections.abc import Iterable

from bot.core.plan import PlannedTarget
from bot.core.sharing import Servers, fold_server, server_of
from bot.timeline import Timeline


async def servers(timeline: Timeline, targets: Iterable[PlannedTarget | None]) -> Servers:
    """Return who holds the servers that targets are of."""
    parts = tuple(target for target in targets if target and server_of(target))
    names = dict.fromkeys(map(server_of, parts))
    return Servers(parts, {name: fold_server(await timeline.read(f"target/{name}")) for name in names})
