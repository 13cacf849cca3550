"""Releases of Helm 3 and 4: their history as recovery points, rolled back by Helm itself beside a runner.

A rollback is called destructive: what a newer revision added, a volume too, is deleted by it, and hooks of
the chart run. Helm knows no lock; the runner's lock of the target keeps rollbacks of Backstop apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import ClassVar, Literal

from integrations.asked import Params
from integrations.contract import (
    Cancel,
    Cap,
    CheckResult,
    Effect,
    Goal,
    Guard,
    JobRef,
    JobState,
    Json,
    Operation,
    Phase,
    RecoveryPoint,
    Refusal,
    Repeat,
    Resolution,
    Source,
    ToPoint,
    ToRevision,
)
from integrations.copies import Copies, step
from integrations.without import cannot

_UNFIT = {"invalid": "it failed or was uninstalled", "partial": "it was begun and not ended"}


class Rollback(Params):
    """`although_pending` rolls back although an operation of somebody else was begun and not ended."""

    although_pending: Literal["yes"] | None = None


class Helm(Copies):
    """Rolls releases back and says what is deployed."""

    name: ClassVar[str] = "helm"
    kind: ClassVar[str] = "revision"
    caps: ClassVar[frozenset[Cap]] = frozenset({Cap.POINTS, Cap.CANCEL, Cap.PROGRESS})
    operations: ClassVar[Mapping[str, Operation]] = {
        "rollback": step(
            "rollback",
            Effect.DESTRUCTIVE,
            params=Rollback,
            repeat=Repeat.ONCE,
            cancel=Cancel.PARTIAL,
            needs_point=True,
        ),
        "deployed": step("deployed", kind="check"),
        "restored": step("restored", kind="check", needs_point=True),
    }
    leaves: ClassVar[Mapping[str, str]] = {
        "rollback": (
            "A revision that is pending-rollback, with its objects changed in part. Another rollback is "
            "accepted and ends it; until then Helm refuses upgrades."
        )
    }

    async def resolve(self, source: Source, goal: Goal) -> Resolution:
        """Choose the newest sound revision before the current one, or exactly the one that is named."""
        points = sorted(await self.points(source), key=lambda point: int(point.id), reverse=True)
        current = points[0].id
        match goal:
            case ToRevision(None):
                wanted, others = points[1:], [Refusal(points[0], "it is the current one")]
                why = f"it is the newest sound revision before the current {current}."
                otherwise = f"There is no sound revision before the current {current}."
            case ToRevision() | ToPoint():
                id = goal.id if isinstance(goal, ToPoint) else str(goal.number)
                wanted, others = [point for point in points if point.id == id], []
                kept = ", ".join(point.id for point in points)
                why, otherwise = (
                    f"revision {id} was asked for.",
                    f"No sound revision {id} is kept; there are {kept}.",
                )
            case _:
                return Resolution(None, f"{self.name} goes back to revisions: name one, or `previous`.")
        refused = [*others, *(Refusal(each, _UNFIT[each.health]) for each in wanted if each.health in _UNFIT)]
        sound = next((point for point in wanted if point.health not in _UNFIT), None)
        return Resolution(sound, why if sound else otherwise, refused)

    async def poll(self, ref: JobRef) -> JobState:
        """Return where the job is; of one whose supervisor is gone, Helm's history tells how it ended."""
        state = await super().poll(ref)
        begun = state.started_at is not None
        if state.phase is not Phase.LOST or state.alive is not False or not begun:
            return state
        _, runner = self._connections.runner(ref.locator)
        found = await runner.ask("helm.outcome", ref.locator["target"], {"restore": ref.key})
        said = str(found.get("found", ""))
        if found.get("outcome") == "done":
            evidence: dict[str, Json] = {key: found[key] for key in ("revision", "status") if key in found}
            return replace(state, phase=Phase.SUCCEEDED, because="", evidence=evidence)
        return replace(state, phase=Phase.FAILED, because=f"{state.because} In the history {said}.")

    async def verify_point(self, source: Source, point: RecoveryPoint) -> CheckResult:
        """Refuse: Helm cannot prove that what a revision names can still be had."""
        raise cannot(self.name, "verify recovery points")

    async def backup(self, source: Source, *, key: str, labels: Mapping[str, str]) -> JobRef:
        """Refuse: every upgrade makes a revision."""
        raise cannot(self.name, "take recovery points; every upgrade makes one")

    async def hold(self, source: Source, point: RecoveryPoint, *, until: datetime | None) -> None:
        """Refuse: Helm keeps as many revisions as its `--history-max` says."""
        raise cannot(self.name, "hold recovery points")

    async def guard(self, source: Source) -> Guard:
        """Refuse: who may delete revisions is a matter of the cluster."""
        raise cannot(self.name, "say who could delete recovery points")
