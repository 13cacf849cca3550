"""Restoring a dump into a database beside beforehand, so that nothing is left to do but rename."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from integrations.runner.attempts import alone
from integrations.runner.postgres.renaming import Renaming, closed, drop, end_predecessors, grow, is_ready
from integrations.runner.report import Step

_CHECKED = ("every row of every table is compared with what was dumped",)


def prepare(what: Renaming) -> Iterator[Step]:
    """Restore a dump into a database that nobody can connect to; the one it may replace is not touched."""
    with alone(what.attempt.kept, f"the database {what.database}"):
        end_predecessors(what)
        note, _ = what.dumps.approved(what.attempt.point, what.digest)
        if is_ready(what, note):
            yield Step("proved")
            return
        drop(what.server, what.prepared)
        what.beside.grows(what.attempt.key, what.attempt.point)
        note = yield from grow(what, what.prepared)
        # While nobody can connect, what was proved stays as it is.
        what.server.ask('ALTER DATABASE :"name" ALLOW_CONNECTIONS false', name=what.prepared)
        what.beside.ready(digest=note["digest"], **closed(what))
        yield Step("proved", int(note["bytes"]), int(note["bytes"]))


def found(what: Renaming) -> dict[str, Any]:
    """Return what a finished copy proves."""
    record = what.beside.record
    return {**{name: record[name] for name in ("point", "digest", "ready_at")}, "checked": list(_CHECKED)}


def discard(what: Renaming) -> Iterator[Step]:
    """Drop the database that lies ready, whoever made it; where there is none, nothing is done."""
    with alone(what.attempt.kept, f"the database {what.database}"):
        end_predecessors(what)
        drop(what.server, what.prepared)
        what.beside.forget()
        yield Step("removed")
