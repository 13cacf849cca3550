"""What a later restore must know of a run that recovered the same target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pydantic import AwareDatetime, BaseModel, ConfigDict

from playbooks.model import Playbook


class Recovered(BaseModel):
    """A run whose restore put a target's data `back` at a moment, and proved it `at` a later one.

    What was written from `good_until` to then was damaged, or thrown away by it; None is what nobody said. A
    backup of from between `back` and `at` holds what was put back.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    back: AwareDatetime
    at: AwareDatetime
    good_until: AwareDatetime | None = None


def recoveries(of: Mapping[str, Sequence[Recovered]], targets: Iterable[str]) -> tuple[Recovered, ...]:
    """Return the runs that recovered any of some targets, each once, in order; `of` has those of each."""
    found = {each.run: each for name in targets for each in of.get(name, ())}
    return tuple(sorted(found.values(), key=lambda each: each.at))


def put_back(playbook: Playbook, source: str | None = None) -> tuple[str, ...]:
    """Return the targets that a playbook puts data back to, from one of its sources or from any."""
    steps = [step for step in playbook.steps if step.source and source in (None, step.source)]
    return tuple(dict.fromkeys(name for step in steps for name in (step.target, *step.touches) if name))
