"""A host as an operator has it: a database, commands, a runner.toml and a real runner."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import TypeVar

from integrations.connections import Connections
from integrations.contract import IntegrationError, Target
from integrations.process import Runner, Status
from integrations.runner import processes
from integrations.runner.jobs import Job
from tests.sshd import Sshd

SECRET = "s3cr3t-canary-of-the-host"

# Writes a line when it begins and one when it ends, and ends only when told to.
_ACT = """#!/bin/sh
echo "begin $1" >> "{home}/acts"
while [ ! -e "{home}/go" ]; do sleep 0.02; done
echo "end $1" >> "{home}/acts"
"""
# Leaves a worker in a session of its own, as a database tool does, and waits for it.
_WORKERS = """#!/bin/sh
setsid sh -c 'echo $$ > "{home}/worker"; while [ ! -e "{home}/go" ]; do sleep 0.02; done' &
wait
"""
# A worker that lets go of every file it was given, and one that forgets its environment.
_LETS_GO = """#!{python}
import os, pathlib, time
os.closerange(3, 256)
if os.fork() == 0:
    os.setsid()
    home = pathlib.Path("{home}")
    (home / "worker").write_text(str(os.getpid()))
    while not (home / "go").exists():
        time.sleep(0.02)
else:
    os.wait()
"""
_FORGETS = """#!/bin/sh
setsid env -i /bin/sh -c 'echo $$ > "{home}/worker"; while [ ! -e "{home}/go" ]; do sleep 0.02; done' &
wait
"""
_LEAK = """#!/bin/sh
echo "token is $TOKEN"
echo "::evidence {{\\"token\\": \\"$TOKEN\\"}}"
echo "auth: Basic $(printf %s "ana:$TOKEN" | base64 -w 0)"
echo "failing with $TOKEN" >&2
exit 3
"""
_DAEMON = """#!/bin/sh
sh -c 'echo $$ > "{home}/worker"; while [ ! -e "{home}/go" ]; do sleep 0.02; done' > /dev/null 2>&1 &
while [ ! -s "{home}/worker" ]; do sleep 0.02; done
"""
_SCRIPTS = {
    "daemon": _DAEMON,
    "lets-go": _LETS_GO,
    "forgets": _FORGETS,
    "act": _ACT,
    "workers": _WORKERS,
    "leak": _LEAK,
    "env": "#!/bin/sh\nenv\n",
}

_CONFIG = """
secrets = ["{home}/secret"]

[targets.orders-db]
kind = "sqlite"
path = "{home}/orders.db"
points = "{home}/points"
kept = "{home}/kept"
allow = [
    "sqlite.backup", "sqlite.keep", "sqlite.restore", "sqlite.verify", "sqlite.prove", "sqlite.hold",
    "sqlite.integrity",
    "sqlite.salvage", "sqlite.restored", "sqlite.select", "sqlite.prepare", "sqlite.discard",
]

[targets.readings]
kind = "sqlite"
path = "{home}/readings.db"
points = "{home}/points"

[targets.uploads]
kind = "restic"
path = "{home}/uploads"
repository = "{home}/repository"
password_file = "{home}/secret"
restic = "{restic}"
allow = [
    "restic.backup", "restic.restore", "restic.restored", "restic.prove", "restic.verify", "restic.hold",
    "restic.prepare", "restic.discard",
]

[targets.uploads-drill]
kind = "restic"
path = "{home}/lab/uploads"
repository = "{home}/repository"
password_file = "{home}/secret"
restic = "{restic}"
allow = ["restic.restore", "restic.restored", "restic.prepare", "restic.discard"]

[targets.checkout]
kind = "commands"

[commands.act]
argv = ["{home}/act", "{{who}}"]
target = "checkout"
effect = "reversible"
params = {{ who = {{ type = "word" }} }}

[commands.wipe]
argv = ["{home}/act", "{{who}}"]
target = "checkout"
effect = "destructive"
params = {{ who = {{ type = "word" }} }}

[commands.scale]
argv = ["/bin/echo", "--replicas={{replicas}}", "{{mode}}"]
target = "checkout"
effect = "reversible"
repeat = "safe"
[commands.scale.params]
replicas = {{ type = "int", min = 0, max = 9 }}
mode = {{ type = "choice", values = ["fast", "slow"] }}

[commands.workers]
argv = ["{home}/workers"]
target = "checkout"
effect = "reversible"

[commands.leak]
argv = ["{home}/leak"]
target = "checkout"
effect = "read"
secret_env = {{ TOKEN = "{home}/secret" }}

[commands.env]
argv = ["{home}/env"]
target = "checkout"
effect = "read"
env = {{ COLOUR = "blue" }}

[commands.lets-go]
argv = ["{home}/lets-go"]
target = "checkout"
effect = "reversible"

[commands.forgets]
argv = ["{home}/forgets"]
target = "checkout"
effect = "reversible"

[commands.daemon]
argv = ["{home}/daemon"]
target = "checkout"
effect = "reversible"
leaves_daemon = true

[commands.missing]
argv = ["{home}/no-such-program"]
target = "checkout"
effect = "read"
"""


class Host:
    """The host's files, and the runner that serves them."""

    def __init__(self, home: Path, sockets: Path) -> None:
        self.home = home
        self.database = home / "orders.db"
        self.points = home / "points"
        self.kept = home / "kept"
        self.state = home / "state"
        self.config = home / "runner.toml"
        self.socket = sockets / "runner.sock"
        self.runner = Runner(self.socket)
        self.target = Target("orders-db", "sqlite", "production")
        self.checkout = Target("checkout", "commands", "production")
        self.connections = Connections(runners={"local": self.runner})
        self._served: subprocess.Popen[bytes] | None = None

    def furnish(self, more: str) -> None:
        """Write the database, the commands and the configuration, with more targets at its end."""
        self.points.mkdir()
        (self.home / "secret").write_text(SECRET + "\n")
        self.config.write_text(
            _CONFIG.format(home=self.home, restic=shutil.which("restic") or "/usr/bin/restic") + more
        )
        for name, text in _SCRIPTS.items():
            path = self.home / name
            path.write_text(text.format(home=self.home, python=sys.executable))
            path.chmod(0o700)
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA application_id = 4711")
            connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, total INTEGER NOT NULL)")
            connection.executemany("INSERT INTO orders (total) VALUES (?)", [(n,) for n in range(500)])

    async def serve(self) -> None:
        """Start the runner and wait until it answers."""
        self._launch()
        await until(self.runner.hello)

    def _launch(self) -> None:
        self._served = subprocess.Popen(
            [
                *(sys.executable, "-m", "integrations.runner", "serve", f"--config={self.config}"),
                *(f"--state={self.state}", f"--socket={self.socket}"),
            ]
        )

    @property
    def served(self) -> int:
        """Return the pid of the runner."""
        assert self._served is not None
        return self._served.pid

    def kill_serve(self) -> None:
        """Kill the runner as the kernel does when memory runs out."""
        if self._served is not None:
            self._served.kill()
            self._served.wait()
            self._served = None

    async def ended(self, key: str) -> Status:
        """Wait until a job is no longer running."""
        return await self.reached(key, lambda status: status.state != "running")

    async def reached(self, key: str, wanted: Callable[[Status], bool]) -> Status:
        """Wait until a job's status is as wanted."""

        async def look() -> Status | None:
            status = await self.runner.status(key)
            return status if wanted(status) else None

        return await until(look)

    async def begun(self, who: str) -> None:
        """Wait until the program of an act has begun."""

        async def look() -> bool:
            return f"begin {who}" in self.acts()

        await until(look)

    def go(self) -> None:
        """Let acts end."""
        (self.home / "go").touch()

    def acts(self) -> list[str]:
        """Return what acts wrote, in order."""
        path = self.home / "acts"
        return path.read_text().splitlines() if path.exists() else []

    def supervisor(self, key: str) -> int:
        """Return the pid of a job's supervisor."""
        return int((Job(self.state, key).claimed() or {})["supervisor"])

    async def child(self, key: str) -> int:
        """Return the pid of a job's program, which may be at work before its supervisor has noted it."""

        async def noted() -> int | None:
            return (Job(self.state, key).claimed() or {}).get("child")

        return await until(noted)

    async def start(self, key: str, name: str, *, token: int | None = None, **params: str | int) -> Status:
        """Start a command."""
        given = {"name": name, **params}
        return await self.runner.start(key, "command.run", None, given, token=token, timeout_s=60)

    async def close(self) -> None:
        """End everything that was started here."""
        self.go()
        for path in (self.state / "jobs").glob("*"):
            job = Job(self.state, path.name.replace("%2F", "/").replace("%2E", "."))
            claim = job.claimed() or {}
            alive = claim and processes.begun(claim["supervisor"]) == claim["begun"]
            if alive and not job.outcome():
                with suppress(ProcessLookupError):
                    os.kill(claim["supervisor"], signal.SIGKILL)
            for pid in processes.marked(job.path):
                processes.end(pid, job.path, signal.SIGKILL)
        self.kill_serve()


@asynccontextmanager
async def reached(host: Host, server: Sshd | None) -> AsyncIterator[Connections]:
    """Return how a bot reaches the host: over SSH where there is a server, and through its socket."""
    if server is None:
        yield host.connections
        return
    server.let_in(stdio_command(host))
    runner = Runner(server.way())
    try:
        yield Connections(runners={"local": runner})
    finally:
        await runner.close()


def stdio_command(host: Host) -> str:
    """Return the command that a key's line forces on a host: its runner, over standard input and output."""
    places = f"--config {host.config} --state {host.state}"
    root = Path(processes.__file__).parents[2]
    return f"env PYTHONPATH={root} {sys.executable} -m integrations.runner serve --stdio {places}"


_Found = TypeVar("_Found")


async def until(look: Callable[[], Awaitable[_Found | None]], *, seconds: float = 20) -> _Found:
    """Look again and again until there is something, and return it."""
    async with asyncio.timeout(seconds):
        while True:
            with suppress(IntegrationError):
                if found := await look():
                    return found
            await asyncio.sleep(0.02)


@asynccontextmanager
async def a_host(home: Path, more: str = "") -> AsyncIterator[Host]:
    """Return a host whose runner answers; everything of it is ended afterwards."""
    # A unix socket's path is short, and that of a test's directory may not be.
    sockets = Path(tempfile.mkdtemp(prefix="bs-"))
    host = Host(home, sockets)
    host.furnish(more)
    await host.serve()
    try:
        yield host
    finally:
        await host.close()
        shutil.rmtree(sockets)
