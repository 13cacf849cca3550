"""A PostgreSQL server through its own client programs: psql for statements, others for whole databases."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from integrations.runner.report import Problem

MAINTENANCE = "postgres"
"""The database one connects to when it is others that are made and renamed."""

_END = "backstop-end-of-answer"
_PSQL = (
    *("--no-psqlrc", "--no-password", "--quiet", "--tuples-only", "--no-align"),
    "--set=ON_ERROR_STOP=1",
)
_PATIENCE_S = 3600.0
_PASSING = ("could not connect", "connection to server", "the database system is", "too many clients")
_SAID = re.compile(r"^(?:psql|pg_dump|pg_restore)[^ ]* *(?:error: )?(?:.*?(?:ERROR|FATAL): +)?")
_LONGEST = 400
_SETTINGS = (
    "client_min_messages=warning",
    "standard_conforming_strings=on",
    "row_security=off",
    "timezone=UTC",
    "datestyle=ISO",
    "intervalstyle=postgres",
    "extra_float_digits=1",
    "bytea_output=hex",
    "idle_in_transaction_session_timeout=0",
    "statement_timeout=0",
)


@dataclass(frozen=True, slots=True)
class Server:
    """How a server is reached; a password, where one is asked for, stands in PGPASSWORD.

    Without a `search_path` names are looked for where the database itself says.
    `account` are the words for `Popen` that make its programs run as another account of this host.
    """

    programs: Path
    host: str
    port: str
    user: str
    application: str = "backstop"
    search_path: str | None = "pg_catalog"
    account: Mapping[str, Any] = field(default_factory=dict)

    def ask(self, query: str, database: str = MAINTENANCE, /, **values: str) -> list[Any]:
        """Return the answer of one query, a JSON value a row; `:'name'` in it stands for a value."""
        with self.session(database, **values) as session:
            return session.ask(query)

    @contextmanager
    def session(self, database: str = MAINTENANCE, /, **values: str) -> Iterator[Session]:
        """Keep a connection; whatever it began and did not commit is undone at its end."""
        named = (f"--set={name}={value}" for name, value in values.items())
        words = (self.at(database), *_PSQL, *named)
        with self.running("psql", *words, stdin=subprocess.PIPE) as (process, errors):
            try:
                yield Session(process, errors)
            finally:
                if process.stdin:
                    process.stdin.close()

    def at(self, database: str) -> str:
        """Return the option by which a program connects to a database."""
        place = {"host": self.host, "port": self.port, "user": self.user, "dbname": database}
        return "--dbname=" + " ".join(f"{key}={_quoted(value)}" for key, value in place.items())

    def running(
        self, program: str, *words: str, stdin: int = subprocess.DEVNULL
    ) -> AbstractContextManager[tuple[subprocess.Popen[str], IO[str]]]:
        """Run one of the programs that connect."""
        env, account = self._environment(), self.account
        return running(self.programs / program, *words, stdin=stdin, env=env, account=account)

    def _environment(self) -> Mapping[str, str]:
        path = (f"search_path={self.search_path}",) if self.search_path else ()
        return {
            "PGCONNECT_TIMEOUT": "10",
            "PGAPPNAME": self.application,
            "PGCLIENTENCODING": "UTF8",
            "PGOPTIONS": " ".join(f"-c {setting}" for setting in (*path, *_SETTINGS)),
        }


class Session:
    """A connection whose statements are sent one after another."""

    def __init__(self, process: subprocess.Popen[str], errors: IO[str]) -> None:
        self._process, self._errors = process, errors
        self._read = b""

    def ask(self, statements: str) -> list[Any]:
        """Carry out statements and return the JSON values of their rows."""
        self.send(statements)
        found = self.answer(_PATIENCE_S)
        if found is None:
            raise Problem("The server did not answer for an hour.", permanent=False)
        return found

    def send(self, statements: str) -> None:
        """Send statements without waiting for their answer."""
        stdin = self._process.stdin
        if stdin is None or self._process.poll() is not None:
            must(self._process, self._errors)
            raise Problem("The connection to the server was closed.", permanent=False)
        try:
            stdin.write(f"{statements}\n;\n\\echo {_END}\n")
            stdin.flush()
        except BrokenPipeError:
            self._process.wait()
            must(self._process, self._errors)

    def answer(self, patience_s: float) -> list[Any] | None:
        """Return what was answered to the statements that were sent, or None when it takes longer."""
        until = time.monotonic() + patience_s
        output = self._process.stdout
        if output is None:
            raise Problem("The connection to the server was closed.", permanent=False)
        end = f"{_END}\n".encode()
        while not self._read.endswith(end):
            ready, _, _ = select.select([output], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                return None
            piece = os.read(output.fileno(), 65536)
            if not piece:
                self._process.wait()
                must(self._process, self._errors)
                raise Problem("The connection to the server was closed.", permanent=False)
            self._read += piece
        lines, self._read = self._read.removesuffix(end).splitlines(), b""
        return [json.loads(line) for line in lines if line]


@contextmanager
def running(
    program: Path,
    *words: str,
    stdin: int = subprocess.DEVNULL,
    env: Mapping[str, str] | None = None,
    account: Mapping[str, Any] | None = None,
) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """Run a program, with its output and what it complains about to read."""
    # A pipe that nobody reads would stop a program that has much to complain about.
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        try:
            process = subprocess.Popen(
                [program, *words],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=errors,
                encoding="utf-8",
                errors="replace",
                env=os.environ | (env or {}),
                **(account or {}),
            )
        except OSError as error:
            raise Problem(f"{program} cannot be run: {error.strerror}.") from error
        with process:
            yield process, errors


def must(process: subprocess.Popen[str], errors: IO[str]) -> None:
    """Raise Problem with a program's own words when it failed."""
    if words := complaint(process, errors):
        raise Problem(f"PostgreSQL: {words}", permanent=not any(sign in words for sign in _PASSING))


def complaint(process: subprocess.Popen[str], errors: IO[str]) -> str:
    """Return what a program that failed gave as its reason, empty when it did not fail."""
    if not process.returncode:
        return ""
    errors.seek(0)
    lines = [line.strip() for line in errors if line.strip()]
    reasons = [line for line in lines if re.search("error:|fatal:", line, re.IGNORECASE)]
    return _SAID.sub("", next(iter([*reasons, *lines[-1:]]), "it failed and said nothing"))[:_LONGEST]


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
