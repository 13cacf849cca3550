"""What happens while the command of an incident passes from one person to another."""

from __future__ import annotations

from typing import Literal

from bot.core.events.kind import Kind


class HandoffOffered(Kind):
    """The commander wants to hand over; nothing changes until the other takes it. `stands` says how it is."""

    kind: Literal["handoff-offered"] = "handoff-offered"
    to: str
    stands: str = ""


class HandoffUnanswered(Kind):
    """Nobody has taken what was offered in the entry of this number; said once for each offer."""

    kind: Literal["handoff-unanswered"] = "handoff-unanswered"
    offer: int
    to: str


class HandoffEnded(Kind):
    """What was offered in the entry of this number was taken, or not: declined, withdrawn or offered anew."""

    kind: Literal["handoff-ended"] = "handoff-ended"
    offer: int
    to: str
    how: Literal["taken", "declined", "withdrawn"]


HandoffEvent = HandoffOffered | HandoffUnanswered | HandoffEnded
