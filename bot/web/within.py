"""A wait that ends on time, also for what cannot be ended on time: SQLite waits for a lock in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")

_LATE: set[asyncio.Task[Any]] = set()
"""What was given up and still ends; a task that nothing holds may vanish in the middle."""


async def within(seconds: float, work: Coroutine[Any, Any, _T]) -> _T:
    """Return what comes of the work, or raise TimeoutError on time; late work is cancelled and left alone."""
    task = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            _LATE.add(task)
            task.add_done_callback(_ended)
            task.cancel()
    if not done:
        raise TimeoutError
    return task.result()


def _ended(task: asyncio.Task[Any]) -> None:
    _LATE.discard(task)
    if not task.cancelled():
        # Whoever waited was told already; asking marks the problem as seen.
        task.exception()
