"""Whether a copy could take over, asked of real servers through their runner, against what may be lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest

from bot.sandbox.surroundings import utc_now
from bot.timeline import Timeline
from integrations.registry import open_engines
from tests import postgres
from tests.integrations.host import Host, a_host
from tests.probes.scenes import probed, unanswered
from tests.runs.stage import CATALOG, Stage, World

pytestmark = pytest.mark.real

_RUNNER = """
[targets.{name}]
kind = "postgres"
database = "postgres"
host = "127.0.0.1"
port = "{port}"
user = "tests"
programs = "{programs}"
points = "{home}/dumps"
secret_env = {{ PGPASSWORD = "{home}/pg-password" }}
"""


@pytest.fixture(scope="module")
def pair(postgresql_server: postgres.Server) -> Iterator[Mapping[str, postgres.Server]]:
    """A server and the copy that streams from it, as their targets are called."""
    with postgres.server(postgresql_server.binaries) as server, postgres.standby(server) as copy:
        yield {"shop-db": server, "shop-copy": copy}


@pytest.fixture
async def host(pair: Mapping[str, postgres.Server], tmp_path: Path) -> AsyncIterator[Host]:
    home = tmp_path / "pg"
    (home / "dumps").mkdir(parents=True)
    (home / "pg-password").write_text(pair["shop-db"].password + "\n")
    config = "".join(
        _RUNNER.format(name=name, port=each.port, programs=each.binaries, home=home)
        for name, each in pair.items()
    )
    async with a_host(tmp_path, config) as made:
        yield made


@pytest.fixture
async def stage(tmp_path: Path, host: Host) -> AsyncIterator[Stage]:
    timeline = await Timeline.open(f"sqlite+aiosqlite:///{tmp_path / 'backstop.db'}", now=utc_now)
    stage = Stage(timeline, tmp_path / "home", World())
    stage.engines["postgres"] = open_engines(host.connections)["postgres"]
    _targets(stage, "shop-db")
    await stage.told("ana", 'declare "Orders are wrong" sev:2')
    yield stage
    await timeline.close()


def _targets(stage: Stage, *names: str) -> None:
    placed = CATALOG.replace("targets: [orders-db]", f"targets: [{', '.join(names)}]")
    kinds = "".join(f"  {name}: {{kind: postgres, environment: production}}\n" for name in names)
    stage.shelf.catalog_file.write_text(
        placed.replace("  orders-db: {kind: stage, environment: production}\n", kinds)
    )


async def test_a_copy_in_step_is_found_without_any_permission_in_the_runner(stage: Stage) -> None:
    facts = await probed(stage)
    assert facts.get("healthy_replica_available") is True, (await unanswered(stage)).get(
        "healthy_replica_available"
    )
    because = (await stage.incident()).known["healthy_replica_available"].because
    assert because.startswith("shop-db: copy at 127.0.0.1 is 0.")
    assert because.endswith(" s behind, 300 s are allowed")


async def test_a_server_that_does_not_answer_leaves_it_to_its_copy(
    stage: Stage, pair: Mapping[str, postgres.Server]
) -> None:
    with pair["shop-db"].connect() as connection:
        connection.execute("CREATE TABLE orders ()")
    _targets(stage, "shop-gone", "shop-copy")
    facts = await probed(stage)
    assert facts.get("healthy_replica_available") is True, (await unanswered(stage)).get(
        "healthy_replica_available"
    )
    because = (await stage.incident()).known["healthy_replica_available"].because
    assert because.startswith("shop-copy: it is ")
    assert "shop-gone" in because


async def test_what_nobody_can_tell_is_asked_of_people_with_the_reason(stage: Stage) -> None:
    _targets(stage, "shop-gone")
    assert "healthy_replica_available" not in await probed(stage)
    assert "shop-gone" in (await unanswered(stage))["healthy_replica_available"]


async def test_where_nothing_has_copies_nothing_is_said_of_them(stage: Stage) -> None:
    stage.shelf.catalog_file.write_text(CATALOG)
    assert "healthy_replica_available" not in await probed(stage)
    assert "healthy_replica_available" not in await unanswered(stage)
