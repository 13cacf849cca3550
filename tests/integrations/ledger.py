"""A ledger in SQLite that the real Litestream replicates."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from integrations.contract import Source, Target
from tests.integrations.host import Host
from tests.required import missing

ABSENT = "Litestream is not on this machine; `make test` installs it beside Python."
WITHIN_S = 30.0


def program() -> str | None:
    """Return where Litestream is: beside Python, where the tests install it, or on the path."""
    own = Path(sys.executable).with_name("litestream")
    return str(own) if own.exists() else shutil.which("litestream")


def config(home: Path) -> str:
    """Return the target in runner.toml."""
    return f"""
[targets.ledger]
kind = "litestream"
path = "{home}/ledger.db"
replica = "file://{home}/replica"
kept = "{home}/ledger-kept"
litestream = "{program() or "/usr/bin/litestream"}"
allow = ["litestream.prove", "litestream.verify", "litestream.prepare", "litestream.discard",
         "litestream.restore", "litestream.restored"]
"""


class Ledger:
    """The database, and Litestream beside it; the test is skipped where that is missing."""

    def __init__(self, host: Host) -> None:
        self._program = program() or missing("litestream", ABSENT)
        self.database = host.home / "ledger.db"
        self.kept = host.home / "ledger-kept"
        self.url = f"file://{host.home / 'replica'}"
        self.target = Target("ledger", "litestream", "production")
        self.source = Source("ledger", "litestream")
        self._create()

    def begin_anew(self) -> None:
        """Replace the database by an empty one, and its replica by nothing."""
        for path in self.database.parent.glob("ledger.db*"):
            path.unlink()
        for folder in (self.database.with_name(".ledger.db-litestream"), Path(self.url[len("file://") :])):
            shutil.rmtree(folder)
        self._create()

    def compacted(self) -> None:
        """Let Litestream merge the files of its replica until there is one of a higher level."""
        config = self.database.with_name("litestream.yml")
        at = f"path: {self.database}\n    replica: {{path: {self.url[len('file://') :]}}}"
        config.write_text(f"levels: [{{interval: 1s}}]\ndbs:\n  - {at}\n")
        with self._running("replicate", "-config", str(config)):
            until = time.monotonic() + WITHIN_S
            listed = [self._program, "ltx", "-json", "-level", "1", self.url]
            while b"max_txid" not in subprocess.run(listed, capture_output=True, check=False).stdout:
                assert time.monotonic() < until, "Litestream did not compact"

    def _create(self) -> None:
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("CREATE TABLE entries (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL)")

    @contextmanager
    def replicating(self) -> Iterator[None]:
        """Run Litestream for as long as the block lasts."""
        with self._running("replicate", str(self.database), self.url):
            yield

    @contextmanager
    def _running(self, *words: str) -> Iterator[None]:
        argv = [self._program, *words]
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                yield
            finally:
                process.terminate()

    def write(self, *amounts: int) -> None:
        """Write entries in one transaction."""
        with closing(sqlite3.connect(self.database, timeout=10)) as connection, connection:
            connection.executemany("INSERT INTO entries (amount) VALUES (?)", [(each,) for each in amounts])

    def damage(self) -> None:
        """Do what a bad release does."""
        with closing(sqlite3.connect(self.database, timeout=10)) as connection, connection:
            connection.execute("UPDATE entries SET amount = 0")

    def amounts(self, database: Path | None = None) -> list[int]:
        """Return what the ledger holds."""
        with closing(sqlite3.connect(database or self.database)) as connection:
            return [row[0] for row in connection.execute("SELECT amount FROM entries ORDER BY id")]

    def replicated(self) -> None:
        """Wait until the replica holds what the database holds."""
        probe = self.database.with_name("probe.db")
        until = time.monotonic() + WITHIN_S
        while True:
            probe.unlink(missing_ok=True)
            argv = [self._program, "restore", "-o", str(probe), self.url]
            subprocess.run(argv, capture_output=True, check=False)
            if probe.exists() and self.amounts(probe) == self.amounts():
                probe.unlink()
                return
            assert time.monotonic() < until, "Litestream did not replicate"
