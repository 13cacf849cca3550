"""What the app asked and what the workspace told it, and waiting for it to happen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TypeVar

from bot.sandbox.slack.deliveries import Reply
from bot.sandbox.slack.refusals import Wire

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the app; `status` is None when the connection was cut before an answer."""

    at: datetime
    method: str
    args: Wire
    status: int | None
    answer: Wire

    @property
    def ok(self) -> bool:
        """Return whether the app was told that the call was carried out."""
        return self.status == 200 and bool(self.answer.get("ok"))


class Journal:
    """Calls and deliveries in the order they happened; tokens are not kept."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.deliveries: list[Reply] = []
        self.changes = 0
        self._changed = asyncio.Event()

    def called(self, call: Call) -> None:
        """Add a call."""
        self.calls.append(call)
        self.rang()

    def delivered(self, reply: Reply) -> None:
        """Add a delivery with what the app answered."""
        self.deliveries.append(reply)
        self.rang()

    def rang(self) -> None:
        """Wake everybody who waits for something."""
        self.changes += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self, predicate: Callable[[], _T | None], timeout: float) -> _T:
        """Return the predicate's first true value, asked again whenever something happens.

        Raises TimeoutError with the latest calls when it does not come true within `timeout` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                while not (found := predicate()):
                    await self._changed.wait()
                return found
        except TimeoutError:
            latest = "\n".join(
                f"  {call.method} {call.args} -> {call.answer}"[:400] for call in self.calls[-8:]
            )
            raise TimeoutError(
                f"Nothing of the kind within {timeout} s. The latest calls:\n{latest}"
            ) from None

    def wire(self) -> list[Wire]:
        """Return the calls as JSON."""
        return [asdict(call) | {"at": call.at.isoformat()} for call in self.calls]
