"""A cluster of PostgreSQL in its data directory: what it is, whether it runs, how it is begun and ended."""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integrations.runner import processes, servers
from integrations.runner.pgbackrest.owner import Owner
from integrations.runner.postgres.server import Server
from integrations.runner.report import Problem

STARTING = "starting"
_LOOK_S = 0.02
_STOP_S = 300
_LAST_LINES = 3
_LONGEST = 600


@dataclass(frozen=True, slots=True)
class Control:
    """What pg_controldata says of a data directory, also of one whose server is stopped."""

    identity: str
    version: str
    state: str
    timeline: int
    segment_bytes: int
    redo: str
    replays_to: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """A data directory with its server; `start` and `stop` are the words that do it here, if not pg_ctl's."""

    data: Path
    programs: Path
    owner: Owner
    socket: str
    port: str
    user: str
    settings_file: Path
    start: Sequence[str] = ()
    stop: Sequence[str] = ()

    @property
    def server(self) -> Server:
        """Return its server as one asks it."""
        return Server(
            self.programs, self.socket, self.port, self.user, "backstop", account=self.owner.identity
        )

    @property
    def major(self) -> str:
        """Return the major version of the files, empty where there are none."""
        try:
            return (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        except OSError:
            return ""

    @property
    def config(self) -> Sequence[str]:
        """Return the options that name its configuration where that lies outside of its directory."""
        if self.settings_file.parent == self.data:
            return ()
        return ("-c", f"config_file={self.settings_file}", "-c", f"data_directory={self.data}")

    def control(self) -> Control:
        """Read what names the cluster and where it stands."""
        said = self.run("pg_controldata", str(self.data))
        found = dict(re.findall(r"^(.+?):\s+(.*)$", said, re.MULTILINE))
        try:
            return Control(
                identity=found["Database system identifier"],
                version=self.major,
                state=found["Database cluster state"],
                timeline=int(found["Latest checkpoint's TimeLineID"]),
                segment_bytes=int(found["Bytes per WAL segment"]),
                redo=found["Latest checkpoint's REDO location"],
                replays_to=found["Minimum recovery ending location"],
            )
        except KeyError as missing:
            raise Problem(f"pg_controldata does not say {missing} of {self.data}.") from missing

    def pid(self) -> int | None:
        """Return the process of the server that has the directory, or None when none lives."""
        return servers.pid_in(self.data)

    def must_rest(self) -> None:
        """Raise Problem while a server runs in the directory, which is never moved under it."""
        if (pid := self.pid()) is not None:
            raise Problem(
                f"A server runs in {self.data} (process {pid}), so it was not moved. Stop that server, and "
                "restore again.",
                permanent=False,
            )

    def status(self) -> str:
        """Return what the server notes of itself, `ready` once it may be read; empty when nothing."""
        return servers.status_in(self.data)

    def ask(self, query: str, **values: str) -> Any:
        """Return the one value a query finds."""
        return self.server.ask(query, **values)[0]

    def run(self, program: str, *words: str) -> str:
        """Run one of PostgreSQL's programs and return what it wrote."""
        done = self._completed([str(self.programs / program), *words])
        if done.returncode:
            raise Problem(f"{program}: {_last(done.stderr) or _last(done.stdout)}")
        return done.stdout

    def configured(self, name: str) -> str:
        """Return what a setting would be, were the server started now."""
        return self.run("postgres", "-D", str(self.data), *self.config, "-C", name).strip()

    def dumped(self, folder: Path, first: str, last: str) -> str:
        """Return what pg_waldump shows of segments; their end is usually one that it complains about."""
        words = ["--rmgr=Transaction", "--rmgr=XLOG", f"--path={folder}", first, last]
        return self._completed([str(self.programs / "pg_waldump"), *words]).stdout

    def launch(self, log: Path, *settings: str) -> subprocess.Popen[bytes] | None:
        """Begin the server and leave it; what it says goes to a file until its own log takes over.

        Its process is returned, None when a service of this host begins it. Until it is handed over it is
        stopped with the job.
        """
        self._forget_killed()
        self.answer_for()
        if self.start:
            self._service(self.start)
            return None
        words = [str(self.programs / "postgres"), "-D", str(self.data), *self.config, *settings]
        with log.open("ab") as said:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                cwd="/",
                env=self.owner.environment_of_a_server(),
                start_new_session=True,
                **self.owner.identity,
            )
        servers.begun(process.pid)
        return process

    def answer_for(self) -> None:
        """Note that the server is this job's, be it one that replays already, until it is handed over."""
        servers.answer_for(self.data, self.stop)

    def settle(self) -> None:
        """Let the server write what it holds, so that its shutdown has little to write; any problem waits."""
        if self.pid() is not None:
            with suppress(Problem):
                self.server.ask("CHECKPOINT")

    def end(self, *, settled: bool = False) -> Iterator[float]:
        """Stop the server, yielding the seconds it took so far; Problem when it does not stop in time."""
        begun = time.monotonic()
        yield from self._outlived(begun)
        if self.pid() is None:
            return
        if not settled:
            self.settle()
        yield time.monotonic() - begun
        if self.stop:
            self._service(self.stop)
        else:
            self.run("pg_ctl", "stop", f"--pgdata={self.data}", "--mode=fast", "--no-wait", "--silent")
        asked = time.monotonic()
        while self.pid() is not None:
            if time.monotonic() - asked > _STOP_S:
                raise Problem(
                    f"The server in {self.data} does not stop in {_STOP_S} s, so nothing was replaced; "
                    "look for what holds it in pg_stat_activity and in its log.",
                    permanent=False,
                )
            time.sleep(_LOOK_S)
            yield time.monotonic() - begun

    def _outlived(self, begun: float) -> Iterator[float]:
        """Wait for what outlives a server that was killed; Problem when that does not end in time."""
        while left := self._forget_killed():
            if time.monotonic() - begun > _STOP_S:
                raise Problem(
                    f"The server in {self.data} was killed, and some of its processes still live "
                    f"({', '.join(map(str, left))}), so nothing was replaced. End them, and restore again.",
                    permanent=False,
                )
            time.sleep(_LOOK_S)
            yield time.monotonic() - begun

    def _forget_killed(self) -> Sequence[int]:
        """Remove the files by which a server that was killed seems to run; return what outlives it.

        pgBackRest restores nothing where its pid file lies. PostgreSQL takes a process that nobody waited for
        (in a container whose first process does not) for one that lives, and does not start.
        """
        if self.pid() is not None:
            return ()
        found = processes.inside(self.data)
        if left := [pid for pid in found if processes.title(pid).startswith("post")]:
            return left
        (self.data / servers.PID_FILE).unlink(missing_ok=True)
        servers.forget_socket(Path(self.socket), self.port, self.data)
        return ()

    def _service(self, words: Sequence[str]) -> None:
        # Into a file: a server that keeps a pipe open would keep whoever reads it waiting.
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
            own = self.owner.environment_of_a_server()
            done = subprocess.run(
                words, stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False, env=own, cwd="/"
            )
            said.seek(0)
            if done.returncode:
                raise Problem(f"`{' '.join(words)}` failed: {_last(said.read())}")

    def _completed(self, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                cwd="/",
                env=self.owner.environment(),
                **self.owner.identity,
            )
        except OSError as error:
            raise Problem(f"{words[0]} cannot be run: {error.strerror}.") from error


def links_out(data: Path) -> list[str]:
    """Return what of a data directory lies elsewhere: tablespaces and a log on another disk."""
    spaces = data / "pg_tblspc"
    places = [*(spaces.iterdir() if spaces.is_dir() else ()), data / "pg_wal"]
    return sorted(str(place.relative_to(data)) for place in places if place.is_symlink())


def last_words(log: Path, since: int) -> str:
    """Return what a server said last into a file, its fatal lines first."""
    try:
        text = log.read_bytes()[since:].decode("utf-8", "replace")
    except OSError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    fatal = [line for line in lines if "FATAL:" in line or "PANIC:" in line]
    return " / ".join((fatal or lines)[-_LAST_LINES:])[-_LONGEST:]


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:_LONGEST] if lines else "it said nothing"
