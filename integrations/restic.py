"""Folders backed up by restic: snapshots as recovery points, put back by swap beside the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from integrations.contract import Cap, Effect, Operation, Repeat
from integrations.copies import Backup, Copies, step


class Restic(Copies):
    """Backs up, restores and proves folders with restic."""

    name: ClassVar[str] = "restic"
    kind: ClassVar[str] = "snapshot"
    looks_ahead: ClassVar[bool] = True
    caps: ClassVar[frozenset[Cap]] = frozenset(
        {Cap.POINTS, Cap.CANCEL, Cap.PROGRESS, Cap.VERIFY_POINT, Cap.BACKUP, Cap.HOLD, Cap.GUARD}
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
        "backup": "Nothing: what a backup that did not finish stored is used by the next one.",
        "verify": "Nothing is changed.",
        "prepare": "At most a tree beside the folder, which `discard` or the next restore removes.",
        "restore": (
            "Before the swap the folder as it is now, after it the restored one, never a mixture; "
            "the replaced folder is kept in the target's `kept` directory."
        ),
    }
