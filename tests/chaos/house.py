"""A bot and a runner in processes of their own, and the supervisor that starts them again when they die."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from bot.sandbox import runner as sandbox_runner
from bot.sandbox.surroundings import Surroundings
from integrations.runner import jobs, processes

ROOT = Path(__file__).parents[2]
PROGRAM = """\
#!{python}
import sys

sys.path.insert(0, {root!r})
from tests.chaos.program import main

sys.exit(main())
"""
SHORTEST_DOWN_S, LONGEST_DOWN_S = 0.1, 1.2
_LOOK_S = 0.05
_END_S = 20.0


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
            code = await self._process.wait()
            if code != -signal.SIGKILL and not self._ending and not self._may_end(code):
                self.mourned.append(f"{self.name} ended by itself with code {code}; look at {self._log}")
            await asyncio.sleep(self._rng.uniform(SHORTEST_DOWN_S, LONGEST_DOWN_S))

    def _may_end(self, code: int) -> bool:
        return False

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


class House:
    """The processes of one run, and who can be struck."""

    def __init__(self, around: Surroundings, folder: Path, seed: int) -> None:
        self.around = around
        self.venv = install(folder)
        self.acts = self.venv / "bin" / "acts.jsonl"
        python = str(self.venv / "bin" / "python")
        own = {key: value for key, value in os.environ.items() if not key.startswith(("BACKSTOP_", "COV"))}
        env = {**own, **around.environment(), "PYTHONPATH": str(ROOT)}
        state, address = around.runner_state, around.settings.runner_socket
        assert address is not None
        self._address = address
        places = [f"--config={around.home / 'runner.toml'}", f"--state={state}", f"--socket={address}"]
        serve = [python, "-m", "integrations.runner", "serve", *places]
        self.bot = Kept("bot", [python, "-m", "bot", "serve"], env, folder / "bot.log", f"bot {seed}")
        self._runner = KeptRunner("runner", serve, env, folder / "runner.log", f"runner {seed}")

    async def replace_runner(self) -> None:
        """End the runner of the surroundings and let the jobs be run by programs that keep a record."""
        plain, wrapped = (
            f'"{sys.executable}", "-m", "bot.sandbox.shop"',
            f'"{self.venv / "bin" / "backstop-runner"}", "shop"',
        )
        config = self.around.home / "runner.toml"
        config.write_text(config.read_text(encoding="utf-8").replace(plain, wrapped), encoding="utf-8")
        pid = self.runner
        assert pid is not None
        await sandbox_runner.end(pid)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the bot and the runner running while the block runs."""
        keeping = [asyncio.create_task(kept.keep()) for kept in (self._runner, self.bot)]
        try:
            yield
        finally:
            for kept in (self.bot, self._runner):
                await kept.end()
            await asyncio.gather(*keeping)

    @property
    def mourned(self) -> list[str]:
        """Return what ended without having been killed."""
        return [*self.bot.mourned, *self._runner.mourned]

    @property
    def runner(self) -> int | None:
        """Return the process that answers on the runner's socket."""
        return sandbox_runner.answering(self._address)

    def _jobs(self) -> list[jobs.Job]:
        state = self.around.runner_state
        return [jobs.Job(state, key) for key in jobs.keys(state) if key.startswith("RUN-")]

    @property
    def supervisor(self) -> int | None:
        """Return the supervisor of a job that is under way."""
        for job in self._jobs():
            claim = job.claimed() or {}
            if job.outcome() is None and processes.begun(claim.get("supervisor", 0)) == claim.get("begun"):
                return int(claim["supervisor"])
        return None

    @property
    def engine(self) -> int | None:
        """Return the program of a job that is under way."""
        return next((pid for job in self._jobs() for pid in processes.marked(job.path)), None)

    def find(self, victim: str) -> int | None:
        """Return the process id of a victim by its name, or None while there is none."""
        found: int | None = self.bot.pid if victim == "bot" else getattr(self, victim)
        return found

    async def still_acting(self) -> list[str]:
        """Return the processes of jobs that act although the run is over; their supervisors may finish."""
        for _ in range(40):
            left = [pid for job in self._jobs() for pid in processes.marked(job.path)]
            if not left and self.supervisor is None:
                return []
            await asyncio.sleep(_LOOK_S)
        return [f"{processes.title(pid)} (process {pid}) of a job" for pid in left]
