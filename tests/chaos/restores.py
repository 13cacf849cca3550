"""Real restores to be disturbed: of a cluster with pgBackRest, beside and in place, and of a dump."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from bot.core.run import Run
from bot.sandbox import runner as sandbox_runner
from bot.sandbox.slack import SlackStandIn
from bot.sandbox.surroundings import PATIENT, ROOM, utc_now
from integrations.connections import LOCAL, Connections
from integrations.contract import Source
from integrations.process import Runner
from integrations.registry import open_engines
from integrations.runner import processes
from tests import pgbackrest, postgres
from tests.chaos.house import TOOLS, Place, end_runner
from tests.chaos.scene import backed_up
from tests.pgbackrest import PORT, Cluster, copy_of
from tests.required import missing

PEOPLE = {name: (f"U0{name.upper()}", f"{name}@example.com") for name in ("ana", "bo", "cy")}
_TABLES, _ROWS = 4, 8_000
_CATALOG = """
schema: backstop/catalog/1
tiers:
  critical: {{rto: 30m, rpo: 5m}}
services:
  checkout:
    title: Checkout
    tier: critical
    owner: owners
    environments:
      production: {{region: eu, data: personal, targets: [orders], backups: [orders]}}
targets:
  orders: {{kind: {engine}, environment: production}}
sources:
  orders: {{engine: {engine}, settings: {{target: orders}}}}
people:
  ana: {{name: Ana, slack: U0ANA, email: ana@example.com}}
  bo: {{name: Bo, slack: U0BO, email: bo@example.com}}
  cy: {{name: Cy, slack: U0CY, email: cy@example.com}}
groups:
  commanders: {{people: [ana]}}
  dba: {{people: [bo]}}
  owners: {{people: [cy]}}
"""
_PLAYBOOK = """
schema: backstop/playbook/1
metadata: {{name: restore-orders, title: Put the orders back, owner: owners, reviewed: "2026-11-01"}}
options: [restore_full]
applies_to: {{services: [checkout], environments: [production]}}
roles:
  dba: {{group: dba}}
  app: {{group: owners}}
inputs:
  goal: {{type: {type}, ask: Back to where?}}
sources:
  - {{id: orders, engine: {engine}, select: {{{select}}}}}
targets:
  orders: {{kind: {engine}, environment: production}}
freeze: {{services: [checkout], environments: [production], lift: with_run}}
approvals:
  overwrite: {{require: [{{role: dba, min: 1}}, {{role: app, min: 1}}], expires: 20m, valid_for: 1h}}
steps:
  - id: restore
    title: Bring the orders back
    uses: {engine}.{operation}
    source: orders
    with: {{target: orders}}
    by: dba
    approval: overwrite
    effect: destructive
    no_way_back: true
    keep: none
    because: the engine keeps what it replaces itself
    touches: [orders]
    estimate: 1m
    timeout: 5m
    verify:
      - {{id: back, uses: {engine}.restored}}
verify:
  - {{id: still-back, uses: {engine}.restored, with: {{target: orders}}, within: 1m}}
"""
_DUMPED = """
[targets.orders]
kind = "postgres"
database = "orders"
host = "{home}/s"
port = "{port}"
programs = "{programs}"
points = "{home}/dumps"
allow = ["postgres.backup", "postgres.restore", "postgres.restored", "postgres.prove", "postgres.hold"]
"""
_FILL = "INSERT INTO {table} SELECT n, md5(n::text), n / 7.0 FROM generate_series(1, {rows}) n"
# What is computed for each row as it comes in: at once while the tables are filled, from then on it takes as
# long as many more rows would, without the work.
_WEIGH = "CREATE OR REPLACE FUNCTION weigh(n int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT n{slowly}'"
_SLOWLY = " FROM pg_sleep(CASE n % 16 WHEN 0 THEN 0.001 ELSE 0 END)"
_COLUMNS = "id int PRIMARY KEY, said text, total numeric, weight int GENERATED ALWAYS AS (weigh(id)) STORED"


@dataclass
class Restore:
    """A cluster of orders that a bad release damages, and how it is brought back."""

    cluster: Cluster
    place: Place
    slack: SlackStandIn
    operation: str
    plan: str = ""
    gate: str = "overwrite"
    restores: str = "restore"
    good: list[tuple[object, ...]] = field(default_factory=list)

    async def damage(self) -> str:
        """Release badly; the plan goes back to just before the release's transaction."""
        return await asyncio.to_thread(self._release)

    def _release(self) -> str:
        release = self.cluster.release_badly()
        self.cluster.archived()
        self.good = release.good
        self.plan = f"plan restore-orders goal:{release.xid}"
        return release.began.isoformat()

    def rows(self) -> list[tuple[object, ...]]:
        """Return every order as it stands."""
        return self.cluster.rows()

    def judge(self, run: Run | None) -> str:
        """Every order must be as it was before the damage once it is said that they came back."""
        if run is None or run.recovered_at is None:
            return ""
        try:
            found = self.rows()
        except psycopg.Error as error:
            return f"recovered, and nobody can read the orders: {error}"
        same = f"{len(set(found) & set(self.good))} of {len(self.good)} orders are as they were"
        return (
            "" if found == self.good else f"recovered, and the orders are not those before the damage: {same}"
        )

    def workers(self) -> tuple[int, ...]:
        """Return the workers of pgBackRest and pg_restore, and the server that replays or takes the rows."""
        tools = [pid for pid in _own(self.cluster.home) if processes.title(pid) in TOOLS]
        helpers = [pid for tool in tools for pid in processes.children(tool)]
        return (*helpers, *self.servers())

    def servers(self) -> tuple[int, ...]:
        """Return what replays the log: of the copy beside, or of the cluster itself while it recovers."""
        place = self.cluster.side if self.operation == "restore" else self.cluster.data
        return tuple(pid for pid in _of_postgres(place) if processes.children(pid) or _recovers(pid))


@dataclass
class Dumped(Restore):
    """A database of the cluster that a dump replaces."""

    bad: list[tuple[object, ...]] = field(default_factory=list)

    async def damage(self) -> str:
        """Dump the database, then release badly."""
        await asyncio.to_thread(self._fill)
        engine = open_engines(Connections(runners={LOCAL: Runner(self.place.address)}, now=utc_now))[
            "postgres"
        ]
        labels = {"release": "2.3.0", "commit": "3f2a1bc", "environment": "production"}
        await backed_up(engine, Source("orders", "postgres", {"target": "orders"}), labels)
        self.good = self.rows()
        moment = utc_now().isoformat()
        with self._connect() as connection:
            connection.execute("UPDATE orders SET total = 0 WHERE id % 3 = 0")
            connection.execute("DELETE FROM orders WHERE id % 3 = 1")
        self.bad = self.rows()
        self.plan = f'plan restore-orders goal:"{moment}"'
        return moment

    def _fill(self) -> None:
        self.cluster.run("mkdir", "-p", str(self.cluster.home / "dumps"))
        with self.cluster.connect() as connection:
            connection.execute("CREATE DATABASE orders")
        with self._connect() as connection:
            connection.execute(_WEIGH.format(slowly=""))
            for table in ("orders", *(f"history_{number}" for number in range(1, _TABLES))):
                connection.execute(f"CREATE TABLE {table} ({_COLUMNS})")
                connection.execute(_FILL.format(table=table, rows=_ROWS))
            connection.execute(_WEIGH.format(slowly=_SLOWLY))

    def _connect(self) -> psycopg.Connection:
        socket = str(self.cluster.home / "s")
        return psycopg.connect(host=socket, port=PORT, user="postgres", dbname="orders", autocommit=True)

    def rows(self) -> list[tuple[object, ...]]:
        """Return every order as it stands."""
        with self._connect() as connection:
            return connection.execute("SELECT * FROM orders ORDER BY id").fetchall()

    def judge(self, run: Run | None) -> str:
        """Whatever was disturbed, one whole database has the name."""
        if found := super().judge(run):
            return found
        try:
            return (
                ""
                if self.rows() in (self.good, self.bad)
                else "the database is neither as before nor as after"
            )
        except psycopg.Error as error:
            return f"nobody can read the orders: {error}"

    def servers(self) -> tuple[int, ...]:
        """Return the backends that take the rows of the new database."""
        return tuple(pid for pid in _of_postgres(self.cluster.data) if "orders_restoring" in _words(pid))


@contextmanager
def template() -> Iterator[Cluster]:
    """Make the cluster of which every run gets a copy."""
    binaries = postgres.programs()
    if binaries is None:
        missing("postgresql", postgres.ABSENT)
    with pgbackrest.template(binaries) as made:
        yield made


@asynccontextmanager
async def restoring(
    kind: str, made: Cluster, folder: Path, settings: Mapping[str, str]
) -> AsyncIterator[Restore]:
    """Open a copy of a cluster, its runner's rules and the bot's home; end what the runner started."""
    with tempfile.TemporaryDirectory(prefix="bs-") as sockets:
        async with _copied(made) as cluster, SlackStandIn(PEOPLE, now=utc_now, terms=PATIENT) as slack:
            slack.settle_bot(ROOM)
            place = _furnished(folder / "home", Path(sockets), slack, settings)
            made_of, engine, operation = _KINDS[kind]
            scene = made_of(cluster, place, slack, operation)
            _write(scene, engine)
            try:
                yield scene
            finally:
                await end_runner(place)
                await sandbox_runner.end_jobs(place.state)


@asynccontextmanager
async def _copied(made: Cluster) -> AsyncIterator[Cluster]:
    """Copy a cluster while others are played: who waits for it would strike too late."""
    copies = ExitStack()
    copying = asyncio.ensure_future(asyncio.to_thread(copies.enter_context, copy_of(made)))
    try:
        yield await asyncio.shield(copying)
    finally:
        # Told to end while it is made, it is still made, and then removed.
        await asyncio.wait([copying])
        await asyncio.to_thread(copies.close)


_KINDS: Mapping[str, tuple[type[Restore], str, str]] = {
    "beside": (Restore, "pgbackrest", "restore"),
    "in-place": (Restore, "pgbackrest", "restore_in_place"),
    "dump": (Dumped, "postgres", "restore"),
}


def _furnished(home: Path, sockets: Path, slack: SlackStandIn, settings: Mapping[str, str]) -> Place:
    (home / "playbooks").mkdir(parents=True)
    config, address = home / "runner.toml", sockets / "runner.sock"
    given = {
        "HOME": home,
        "PORT": 0,
        "RUNNER_CONFIG": config,
        "RUNNER_SOCKET": address,
        "SLACK_API_URL": slack.api_url,
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_SIGNING_SECRET": slack.signing_secret,
        "SLACK_TEAM": slack.team_id,
        "SLACK_HOME_CHANNEL": slack.channel(ROOM).id,
    }
    own = {f"BACKSTOP_{name}": str(value) for name, value in given.items()}
    return Place(home, {**own, **settings}, home / "runner", address, config)


def _write(scene: Restore, engine: str) -> None:
    dumped = engine == "postgres"
    kind, select = (
        ("instant", "strategy: latest_before, before: inputs.goal")
        if dumped
        else ("text", "strategy: pitr, xid: inputs.goal, require: [log_continuous]")
    )
    words = {"engine": engine, "operation": scene.operation, "type": kind, "select": select}
    home, cluster = scene.place.home, scene.cluster
    (home / "catalog.yaml").write_text(_CATALOG.format(engine=engine), encoding="utf-8")
    playbook = home / "playbooks" / "restore-orders.yaml"
    playbook.write_text(_PLAYBOOK.format(**words), encoding="utf-8")
    reached = {"home": cluster.home, "port": PORT, "programs": cluster.binaries}
    rules = _DUMPED.format(**reached) if dumped else cluster.runner_config("orders")
    scene.place.config.write_text(rules, encoding="utf-8")


def _own(home: Path) -> Iterator[int]:
    """Yield the processes of a cluster's tools, which name its home among their words."""
    return (pid for pid in _pids() if str(home) in _words(pid))


def _of_postgres(data: Path) -> Iterator[int]:
    """Yield the processes that serve a data directory: they work in it."""
    for pid in _pids():
        try:
            if (Path("/proc") / str(pid) / "cwd").readlink() == data and processes.title(pid) == "postgres":
                yield pid
        except OSError:
            continue


def _recovers(pid: int) -> bool:
    return "startup" in _words(pid)


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _words(pid: int) -> str:
    try:
        return (
            (Path("/proc") / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        )
    except OSError:
        return ""
