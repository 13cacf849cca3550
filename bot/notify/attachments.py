"""Hangs the files of an incident on its issue, and takes down those of before words were removed.

A tracker replaces no file. Which of them are ours is remembered by their ids, with what had been removed when
they were drawn: only those are ever deleted, and a person is told of what stays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC

from bot.core.events import Entry, NoteAdded, Redacted
from bot.core.words import system_in_words
from bot.notify.issues import Issues
from integrations.tracker import Hanging, Tracker


def removed_in(entries: Iterable[Entry]) -> str:
    """Return a mark of all the removals of words in some entries, empty where there was none."""
    names = sorted(f"{each.stream}#{each.seq}" for each in entries if isinstance(each.event, Redacted))
    return hashlib.sha256(" ".join(names).encode()).hexdigest()[:16] if names else ""


class Attachments:
    """The files that are attached to the issues of incidents."""

    def __init__(self, issues: Issues) -> None:
        self._issues = issues

    async def bring_up(
        self, tracker: Tracker, id: str, key: str, files: Mapping[str, bytes], removed: str
    ) -> None:
        """Attach files that were drawn after the removals `removed`."""
        ours = await self._clear(tracker, id, removed)
        newest = await self._issues.known("newest", id)
        for name, content in files.items():
            made = await tracker.attach(key, name, content)
            ours[made.id] = removed
            await self._issues.remember("files", id, **ours)
            newest[name] = made.id
            await self._issues.remember("newest", id, **newest)
        if removed and (await self._issues.known("cleared", id)).get("removed") != removed:
            await self._tell(id, key, await self._left(tracker, key, files, ours, removed))
            await self._issues.remember("cleared", id, removed=removed)

    async def lost(self, tracker: Tracker, id: str, key: str) -> list[str]:
        """Return which of the files that were attached last hang there no more, whatever they say now."""
        newest = await self._issues.known("newest", id)
        there = {file.id for file in await tracker.attached(key)} if newest else set()
        return [name for name, file in newest.items() if file not in there]

    async def _clear(self, tracker: Tracker, id: str, removed: str) -> dict[str, str]:
        """Delete ours of before the removals, and return what is left of ours."""
        ours = await self._issues.known("files", id)
        for file in [file for file, mark in ours.items() if mark != removed]:
            if await tracker.detach(file):
                del ours[file]
                await self._issues.remember("files", id, **ours)
        return ours

    async def _left(
        self, tracker: Tracker, key: str, names: Iterable[str], ours: Mapping[str, str], removed: str
    ) -> list[Hanging]:
        """Return what hangs there under a name of ours and was not drawn after the removals."""
        return [
            file
            for file in await tracker.attached(key)
            if file.filename in names and ours.get(file.id) != removed
        ]

    async def _tell(self, id: str, key: str, left: Sequence[Hanging]) -> None:
        if not left:
            return
        named = ", ".join(f"{file.filename} of {_when(file)}" for file in left)
        text = (
            f"{system_in_words(self._issues.system)} still has files at {key} that may hold what was "
            f"removed, and that Backstop may not delete or does not know as its own: {named}. "
            "Somebody has to delete them there."
        )
        await self._issues.append(id, NoteAdded(text=text))


def _when(file: Hanging) -> str:
    return f"{file.created.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
