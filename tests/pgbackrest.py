"""A throw-away PostgreSQL cluster that the real pgBackRest backs up, and a release that damages it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from integrations.contract import Source, Target
from integrations.runner import servers
from tests import postgres
from tests.required import missing

ABSENT = (
    "pgBackRest is not on this machine; install it with `apt-get install pgbackrest` and run the tests again."
)
PORT, SIDE_PORT = "5499", "5498"
_CONFIG = """
[global]
repo1-path={home}/repo
repo1-bundle=y
repo1-retention-full=9
lock-path={home}/lock
start-fast=y
compress-type=lz4
archive-timeout=30

[orders]
pg1-path={home}/data
pg1-port={port}
pg1-socket-path={home}/s
"""
# Nothing here names the directory: a backup brings this file back wherever it is restored to.
_SETTINGS = """
port = {port}
listen_addresses = ''
unix_socket_directories = '../s'
archive_mode = on
archive_command = 'pgbackrest --config="$(dirname "$PWD")/pgbackrest.conf" --stanza=orders archive-push %p'
fsync = off
max_connections = 20
min_wal_size = {smallest}MB
max_wal_size = {largest}MB
timezone = 'UTC'
include_if_exists = '../more.conf'
"""
_ROW = "SELECT n, (SELECT string_agg(md5((n * 32 + part)::text), '') FROM generate_series(1, 32) part)"
_ROWS_AT_ONCE = 50_000
_RUNNER = """
[targets.{name}]
kind = "pgbackrest"
stanza = "orders"
path = "{home}/data"
programs = "{programs}"
config = "{home}/pgbackrest.conf"
socket = "{home}/s"
port = "{port}"
side_port = "{side_port}"
{more}allow = {allow}
"""
_ALLOW = ["backup", "mark", "verify", "prove", "hold", "prepare", "discard", "restore", "restored"]
_ALLOW += ["restore_in_place", "salvage"]


@dataclass(frozen=True, slots=True)
class Size:
    """How much of a history lies beside the orders, and how much log is archived after the backup, in MB."""

    data: int = 0
    log: int = 0
    segment: int = 1


@dataclass(frozen=True, slots=True)
class Release:
    """A release that damaged the orders: when its migration began, where, and the orders before it."""

    began: datetime
    lsn: str
    xid: int
    good: list[tuple[object, ...]]


class Cluster:
    """A cluster of orders with its stanza, in a home of its own that PostgreSQL's account can enter."""

    def __init__(self, home: Path, binaries: Path) -> None:
        self.home, self.binaries = home, binaries
        self.data, self.side, self.kept = home / "data", home / "data.side", home / "data.kept"
        self.account = postgres.unprivileged()
        self.target = Target("orders-cluster", "pgbackrest", "production")
        self.source = Source("orders-cluster", "pgbackrest")
        self._config = home / "pgbackrest.conf"

    def configure(self) -> None:
        """Write where pgBackRest finds the cluster."""
        self._config.write_text(_CONFIG.format(home=self.home, port=PORT))
        # Read by the cluster's account, whatever this process lets others read.
        self._config.chmod(0o644)

    def runner_config(self, name: str = "orders-cluster", more: str = "") -> str:
        """Return what runner.toml says of it."""
        allow = [f"pgbackrest.{verb}" for verb in _ALLOW]
        ports = {"port": PORT, "side_port": SIDE_PORT}
        return _RUNNER.format(
            name=name, home=self.home, programs=self.binaries, allow=allow, more=more, **ports
        )

    def run(self, *words: str | Path) -> str:
        """Run a program as the cluster's account."""
        done = subprocess.run(
            words,
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(self.home), "TZ": "UTC"},
            **postgres.as_account(self.account),
        )
        if done.returncode:
            raise RuntimeError(f"{words}: {done.stdout[-800:]} {done.stderr[-800:]}")
        return done.stdout

    def pgbackrest(self, *words: str) -> str:
        """Run pgBackRest as an operator does."""
        quiet = ("--log-level-console=off", "--log-level-stderr=error", "--log-level-file=off")
        return self.run("pgbackrest", f"--config={self._config}", "--stanza=orders", *quiet, *words)

    def start(self, options: str = "") -> None:
        """Start the server, if wanted with other settings for once."""
        with (self.home / "server.log").open("a") as log:
            if self.account:
                os.chown(self.home / "server.log", self.account.pw_uid, self.account.pw_gid)
            log.write("\n")
        words = (self.binaries / "pg_ctl", "-D", self.data, "-w", "-l", self.home / "server.log")
        self.run(*words, "-o", options, "start")

    def stop(self, data: Path | None = None, mode: str = "fast") -> None:
        """Stop the server of a data directory, if it runs."""
        with suppress(RuntimeError):
            self.run(self.binaries / "pg_ctl", "-D", data or self.data, "-w", "-m", mode, "stop")

    def start_side(self) -> None:
        """Start whatever cluster stands in the place of the copy beside."""
        alone = f"-c port={SIDE_PORT} -c archive_mode=off -c unix_socket_directories={self.home}/s"
        pg_ctl = (self.binaries / "pg_ctl", "-D", self.side, "-w", "-l", self.side / "log", "-o", alone)
        self.run(*pg_ctl, "start")

    def backups(self) -> list[str]:
        """Return the labels of all backups, oldest first."""
        found = json.loads(self.pgbackrest("info", "--output=json"))
        return [str(each["label"]) for each in found[0]["backup"]]

    def label(self) -> str:
        """Return the label of the first backup."""
        return self.backups()[0]

    def connect(self, port: str = PORT, database: str = "postgres") -> psycopg.Connection:
        """Connect to the orders; every statement counts at once."""
        return psycopg.connect(
            host=str(self.home / "s"), port=port, user="postgres", dbname=database, autocommit=True
        )

    def ask(self, query: str, port: str = PORT) -> object:
        """Return the first value a query finds."""
        with self.connect(port) as connection:
            row = connection.execute(query).fetchone()
            return row[0] if row else None

    def rows(self, port: str = PORT) -> list[tuple[object, ...]]:
        """Return every order."""
        with self.connect(port) as connection:
            return connection.execute("SELECT * FROM orders ORDER BY id").fetchall()

    def order(self, count: int = 1) -> None:
        """Take orders, each in a transaction of its own."""
        with self.connect() as connection:
            for _ in range(count):
                connection.execute("INSERT INTO orders (total) VALUES (random() * 1000)")

    def release_badly(self) -> Release:
        """Do what a bad release does, with orders before and after it."""
        self.order(3)
        good = self.rows()
        with self.connect() as connection, connection.transaction():
            began = connection.execute(
                "SELECT clock_timestamp(), pg_current_wal_insert_lsn()::text"
            ).fetchone()
            xid = connection.execute("SELECT txid_current()").fetchone()
            connection.execute("UPDATE orders SET total = 0 WHERE id % 3 = 0")
            connection.execute("DELETE FROM orders WHERE id % 3 = 1")
        assert began
        assert xid
        self.order(3)
        return Release(began[0].astimezone(UTC), began[1], xid[0], good)

    def set(self, more: str) -> None:
        """Have other settings hold, also in what is restored, from its start or the next reload."""
        (self.home / "more.conf").write_text(more)
        (self.home / "more.conf").chmod(0o644)

    def reload(self) -> None:
        """Let the server read its settings again."""
        self.run(self.binaries / "pg_ctl", "-D", self.data, "reload")

    def pid(self) -> int | None:
        """Return the process of the server, if one lives."""
        return servers.pid_in(self.data)

    def recovers(self, port: str = PORT) -> bool:
        """Say whether the server can be asked and still replays its log."""
        with suppress(psycopg.OperationalError):
            return self.ask("SELECT pg_is_in_recovery()", port) is True
        return False

    def archived(self) -> None:
        """Wait until everything that was written is archived."""
        self.pgbackrest("check")

    def replace(self) -> None:
        """Put another database in the cluster's place, which does not run."""
        self.stop()
        self.run("rm", "-r", self.data)
        self.run(self.binaries / "initdb", "--pgdata", self.data, "--no-sync", "--username=postgres")

    def put_back(self, kept: Path) -> None:
        """Let a kept cluster take its place again, as a person does it."""
        self.stop()
        self.data.rename(self.home / "restored")
        kept.rename(self.data)
        self.start()

    def damage(self, backup: int) -> None:
        """Change the last byte in the greatest file of a backup, which is of a checksum."""
        files = (self.home / "repo/backup/orders" / self.backups()[backup]).rglob("*")
        bundle = max(files, key=lambda path: path.stat().st_size)
        content = bytearray(bundle.read_bytes())
        content[-1] ^= 0xFF
        bundle.write_bytes(content)

    def lose_log(self) -> str:
        """Lose the newest segment of the archived log but one, and return its name."""
        for _ in range(2):
            self.order()
            self.archived()
        lost = sorted((self.home / "repo/archive/orders/15-1").rglob("*.lz4"))[-2]
        lost.unlink()
        return lost.name[:24]

    def close(self) -> None:
        """Stop every server and remove everything."""
        for data in (self.data, self.side):
            self.stop(data, "immediate")
        shutil.rmtree(self.home, ignore_errors=True)


def _empty(binaries: Path) -> Cluster:
    # The path of a unix socket is short, and PostgreSQL's account can enter few places.
    home = Path(tempfile.mkdtemp(prefix="bs-pg-", dir=postgres.open_folder()))
    cluster = Cluster(home, binaries)
    if cluster.account:
        os.chown(home, cluster.account.pw_uid, cluster.account.pw_gid)
    return cluster


@contextmanager
def template(binaries: Path, size: Size | None = None) -> Iterator[Cluster]:
    """Make a stopped cluster of orders with one full backup, to be copied."""
    if shutil.which("pgbackrest") is None:
        missing("pgbackrest", ABSENT)
    cluster, size = _empty(binaries), size or Size()
    try:
        _initialise(cluster, size)
        with cluster.connect() as connection:
            connection.execute(
                "CREATE TABLE orders "
                "(id serial PRIMARY KEY, total numeric, at timestamptz DEFAULT clock_timestamp())"
            )
            connection.execute("INSERT INTO orders (total) SELECT n FROM generate_series(1, 3000) n")
        _fill(cluster, size.data)
        cluster.pgbackrest("stanza-create")
        cluster.pgbackrest("--type=full", "--annotation=release=2.3.0", "backup")
        _write_log(cluster, size.log)
        cluster.stop()
        yield cluster
    finally:
        cluster.close()


def _initialise(cluster: Cluster, size: Size) -> None:
    for name in ("s", "repo", "lock"):
        cluster.run("mkdir", name)
    cluster.configure()
    initdb = (cluster.binaries / "initdb", "--pgdata", cluster.data, "--username=postgres", "--no-sync")
    words = ("--auth=trust", "--encoding=UTF8", "--locale=C", f"--wal-segsize={size.segment}")
    cluster.run(*initdb, *words)
    with (cluster.data / "postgresql.conf").open("a") as settings:
        log = {"smallest": 2 * size.segment, "largest": 64 * max(1, size.segment // 2)}
        settings.write(_SETTINGS.format(port=PORT, **log))
    cluster.start()


def _fill(cluster: Cluster, wanted: int) -> None:
    """Write history until it has so many MB, which is not archived: no backup needs it."""
    if not wanted:
        return
    cluster.stop()
    cluster.start("-c archive_mode=off -c wal_level=minimal -c max_wal_senders=0")
    with cluster.connect() as connection, connection.transaction():
        # In the transaction that makes its table nothing of it goes through the log.
        connection.execute("CREATE TABLE history (id bigint, said text)")
        begin = 0
        while _value(connection, "SELECT pg_relation_size('history') >> 20") < wanted:
            series = f"generate_series({begin}, {begin + _ROWS_AT_ONCE - 1}) n"
            connection.execute(f"INSERT INTO history {_ROW} FROM {series}")
            begin += _ROWS_AT_ONCE
    cluster.stop()
    cluster.start()


def _write_log(cluster: Cluster, wanted: int) -> None:
    """Change one row of each page after another until so many MB of log were written, and archive them."""
    if not wanted:
        return
    with cluster.connect() as connection:
        begun = str(_value(connection, "SELECT pg_current_wal_lsn()::text"))
        written = f"SELECT (pg_current_wal_lsn() - '{begun}'::pg_lsn)::bigint >> 20"
        begin = 0
        while _value(connection, written) < wanted:
            which = f"id BETWEEN {begin} AND {begin + _ROWS_AT_ONCE - 1} AND id % 5 = 0"
            changed = connection.execute(f"UPDATE history SET said = reverse(said) WHERE {which}").rowcount
            begin = begin + _ROWS_AT_ONCE if changed else 0
    cluster.archived()


def _value(connection: psycopg.Connection, query: str) -> int:
    row = connection.execute(query).fetchone()
    assert row
    found: int = row[0]
    return found


@contextmanager
def copy_of(made: Cluster, *, shares: bool = False) -> Iterator[Cluster]:
    """Copy a stopped cluster with its repository, and start the copy.

    With `shares` the files of the repository are the same ones: pgBackRest never writes into one again, it
    makes another and renames it. Who damages them by hand must not share them.
    """
    cluster = _empty(made.binaries)
    try:
        for part in made.home.iterdir():
            how = ("--link",) if shares and part.name == "repo" else ()
            subprocess.run(["cp", "--archive", *how, str(part), str(cluster.home)], check=True)
        cluster.configure()
        cluster.start()
        yield cluster
    finally:
        cluster.close()


def now() -> datetime:
    """Return this moment, as a person reads it from a clock."""
    return datetime.now(UTC)


def key() -> str:
    """Return a key that nobody used."""
    return f"RUN-1/restore/{secrets.token_hex(4)}"
