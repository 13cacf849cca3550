"""How something is done on Backstop's host: with the settings, beside a server that may run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bot.settings import Settings, say_wrong
from bot.terminal import REFUSED, UNREACHABLE, USAGE
from bot.terminal.lock import Held
from bot.terminal.screen import warn
from bot.timeline import Timeline
from bot.timeline.database import open_engine
from integrations.contract import IntegrationError
from playbooks.problems import PlaybookInvalid


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


def _must_be_there(settings: Settings) -> None:
    file = settings.database.partition(":///")[2] if settings.database.startswith("sqlite") else ""
    if file and not Path(file).exists():
        raise Wrong(f"There is no timeline at {file}. Look at BACKSTOP_HOME and BACKSTOP_DATABASE_URL.")
