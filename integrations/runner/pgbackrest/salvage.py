"""Rows of a replaced cluster that the restored one lacks, or has otherwise.

The kept cluster is started for as long as it is read, by itself: nobody else reaches it, it archives nothing,
takes no writes and carries out no jobs of its own. It ends with the job, whatever ends that.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from integrations.runner import servers
from integrations.runner.attempts import Attempt
from integrations.runner.pgbackrest.apart import settings
from integrations.runner.pgbackrest.beside import inode
from integrations.runner.pgbackrest.cluster import Cluster, last_words
from integrations.runner.pgbackrest.kept import moved
from integrations.runner.pgbackrest.stanza import Stanza
from integrations.runner.postgres import content
from integrations.runner.postgres.salvage import Copy, copy_of, side_by_side
from integrations.runner.postgres.server import Server
from integrations.runner.report import Problem, Step
from integrations.runner.salvage import Salvage, Table, begun, chosen

_READY_S = 600.0
_LOOK_S = 0.1
_DATABASES = "SELECT to_jsonb(datname) FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1"
_QUIET = {
    "default_transaction_read_only": "on",
    "autovacuum": "off",
    # What is loaded at the start may carry out jobs, and subscriptions would take what others wait for.
    "shared_preload_libraries": "",
    "max_logical_replication_workers": "0",
}


def salvage(stanza: Stanza, restore: str, table: str | None, *, key: str) -> Iterator[Step]:
    """Compare the cluster that a restore replaced with the one in its place, database by database."""
    attempt = begun(stanza.kept, restore)
    kept = _replaced(stanza, attempt)
    if not (kept / "global" / "pg_control").exists():
        raise Problem(f"There is no cluster in {kept}: {restore} kept none, or it was moved since.")
    search = Salvage(attempt, key)
    if search.folder.is_dir():
        yield Step("done")
        return
    yield Step("starting")
    with _alone(stanza, kept) as server:
        old, new = _copies(server), _copies(stanza.cluster.server)
        tables = {f"{name}.{each}": (name, each) for name, copy in old.items() for each in copy.columns}
        wanted = [name for name in tables if table and name.endswith(f".{table}")]
        names = wanted or chosen(list(tables), table)
        yield from search.salvage(names, _tables([(name, *tables[name]) for name in names], old, new))


def found(stanza: Stanza, restore: str, key: str) -> dict[str, Any]:
    """Return what a finished salvage proves."""
    return Salvage(begun(stanza.kept, restore), key).found()


def _replaced(stanza: Stanza, attempt: Attempt) -> Path:
    """Return where a restore kept what it replaced; one that was broken off may have left it elsewhere."""
    record, side = attempt.record, stanza.side.data
    own = Path(record.get("kept") or attempt.shelf / "data")
    part = attempt.shelf / "data.part"
    for place, by in ((side, "replaced"), (part, "damaged")):
        if not own.exists() and record.get("state") == "ready" and inode(place) == record.get(by) is not None:
            return place
    return own


def _copies(server: Server) -> Mapping[str, Copy]:
    """Return every database with the columns of its tables."""
    found = {}
    for name in server.ask(_DATABASES):
        with server.session(name) as session:
            own = set(content.names(session))
        copy = copy_of(server, name)
        found[name] = replace(copy, columns={table: copy.columns.get(table, ()) for table in sorted(own)})
    return found


def _tables(
    names: Sequence[tuple[str, str, str]], old: Mapping[str, Copy], new: Mapping[str, Copy]
) -> Iterator[Table]:
    for name, database, table in names:
        # Of a database that was made after the restored moment every row is in what was kept only.
        there = new.get(database) or replace(old[database], columns={})
        yield replace(side_by_side(table, old[database], there), name=name)


@contextmanager
def _alone(stanza: Stanza, kept: Path) -> Iterator[Server]:
    """Run the server of the kept cluster for as long as the block lasts."""
    owner = stanza.cluster.owner
    if servers.pid_in(kept) is not None:
        raise Problem(f"Somebody started the cluster in {kept}: stop it, and ask again.", permanent=False)
    # The path of a socket is short, and that of what is kept may not be.
    folder = Path(tempfile.mkdtemp(prefix="backstop-kept-"))
    os.chown(folder, owner.uid, owner.gid)
    own = moved(stanza.cluster, kept)
    cluster = replace(stanza.cluster, data=kept, settings_file=own, socket=str(folder), start=(), stop=())
    try:
        yield _started(cluster, stanza.kept / "kept.log")
    finally:
        for _ in cluster.end():
            pass
        shutil.rmtree(folder, ignore_errors=True)


def _started(cluster: Cluster, log: Path) -> Server:
    since = log.stat().st_size if log.exists() else 0
    own = {**settings(cluster, "backstop kept cluster"), **_QUIET}
    words = [word for name, value in own.items() for word in ("-c", f"{name}={value}")]
    with log.open("ab") as said:
        # It carries the mark of the job, so that it ends with that.
        process = subprocess.Popen(
            [str(cluster.programs / "postgres"), "-D", str(cluster.data), *cluster.config, *words],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            cwd="/",
            env=cluster.owner.environment(),
            **cluster.owner.identity,
        )
    until = time.monotonic() + _READY_S
    while cluster.status() != "ready" or cluster.pid() is None:
        if process.poll() is not None:
            raise Problem(f"The kept cluster does not start: {last_words(log, since)}")
        if time.monotonic() > until:
            raise Problem(f"The kept cluster did not start in {_READY_S:g} s: {last_words(log, since)}")
        time.sleep(_LOOK_S)
    return cluster.server
