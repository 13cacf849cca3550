"""A warehouse as a place of journeys: PostgreSQL and pgBackRest, their runner, and real time.

Its playbook is the library's `warehouse-restore`, as it stands there or changed as a sentence says.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bot.sandbox.slack import SlackStandIn
from bot.sandbox.surroundings import PATIENT, Transport, utc_now
from integrations.contract import Target
from integrations.registry import open_engines
from playbooks import library
from playbooks.catalog import load_catalog
from tests.integrations.host import Host, a_host
from tests.journeys.directions import Scene, sentence
from tests.journeys.places import Bot, WithBot, port_of, reserved, settings_of
from tests.journeys.real import MASKS, SOON
from tests.pgbackrest import Cluster, Release

PLAYBOOK = "warehouse-restore.yaml"
_CLUSTER = "warehouse-cluster"
_MASKS = {
    r"\b\d{8}-\d{6}F(?:_\d{8}-\d{6}[DI])?": "<backup>",
    r"(?<=comes back is )\d+|(?<=does not is )\d+|(?<=transaction )\d+": "<xid>",
    r"(?<=goal: )\d+(?![-\d])|(?<=--xid=)\d+": "<xid>",
    r"\b\d{19}\b": "<system>",
    r"(?<=%2E)[0-9a-f]{8}\b": "<hash8>",
    r"(?<=files checked: )\d+|(?<=valid files: )\d+": "<n>",
    r"\b[0-9A-F]+/[0-9A-F]{5,8}\b": "<position>",
    r"\b[0-9A-F]{24}\b": "<segment>",
    r"\b[0-9a-f]{64}\b": "<digest>",
    r"/\S*/backstop-runner\b": "backstop-runner",
    **MASKS,
}
_RUNNER = """
[targets.warehouse-db]
kind = "postgres"
database = "postgres"
points = "{home}/dumps"
host = "{home}/s"
port = "5499"
programs = "{programs}"
allow = ["postgres.select"]

[targets.warehouse]
kind = "commands"

[commands.warehouse-scale]
argv = ["/bin/ln", "-sfn", "{{replicas}}", {replicas}]
target = "warehouse"
effect = "reversible"
repeat = "safe"
params = {{ replicas = {{ type = "int", min = 0, max = 1 }} }}
"""
_GOALS = {"moment": "before", "transaction": "xid", "position": "lsn", "marker": "marker"}


@dataclass
class WarehousePlace(WithBot):
    """A warehouse with the orders it packs in a cluster of its own."""

    slack: SlackStandIn
    bot: Bot
    cluster: Cluster
    host: Host
    home: Path
    jira: None = None
    bad: Release | None = None
    backups: int = 1
    good: list[tuple[object, ...]] = field(default_factory=list)

    @property
    def names(self) -> Mapping[str, str]:
        """Return a name for each address."""
        return {
            self.bot.settings.door: "http://backstop",
            self.slack.url: "http://slack",
            str(self.cluster.home): "/srv/pg",
            str(self.cluster.binaries): "/usr/lib/postgresql",
            str(self.home): "/srv/home",
        }

    @property
    def masks(self) -> Mapping[str, str]:
        """Return masks for what a real machine and a real log make."""
        return _MASKS

    @property
    def known(self) -> Mapping[str, str]:
        """Return what the server's log says of the last bad release."""
        if self.bad is None:
            return {}
        began = self.bad.began.isoformat().replace("+00:00", "Z")
        return {"its moment": began, "its position": self.bad.lsn, "its transaction": str(self.bad.xid)}

    async def settle(self) -> None:
        """Wait until nothing more happens soon."""
        await self.bot.at_rest(SOON)


@asynccontextmanager
async def warehouse_place(
    home: Path, transport: Transport, cluster: Cluster
) -> AsyncIterator[WarehousePlace]:
    """Open the warehouse, whose cluster has one full backup."""
    catalog = library.read("catalog.yaml")
    (home / "playbooks").mkdir(parents=True)
    (home / "catalog.yaml").write_text(catalog, encoding="utf-8")
    (home / "playbooks" / PLAYBOOK).write_text(library.read(PLAYBOOK), encoding="utf-8")
    people = {
        name: (str(person.slack), str(person.email))
        for name, person in load_catalog(catalog, "catalog.yaml").people.items()
    }
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(SlackStandIn(people, now=utc_now, terms=PATIENT))
        slack.settle_bot("general")
        (home / "host").mkdir()
        (cluster.home / "dumps").mkdir()
        host = await stack.enter_async_context(a_host(home / "host", _runner(cluster, home)))
        door = stack.enter_context(reserved())
        runner = {"runner_socket": host.socket, "runner_config": host.config}
        settings = settings_of(home, slack, transport, port_of(door), **runner)
        if transport == "http":
            slack.deliver_over("http", f"{settings.door}/slack/events")
        bot = Bot(settings, slack, utc_now)
        stack.push_async_callback(bot.down)
        yield WarehousePlace(slack, bot, cluster, host, home)


def _runner(cluster: Cluster, home: Path) -> str:
    replicas = json.dumps(str(home / "replicas"))
    own = _RUNNER.format(home=cluster.home, programs=cluster.binaries, replicas=replicas)
    return cluster.runner_config(_CLUSTER) + own


def changed(playbook: str, goal: str, *, warm: bool, in_place: bool) -> str:
    """Return the library's playbook with another goal, without its copy or over the cluster itself."""
    if goal != "moment":
        begin, end = playbook.index("  goal: {"), playbook.index("\nsources:")
        asked = f'  goal: {{type: text, ask: "Back to before which {goal}?"}}\n'
        playbook = playbook[:begin] + asked + playbook[end:]
        playbook = playbook.replace("before: inputs.goal", f"{_GOALS[goal]}: inputs.goal")
    if not warm:
        begin, end = playbook.index("  - id: prepare\n"), playbook.index("  - id: stop-writers\n")
        playbook = playbook[:begin] + playbook[end:]
        playbook = playbook.replace("[prepare, stop-writers]", "[stop-writers]").replace("warm: true\n", "")
    if in_place:
        playbook = playbook.replace("uses: pgbackrest.restore\n", "uses: pgbackrest.restore_in_place\n")
    return playbook


def _warehouse(scene: Scene) -> WarehousePlace:
    assert isinstance(scene.place, WarehousePlace), "this happens at the warehouse only"
    return scene.place


@sentence(
    "warehouse-restore goes back to (?:before )?a (moment|transaction|position|marker)"
    "(, in place)?(, with a copy made beforehand)?"
)
async def _goes_back(scene: Scene, goal: str, in_place: str | None, warm: str | None) -> None:
    text = changed(library.read(PLAYBOOK), goal, warm=bool(warm), in_place=bool(in_place))
    (_warehouse(scene).home / "playbooks" / PLAYBOOK).write_text(text, encoding="utf-8")


@sentence("a release damages the orders of the warehouse")
async def _bad_release(scene: Scene) -> None:
    place = _warehouse(scene)
    place.bad = await asyncio.to_thread(place.cluster.release_badly)
    place.good = place.bad.good
    place.backups = len(await asyncio.to_thread(place.cluster.backups))


@sentence(r"the pipeline sets the marker (\S+), and orders go on coming in until a release damages them")
async def _marked(scene: Scene, name: str) -> None:
    place = _warehouse(scene)
    marked = await asyncio.to_thread(place.cluster.rows)
    await open_engines(place.host.connections)["pgbackrest"].mark(
        Target(_CLUSTER, "pgbackrest", "production"), name
    )
    await _bad_release(scene)
    place.good = marked


@sentence("orders go on coming in")
async def _orders(scene: Scene) -> None:
    await asyncio.to_thread(_warehouse(scene).cluster.order, 3)


@sentence("every row is as it was (?:just before the release|at the marker)")
async def _right(scene: Scene) -> None:
    place = _warehouse(scene)
    assert place.good
    assert await asyncio.to_thread(place.cluster.rows) == place.good


@sentence("the newest backup is a new full one")
async def _backed_up(scene: Scene) -> None:
    place = _warehouse(scene)
    backups = await asyncio.to_thread(place.cluster.backups)
    assert len(backups) == place.backups + 1
    assert backups[-1].endswith("F")


@sentence("(a|no) copy of the cluster lies beside it")
async def _beside(scene: Scene, which: str) -> None:
    assert await asyncio.to_thread(_warehouse(scene).cluster.side.exists) is (which == "a")


@sentence("the server of the cluster (dies|is started again)")
async def _server(scene: Scene, how: str) -> None:
    cluster = _warehouse(scene).cluster
    await asyncio.to_thread(cluster.stop if how == "dies" else cluster.start)


@sentence("somebody puts another database in the cluster's place")
async def _other(scene: Scene) -> None:
    await asyncio.to_thread(_warehouse(scene).cluster.replace)


@sentence("the first backup is damaged in the repository")
async def _damaged(scene: Scene) -> None:
    await asyncio.to_thread(_warehouse(scene).cluster.damage, 0)


@sentence("a backup is taken after the damage")
async def _late(scene: Scene) -> None:
    await asyncio.to_thread(_warehouse(scene).cluster.pgbackrest, "--type=incr", "backup")


@sentence("a segment of the log is lost from the archive")
async def _lost(scene: Scene) -> None:
    await asyncio.to_thread(_warehouse(scene).cluster.lose_log)
