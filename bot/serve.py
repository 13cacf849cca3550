"""`backstop serve`: everything runs until the process is told to end."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from bot.app import running, start_runner
from bot.settings import Settings
from bot.terminal import OK, REFUSED, USAGE
from bot.terminal.access import URL_FILE
from bot.terminal.screen import tell, warn
from integrations.contract import IntegrationError

log = logging.getLogger(__name__)


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
        names = ", ".join(
            f"BACKSTOP_{str(error['loc'][0]).upper()}: {error['msg']}" for error in invalid.errors()
        )
        warn(f"The settings are wrong: {names}. `backstop doctor` says more.")
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
    await start_runner(settings)
    async with running(settings) as app:
        with _found(settings, app.url):
            log.info("serving url=%s", app.url)
            await ended.wait()
    log.info("ended")


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
