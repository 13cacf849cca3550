"""Facts that do not go together: one of them is mistaken, and whoever decides is told so.

To add a pair: a line in APART.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from playbooks.criteria.facts import Facts, Value


@dataclass(frozen=True, slots=True)
class Apart:
    """One fact with any of its values goes with none of the values of the other."""

    one: str
    values: tuple[Value, ...]
    other: str
    against: tuple[Value, ...]


_DAMAGE = ("delete", "overwrite", "divergence", "corruption", "reset")

APART: Sequence[Apart] = (
    Apart("backup_available", (False,), "backup_verified", (True,)),
    Apart("backup_available", (False,), "restore_point_predates_damage", (True,)),
    Apart("backup_available", (False,), "pitr_available", (True,)),
    Apart("data_corruption", ("none",), "data_scope", ("rows", "tables", "tenants", "database", "estate")),
    Apart("data_corruption", ("none",), "data_loss_mechanism", _DAMAGE),
    Apart("data_corruption", ("confirmed", "ongoing"), "data_scope", ("none",)),
    Apart("service_currently_down", (False,), "customer_impact", ("full",)),
    Apart("service_currently_down", (True,), "customer_impact", ("none",)),
    Apart("severity", (1,), "customer_impact", ("none",)),
    Apart("change_suspected", (True,), "change_type", ("none",)),
)


def apart(facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield the facts that do not go together, two by two."""
    for pair in APART:
        if facts.get(pair.one) in pair.values and facts.get(pair.other) in pair.against:
            yield pair.one, pair.other
