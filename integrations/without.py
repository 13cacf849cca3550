"""What an engine says to the parts of the contract it has nothing for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from integrations.contract import (
    Call,
    CheckResult,
    Goal,
    Guard,
    IntegrationError,
    JobRef,
    JobState,
    LogChunk,
    RecoveryPoint,
    Resolution,
    Source,
    Target,
    Window,
)


class WithoutPoints:
    """An engine that keeps nothing one could restore."""

    name: ClassVar[str]

    async def points(self, source: Source, *, since: datetime | None = None) -> Sequence[RecoveryPoint]:
        """Return that there is none."""
        return ()

    async def window(self, source: Source) -> Window | None:
        """Return that there is none."""
        return None

    async def resolve(self, source: Source, goal: Goal) -> Resolution:
        """Say that no goal can be reached."""
        return Resolution(point=None, because=f"{self.name} keeps no recovery points.")

    async def verify_point(self, source: Source, point: RecoveryPoint) -> CheckResult:
        """Refuse what this engine has nothing for."""
        raise cannot(self.name, "verify recovery points")

    async def backup(self, source: Source, *, key: str, labels: Mapping[str, str]) -> JobRef:
        """Refuse what this engine has nothing for."""
        raise cannot(self.name, "take recovery points")

    async def hold(self, source: Source, point: RecoveryPoint, *, until: datetime | None) -> None:
        """Refuse what this engine has nothing for."""
        raise cannot(self.name, "hold recovery points")

    async def guard(self, source: Source) -> Guard:
        """Refuse what this engine has nothing for."""
        raise cannot(self.name, "say who could delete recovery points")

    async def mark(self, target: Target, name: str) -> str:
        """Refuse what this engine has nothing for."""
        raise cannot(self.name, "set markers")


class WithoutJobs:
    """An engine that only looks: it starts nothing."""

    name: ClassVar[str]

    async def find(self, call: Call, *, key: str) -> JobRef | None:
        """Return that no job was ever started."""
        return None

    async def start(self, call: Call, *, key: str, token: int | None = None) -> JobRef:
        """Refuse what this engine has nothing for."""
        raise cannot(self.name, f"carry out {call.operation} as a step")

    async def forbid(self, call: Call, *, key: str) -> JobRef:
        """Refuse: no key ever started anything."""
        raise cannot(self.name, "have jobs")

    async def poll(self, ref: JobRef) -> JobState:
        """Refuse what this engine has nothing for."""
        raise cannot(self.name, "have jobs")

    async def logs(self, ref: JobRef, *, offset: int = 0) -> LogChunk:
        """Return nothing."""
        return LogChunk("", offset)

    async def cancel(self, ref: JobRef) -> None:
        """Refuse what this engine has nothing for."""
        raise cannot(self.name, "have jobs")


def cannot(engine: str, what: str) -> IntegrationError:
    """Return the error of an engine that is asked for something it has not."""
    return IntegrationError(f"{engine} cannot {what}.", permanent=True)
