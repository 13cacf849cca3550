"""Slack messages that are in the record, as they were last seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import assert_never

from bot.core.events import MessageCaptured, MessageDeleted, MessageEdited, SlackFile


@dataclass(frozen=True, slots=True)
class Captured:
    """A Slack message in the record as it was last seen; `seq` and `last` are its first and last entries.

    Where words were `redacted`, it says more in Slack than the record may know.
    """

    seq: int
    author: str
    text: str
    files: tuple[SlackFile, ...]
    last: int
    gone: bool = False
    redacted: bool = False


def seen(
    known: Mapping[str, Captured], seq: int, event: MessageCaptured | MessageEdited | MessageDeleted
) -> Mapping[str, Captured]:
    """Return the messages after an event; they go by channel and time, which together name one in Slack."""
    name = f"{event.channel}/{event.ts}"
    match event:
        case MessageCaptured(author=author, text=text, files=files):
            return {**known, name: Captured(seq, author, text, files, seq)}
        case MessageEdited(author=author, text=text, files=files, of=of):
            return {**known, name: Captured(of, author, text, files, seq)}
        case MessageDeleted(author=author, of=of):
            return {**known, name: Captured(of, author, "", (), seq, gone=True)}
        case _:
            assert_never(event)


def without_words(
    known: Mapping[str, Captured], stream: str, payloads: Iterable[str]
) -> Mapping[str, Captured]:
    """Return the messages after words were removed from these entries (`stream#seq`)."""
    touched = frozenset(payloads)
    return {
        name: replace(each, redacted=each.redacted or not touched.isdisjoint(_entries_of(each, stream)))
        for name, each in known.items()
    }


def _entries_of(message: Captured, stream: str) -> frozenset[str]:
    return frozenset({f"{stream}#{message.seq}", f"{stream}#{message.last}"})
