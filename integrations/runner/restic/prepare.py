"""Restoring a tree beside its folder beforehand, so that nothing is left to do but the exchange."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from integrations.runner.attempts import alone
from integrations.runner.prepared import Prepared
from integrations.runner.report import Step
from integrations.runner.restic.folder import Fill, Swap, grow, inside, is_ready, marks

_CHECKED = ("restic read every restored file back and found it right",)


def prepare(what: Swap, fill: Fill) -> Iterator[Step]:
    """Restore a tree beside its folder; the folder itself is not touched."""
    with alone(what.attempt.kept, str(what.path)):
        if is_ready(what):
            yield Step("proved")
            return
        shutil.rmtree(what.prepared, ignore_errors=True)
        what.beside.grows(what.attempt.key, what.attempt.point)
        yield from grow(what, what.prepared, fill)
        what.beside.ready(digest=what.digest, tree=marks(inside(what.prepared, what.path)))
        yield Step("proved")


def found(what: Swap) -> dict[str, Any]:
    """Return what a finished tree proves."""
    record = what.beside.record
    return {**{name: record[name] for name in ("point", "digest", "ready_at")}, "checked": list(_CHECKED)}


def discard(path: Path, kept: Path) -> Iterator[Step]:
    """Remove the tree that lies beside a folder, whoever made it; where there is none, nothing is done."""
    with alone(kept, str(path)):
        shutil.rmtree(path.with_name(f".{path.name}.prepared"), ignore_errors=True)
        Prepared(kept, str(path)).forget()
        yield Step("removed")
