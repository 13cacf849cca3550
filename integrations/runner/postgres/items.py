"""What pg_restore is at beside copying rows: which index it builds, and how far the server is with it."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import IO

from integrations.runner.postgres.server import Server
from integrations.runner.report import Problem

_ONLY = ""
_LONGEST = 80
_AT_MOST = 3
_DOING = {
    "INDEX": "building index",
    "CONSTRAINT": "building index",
    "CHECK CONSTRAINT": "checking constraint",
    "FK CONSTRAINT": "checking foreign key",
    "MATERIALIZED VIEW DATA": "filling materialized view",
}
_OF_A_TABLE = frozenset({"CONSTRAINT", "CHECK CONSTRAINT", "FK CONSTRAINT"})
_KIND = r"(?P<kind>[A-Z]+(?: [A-Z]+)*)"
# With several jobs it says when each item begins and ends, and besides what each begins; with one only that.
_PARALLEL = re.compile(rf"^pg_restore: (?P<what>launching|finished) item (?P<id>\d+) {_KIND} (?P<name>.*)$")
_ALONE = re.compile(rf'^pg_restore: (?:creating {_KIND} "(?:[^".]*\.)?(?P<name>[^"]*)"|processing .*)$')
_FIGURES = """
SELECT jsonb_build_array(phase, CASE
    WHEN tuples_total > 0 THEN 100 * tuples_done / tuples_total
    WHEN blocks_total > 0 THEN 100 * blocks_done / blocks_total END)
FROM pg_stat_progress_create_index WHERE datname = :'name' AND phase IS NOT NULL ORDER BY pid
"""


class Items:
    """Reads along what `pg_restore --verbose` writes, without moving the place where it goes on writing."""

    def __init__(self, server: Server, database: str, said: IO[str]) -> None:
        self._server, self._database = server, database
        self._file = said.fileno()
        self._offset = 0
        self._half = b""
        self._at: dict[str, tuple[str, str]] = {}
        self._several = False

    def doing(self) -> str:
        """Return in words what is built or checked now, empty while rows are copied."""
        self._read()
        built = [(kind, name) for kind, name in self._at.values() if kind in _DOING]
        if not built or len(built) < len(self._at):
            return ""
        said = " and ".join(_said(kind, name) for kind, name in built[:_AT_MOST])
        figures = self._figures()
        return f"{said} ({', '.join(figures)})" if figures else said

    def _read(self) -> None:
        while piece := os.pread(self._file, 65536, self._offset):
            self._offset += len(piece)
            *lines, self._half = (self._half + piece).split(b"\n")
            for line in lines:
                self._line(line.decode("utf-8", "replace"))

    def _line(self, line: str) -> None:
        if found := _PARALLEL.match(line):
            if not self._several:
                self._several, self._at = True, {}
            if found["what"] == "launching":
                self._at[found["id"]] = (found["kind"], found["name"])
            else:
                self._at.pop(found["id"], None)
        elif not self._several and (found := _ALONE.match(line)):
            self._at = {_ONLY: (found["kind"] or "", found["name"] or "")}

    def _figures(self) -> list[str]:
        """A server before PostgreSQL 12 has no figures of it, which keeps nobody from restoring."""
        with suppress(Problem):
            found = self._server.ask(_FIGURES, name=self._database)[:_AT_MOST]
            return [_figure(phase, percent) for phase, percent in found]
        return []


def _said(kind: str, name: str) -> str:
    own = name.partition(" ")[2] if kind in _OF_A_TABLE else ""
    return f"{_DOING[kind]} {(own or name)[:_LONGEST]}"


def _figure(phase: str, percent: int | None) -> str:
    stage = phase.rpartition(": ")[2]
    return stage if percent is None else f"{stage}, {percent} %"
