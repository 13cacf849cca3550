"""Moments as web APIs write them."""

from __future__ import annotations

from datetime import datetime


def moment(text: object) -> datetime | None:
    """Return the aware time a text says in ISO 8601, or None when it says none."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else None
