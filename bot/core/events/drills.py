"""What happens in a drill: a playbook carried out on isolated stand-ins, with nothing the matter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from bot.core.events.kind import Kind


class Gap(BaseModel):
    """Something a drill showed that would go wrong on the day; its `id` is the same in every drill."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    what: str


class Rehearsed(BaseModel):
    """A recovery point that a drill restored, and whose data passed the checks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: str
    source: str
    point: str
    digest: str | None = None


class DrillAsked(Kind):
    """A playbook is to be rehearsed. `window` is the start of the maintenance window, for one by schedule.

    `commander` is who may stop it, `owner` who mends what it shows.
    """

    kind: Literal["drill-asked"] = "drill-asked"
    playbook: str
    title: str
    service: str
    environment: str
    commander: str
    owner: str
    stand_ins: tuple[str, ...] = ()
    window: AwareDatetime | None = None
    release: str | None = None
    keep_for_s: float = 0


class DrillEnded(Kind):
    """The drill is over and cleaned up; `skipped` and `refused` ones did nothing.

    `seconds` has how long each step took, `took_s` is from the start of the drill to the end checks.
    """

    kind: Literal["drill-ended"] = "drill-ended"
    outcome: Literal["passed", "failed", "refused", "skipped"]
    because: str = ""
    gaps: tuple[Gap, ...] = ()
    seconds: Mapping[str, float] = Field(default_factory=dict)
    took_s: float | None = None
    rto_s: float | None = None
    restored: tuple[Rehearsed, ...] = ()
    left_out: tuple[str, ...] = ()


class TaskOpened(Kind):
    """A gap has a task in a tracker; `first` is the drill that showed the gap first."""

    kind: Literal["task-opened"] = "task-opened"
    gap: str
    first: str
    system: str
    key: str
    url: str


DrillEvent = DrillAsked | DrillEnded | TaskOpened
