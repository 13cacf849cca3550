"""A database of orders with a long history, and a dump of it that was read whole."""

from __future__ import annotations

from integrations.contract import Call, Engine, Phase
from tests.integrations.host import until
from tests.integrations.orders import Orders
from tests.runs.stage import CATALOG

_LONGEST_S = 600.0


def fill(orders: Orders, rows: int) -> None:
    """Give the orders a history of so many rows."""
    with orders.server.connect(orders.name) as connection:
        connection.execute(
            "CREATE TABLE shop.history AS SELECT n AS id, md5(n::text) || md5((n + 1)::text) AS said "
            f"FROM generate_series(1, {rows}) n"
        )
        connection.execute("ALTER TABLE shop.history ADD PRIMARY KEY (id)")


async def dump(engine: Engine, orders: Orders) -> None:
    """Take the one dump of the orders and prove it."""
    ref = await engine.start(Call("backup", target=orders.target), key="B-1")

    async def ended() -> bool | None:
        return (await engine.poll(ref)).phase is Phase.SUCCEEDED or None

    await until(ended, seconds=_LONGEST_S)
    (point,) = await engine.points(orders.source)
    assert (await engine.verify_point(orders.source, point)).ok


def catalog(more: str = "") -> str:
    """Return the catalog of the stage with the orders in it, and more targets where they are given."""
    targets = f"  orders-pg: {{kind: postgres, environment: production}}\n{more}"
    return CATALOG.replace("  shop: {kind", f"{targets}  shop: {{kind", 1).replace(
        "sources:\n", "sources:\n  orders-pg: {engine: postgres}\n", 1
    )
