"""Making a checked copy beside a database beforehand, so that nothing is left to do but the swap."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from integrations.runner import files
from integrations.runner.attempts import alone
from integrations.runner.prepared import Prepared
from integrations.runner.report import Step
from integrations.runner.sqlite.points import copies
from integrations.runner.sqlite.restore import Restore, grow, marks

_CHECKED = ("its SHA-256 is that of the backup", "SQLite's integrity check says ok")


def prepare(what: Restore) -> Iterator[Step]:
    """Copy a point beside its database and prove it; the database itself is not touched."""
    point, copy = what.attempt.point, what.prepared
    with alone(what.attempt.kept, str(what.database)):
        note, _ = copies(what.points).approved(point, what.digest)
        if copy.exists() and what.beside.is_ready(point, digest=note["digest"], **marks(copy)):
            yield Step("proved")
            return
        copy.unlink(missing_ok=True)
        what.beside.grows(what.attempt.key, point)
        note = yield from grow(what, copy)
        files.sync(copy.parent)
        what.beside.ready(digest=note["digest"], **marks(copy))
        yield Step("proved", note["size"], note["size"])


def found(what: Restore) -> dict[str, Any]:
    """Return what a finished copy proves."""
    record = what.beside.record
    return {
        "point": record["point"],
        "digest": record["digest"],
        "ready_at": record["ready_at"],
        "checked": list(_CHECKED),
    }


def discard(database: Path, kept: Path) -> Iterator[Step]:
    """Remove the copy that lies beside a database, whoever made it; where there is none, nothing is done."""
    with alone(kept, str(database)):
        database.with_name(f".{database.name}.prepared").unlink(missing_ok=True)
        Prepared(kept, str(database)).forget()
        yield Step("removed")
