"""What a later restore must know of a run that recovered the same target."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict


class Recovered(BaseModel):
    """A run that put a target's data back and proved it `at` a moment.

    What was written from `good_until` to then was damaged, or thrown away by it; None is what nobody said.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    at: AwareDatetime
    good_until: AwareDatetime | None = None
