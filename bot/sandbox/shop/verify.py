"""`verify`: compares what the database holds with what customers were told."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from bot.sandbox.shop.home import Home
from bot.sandbox.shop.orders import Order
from bot.sandbox.shop.releases import connect
from bot.sandbox.shop.writer import Journal

_Row = tuple[int, frozenset[tuple[str, int]], int]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was promised up to `at` and what the database holds; ids are those of orders.

    `later` counts orders that were confirmed after `at` and are not there: lost to the restore, by intention.
    """

    at: datetime
    promised: int
    missing: Sequence[str]
    wrong: Sequence[str]
    inconsistent: Sequence[str]
    later: int
    stored: int
    integrity: str

    @property
    def right(self) -> bool:
        """Say whether every promise is kept and nothing is damaged."""
        return not (self.missing or self.wrong or self.inconsistent) and self.integrity == "ok"

    def __str__(self) -> str:
        figures = (
            f"{self.promised} orders confirmed up to {self.at:%Y-%m-%d %H:%M:%SZ}: "
            f"{len(self.missing)} missing, {len(self.wrong)} wrong; "
            f"{self.stored} stored, {len(self.inconsistent)} with a total that is not the sum of its lines; "
            f"{self.later} confirmed later are not there; integrity {self.integrity}"
        )
        return f"{'Right' if self.right else 'WRONG'}: {figures}."


def verify(home: Home, *, at: datetime, resumed: datetime | None = None) -> Verdict:
    """Compare the database with the journal up to a moment, and from `resumed` on when it is given.

    Orders confirmed in between may be missing, but those that are there must be right.
    """
    # Customers may go on ordering: first what they were told, then the database as of one moment.
    told = Journal(home.journal).orders()
    with closing(connect(home.database)) as connection:
        connection.execute("BEGIN")
        integrity = _integrity(connection)
        stored = _stored(connection)
    missing: list[str] = []
    wrong: list[str] = []
    promised = later = 0
    for order in told:
        owed = order.at <= at or (resumed is not None and order.at >= resumed)
        promised += order.at <= at
        row = stored.get(order.id)
        if row is None and owed:
            missing.append(order.id)
        elif row is None:
            later += 1
        elif not _same(order, row):
            wrong.append(order.id)
    return Verdict(
        at=at,
        promised=promised,
        missing=missing,
        wrong=wrong,
        inconsistent=[order_id for order_id, (total, _, owed_cents) in stored.items() if total != owed_cents],
        later=later,
        stored=len(stored),
        integrity=integrity,
    )


def _same(order: Order, row: _Row) -> bool:
    total, items, _ = row
    return total == order.total_cents and items == {(item.sku, item.quantity) for item in order.items}


def _integrity(connection: sqlite3.Connection) -> str:
    found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
    if found == ["ok"] and connection.execute("PRAGMA foreign_key_check").fetchone():
        return "broken references"
    return found[0]


def _stored(connection: sqlite3.Connection) -> Mapping[str, _Row]:
    lines: dict[str, list[tuple[str, int, int]]] = {}
    for order_id, *line in connection.execute("SELECT order_id, sku, quantity, unit_cents FROM order_lines"):
        sku, quantity, cents = line
        lines.setdefault(order_id, []).append((sku, quantity, cents))
    rows: dict[str, _Row] = {}
    for order_id, total in connection.execute("SELECT id, total_cents FROM orders"):
        own = lines.get(order_id, [])
        items = frozenset((sku, quantity) for sku, quantity, _ in own)
        rows[order_id] = (total, items, sum(quantity * cents for _, quantity, cents in own))
    return rows
