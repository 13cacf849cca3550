"""What tells an incident from one of the same number that another Backstop writes into the same system."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from bot.core.events import Entry, IncidentDeclared


def mark_of(own: Sequence[Entry]) -> str:
    """Return the mark of the incident with these entries; it is the same for ever."""
    first = own[0]
    title = first.event.title if isinstance(first.event, IncidentDeclared) else ""
    text = f"{first.stream} {first.recorded_at.isoformat()} {title}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
