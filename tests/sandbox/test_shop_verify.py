"""`verify` must find each kind of damage on its own: a measure that never complains measures nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.sandbox.shop.home import Home
from bot.sandbox.shop.orders import Item, NewOrder, Orders
from bot.sandbox.shop.releases import connect, create, migrate, named
from bot.sandbox.shop.verify import Verdict, verify
from bot.sandbox.shop.writer import Journal

AT = datetime(2026, 11, 23, 2, 10, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Return a shop with three confirmed orders, a minute apart, two of them after AT."""
    home = Home(tmp_path)
    create(home.database)
    with closing(connect(home.database)) as connection:
        orders = Orders(connection, named("2.3.0"))
        for minutes in range(3):
            at = AT + timedelta(minutes=minutes)
            new = NewOrder(customer="lena", items=(Item(sku="espresso", quantity=1 + minutes),))
            Journal(home.journal).append(orders.place(new, at=at))
    return home


def damage(home: Home, *statements: str) -> Verdict:
    """Carry statements out on the shop's database and return what `verify` says then."""
    with closing(sqlite3.connect(home.database)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    return verify(home, at=AT)


FIRST = f"(SELECT id FROM orders WHERE placed_at = '{AT.isoformat()}')"


def test_an_untouched_shop_is_right(home: Home) -> None:
    verdict = verify(home, at=AT + timedelta(hours=1))
    assert verdict.right
    assert str(verdict) == (
        "Right: 3 orders confirmed up to 2026-11-23 03:10:00Z: 0 missing, 0 wrong; 3 stored, "
        "0 with a total that is not the sum of its lines; 0 confirmed later are not there; integrity ok."
    )


def test_a_lost_order_is_missing_only_when_it_was_confirmed_by_then(home: Home) -> None:
    lost = damage(home, "DELETE FROM order_lines", "DELETE FROM orders")
    assert (lost.promised, len(lost.missing), lost.later, lost.right) == (1, 1, 2, False)


def test_orders_after_the_moment_may_be_lost(home: Home) -> None:
    kept = damage(
        home,
        f"DELETE FROM order_lines WHERE order_id != {FIRST}",
        f"DELETE FROM orders WHERE id != {FIRST}",
    )
    assert (kept.right, kept.later, kept.stored) == (True, 2, 1)


def test_orders_after_the_shop_resumed_may_not_be_lost(home: Home) -> None:
    damage(home, f"DELETE FROM order_lines WHERE order_id != {FIRST}")
    damage(home, f"DELETE FROM orders WHERE id != {FIRST}")
    verdict = verify(home, at=AT, resumed=AT + timedelta(minutes=2))
    assert (len(verdict.missing), verdict.later, verdict.right) == (1, 1, False)


def test_a_changed_total_is_wrong_whenever_it_was_confirmed(home: Home) -> None:
    verdict = damage(home, f"UPDATE orders SET total_cents = 1 WHERE id != {FIRST}")
    assert (len(verdict.wrong), len(verdict.inconsistent), verdict.right) == (2, 2, False)


def test_changed_items_are_wrong_even_when_the_sum_agrees(home: Home) -> None:
    verdict = damage(home, f"UPDATE order_lines SET quantity = 2, unit_cents = 125 WHERE order_id = {FIRST}")
    assert (len(verdict.wrong), len(verdict.inconsistent), verdict.right) == (1, 0, False)


def test_damage_to_an_order_nobody_journalled_is_found(home: Home) -> None:
    home.journal.write_text("")
    verdict = damage(home, f"UPDATE orders SET total_cents = 1 WHERE id = {FIRST}")
    assert (verdict.promised, len(verdict.wrong), len(verdict.inconsistent)) == (0, 0, 1)
    assert not verdict.right


def test_lines_without_an_order_are_found(home: Home) -> None:
    verdict = damage(home, "INSERT INTO order_lines VALUES ('ORD-none', 'espresso', 1, 250)")
    assert (verdict.integrity, verdict.right) == ("broken references", False)


def test_a_line_of_the_journal_cut_off_by_a_crash_was_never_confirmed(home: Home) -> None:
    with home.journal.open("a") as file:
        file.write('{"id": "ORD-torn", "cust')
    assert verify(home, at=AT).right


def test_the_migration_of_2_4_0_cannot_be_calculated_back(home: Home) -> None:
    assert migrate(home.database, named("2.4.0"))
    assert not migrate(home.database, named("2.4.0"))
    verdict = verify(home, at=AT)
    assert (len(verdict.wrong), len(verdict.inconsistent), verdict.right) == (3, 3, False)
