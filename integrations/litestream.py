"""SQLite databases that Litestream replicates: any transaction it still has a file for, restored by swap.

A moment is reached by the last transaction that was replicated before it, so what is approved is one
transaction and not a clock. Litestream has the database open: a step before the restore stops it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from integrations.contract import Cap, Effect, JobRef, Operation, RecoveryPoint, Repeat, Source
from integrations.copies import Copies, step
from integrations.without import cannot


class Litestream(Copies):
    """Restores SQLite databases to a transaction that Litestream replicated."""

    name: ClassVar[str] = "litestream"
    kind: ClassVar[str] = "transaction"
    caps: ClassVar[frozenset[Cap]] = frozenset(
        {Cap.POINTS, Cap.CANCEL, Cap.PROGRESS, Cap.VERIFY_POINT, Cap.GUARD}
    )
    operations: ClassVar[Mapping[str, Operation]] = {
        "prepare": step("prepare", needs_point=True),
        "discard": step("discard"),
        "restore": step("restore", Effect.DESTRUCTIVE, repeat=Repeat.ONCE, needs_point=True),
        "verify": step("verify", needs_point=True, needs_target=False),
        "restored": step("restored", kind="check", needs_point=True),
    }
    leaves: ClassVar[Mapping[str, str]] = {
        "verify": "A copy of the transaction in `kept`, which the next restore uses or removes.",
        "prepare": "At most a copy beside the database, which `discard` or the next restore removes.",
        "restore": (
            "Before the swap the database as it is now, after it the restored one, never a mixture; "
            "the damaged database is kept in the target's `kept` directory either way."
        ),
    }

    async def backup(self, source: Source, *, key: str, labels: Mapping[str, str]) -> JobRef:
        """Refuse: every transaction is replicated by itself."""
        raise cannot(self.name, "take recovery points; Litestream replicates by itself")

    async def hold(self, source: Source, point: RecoveryPoint, *, until: datetime | None) -> None:
        """Refuse: how long transactions are kept is Litestream's own setting."""
        raise cannot(self.name, "hold recovery points; its retention decides")
