"""Recovery points of a PostgreSQL database: dumps of it in pg_dump's directory format."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from integrations.runner import files
from integrations.runner.copies import LOOK_S, Copies
from integrations.runner.obstacles import growing
from integrations.runner.postgres import content, schema
from integrations.runner.postgres.server import Server, complaint, must, running
from integrations.runner.report import Step

_LOOK_S = 0.5
_LONGEST_WAIT = "5min"
_SHAPE = """
SELECT jsonb_build_object(
  'bytes', pg_database_size(oid), 'encoding', pg_encoding_to_char(encoding),
  'collate', datcollate, 'ctype', datctype, 'provider', to_jsonb(d) ->> 'datlocprovider',
  'locale', coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'),
  'server', current_setting('server_version'))
FROM pg_database AS d WHERE datname = current_database()
"""


def copies(points: Path) -> Copies:
    """Return the dumps in a directory."""
    return Copies(points, ".dump")


def backup(
    server: Server, database: str, points: Path, labels: Mapping[str, str], *, key: str, jobs: str
) -> Iterator[Step]:
    """Dump a database that is in use, and note what its tables held at that moment."""
    known, as_of = copies(points), datetime.now(UTC)
    grown = known.growing(database, key, as_of)
    shutil.rmtree(grown, ignore_errors=True)
    with server.session(database) as session:
        session.ask("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        (snapshot,) = session.ask("SELECT to_jsonb(pg_export_snapshot())")
        as_of = datetime.now(UTC)
        (shape,) = session.ask(_SHAPE)
        objects = schema.objects(session)
        before = content.sequences(session)
        words = ("--format=directory", f"--jobs={jobs}", f"--snapshot={snapshot}", f"--file={grown}")
        wait = f"--lock-wait-timeout={_LONGEST_WAIT}"
        program = server.running("pg_dump", server.at(database), *words, wait)
        with growing(grown), program as (process, errors):
            while process.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK_S)
                yield Step("copying", files.size(grown) if grown.is_dir() else 0, by_figures=True)
            must(process, errors)
        held = yield from content.read(session, "checking")
    held |= {"sequences": content.earlier(before, held["sequences"]), "schema": objects}
    size = known.publish(grown, as_of, labels, **shape, **held)["size"]
    yield Step("done", size, size)


def prove(programs: Path, points: Path, point: str) -> dict[str, Any]:
    """Read a dump whole, compare it with its note, and write into the note what was found."""
    known = copies(points)
    path = known.content(point)
    found = files.digest(path)
    problem = known.changed(point, found)
    if not problem:
        words = ("--file=/dev/null", str(path))
        with running(programs / "pg_restore", *words) as (process, errors):
            process.wait()
            problem = complaint(process, errors)
    return {**known.prove(point, problem), "digest": found}


def look(programs: Path, points: Path, point: str, *, within_s: float = LOOK_S) -> dict[str, Any]:
    """Say whether a dump is what was dumped, and note nothing; of one too big to be read the list is read."""

    def shape(content: Path) -> str:
        with running(programs / "pg_restore", "--list", str(content)) as (process, errors):
            # What is listed is not needed, and a pipe that nobody reads would stop it.
            process.communicate()
            return complaint(process, errors)

    return copies(points).look(point, shape, within_s=within_s)
