"""Small plans and timelines for tests of the core."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from bot.core.events import Entry, Event
from bot.core.plan import Plan, PlannedCall, PlannedGate, PlannedStep, PlannedTarget, Quorum
from integrations.contract import Effect

START = datetime(2026, 11, 23, 2, 10, tzinfo=UTC)
HOLDERS = {"dba": ("bo", "dee"), "app": ("cy",), "commander": ("ana",)}


def call(operation: str, effect: Effect = Effect.REVERSIBLE, target: str = "shop") -> PlannedCall:
    return PlannedCall(
        engine="stage", operation=operation, effect=effect, target=target, preview=(operation,)
    )


def gate(name: str = "overwrite", *, break_glass: Quorum | None = None) -> PlannedGate:
    return PlannedGate(
        name=name,
        require=(Quorum(role="dba"), Quorum(role="app")),
        expires_s=1200,
        valid_for_s=3600,
        break_glass=break_glass,
    )


def step(id: str, **more: object) -> PlannedStep:
    return PlannedStep(**{"id": id, "title": id.title(), "by": "app", "call": call(id), **more})  # type: ignore[arg-type]


def plan(**more: object) -> Plan:
    """Return a plan of three steps whose second one is destructive and needs the gate `overwrite`."""
    restore = call("restore", Effect.DESTRUCTIVE, "orders-db")
    steps = (
        step("stop", undo=call("go")),
        step("restore", call=restore, gate="overwrite", needs=("stop",), touches=("orders-db",)),
        step("go", needs=("restore",), undo=call("stop")),
    )
    fields: dict[str, object] = {
        "playbook": "restore-orders",
        "playbook_hash": "p1",
        "title": "Put the orders back",
        "service": "checkout",
        "environment": "production",
        "steps": steps,
        "gates": (gate(),),
        "targets": (PlannedTarget(name="orders-db", kind="stage", environment="production", identity="one"),),
        "drafted_at": START,
    }
    return Plan(**{**fields, **more})  # type: ignore[arg-type]


def told(
    stream: str, events: Iterable[tuple[str, Event] | Event], *, start: datetime = START, each_s: float = 1
) -> list[Entry]:
    """Return entries of events; a pair names who caused one, else it was ana."""
    entries = []
    for seq, item in enumerate(events, start=1):
        by, event = item if isinstance(item, tuple) else ("ana", item)
        at = start + timedelta(seconds=each_s * (seq - 1))
        entries.append(Entry(stream, seq, at, at, by, "test", event))
    return entries
