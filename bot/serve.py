"""`backstop serve`: everything runs until the process is told to end."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from errno import EADDRINUSE
from pathlib import Path

from pydantic import ValidationError

from bot.app import App, running
from bot.runners import runner_config, runner_of, runner_socket
from bot.settings import Settings, say_wrong
from bot.shelf import Shelf
from bot.terminal import OK, REFUSED, USAGE
from bot.terminal.access import URL_FILE
from bot.terminal.screen import tell, warn
from integrations.contract import IntegrationError
from integrations.detached import identity, start_detached
from integrations.ways import Stopped
from playbooks.problems import PlaybookInvalid

log = logging.getLogger(__name__)

LONGEST_WAIT_S = 60.0


def main(argv: Sequence[str]) -> int:
    """Serve until SIGTERM or Ctrl-C; what is under way then goes on at the next start."""
    if argv:
        tell(
            "usage: backstop serve\n\nEvery choice is a setting, BACKSTOP_…; `backstop doctor` looks at them."
        )
        return OK if {"-h", "--help"} & set(argv) else USAGE
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        asyncio.run(_serve(Settings()))
    except ValidationError as invalid:
        warn(say_wrong(invalid))
        return USAGE
    except IntegrationError as problem:
        warn(str(problem))
        return REFUSED
    return OK


async def _serve(settings: Settings) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    keeper = RunnerKeeper(settings)
    await keeper.look()
    keeping = asyncio.create_task(keeper.keep(), name="runner")
    try:
        async with AsyncExitStack() as stack:
            app = await _opened(stack, settings, keeper)
            _look_at(app.desk.shelf)
            _settle()
            with _found(settings, app.url):
                log.info("serving url=%s", app.url)
                await ended.wait()
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
    log.info("ended")


def _settle() -> None:
    """Spare what was loaded from every later collection: looking through it takes a tenth of a second."""
    gc.collect()
    gc.freeze()


def _look_at(shelf: Shelf) -> None:
    """Log that nothing can be declared yet; the catalog is read again when somebody needs it."""
    try:
        shelf.catalog()
    except PlaybookInvalid as invalid:
        log.warning(
            "no catalog file=%s problem=%r nothing can be declared, approved or deployed until it is right: "
            "`backstop doctor` says what to do",
            shelf.catalog_file,
            str(invalid.problems[0]),
        )


async def _opened(stack: AsyncExitStack, settings: Settings, keeper: RunnerKeeper) -> App:
    """Start everything, or raise IntegrationError with what could not be opened and what to do."""
    try:
        return await stack.enter_async_context(running(settings, others=keeper.parts))
    except OSError as problem:
        raise IntegrationError(_unopened(problem, settings), permanent=True) from problem


def _unopened(problem: OSError, settings: Settings) -> str:
    door = f"{settings.host}:{settings.port}"
    match problem:
        case OSError(errno=number) if number == EADDRINUSE:
            return (
                f"Something listens at {door} already. End it, or give this one another BACKSTOP_PORT; "
                "0 takes a free one."
            )
        case OSError(filename=str() | Path() as file):
            return (
                f"BACKSTOP_HOME cannot be used: {file}: {problem.strerror}. "
                "Name a folder that this user may write to."
            )
        case _:
            return (
                f"The HTTP door cannot listen at {door}: {problem}. "
                "BACKSTOP_HOST names an address of this machine, as 127.0.0.1."
            )


class RunnerKeeper:
    """Starts the runner of this home when none answers, and again when it is gone.

    A runner that somebody else looks after, known by its identity, is left to them: one of another memory
    in its place would not know which jobs were started.
    """

    def __init__(self, settings: Settings, *, every_s: float = 5.0, patience_s: float = 15.0) -> None:
        self._config = runner_config(settings)
        self._state = settings.home / "runner"
        self._socket = runner_socket(settings)
        self._runner = runner_of(settings)
        self._every_s = every_s
        self._wait_s = every_s
        self._patience_s = patience_s
        self._ours = True
        self._answers = False
        self._stopped: Stopped | None = None
        if not self._config.exists():
            log.warning("no runner config=%s steps on this machine cannot be carried out", self._config)

    def parts(self) -> Mapping[str, str]:
        """Return how the runner is, if there is to be one."""
        wanted = self._answers or self._config.exists()
        why = str(self._stopped) if self._stopped else "it does not answer"
        return {"runner": "ok" if self._answers else f"down: {why}"} if wanted else {}

    async def keep(self) -> None:
        """Look again and again; after each start that failed a while longer passes, up to a minute."""
        while True:
            await asyncio.sleep(self._wait_s)
            await self.look()

    async def look(self) -> None:
        """Start the runner if it is ours and does not answer; a start that fails is logged."""
        try:
            answers = await self._runner.hello()
        except Stopped as stopped:
            # Another in its place could not begin: what is stopped still has the socket's lock.
            if self._stopped is None:
                log.error("runner does not move error=%s", stopped)
            self._answers, self._stopped = False, stopped
        except IntegrationError as problem:
            self._answers, self._stopped = False, None
            if self._ours and self._config.exists():
                await self._start(problem)
        else:
            self._answers, self._stopped = True, None
            self._ours = answers.runner == identity(self._state)
            self._wait_s = self._every_s

    async def _start(self, problem: IntegrationError) -> None:
        log.info("starting the runner why=%s", problem)
        try:
            # The lock beside the socket lets only one of several answer there.
            await start_detached(self._config, self._state, self._socket, timeout_s=self._patience_s)
        except IntegrationError as failed:
            self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)
            log.error("runner not started error=%s", failed)


@contextmanager
def _found(settings: Settings, url: str) -> Iterator[None]:
    """With a free port nobody knows the address beforehand: it stands in the home while the door is open."""
    file: Path = settings.home / URL_FILE
    if settings.port == 0:
        file.write_text(url + "\n", encoding="utf-8")
    try:
        yield
    finally:
        if settings.port == 0:
            file.unlink(missing_ok=True)
