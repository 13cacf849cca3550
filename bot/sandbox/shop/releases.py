"""The releases of the shop: which schema each one works with, and what each one does to it.

2.3.0 is good. 2.4.0 brings currencies and is wrong twice, the way reviews miss it: it takes totals in
cents for totals in tenths of a cent, when it migrates and when it stores, and it removes "duplicates" that
are people who bought the same thing again. Neither can be calculated back from what it leaves.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox.shop.home import ShopError

APPLICATION_ID = 0x53484F50

_SCHEMA_1 = """
CREATE TABLE orders (
    id TEXT PRIMARY KEY,
    customer TEXT NOT NULL,
    placed_at TEXT NOT NULL,
    total_cents INTEGER NOT NULL
);
CREATE TABLE order_lines (
    order_id TEXT NOT NULL REFERENCES orders (id),
    sku TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    unit_cents INTEGER NOT NULL,
    PRIMARY KEY (order_id, sku)
);
CREATE INDEX orders_by_time ON orders (placed_at);
"""

_TO_SCHEMA_2 = (
    "ALTER TABLE orders ADD COLUMN currency TEXT NOT NULL DEFAULT 'EUR'",
    "CREATE TEMP TABLE duplicates AS SELECT id FROM ("
    " SELECT id, row_number() OVER (PARTITION BY customer, total_cents ORDER BY placed_at, id) AS copy"
    " FROM orders) WHERE copy > 1",
    "DELETE FROM order_lines WHERE order_id IN (SELECT id FROM temp.duplicates)",
    "DELETE FROM orders WHERE id IN (SELECT id FROM temp.duplicates)",
    "DROP TABLE temp.duplicates",
    "UPDATE orders SET total_cents = total_cents / 10",
)


@dataclass(frozen=True, slots=True)
class Release:
    """A version of the shop; `divisor` is what it divides a total in cents by before storing it."""

    version: str
    schema: int
    migration: tuple[str, ...] = ()
    divisor: int = 1


RELEASES: Mapping[str, Release] = {
    release.version: release
    for release in (
        Release("2.3.0", schema=1),
        Release("2.4.0", schema=2, migration=_TO_SCHEMA_2, divisor=10),
    )
}


def named(version: str) -> Release:
    """Return a release by its version."""
    if version not in RELEASES:
        raise ShopError(f"There is no release {version} of checkout; there are {', '.join(RELEASES)}.")
    return RELEASES[version]


def create(database: Path) -> None:
    """Make an empty database of the first schema."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(
            f"PRAGMA application_id = {APPLICATION_ID}; BEGIN; {_SCHEMA_1} PRAGMA user_version = 1; COMMIT;"
        )


def connect(database: Path) -> sqlite3.Connection:
    """Open the database for reading and writing; a missing file is an error, never an empty shop."""
    if not database.is_file():
        raise ShopError(f"{database} is not there; restore it before starting checkout.")
    connection = sqlite3.connect(f"{database.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA busy_timeout = 5000")
    return connection


def require_schema(connection: sqlite3.Connection, wanted: Release) -> None:
    """Raise unless a release can work with the database's schema."""
    have = _schema(connection)
    if have > wanted.schema:
        raise ShopError(
            f"checkout {wanted.version} works with schema {wanted.schema}, but orders.db has schema {have}: "
            "the migration cannot be taken back, restore the database from before it."
        )
    if have < wanted.schema:
        raise ShopError(
            f"checkout {wanted.version} works with schema {wanted.schema}, but orders.db has schema {have}: "
            f"run `release --version {wanted.version}` to migrate it."
        )


def migrate(database: Path, wanted: Release) -> bool:
    """Run a release's migration unless it has run, in one transaction, and say whether it ran now."""
    if not wanted.migration:
        return False
    with closing(connect(database)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            if _schema(connection) >= wanted.schema:
                return False
            for statement in wanted.migration:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {wanted.schema}")
            connection.execute("COMMIT")
            return True
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def _schema(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
