"""What a run waits for beside its approvals, and that it does no more."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from bot.core.events.kind import Kind

_OBJECTION = "objection:"


class RunPaused(Kind):
    """Nothing further starts until every reason is gone; `freeze` was placed over the run's target.

    `hold` is who wants it to wait, which a person ends and nothing else; `objection` is who says that nothing
    may be destroyed, until the commander has decided or it is taken back. `late` says that the time the
    playbook allows for the whole run is over, which is said once.
    """

    kind: Literal["run-paused"] = "run-paused"
    why: str
    step: str | None = None
    freeze: str | None = None
    late: bool = False
    hold: str | None = None
    objection: str | None = None

    @property
    def reason(self) -> str:
        """Return what it waits for, of which there is one pause at a time."""
        if self.hold:
            return f"hold:{self.hold}"
        if self.objection:
            return f"{_OBJECTION}{self.objection}"
        if self.freeze:
            return f"freeze:{self.freeze}"
        return f"step:{self.step}" if self.step else "time" if self.late else "run"

    @property
    def of_step(self) -> bool:
        """Say whether it is about a step, whose end or approvals are what is to be decided on."""
        return self.reason.startswith("step:")


class RunResumed(Kind):
    """The run goes on once nothing else is in its way; `passes` are freezes that a person decided to pass.

    `lifts` are the reasons of the pauses that are over; where none is named, all of them are. `still` says
    what it waits for all the same.
    """

    kind: Literal["run-resumed"] = "run-resumed"
    why: str = ""
    passes: tuple[str, ...] = ()
    lifts: tuple[str, ...] = ()
    still: str = ""

    @property
    def settles(self) -> tuple[str, ...]:
        """Return whose objections are over by this."""
        return tuple(lift.removeprefix(_OBJECTION) for lift in self.lifts if lift.startswith(_OBJECTION))


class ObjectionsSet(Kind):
    """Before each destructive step people have so long to object, and silence is consent; 0 asks nobody."""

    kind: Literal["objections-set"] = "objections-set"
    within_s: int


class ObjectionsAsked(Kind):
    """A destructive step that has its approvals begins at `until` unless somebody objects."""

    kind: Literal["objections-asked"] = "objections-asked"
    step: str
    attempt: int
    hash: str
    until: AwareDatetime


WaitEvent = RunPaused | RunResumed | ObjectionsSet | ObjectionsAsked
