"""How something is done on Backstop's host: with the settings, beside a server that may run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from bot.settings import Settings, say_wrong
from bot.terminal import REFUSED, UNREACHABLE, USAGE
from bot.terminal.lock import Held
from bot.terminal.screen import warn
from bot.timeline import Timeline
from bot.timeline.database import open_engine
from bot.timeline.pulse import Silence
from integrations.contract import IntegrationError
from playbooks.problems import PlaybookInvalid

TRY_S = 8.0

_Found = TypeVar("_Found")


def utc_now() -> datetime:
    """Return the moment."""
    return datetime.now(UTC)


class Wrong(Exception):
    """A sentence about how something was asked for."""


class Broken(Exception):
    """A sentence about a timeline that is not whole."""


def carry_out(act: Callable[[Settings], Coroutine[Any, Any, int]]) -> int:
    """Do something with the settings and return its exit code; what goes wrong is told in a sentence."""
    try:
        return asyncio.run(act(Settings()))
    except ValidationError as invalid:
        warn(say_wrong(invalid))
        return USAGE
    except Wrong as wrong:
        warn(str(wrong))
        return USAGE
    except (Held, Broken, PlaybookInvalid) as refused:
        warn(str(refused))
        return REFUSED
    except IntegrationError as problem:
        warn(str(problem))
        return UNREACHABLE
    except OSError as problem:
        warn(
            f"{problem.filename}: {problem.strerror}. BACKSTOP_HOME must be a folder this user may write to."
        )
        return REFUSED


@asynccontextmanager
async def as_it_is(settings: Settings) -> AsyncIterator[Timeline]:
    """Open the timeline without changing its tables: a running server may still use them."""
    _must_be_there(settings)
    timeline = Timeline(open_engine(settings.database), now=utc_now)
    try:
        yield timeline
    finally:
        await timeline.close()


async def told(settings: Settings, ask: Callable[[Timeline], Awaitable[_Found]]) -> _Found | None:
    """Return what the timeline answers in time, or None when it cannot be asked."""
    try:
        async with as_it_is(settings) as timeline, asyncio.timeout(TRY_S):
            return await ask(timeline)
    except (IntegrationError, TimeoutError, Wrong):
        return None


async def silence(settings: Settings) -> Silence | None:
    """Return who holds the database of the settings and does not move, if anybody can say so."""
    return await told(settings, lambda timeline: timeline.pulse.silence())


def silence_here() -> str:
    """Return the sentence about a bot of this host that does not move, or nothing."""
    try:
        settings = Settings()
        found = None if settings.url else asyncio.run(silence(settings))
    except (ValidationError, OSError):
        return ""
    return str(found) if found else ""


def _must_be_there(settings: Settings) -> None:
    file = settings.database.partition(":///")[2] if settings.database.startswith("sqlite") else ""
    if file and not Path(file).is_file():
        raise Wrong(f"There is no timeline at {file}. Look at BACKSTOP_HOME and BACKSTOP_DATABASE_URL.")
