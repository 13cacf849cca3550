"""Every target and source of the catalog, looked at through its engine without changing anything."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from datetime import datetime

import aiohttp

from bot.runs.book import gave
from bot.runs.unchanged import unknown_act
from bot.settings import Settings
from bot.terminal.doctor.finding import Finding
from bot.terminal.here import told
from bot.timeline import Timeline
from integrations.connections import Connections
from integrations.contract import Engine, Fence
from integrations.examine import Examined, examine_source, examine_target
from integrations.process import Runner
from integrations.registry import open_engines
from playbooks.catalog import Catalog

_TRY_S = 60.0
_PUT_BACK = "The steps: docs/how-to/when-backstop-is-down.md#restore-backstops-own-database"


async def examine(settings: Settings, catalog: Catalog, runners: Mapping[str, Runner]) -> list[Finding]:
    """Ask all of them at once; one that is silent keeps no other from being looked at."""
    connections = Connections(runners=runners, session=aiohttp.ClientSession, secrets=settings.secrets_dir)
    asked = _asked(open_engines(connections), catalog, connections.now())
    examined = await asyncio.gather(*asked)
    acts = [(name, found.fence) for part, name, found in examined if found.fence]
    unknown = await told(settings, lambda timeline: _unknown(timeline, acts)) if acts else ()
    findings = [finding for each in examined for finding in _told(*each)]
    # Where the database cannot be asked, that is told of itself.
    return [*findings, *(Finding("target", "wrong", unknown_act(*act), _PUT_BACK) for act in unknown or ())]


async def _unknown(timeline: Timeline, acts: Sequence[tuple[str, Fence]]) -> list[tuple[str, Fence]]:
    """Return what targets saw of which this database knows nothing."""
    return [(name, fence) for name, fence in acts if not await gave(timeline, fence)]


def _asked(
    engines: Mapping[str, Engine], catalog: Catalog, now: datetime
) -> Iterator[Coroutine[None, None, tuple[str, str, Examined]]]:
    for name in catalog.targets:
        target = catalog.target(name)
        assert target
        if target.kind in engines:
            yield _in_time("target", name, examine_target(engines[target.kind], target))
    for id in catalog.sources:
        source = catalog.source(id)
        assert source
        if source.engine in engines:
            yield _in_time("source", id, examine_source(engines[source.engine], source, now=now))


async def _in_time(part: str, name: str, asked: Coroutine[None, None, Examined]) -> tuple[str, str, Examined]:
    try:
        async with asyncio.timeout(_TRY_S):
            return part, name, await asked
    except TimeoutError:
        return part, name, Examined("", (f"It did not answer in {_TRY_S:g} s.",))


def _told(part: str, name: str, found: Examined) -> list[Finding]:
    wrong = [Finding(part, "wrong", f"{name}: {problem}") for problem in found.problems]
    unwise = [Finding(part, "unwise", f"{name}: {problem}") for problem in found.unwise]
    return [*(wrong or [Finding(part, "ok", f"{name}: {found.says}")]), *unwise]
