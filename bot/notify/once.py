"""Things done once in a system that has no key for them: written down before, looked for after a doubt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.timeline.records import Records
from integrations.contract import IntegrationError

Found = Callable[[], Awaitable[bool]]


class Once:
    """Does each thing once, by its key, whatever dies in between."""

    def __init__(self, records: Records, in_doubt: Callable[[IntegrationError], bool]) -> None:
        self._records = records
        self._in_doubt = in_doubt

    async def do(self, key: str, act: Callable[[], Awaitable[None]], *, found: Found) -> None:
        """Do a thing unless it was done; one that may have been done is looked for with `found` first."""
        known = await self._records.remote(key)
        if known and known["state"] == "done":
            return
        if known is None or not await found():
            await self._records.remember(key, {"state": "doing"})
            try:
                await act()
            except IntegrationError as problem:
                if not self._in_doubt(problem):
                    await self._records.forget(key)
                raise
        await self._records.remember(key, {"state": "done"})
