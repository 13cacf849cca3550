"""Who is in which Slack user group, kept for five minutes and asked for again in the background."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from bot.shelf import Shelf
from bot.slack.api import Api, SlackTrouble
from playbooks.problems import PlaybookInvalid

log = logging.getLogger(__name__)

KEPT = timedelta(minutes=5)
_NO_GROUPS = frozenset({"plan_upgrade_required", "no_such_subteam", "missing_scope"})


class People:
    """The members of the catalog's Slack groups; reading never waits and never fails."""

    def __init__(self, api: Api, shelf: Shelf, *, now: Callable[[], datetime]) -> None:
        self._api = api
        self._shelf = shelf
        self._now = now
        self._members: dict[str, tuple[str, ...]] = {}
        self._read_at: datetime | None = None
        self._reading: asyncio.Task[None] | None = None

    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Return the user ids in each group as they were last read, and read them again when that is old."""
        if self._read_at is None or self._now() - self._read_at >= KEPT:
            self._begin()
        return self._members

    def _begin(self) -> None:
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self.refresh())

    async def refresh(self) -> None:
        """Read the groups now; a group that cannot be read keeps the members it had."""
        try:
            groups = self._shelf.catalog().groups.values()
        except PlaybookInvalid:
            return
        for group in {group.slack_group for group in groups if group.slack_group}:
            try:
                answer = await self._api.call("usergroups.users.list", usergroup=group)
                self._members[group] = tuple(str(user) for user in answer.get("users") or ())
            except SlackTrouble as trouble:
                if trouble.code in _NO_GROUPS:
                    self._members[group] = ()
                log.warning("group not read group=%s error=%s", group, trouble)
        self._read_at = self._now()

    async def close(self) -> None:
        """Stop reading."""
        if self._reading:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
