"""Who is struck, when and how: chosen by the seed before anything runs.

In a real restore the moments are drawn from those in which whoever is struck was there when nobody disturbed
it, so that nearly every blow lands. Those that come too late all the same are counted apart.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from bot.timeline.duty_postgres import SILENT_S
from integrations.runner import processes
from tests.chaos.house import House
from tests.chaos.watch import Watch
from tests.integrations.host import until

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
OF_THE_JOB = ("supervisor", "main", "worker")

_LATEST_S = 2.5
_LOOK_S = 0.02
_PATIENCE_S = 2.0
_GIVE_UP_S = 300.0
OVER = ("run-recovered", "run-aborted")


class Undisturbed(NamedTuple):
    """How long an undisturbed restore's step took, and when in its job who was there, in seconds."""

    lasts_s: float
    there: Mapping[str, Sequence[float]]


UNKNOWN = Undisturbed(0.0, {})


@dataclass(frozen=True, slots=True)
class Blow:
    """A kill, or a stop for some seconds, a while after something was first written on the timeline.

    The moment `job-began:` is that in which a step's first job began, as the runner wrote it down.
    """

    moment: str
    after_s: float
    victim: str
    how: Literal["kill", "stop", "freeze"]
    for_s: float = 0.0

    def __str__(self) -> str:
        how = f"stop {self.for_s:.1f}s" if self.how == "stop" else self.how
        return f"{how} {self.victim} @{self.moment}+{self.after_s:.2f}"


@dataclass(frozen=True, slots=True)
class Struck:
    """A blow and whom it found; nobody when whoever should be struck was not there, or was gone already."""

    blow: Blow
    whom: str = ""

    def __str__(self) -> str:
        return f"{self.blow} {self.whom}" if self.whom else f"({self.blow}: nobody there)"


@dataclass
class Presence:
    """Looks at a restore that nobody disturbs, and notes when in its job who is there to be struck."""

    house: House
    step: str
    there: dict[str, list[float]] = field(default_factory=lambda: {victim: [] for victim in OF_THE_JOB})

    async def look(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.to_thread(self._take)
            await asyncio.sleep(_LOOK_S)

    def _take(self) -> None:
        begun = self.house.began(self.step)
        if begun is None:
            return
        for victim in OF_THE_JOB:
            at = time.time()
            if self.house.find(victim) is not None:
                self.there[victim].append(at - begun)


def blows(rng: random.Random) -> list[Blow]:
    """Return three to eight blows; those whose moment never comes are not struck."""
    return [_blow(rng) for _ in range(rng.randint(3, 8))]


def blow_in(undisturbed: Undisturbed, victim: str, rng: random.Random, step: str) -> Blow:
    """Return a blow at a moment in which the victim was there, each as likely as any other.

    A bot is there all the time, so that it is struck while it decides as well as while the job runs.
    """
    if victim in OF_THE_JOB:
        return Blow(f"job-began:{step}", rng.choice(undisturbed.there[victim]), victim, "kill")
    after = rng.uniform(0, undisturbed.lasts_s)
    if victim == "frozen":
        return Blow(f"step-started:{step}", after, "bot", "freeze", rng.uniform(0, _LATEST_S))
    return Blow(f"step-started:{step}", after, victim, "kill")


def _blow(rng: random.Random) -> Blow:
    moment, victim = rng.choice(MOMENTS), rng.choice(VICTIMS)
    after = rng.uniform(0, _LATEST_S) * rng.random()
    if rng.random() < 0.3:
        return Blow(moment, after, victim, "stop", rng.uniform(0.5, 4.0))
    return Blow(moment, after, victim, "kill")


async def strike(blow: Blow, house: House, watch: Watch) -> Struck:
    """Wait for the moment, strike, and say who was struck."""
    await _moment(blow, house, watch)
    found = await _found(blow.victim, house)
    # A bot that has nothing more to do keeps its duty, however soon it wakes.
    if found is None or (blow.how == "freeze" and watch.has(*OVER)):
        return Struck(blow)
    pid, begun = found
    title = processes.title(pid)
    if blow.how == "kill":
        return Struck(blow, title if _signal(pid, begun, signal.SIGKILL) else "")
    _signal(pid, begun, signal.SIGSTOP)
    try:
        if blow.how == "freeze":
            return Struck(blow, await _decided(blow, house, watch))
        await asyncio.sleep(blow.for_s)
        return Struck(blow, title)
    finally:
        _signal(pid, begun, signal.SIGCONT)


async def _moment(blow: Blow, house: House, watch: Watch) -> None:
    what, _, step = blow.moment.partition(":")
    if what != "job-began":
        await watch.came(blow.moment)
        await asyncio.sleep(blow.after_s)
        return
    await watch.came(f"step-started:{step}")

    async def began() -> float | None:
        return house.began(step)

    begun = await until(began, seconds=_GIVE_UP_S)
    await asyncio.sleep(begun + blow.after_s - time.time())


async def _decided(blow: Blow, house: House, watch: Watch) -> str:
    """Kill what the frozen bot follows, let it sleep until people have decided and a while longer.

    Frozen when all was done it follows nothing, and nobody has to take over from it: that is no blow.
    """
    frozen_at = time.monotonic()
    followed = await _found("main", house)
    killed = followed is not None and _signal(*followed, signal.SIGKILL)
    await watch.came("attempt-opened", *OVER)
    relieved = time.monotonic() - frozen_at > SILENT_S / 2
    await asyncio.sleep(blow.for_s)
    return "and what it follows" if killed else "that follows nothing" if relieved else ""


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
