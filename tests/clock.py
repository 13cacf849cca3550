"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """Called, it says what time it is; nothing but `advance` and `set` changes that."""

    def __init__(self, at: datetime = datetime(2026, 11, 23, 2, 10, tzinfo=UTC)) -> None:
        self._at = at

    def __call__(self) -> datetime:
        return self._at

    def advance(self, seconds: float) -> datetime:
        """Let seconds pass and return the new time."""
        self._at += timedelta(seconds=seconds)
        return self._at

    def set(self, at: datetime) -> None:
        """Jump to a moment, which may lie in the past."""
        self._at = at.astimezone(UTC)
