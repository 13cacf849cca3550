"""PostgreSQL databases: dumps as recovery points, restored beside and put in place by renaming."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from integrations.contract import Cap, Effect, Operation, Repeat
from integrations.copies import Backup, Copies, step


class Postgres(Copies):
    """Dumps, restores and proves single PostgreSQL databases."""

    name: ClassVar[str] = "postgres"
    kind: ClassVar[str] = "dump"
    caps: ClassVar[frozenset[Cap]] = frozenset(
        {Cap.POINTS, Cap.CANCEL, Cap.PROGRESS, Cap.VERIFY_POINT, Cap.BACKUP, Cap.HOLD}
    )
    operations: ClassVar[Mapping[str, Operation]] = {
        "backup": step("backup", params=Backup),
        "prepare": step("prepare", needs_point=True),
        "discard": step("discard"),
        "restore": step("restore", Effect.DESTRUCTIVE, repeat=Repeat.ONCE, needs_point=True),
        "verify": step("verify", needs_point=True, needs_target=False),
        "restored": step("restored", kind="check", needs_point=True),
    }
    leaves: ClassVar[Mapping[str, str]] = {
        "backup": "Nothing: a dump that did not finish does not count as a recovery point.",
        "verify": "Nothing is changed.",
        "prepare": (
            "At most a database `…_prepared_…` in the server, which `discard` or the next restore drops."
        ),
        "restore": (
            "Before the swap the database as it is now, after it the restored one, never a mixture; the "
            "replaced database stays in the server as `…_replaced_…`. A half-restored `…_restoring_…` is "
            "dropped by the next restore."
        ),
    }
