"""Who is struck, when and how: chosen by the seed before anything runs."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from dataclasses import dataclass
from typing import Literal

from integrations.runner import processes
from tests.chaos.house import House
from tests.chaos.watch import Watch

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
STRUCK = ("bot", "frozen", "supervisor", "main", "worker")
"""Who is struck in a real restore, in turns; `frozen` is a bot that wakes when people have decided."""

_LATEST_S = 2.5
_LOOK_S = 0.02
_PATIENCE_S = 2.0
OVER = ("run-recovered", "run-aborted")


@dataclass(frozen=True, slots=True)
class Blow:
    """A kill, or a stop for some seconds, a while after something was first written on the timeline."""

    moment: str
    after_s: float
    victim: str
    how: Literal["kill", "stop", "freeze"]
    for_s: float = 0.0

    def __str__(self) -> str:
        how = f"stop {self.for_s:.1f}s" if self.how == "stop" else self.how
        return f"{how} {self.victim} @{self.moment}+{self.after_s:.2f}"


def blows(rng: random.Random) -> list[Blow]:
    """Return three to eight blows; those whose moment never comes are not struck."""
    return [_blow(rng) for _ in range(rng.randint(3, 8))]


def blow_in(lasts_s: float, victim: str, rng: random.Random, step: str) -> Blow:
    """Return a blow at a moment of a restore that lasts so long undisturbed, each as likely as any other."""
    after = rng.uniform(0, lasts_s)
    if victim == "frozen":
        return Blow(f"step-started:{step}", after, "bot", "freeze", rng.uniform(0, _LATEST_S))
    return Blow(f"step-started:{step}", after, victim, "kill")


def _blow(rng: random.Random) -> Blow:
    moment, victim = rng.choice(MOMENTS), rng.choice(VICTIMS)
    after = rng.uniform(0, _LATEST_S) * rng.random()
    if rng.random() < 0.3:
        return Blow(moment, after, victim, "stop", rng.uniform(0.5, 4.0))
    return Blow(moment, after, victim, "kill")


async def strike(blow: Blow, house: House, watch: Watch) -> str:
    """Wait for the moment, strike, and return what was done; a victim that does not come up is spared."""
    await watch.came(blow.moment)
    await asyncio.sleep(blow.after_s)
    found = await _found(blow.victim, house)
    if found is None:
        return f"({blow} missed)"
    pid, begun = found
    if blow.how == "kill":
        title = processes.title(pid)
        return f"{blow} {title}" if _signal(pid, begun, signal.SIGKILL) else f"({blow} missed)"
    _signal(pid, begun, signal.SIGSTOP)
    try:
        return await (_decided(blow, house, watch) if blow.how == "freeze" else _rested(blow))
    finally:
        _signal(pid, begun, signal.SIGCONT)


async def _rested(blow: Blow) -> str:
    await asyncio.sleep(blow.for_s)
    return str(blow)


async def _decided(blow: Blow, house: House, watch: Watch) -> str:
    """Kill what the frozen bot follows, and let it sleep until people have decided and a while longer."""
    if found := await _found("main", house):
        _signal(*found, signal.SIGKILL)
    await watch.came("attempt-opened", *OVER)
    await asyncio.sleep(blow.for_s)
    return f"{blow}{'' if found else ' with nothing to kill'}"


async def _found(victim: str, house: House) -> tuple[int, str] | None:
    """Return a victim with the moment it began, looking for a while for one that is not there."""
    for _ in range(int(_PATIENCE_S / _LOOK_S)):
        pid = house.find(victim)
        if pid is not None and (begun := processes.begun(pid)):
            return pid, begun
        await asyncio.sleep(_LOOK_S)
    return None


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
