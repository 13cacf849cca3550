"""A throw-away PostgreSQL server for the tests: its own cluster, user, password and port."""

from __future__ import annotations

import os
import pwd
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

ABSENT = (
    "PostgreSQL's server programs (initdb, postgres) are not on this machine; "
    "install them with `apt-get install postgresql` and run the tests again."
)
_READY_S = 30.0
_END_S = 20.0
_LOOK_S = 0.05


def programs(roots: Sequence[Path] = (Path("/usr/lib/postgresql"),), path: str | None = None) -> Path | None:
    """Return the newest folder with both initdb and postgres, or None when there is none."""
    packaged = [folder / "bin" for root in roots if root.is_dir() for folder in root.iterdir()]
    packaged.sort(key=lambda folder: [int(part) for part in re.findall(r"\d+", str(folder))], reverse=True)
    on_path = [
        Path(entry) for entry in (os.environ["PATH"] if path is None else path).split(os.pathsep) if entry
    ]
    for folder in (*packaged, *on_path):
        if all(os.access(folder / program, os.X_OK) for program in ("initdb", "postgres")):
            return folder
    return None


@dataclass(frozen=True, slots=True)
class Server:
    """A running server of PostgreSQL, reached over TCP as the superuser `tests`."""

    binaries: Path
    port: int
    password: str
    pid: int

    def url(self, database: str) -> str:
        """Return the address of a database as SQLAlchemy writes it."""
        return f"postgresql+psycopg://tests:{self.password}@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """Make an empty database, yield its address, and drop it with whatever is still connected."""
        name = f"t_{secrets.token_hex(6)}"
        self._say(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        try:
            yield self.url(name)
        finally:
            self._say(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """Connect to a database; every statement counts at once."""
        return _connect(self.port, self.password, database)

    def _say(self, statement: sql.Composed) -> None:
        with self.connect() as connection:
            connection.execute(statement)


@contextmanager
def server(binaries: Path) -> Iterator[Server]:
    """Run a fresh server and end it by its process id."""
    password = secrets.token_urlsafe(16)
    with _home() as (folder, account):
        _initialise(binaries, folder, password, account)
        with _running(binaries, folder, password, account) as running:
            yield running


@contextmanager
def standby(of: Server) -> Iterator[Server]:
    """Run a copy that streams from a server, and end it by its process id."""
    with _home() as (folder, account):
        place = f"host=127.0.0.1 port={of.port} user=tests password={of.password} application_name=copy"
        made = subprocess.run(
            [
                *(of.binaries / "pg_basebackup", "--pgdata", folder / "data", "--dbname", place),
                *("--write-recovery-conf", "--checkpoint=fast", "--no-sync"),
            ],
            cwd=folder,
            env=_environment(folder),
            capture_output=True,
            text=True,
            check=False,
            **as_account(account),
        )
        if made.returncode:
            raise RuntimeError(f"pg_basebackup failed: {made.stderr.strip()}")
        with _running(of.binaries, folder, of.password, account) as running:
            yield running


@contextmanager
def _home() -> Iterator[tuple[Path, pwd.struct_passwd | None]]:
    account = unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="backstop-pg-", dir=open_folder()))
    try:
        if account:
            os.chown(folder, account.pw_uid, account.pw_gid)
        yield folder, account
    finally:
        shutil.rmtree(folder)


@contextmanager
def _running(
    binaries: Path, folder: Path, password: str, account: pwd.struct_passwd | None
) -> Iterator[Server]:
    process, port = _started(binaries, folder, password, account)
    try:
        yield Server(binaries, port, password, process.pid)
    finally:
        process.send_signal(2)  # SIGINT: PostgreSQL's fast shutdown
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def unprivileged() -> pwd.struct_passwd | None:
    """Return the account to which a root user's servers are left, None for who is not root."""
    # PostgreSQL refuses to run as root.
    if os.geteuid() != 0:
        return None
    names = {account.pw_name: account for account in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def open_folder() -> Path:
    """Return a folder for temporary files that every account can walk into."""
    candidates = (Path(tempfile.gettempdir()).resolve(), Path("/tmp"), Path("/var/tmp"))
    return next(
        folder
        for folder in candidates
        if folder.is_dir() and all(step.stat().st_mode & 0o001 for step in (folder, *folder.parents))
    )


def as_account(account: pwd.struct_passwd | None) -> Mapping[str, object]:
    """Return the words for a subprocess that make it run as an account."""
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _initialise(binaries: Path, folder: Path, password: str, account: pwd.struct_passwd | None) -> None:
    words = folder / "password"
    words.write_text(password)
    if account:
        os.chown(words, account.pw_uid, account.pw_gid)
    words.chmod(0o600)
    made = subprocess.run(
        [
            *(binaries / "initdb", "--pgdata", folder / "data", "--username", "tests", "--no-sync"),
            *("--auth", "scram-sha-256", "--pwfile", words, "--encoding", "UTF8", "--locale", "C"),
        ],
        cwd=folder,
        env=_environment(folder),
        capture_output=True,
        text=True,
        check=False,
        **as_account(account),
    )
    if made.returncode:
        raise RuntimeError(f"initdb failed: {made.stderr.strip()}")


def _environment(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(folder), "TZ": "UTC"}


def _started(
    binaries: Path, folder: Path, password: str, account: pwd.struct_passwd | None
) -> tuple[subprocess.Popen[bytes], int]:
    for _ in range(3):  # somebody may take the port between the look and the start
        port = _free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "max_connections": "200",
            # A connection cancelled half-way leaves a process that DROP DATABASE waits for.
            "authentication_timeout": "10s",
            "max_prepared_transactions": "5",
            "timezone": "UTC",
        }
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [
                    *(binaries / "postgres", "-D", folder / "data"),
                    *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
                ],
                cwd=folder,
                env=_environment(folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **as_account(account),
            )
        if _answers(process, port, password):
            return process, port
    raise RuntimeError(f"postgres did not start: {(folder / 'log').read_text()[-2000:]}")


def _answers(process: subprocess.Popen[bytes], port: int, password: str) -> bool:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            _connect(port, password).close()
        except psycopg.OperationalError:
            time.sleep(_LOOK_S)
        else:
            return process.poll() is None
    process.kill()
    process.wait()
    return False


def _connect(port: int, password: str, database: str = "postgres") -> psycopg.Connection:
    return psycopg.connect(
        host="127.0.0.1",
        port=port,
        user="tests",
        password=password,
        dbname=database,
        autocommit=True,
        connect_timeout=10,
    )


def _free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return place.getsockname()[1]
