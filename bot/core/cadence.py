"""How often people are told: the minutes between two updates by severity and phase."""

from __future__ import annotations

from datetime import timedelta
from typing import assert_never

from bot.core.events.incidents import Phase, Severity

_MINUTES = {
    Severity.SEV1: (15, 15, 30),
    Severity.SEV2: (30, 30, 60),
    Severity.SEV3: (60, 60, 120),
}


def cadence(severity: Severity, phase: Phase) -> timedelta | None:
    """Return how long after an update the next one is due, or None when none is promised."""
    if severity not in _MINUTES or phase in (Phase.RESOLVED, Phase.CLOSED):
        return None
    investigating, recovering, monitoring = _MINUTES[severity]
    match phase:
        case Phase.INVESTIGATING:
            return timedelta(minutes=investigating)
        case Phase.MONITORING:
            return timedelta(minutes=monitoring)
        case Phase.IDENTIFIED | Phase.RECOVERING | Phase.VERIFYING:
            return timedelta(minutes=recovering)
        case _:
            assert_never(phase)
