"""A PostgreSQL database of orders beside a runner, damaged as a bad release does it."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg import sql

from integrations.contract import Source, Target
from tests import postgres
from tests.integrations.host import Host, a_host

_ALLOW = [
    *("backup", "prepare", "discard", "restore", "restored", "prove", "verify", "hold"),
    *("restore_partial", "drop_partial", "extract", "drop_extracted"),
    *("salvage", "select", "rows", "recovered_to", "schema", "amcheck"),
]
_CONFIG = """
[targets.{name}]
kind = "postgres"
database = {database}
host = "127.0.0.1"
port = "{port}"
user = "tests"
programs = "{programs}"
points = "{home}/dumps"
secret_env = {{ PGPASSWORD = "{home}/pg-password" }}
allow = {allow}
"""


class Orders:
    """The database; its name has everything in it that must be quoted."""

    def __init__(self, server: postgres.Server, home: Path) -> None:
        self.server, self.home = server, home
        self.name = f"or\"ders' {secrets.token_hex(4)}"
        self.dumps, self.kept = home / "dumps", home / "dumps" / "kept"
        self.target = Target("orders-pg", "postgres", "production")
        self.source = Source("orders-pg", "postgres")
        self.dumps.mkdir()
        (home / "pg-password").write_text(server.password + "\n")

    def config(self) -> str:
        """Return what runner.toml says of it."""
        return _CONFIG.format(
            name=self.target.name,
            database=json.dumps(self.name),
            port=self.server.port,
            programs=self.server.binaries,
            home=self.home,
            allow=[f"postgres.{verb}" for verb in _ALLOW],
        )

    def make(self) -> None:
        """Make the database with its orders, a role and its rights."""
        role = sql.Identifier(self.role)
        with self.server.connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.name)))
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
            for words in (
                "ALTER DATABASE {db} SET search_path = 'shop', 'public'",
                "ALTER ROLE {role} IN DATABASE {db} SET work_mem = '8MB'",
                "REVOKE CONNECT ON DATABASE {db} FROM PUBLIC",
                "GRANT CONNECT, CREATE ON DATABASE {db} TO {role}",
            ):
                connection.execute(sql.SQL(words).format(db=sql.Identifier(self.name), role=role))
        with self.server.connect(self.name) as connection:
            connection.execute("CREATE SCHEMA shop")
            connection.execute('CREATE TABLE shop."or ders" (id serial PRIMARY KEY, total int, t text)')
            connection.execute(
                """INSERT INTO shop."or ders" (total, t)
                SELECT n * 10, 'naïve 🙂 ' || n FROM generate_series(1, 2000) n"""
            )
            connection.execute(
                'CREATE TABLE shop.lines (id int REFERENCES shop."or ders", price numeric, at timestamptz)'
            )
            connection.execute(
                "INSERT INTO shop.lines SELECT n, n / 3.0, now() FROM generate_series(1, 500) n, "
                "generate_series(1, 2) twice"
            )

    @property
    def role(self) -> str:
        """Return the role that may work in the database."""
        return f"clerk {self.name[-8:]}"

    def damage(self) -> None:
        """Do what a bad release does."""
        with self.server.connect(self.name) as connection:
            connection.execute('UPDATE shop."or ders" SET total = 0')
            connection.execute("DELETE FROM shop.lines WHERE id % 2 = 0")
            connection.execute("ALTER TABLE shop.lines DROP COLUMN price")

    def asked(self, query: str, database: str | None = None) -> object:
        """Return the first value a query finds."""
        with self.server.connect(database or self.name) as connection:
            row = connection.execute(query).fetchone()
            return row[0] if row else None

    def total(self, database: str | None = None) -> object:
        """Return what tells a right database from a damaged one."""
        return self.asked('SELECT sum(total) FROM shop."or ders"', database)

    def databases(self, part: str) -> list[str]:
        """Return the names of databases beside it, sorted: a server lists them in any order."""
        with self.server.connect() as connection:
            rows = connection.execute("SELECT datname FROM pg_database").fetchall()
        return sorted(name for (name,) in rows if name.startswith(self.name + part))

    def drop(self) -> None:
        """Drop everything that was made."""
        with self.server.connect() as connection:
            for xact in connection.execute("SELECT gid, database FROM pg_prepared_xacts").fetchall():
                with suppress(psycopg.Error), self.server.connect(xact[1]) as there:
                    there.execute(sql.SQL("ROLLBACK PREPARED {}").format(sql.Literal(xact[0])))
            for name in self.databases(""):
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(self.role)))


@contextmanager
def orders(server: postgres.Server, home: Path) -> Iterator[Orders]:
    """Make a database of orders and drop everything of it afterwards."""
    made = Orders(server, home)
    made.make()
    try:
        yield made
    finally:
        made.drop()


@asynccontextmanager
async def orders_host(server: postgres.Server, home: Path) -> AsyncIterator[tuple[Host, Orders]]:
    """Make a database of orders and a host whose runner knows it."""
    with orders(server, home) as made:
        async with a_host(home, made.config()) as host:
            yield host, made
