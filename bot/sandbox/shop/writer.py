"""`writer`: customers who order all day, and the journal of what they were told.

The journal is the measure for every restore: an order stands in it only after the shop confirmed it.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import requests
from pydantic import ValidationError

from bot.sandbox.shop.home import Home
from bot.sandbox.shop.orders import PRICES, Item, NewOrder, Order

_TIMEOUT_S = 2.0
_CUSTOMERS = ("ines", "jonas", "kofi", "lena", "marek", "nadia", "oskar", "priya")


class Journal:
    """The orders customers hold a confirmation of, each on disk before the next is placed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, order: Order) -> None:
        """Store a confirmed order; its `at` is when the confirmation arrived."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(order.model_dump_json() + "\n")
            file.flush()
            os.fsync(file.fileno())

    def orders(self) -> Sequence[Order]:
        """Return the confirmed orders, oldest first; a last line cut off by a crash was never confirmed."""
        if not self._path.exists():
            return []
        *whole, _torn = self._path.read_text(encoding="utf-8").split("\n")
        return [Order.model_validate_json(line) for line in whole if line]


def write(home: Home, *, rate: float, now: Callable[[], datetime], stop: Event) -> tuple[int, int]:
    """Place `rate` orders a second until told to stop; return how many were confirmed and how many not."""
    journal = Journal(home.journal)
    confirmed = missed = 0
    with requests.Session() as session:
        while not stop.wait(1 / rate):
            order = place(session, home, _next_order())
            if order is None:
                missed += 1
                continue
            journal.append(order.model_copy(update={"at": now().astimezone(UTC)}))
            confirmed += 1
    return confirmed, missed


def place(session: requests.Session, home: Home, new: NewOrder) -> Order | None:
    """Place one order and return what the shop confirmed, or None when it confirmed nothing."""
    actual = home.actual()
    if actual is None or not actual.replicas:
        return None
    try:
        answer = session.post(f"{actual.url}/orders", data=new.model_dump_json(), timeout=_TIMEOUT_S)
        return Order.model_validate_json(answer.content) if answer.status_code == 201 else None
    except (requests.RequestException, ValidationError):
        return None


def _next_order() -> NewOrder:
    # Few customers and few articles: people do buy the same thing again.
    skus = random.sample(sorted(PRICES), k=random.choice((1, 1, 1, 2)))  # noqa: S311
    items = tuple(Item(sku=sku, quantity=random.choice((1, 1, 2))) for sku in skus)  # noqa: S311
    return NewOrder(customer=random.choice(_CUSTOMERS), items=items)  # noqa: S311
