"""How long the phases of a job took, as its program reported them and as far as that makes sense."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from integrations.contract import Measured

_Name = Annotated[str, Field(min_length=1, max_length=60)]
_Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Amount = Annotated[int, Field(ge=0)]


class _Reported(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    phases: Mapping[_Name, tuple[_Seconds, _Amount]] = Field(default_factory=dict, max_length=40)


def phases_of(report: Mapping[str, Any] | None, lasted_s: float | None) -> tuple[Measured, ...]:
    """Return the phases of a program's newest report, in order; nonsense counts as none.

    The last one goes on for as long as the program did, once it has ended: `lasted_s` is all of it.
    """
    try:
        found = _Reported.model_validate(report or {}).phases
    except ValidationError:
        return ()
    rest = max(0.0, (lasted_s or 0.0) - sum(seconds for seconds, _ in found.values()))
    last = next(reversed(list(found)), None)
    return tuple(
        Measured(name, round(seconds + (rest if name == last else 0), 3), amount or None)
        for name, (seconds, amount) in found.items()
    )
