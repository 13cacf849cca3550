"""What a later restore must know of a run that recovered the same target."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict


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
