"""SQLite databases: online copies as recovery points, restored by swap through the runner beside the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from integrations.contract import Cap, Effect, Operation, Repeat
from integrations.copies import Backup, Copies, Salvage, step


class Sqlite(Copies):
    """Backs up, keeps, restores and proves SQLite databases."""

    name: ClassVar[str] = "sqlite"
    kind: ClassVar[str] = "copy"
    caps: ClassVar[frozenset[Cap]] = frozenset(
        {Cap.POINTS, Cap.CANCEL, Cap.PROGRESS, Cap.VERIFY_POINT, Cap.BACKUP, Cap.HOLD, Cap.GUARD}
    )
    operations: ClassVar[Mapping[str, Operation]] = {
        "backup": step("backup", params=Backup),
        "keep": step("keep"),
        "prepare": step("prepare", needs_point=True),
        "discard": step("discard"),
        "restore": step("restore", Effect.DESTRUCTIVE, repeat=Repeat.ONCE, needs_point=True),
        "salvage": step("salvage", params=Salvage),
        "verify": step("verify", needs_point=True, needs_target=False),
        "look": step("look", kind="check", needs_point=True, needs_target=False),
        "integrity": step("integrity", kind="check"),
        "restored": step("restored", kind="check", needs_point=True),
    }
    leaves: ClassVar[Mapping[str, str]] = {
        "backup": "Nothing: a backup that did not finish does not count as a recovery point.",
        "keep": "Nothing: a copy that did not finish is taken again.",
        "verify": "Nothing is changed.",
        "salvage": "Nothing: files that were not finished are written again.",
        "prepare": "At most a copy beside the database, which `discard` or the next restore removes.",
        "restore": (
            "Before the swap the database as it is now, after it the restored one, never a mixture; "
            "the damaged database is kept in the target's `kept` directory either way."
        ),
    }
