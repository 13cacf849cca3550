"""How long a playbook takes if all goes as estimated: what its time to recover is measured against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from playbooks.limits import Work, latest, length, scheduled, urgent
from playbooks.model import Playbook

_NONE = timedelta(0)


@dataclass(frozen=True, slots=True)
class Budget:
    """The parts of the time to recover; `path` are the steps that decide it, in order."""

    decide: timedelta
    approvals: timedelta
    steps: timedelta
    checks: timedelta
    path: tuple[str, ...]

    @property
    def total(self) -> timedelta:
        """Return the whole time from the decision's start to the last end check."""
        return self.decide + self.approvals + self.steps + self.checks


def time_budget(
    playbook: Playbook,
    *,
    estimates: Mapping[str, timedelta] | None = None,
    approvals: Mapping[str, timedelta] | None = None,
) -> Budget:
    """Return the time budget of a playbook; measured times replace what the file says.

    Gates are asked for side by side, so the slowest counts: half its `expires` until it was measured.
    """
    measured = approvals or {}
    waits = [measured.get(name, gate.expires / 2) for name, gate in playbook.approvals.items()]
    path = _longest(playbook, estimates or {})
    return Budget(
        decide=playbook.objectives.decide_within or _NONE,
        approvals=max(waits, default=_NONE),
        steps=length(path, _lasts),
        checks=sum((check.within or check.timeout for check in playbook.verify), _NONE),
        path=tuple(id for id, _ in path),
    )


def _longest(playbook: Playbook, estimates: Mapping[str, timedelta]) -> tuple[tuple[str, timedelta], ...]:
    """Return the steps that decide the time, under the limits that the playbook sets."""
    works = [
        Work(
            step.id,
            playbook.needs(step),
            ((step.id, estimates.get(step.id, step.estimate)),),
            limit=step.limit,
        )
        for step in playbook.steps
    ]
    steps = urgent(works, _lasts) if playbook.limits else works
    return latest(scheduled(steps, playbook.limits, _lasts).values(), _lasts)


def _lasts(step: tuple[str, timedelta]) -> timedelta:
    return step[1]
