"""Placing and reading orders, one connection, one thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field

from bot.sandbox.shop.home import ShopError
from bot.sandbox.shop.releases import Release

PRICES: Mapping[str, int] = {"espresso": 250, "flat-white": 425, "filter-250g": 1290, "grinder": 18999}
"""Cents for one piece, by article."""


class Item(BaseModel):
    """So many pieces of one article."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sku: str = Field(min_length=1, max_length=40)
    quantity: int = Field(ge=1, le=99)


class NewOrder(BaseModel):
    """An order as a customer places it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    customer: str = Field(min_length=1, max_length=80)
    items: tuple[Item, ...] = Field(min_length=1, max_length=20)


class Order(BaseModel):
    """An order as the shop knows it; `at` is when it was placed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    customer: str
    items: tuple[Item, ...]
    total_cents: int
    at: datetime


class Orders:
    """The orders of a shop that runs a given release."""

    def __init__(self, connection: sqlite3.Connection, release: Release) -> None:
        self._connection = connection
        self._release = release

    def place(self, new: NewOrder, *, at: datetime) -> Order:
        """Store an order durably and return what the customer is told."""
        lines = _priced(new.items)
        total = sum(quantity * cents for _, quantity, cents in lines)
        order_id = f"ORD-{uuid4().hex[:12]}"
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._connection.execute(
                "INSERT INTO orders (id, customer, placed_at, total_cents) VALUES (?, ?, ?, ?)",
                (order_id, new.customer, at.astimezone(UTC).isoformat(), total // self._release.divisor),
            )
            self._connection.executemany(
                "INSERT INTO order_lines (order_id, sku, quantity, unit_cents) VALUES (?, ?, ?, ?)",
                [(order_id, *line) for line in lines],
            )
            self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        items = tuple(Item(sku=sku, quantity=quantity) for sku, quantity, _ in lines)
        return Order(id=order_id, customer=new.customer, items=items, total_cents=total, at=at)

    def find(self, order_id: str) -> Order | None:
        """Return an order as it is stored, or None."""
        row = self._connection.execute(
            "SELECT id, customer, placed_at, total_cents FROM orders WHERE id = ?", (order_id,)
        ).fetchone()
        return None if row is None else self._order(row)

    def newest(self, limit: int) -> Sequence[Order]:
        """Return the newest orders first."""
        rows = self._connection.execute(
            "SELECT id, customer, placed_at, total_cents FROM orders ORDER BY placed_at DESC, id LIMIT ?",
            (limit,),
        ).fetchall()
        return [self._order(row) for row in rows]

    def count(self) -> int:
        """Return how many orders there are."""
        return int(self._connection.execute("SELECT count(*) FROM orders").fetchone()[0])

    def _order(self, row: tuple[str, str, str, int]) -> Order:
        order_id, customer, placed_at, total = row
        lines = self._connection.execute(
            "SELECT sku, quantity FROM order_lines WHERE order_id = ? ORDER BY sku", (order_id,)
        )
        with closing(lines):
            items = tuple(Item(sku=sku, quantity=quantity) for sku, quantity in lines)
        at = datetime.fromisoformat(placed_at)
        return Order(id=order_id, customer=customer, items=items, total_cents=total, at=at)


def _priced(items: Sequence[Item]) -> list[tuple[str, int, int]]:
    quantities: dict[str, int] = {}
    for item in items:
        if item.sku not in PRICES:
            raise ShopError(f"There is no article {item.sku!r}; there are {', '.join(PRICES)}.")
        quantities[item.sku] = quantities.get(item.sku, 0) + item.quantity
    return [(sku, quantity, PRICES[sku]) for sku, quantity in sorted(quantities.items())]
