"""Following a server while it replays its log: how far it is, that it lives, and where it came to rest."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integrations.runner import servers
from integrations.runner.pgbackrest.cluster import STARTING, Cluster, last_words
from integrations.runner.pgbackrest.positions import position
from integrations.runner.report import Problem, Step

_LOOK_S, _GLANCE_S = 0.2, 0.02
_BEGIN_S = 60.0
_STALL_S = 1800.0
_REPLAY = """
SELECT jsonb_build_object(
  'recovering', pg_is_in_recovery(),
  'paused', pg_is_in_recovery() AND pg_is_wal_replay_paused(),
  'lsn', pg_last_wal_replay_lsn(),
  'last', to_char(pg_last_xact_replay_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
"""


@dataclass(frozen=True, slots=True)
class Resting:
    """Where a replay ended: the position, and the newest transaction that came back."""

    lsn: str | None
    last: str | None


@dataclass(frozen=True, slots=True)
class Replay:
    """A server that replays from a position on; `total` is how many bytes there are to do."""

    cluster: Cluster
    log: Path
    since: int
    begins: int
    total: int

    def follow(
        self, process: subprocess.Popen[bytes] | None, *, until: str
    ) -> Generator[Step, None, Resting]:
        """Yield how far it is until it is `paused` at its goal, or takes part in the world again (`ended`).

        Where it came to rest is returned at the end. Problem with the server's own last words when it dies,
        and when nothing moves for half an hour. The server is handed over with its end.
        """
        begun = moved = time.monotonic()
        known: Any = None
        lived, seen, looked = False, "", 0.0
        while True:
            alive = self.cluster.pid() is not None
            lived = lived or alive
            begins = process.poll() is None if process else not lived and time.monotonic() - begun < _BEGIN_S
            if not alive and not begins:
                raise Problem(f"PostgreSQL ended while it replayed: {last_words(self.log, self.since)}")
            # What its pid file says costs nothing to read; a question takes time from the replay.
            status, now = self.cluster.status(), time.monotonic()
            if status == seen and now - looked < _LOOK_S:
                time.sleep(_GLANCE_S)
                continue
            seen, looked = status, now
            found = self._asked() if alive and status != STARTING else None
            if found and (found["paused"] if until == "paused" else not found["recovering"]):
                servers.hand_over(rests=until == "paused")
                return Resting(found.get("lsn"), found.get("last"))
            if found and until == "paused" and not found["recovering"]:
                raise Problem(f"The copy in {self.cluster.data} was promoted by somebody; discard it.")
            yield self._step(found, until)
            signs = (found or {}).get("lsn"), self._said()
            moved = now if signs != known else moved
            known = signs
            if now - moved > _STALL_S:
                raise Problem(
                    f"PostgreSQL has not moved for half an hour: {last_words(self.log, self.since)}"
                )

    def _asked(self) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.cluster.ask(_REPLAY)
        except Problem:
            return None  # not yet consistent, so nobody may connect
        return found

    def _step(self, found: dict[str, Any] | None, until: str) -> Step:
        lsn = (found or {}).get("lsn")
        done = min(max(0, position(lsn) - self.begins), self.total) if lsn else 0
        over = found is not None and found["paused"] and until != "paused"
        return Step(
            "promoting" if over or (until != "paused" and done >= self.total > 0) else "replaying",
            done,
            self.total,
            by_figures=True,
        )

    def _said(self) -> int:
        try:
            return self.log.stat().st_size
        except OSError:
            return 0
