"""Every target and source of the catalog, looked at through its engine without changing anything."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Mapping
from datetime import datetime

import aiohttp

from bot.settings import Settings
from bot.terminal.doctor.finding import Finding
from integrations.connections import Connections
from integrations.contract import Engine
from integrations.examine import Examined, examine_source, examine_target
from integrations.process import Runner
from integrations.registry import open_engines
from playbooks.catalog import Catalog

_TRY_S = 60.0


async def examine(settings: Settings, catalog: Catalog, runners: Mapping[str, Runner]) -> list[Finding]:
    """Ask all of them at once; one that is silent keeps no other from being looked at."""
    connections = Connections(runners=runners, session=aiohttp.ClientSession, secrets=settings.secrets_dir)
    asked = _asked(open_engines(connections), catalog, connections.now())
    return [finding for found in await asyncio.gather(*asked) for finding in found]


def _asked(
    engines: Mapping[str, Engine], catalog: Catalog, now: datetime
) -> Iterator[Coroutine[None, None, list[Finding]]]:
    for name in catalog.targets:
        target = catalog.target(name)
        assert target
        if target.kind in engines:
            yield _told("target", name, examine_target(engines[target.kind], target))
    for id in catalog.sources:
        source = catalog.source(id)
        assert source
        if source.engine in engines:
            yield _told("source", id, examine_source(engines[source.engine], source, now=now))


async def _told(part: str, name: str, asked: Coroutine[None, None, Examined]) -> list[Finding]:
    try:
        async with asyncio.timeout(_TRY_S):
            found = await asked
    except TimeoutError:
        found = Examined("", (f"It did not answer in {_TRY_S:g} s.",))
    wrong = [Finding(part, "wrong", f"{name}: {problem}") for problem in found.problems]
    unwise = [Finding(part, "unwise", f"{name}: {problem}") for problem in found.unwise]
    return [*(wrong or [Finding(part, "ok", f"{name}: {found.says}")]), *unwise]
