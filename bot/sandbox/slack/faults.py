"""What can go wrong between the app and Slack, switched on by a test or by a drill."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Fails:
    """The method answers an error code and does nothing."""

    code: str


@dataclass(frozen=True, slots=True)
class Limited:
    """The method answers 429; `retry_after` is in seconds."""

    retry_after: int


@dataclass(frozen=True, slots=True)
class Broken:
    """The method answers a 5xx that is not JSON."""

    status: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """The connection is cut, before the method is carried out or after."""

    when: Literal["before", "after"]


@dataclass(frozen=True, slots=True)
class Held:
    """The call waits: `arrived` is set when one came in, and it goes on when `released` is set."""

    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        """Let the call go on."""
        self.released.set()


Fault = Fails | Limited | Broken | Dropped | Held


@dataclass(slots=True)
class _Planned:
    method: str
    channel: str | None
    fault: Fault
    left: int | None


class Faults:
    """Faults by method (`*` is every one); each happens `times` times, or until cleared when that is None.

    While `down` is True, requests are answered with `down_status`, or cut when that is None, sockets are
    closed, and no person can act. While `deaf` is True, sockets stay open and nothing passes through them.
    """

    def __init__(self) -> None:
        self.deaf = False
        self.down_status: int | None = None
        self.on_down: Callable[[], None] = lambda: None
        self._down = False
        self._planned: list[_Planned] = []

    @property
    def down(self) -> bool:
        """Return whether Slack is down."""
        return self._down

    @down.setter
    def down(self, value: bool) -> None:
        """Let Slack go down or come back."""
        self._down = value
        if value:
            self.on_down()

    def error(self, method: str, code: str, *, times: int | None = 1, channel: str | None = None) -> None:
        """Make a method answer an error code."""
        self._planned.append(_Planned(method, channel, Fails(code), times))

    def limited(
        self, method: str, retry_after: int, *, times: int | None = 1, channel: str | None = None
    ) -> None:
        """Make a method answer 429 with Retry-After in seconds."""
        self._planned.append(_Planned(method, channel, Limited(retry_after), times))

    def broken(self, method: str, status: int = 503, *, times: int | None = 1) -> None:
        """Make a method answer a 5xx."""
        self._planned.append(_Planned(method, None, Broken(status), times))

    def dropped(self, method: str, when: Literal["before", "after"], *, times: int | None = 1) -> None:
        """Cut the connection before a method is carried out, or after."""
        self._planned.append(_Planned(method, None, Dropped(when), times))

    def held(self, method: str, *, channel: str | None = None) -> Held:
        """Hold the next call of a method until it is released."""
        held = Held()
        self._planned.append(_Planned(method, channel, held, 1))
        return held

    def clear(self) -> None:
        """End every fault; held calls go on."""
        for planned in self._planned:
            if isinstance(planned.fault, Held):
                planned.fault.release()
        self._planned.clear()
        self.deaf = False
        self.down = False

    def take(self, method: str, channel: str) -> Fault | None:
        """Return the fault this call meets, used up once."""
        for planned in self._planned:
            if planned.method in (method, "*") and planned.channel in (None, channel):
                if planned.left is not None:
                    planned.left -= 1
                    if planned.left == 0:
                        self._planned.remove(planned)
                return planned.fault
        return None
