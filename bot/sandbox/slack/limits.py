"""Slack's rate limits, off until switched on: a bucket per method, and one per channel for posting."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

CHANNEL_BURST = 5


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: datetime


class Limits:
    """Answers how long a call has to wait. The bursts are what one sees, not what Slack promises."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.on = False
        self.burst = CHANNEL_BURST
        self._now = now
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def wait_for(self, method: str, per_minute: int, channel: str) -> int | None:
        """Return the seconds to wait, or None when the call may pass now."""
        if not self.on:
            return None
        if method == "chat.postMessage":
            return self._take((method, channel), per_second=1.0, burst=self.burst)
        return self._take((method, ""), per_second=per_minute / 60, burst=per_minute)

    def _take(self, key: tuple[str, str], *, per_second: float, burst: int) -> int | None:
        now = self._now()
        bucket = self._buckets.setdefault(key, _Bucket(burst, now))
        bucket.tokens = min(burst, bucket.tokens + (now - bucket.at).total_seconds() * per_second)
        bucket.at = now
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return None
        return max(1, math.ceil((1 - bucket.tokens) / per_second))
