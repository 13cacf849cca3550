"""A bot and a runner in processes of their own, and the supervisor that starts them again when they die."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.sandbox import runner as sandbox_runner
from integrations.runner import jobs, processes
from tests.chaos.record import step_of
from tests.integrations.host import until

ROOT = Path(__file__).parents[2]
PROGRAM = """\
#!{python}
import sys

sys.path.insert(0, {root!r})
from tests.chaos.program import main

sys.exit(main())
"""
TOOLS = ("pgbackrest", "pg_restore")
SHORTEST_DOWN_S, LONGEST_DOWN_S = 0.1, 1.2
_LOOK_S = 0.05
_END_S, _SAYS_S = 20.0, 120.0


def install(folder: Path) -> Path:
    """Make a virtual environment like this one whose `backstop-runner` keeps a record; return its folder."""
    made = folder / "venv"
    (made / "bin").mkdir(parents=True)
    python = made / "bin" / "python"
    python.symlink_to(Path(sys.executable).resolve())
    (made / "pyvenv.cfg").write_bytes((Path(sys.prefix) / "pyvenv.cfg").read_bytes())
    (made / "lib").symlink_to(Path(sys.prefix) / "lib")
    program = made / "bin" / "backstop-runner"
    program.write_text(PROGRAM.format(python=python, root=str(ROOT)), encoding="utf-8")
    program.chmod(0o700)
    return made


class Kept:
    """A program that is started again whenever it ends; `mourned` says how it ended when nobody killed it."""

    def __init__(self, name: str, argv: list[str], env: Mapping[str, str], log: Path, seed: str) -> None:
        self.name = name
        self.mourned: list[str] = []
        self.starts = 0
        self._argv = argv
        self._env = env
        self._log = log
        self._rng = random.Random(seed)
        self._process: Process | None = None
        self._ending = False

    @property
    def pid(self) -> int | None:
        """Return the process id, or None while it is down."""
        alive = self._process is not None and self._process.returncode is None
        return self._process.pid if alive and self._process else None

    async def keep(self) -> None:
        """Keep it running until `end`."""
        while not self._ending:
            with self._log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *self._argv,
                    env=dict(self._env),
                    cwd=ROOT,
                    stdin=DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            self.starts += 1
            if self._ending:
                self._process.terminate()
            code = await self._process.wait()
            if code != -signal.SIGKILL and not self._ending and not self._may_end(code):
                self.mourned.append(f"{self.name} ended by itself with code {code}; look at {self._log}")
            await asyncio.sleep(self._rng.uniform(SHORTEST_DOWN_S, LONGEST_DOWN_S))

    def _may_end(self, code: int) -> bool:
        return False

    async def says(self, words: str) -> None:
        """Wait until its log says something, TimeoutError when it never does."""

        async def said() -> bool | None:
            log = self._log
            return (log.exists() and words in log.read_text(encoding="utf-8", errors="replace")) or None

        await until(said, seconds=_SAYS_S)

    async def end(self) -> None:
        """Ask it to end, and see that it does."""
        self._ending = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
            process.terminate()
        try:
            code = await asyncio.wait_for(process.wait(), _END_S)
        except TimeoutError:
            self.mourned.append(f"{self.name} did not end in {_END_S:.0f} s")
            process.kill()
            await process.wait()
        else:
            if code not in (0, -signal.SIGTERM):
                self.mourned.append(f"{self.name} ended with code {code}")


class KeptRunner(Kept):
    """The runner; the bot starts one too when none answers, and the one that comes second gives way."""

    def _may_end(self, code: int) -> bool:
        return code == 2


@dataclass(frozen=True, slots=True)
class Place:
    """Where a bot and its runner work: the bot's home and settings, the runner's memory, door and rules."""

    home: Path
    settings: Mapping[str, str]
    state: Path
    address: Path
    config: Path

    @property
    def database(self) -> str:
        """Return the address of the timeline."""
        default = f"sqlite+aiosqlite:///{self.home / 'backstop.db'}"
        return self.settings.get("BACKSTOP_DATABASE_URL") or default


async def end_runner(place: Place) -> None:
    """End whichever runner answers at a place."""
    if (pid := sandbox_runner.answering(place.address)) is not None:
        await sandbox_runner.end(pid)


class House:
    """The processes of one run, and who can be struck; `rng` chooses where several can be."""

    def __init__(
        self, place: Place, venv: Path, seed: int, workers: Callable[[], tuple[int, ...]], rng: random.Random
    ) -> None:
        self.place = place
        self.acts = venv / "bin" / "acts.jsonl"
        self._workers, self._rng = workers, rng
        self._python = str(venv / "bin" / "python")
        own = {key: value for key, value in os.environ.items() if not key.startswith(("BACKSTOP_", "COV"))}
        self._env = {**own, **place.settings, "PYTHONPATH": str(ROOT)}
        words = [f"--config={place.config}", f"--state={place.state}", f"--socket={place.address}"]
        serve = [self._python, "-m", "integrations.runner", "serve", *words]
        self._logs = venv.parent
        self.bot = Kept("bot", self._bot, self._env, self._logs / "bot.log", f"bot {seed}")
        # It takes over when the first is frozen; the first has the duty, having begun long before.
        relief = {**self._env, "BACKSTOP_PORT": "0", "BACKSTOP_PUBLIC_URL": ""}
        self.relief = Kept("relief", self._bot, relief, self._logs / "relief.log", f"relief {seed}")
        self._runner = KeptRunner("runner", serve, self._env, self._logs / "runner.log", f"runner {seed}")

    @property
    def _bot(self) -> list[str]:
        return [self._python, "-m", "bot", "serve"]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the bot and the runner running while the block runs."""
        self._keeping = [asyncio.create_task(kept.keep()) for kept in (self._runner, self.bot)]
        try:
            yield
        finally:
            for kept in (self.relief, self.bot, self._runner):
                await kept.end()
            await asyncio.gather(*self._keeping)

    def relieve(self) -> None:
        """Let a second bot stand by on the same timeline."""
        self._keeping.append(asyncio.create_task(self.relief.keep()))

    @property
    def mourned(self) -> list[str]:
        """Return what ended without having been killed."""
        return [*self.bot.mourned, *self.relief.mourned, *self._runner.mourned]

    def find(self, victim: str) -> int | None:
        """Return the process id of a victim by its name, or None while there is none."""
        match victim:
            case "bot":
                return self.bot.pid
            case "runner":
                return sandbox_runner.answering(self.place.address)
            case "supervisor":
                return self._supervisor()
            case "main":
                return self._one_of(tuple(self._mains()))
            case "worker":
                return self._one_of(self._workers() if self._supervisor() else ())
            case _:
                return self._one_of(tuple(self._marked()))

    def began(self, step: str) -> float | None:
        """Return when the first job of a step began, in seconds of the clock; None when none did."""
        claims = [job.claimed() for job in self._jobs() if step_of(job.key)[0] == step]
        begun = [datetime.fromisoformat(claim["at"]).timestamp() for claim in claims if claim]
        return min(begun, default=None)

    def _one_of(self, pids: Sequence[int]) -> int | None:
        return self._rng.choice(sorted(pids)) if pids else None

    def _jobs(self) -> list[jobs.Job]:
        state = self.place.state
        return [jobs.Job(state, key) for key in jobs.keys(state) if key.startswith("RUN-")]

    def _supervisor(self) -> int | None:
        """Return the supervisor of a job that is under way."""
        for job in self._jobs():
            claim = job.claimed() or {}
            if job.outcome() is None and processes.begun(claim.get("supervisor", 0)) == claim.get("begun"):
                return int(claim["supervisor"])
        return None

    def _marked(self) -> Iterator[int]:
        """Yield everything that acts of jobs that are under way."""
        for job in self._jobs():
            if job.outcome() is None:
                yield from processes.marked(job.path)

    def _mains(self) -> Iterator[int]:
        """Yield the program of a job that is under way, and the tool that it carries out with."""
        for job in self._jobs():
            child = (job.claimed() or {}).get("child", 0)
            if job.outcome() is None and child in processes.marked(job.path):
                yield child
                yield from (pid for pid in processes.children(child) if processes.title(pid) in TOOLS)

    async def still_acting(self) -> list[str]:
        """Return the processes of jobs that act although the run is over; their supervisors may finish."""
        for _ in range(40):
            left = [pid for job in self._jobs() for pid in processes.marked(job.path)]
            if not left and self._supervisor() is None:
                return []
            await asyncio.sleep(_LOOK_S)
        return [f"{processes.title(pid)} (process {pid}) of a job" for pid in left]
