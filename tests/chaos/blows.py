"""Who is struck, when and how: chosen by the seed before anything runs."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from integrations.runner import processes
from tests.chaos.house import House

MOMENTS = (
    "plan-asked",
    "planned",
    "run-started",
    "step-started:stop-writers",
    "step-started:keep-damaged",
    "approved",
    "step-started:restore",
    "step-started:restore",
    "step-started:restore",
    "step-succeeded:restore",
    "step-started:previous-release",
    "step-started:start",
    "step-in-doubt",
    "retry-asked",
    "abort-asked",
    "attempt-opened",
)
VICTIMS = ("bot", "bot", "bot", "runner", "runner", "supervisor", "supervisor", "engine", "engine")
_LATEST_S = 2.5
_LOOK_S = 0.02
_PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class Blow:
    """A kill, or a stop for some seconds, a while after something was first written on the timeline."""

    moment: str
    after_s: float
    victim: str
    how: Literal["kill", "stop"]
    for_s: float = 0.0

    def __str__(self) -> str:
        how = "kill" if self.how == "kill" else f"stop {self.for_s:.1f}s"
        return f"{how} {self.victim} @{self.moment}+{self.after_s:.2f}"


def blows(rng: random.Random) -> list[Blow]:
    """Return three to eight blows; those whose moment never comes are not struck."""
    return [_blow(rng) for _ in range(rng.randint(3, 8))]


def _blow(rng: random.Random) -> Blow:
    moment, victim = rng.choice(MOMENTS), rng.choice(VICTIMS)
    after = rng.uniform(0, _LATEST_S) * rng.random()
    if rng.random() < 0.3:
        return Blow(moment, after, victim, "stop", rng.uniform(0.5, 4.0))
    return Blow(moment, after, victim, "kill")


async def strike(blow: Blow, house: House, came: Callable[[str], Awaitable[None]]) -> str:
    """Wait for the moment, strike, and return what was done; a victim that does not come up is spared."""
    await came(blow.moment)
    await asyncio.sleep(blow.after_s)
    pid = None
    for _ in range(int(_PATIENCE_S / _LOOK_S)):
        pid = house.find(blow.victim)
        if pid is not None:
            break
        await asyncio.sleep(_LOOK_S)
    begun = processes.begun(pid) if pid else ""
    if pid is None or not begun:
        return f"({blow} missed)"
    if blow.how == "kill":
        return str(blow) if _signal(pid, begun, signal.SIGKILL) else f"({blow} missed)"
    _signal(pid, begun, signal.SIGSTOP)
    try:
        await asyncio.sleep(blow.for_s)
    finally:
        _signal(pid, begun, signal.SIGCONT)
    return str(blow)


def _signal(pid: int, begun: str, number: signal.Signals) -> bool:
    """Send a signal to exactly the process that was found; its id may have been given away since."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if processes.begun(pid) != begun:
            return False
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True
