from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from integrations.connections import Connections
from integrations.contract import Call, RecoveryPoint
from integrations.github import Github
from tests.clock import Clock
from tests.fakes.github import BAD, GOOD, GithubStandIn, github

SECRET = "canary-github-31"
KEY = "RUN-1.back.1.0a1b2c3d"


@pytest.fixture
async def hub(clock: Clock) -> AsyncIterator[GithubStandIn]:
    async with github(SECRET, clock) as stand_in:
        stand_in.deploy(GOOD, "in_progress", "success", "inactive")
        stand_in.deploy(BAD, "in_progress", "success", ref="v2.4.0")
        yield stand_in


@pytest.fixture
def reached(tmp_path: Path, clock: Clock) -> Connections:
    (tmp_path / "github-token").write_text(SECRET + "\n")
    return Connections(session=aiohttp.ClientSession, secrets=tmp_path, now=clock)


@pytest.fixture
def engine(reached: Connections) -> Github:
    return Github(reached)


@pytest.fixture
async def good(engine: Github, hub: GithubStandIn) -> RecoveryPoint:
    return (await engine.points(hub.source()))[1]


@pytest.fixture
def back(hub: GithubStandIn, good: RecoveryPoint) -> Call:
    params = {"name": "rollback", "pace": "fast"}
    return Call("dispatch", target=hub.target(), params=params, point=good, source=hub.source())
