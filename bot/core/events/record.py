"""What is only written down: notes, messages of Slack, what became of words, and what was lost elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import AwareDatetime

from bot.core.events.kind import Kind


class NoteAdded(Kind):
    """A line for the record, with a link that shows it."""

    kind: Literal["note-added"] = "note-added"
    text: str
    evidence: str | None = None


class SlackFile(Kind):
    """A file that was shared with a message: its name and where people with access find it."""

    name: str
    url: str


class MessageCaptured(Kind):
    """Somebody added a Slack message to the record, as it stood then; `author` said it."""

    kind: Literal["message-captured"] = "message-captured"
    channel: str
    ts: str
    author: str
    text: str
    url: str | None = None
    files: tuple[SlackFile, ...] = ()


class MessageEdited(Kind):
    """A captured message says something else in Slack now; `of` is the number of the captured entry."""

    kind: Literal["message-edited"] = "message-edited"
    channel: str
    ts: str
    of: int
    author: str
    text: str
    files: tuple[SlackFile, ...] = ()


class MessageDeleted(Kind):
    """A captured message is gone from Slack; the record keeps what it said."""

    kind: Literal["message-deleted"] = "message-deleted"
    channel: str
    ts: str
    of: int
    author: str


class Corrected(Kind):
    """A note should have said something else, or happened at another time; `of` is its entry's number.

    The entry stays as it was written; it is shown corrected, with what it said.
    """

    kind: Literal["corrected"] = "corrected"
    of: int
    text: str | None = None
    at: AwareDatetime | None = None


class Redacted(Kind):
    """Words were removed for good from entries of the incident, its runs and its freezes.

    `payloads` has for each of them (`stream#seq`) the digest of what it says now: the chain of digests
    holds what it said before, and this entry of the chain vouches for the rest.
    """

    kind: Literal["redacted"] = "redacted"
    why: str
    payloads: Mapping[str, str]


class RepairAsked(Kind):
    """Somebody wants what Slack or the tracker lost to be there again."""

    kind: Literal["repair-asked"] = "repair-asked"


class Repaired(Kind):
    """One system was looked through; `lost` is what was missing there and is put back.

    `entries` (`stream#seq`) are said anew, and `runs` drawn anew; `why` is what kept one from looking.
    """

    kind: Literal["repaired"] = "repaired"
    system: str
    lost: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    why: str = ""


RecordEvent = (
    NoteAdded
    | MessageCaptured
    | MessageEdited
    | MessageDeleted
    | Corrected
    | Redacted
    | RepairAsked
    | Repaired
)
