"""Where a replay ends, what it starts from, and what a goal came to: the words that the others share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from integrations.runner.pgbackrest.positions import position, written
from integrations.runner.report import Problem


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup of the stanza: where its state is consistent, and the first segment it needs."""

    label: str
    kind: str
    stopped: datetime
    timeline: int
    first: int
    consistent: int
    bytes: int
    unfit: str = ""


@dataclass(frozen=True, slots=True)
class Aim:
    """Where a replay ends: `how` and `target` are the words of PostgreSQL, None ends it once consistent."""

    label: str
    timeline: int
    how: Literal["time", "lsn", "xid", "immediate"]
    target: str = ""

    @property
    def exclusive(self) -> bool:
        """Say whether what stands at the target itself is left out, as whatever is named is the damage."""
        return self.how != "immediate"

    def options(self) -> list[str]:
        """Return the options of a restore; with `immediate` pgBackRest takes no timeline."""
        words = [f"--set={self.label}", f"--type={self.how}"]
        if self.how == "immediate":
            return words
        return [*words, f"--target-timeline={self.timeline}", f"--target={self.target}", "--target-exclusive"]

    def settings(self) -> dict[str, str | None]:
        """Return PostgreSQL's own settings for it; None is one that must not be set."""
        given: dict[str, str | None] = dict.fromkeys(
            ("recovery_target", "recovery_target_time", "recovery_target_lsn", "recovery_target_xid")
        )
        if self.how == "immediate":
            given["recovery_target"] = "immediate"
        else:
            given[f"recovery_target_{self.how}"] = self.target
        inclusive = "off" if self.exclusive else None
        return {
            **given,
            "recovery_target_name": None,
            "recovery_target_inclusive": inclusive,
            "recovery_target_timeline": str(self.timeline),
        }


@dataclass(frozen=True, slots=True)
class Goal:
    """What is asked for: one of a moment, a position, a transaction or nothing, which is a backup itself."""

    at: datetime | None = None
    lsn: int | None = None
    xid: int | None = None
    timeline: int | None = None
    label: str | None = None
    marker: str | None = None

    @property
    def aim(self) -> Aim | None:
        """Return where its replay ends: None until both the backup and the timeline are pinned."""
        if self.label is None or self.timeline is None:
            return None
        if self.at is not None:
            moment = self.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
            return Aim(self.label, self.timeline, "time", moment)
        if self.lsn is not None:
            return Aim(self.label, self.timeline, "lsn", written(self.lsn))
        if self.xid is not None:
            return Aim(self.label, self.timeline, "xid", str(self.xid))
        return Aim(self.label, self.timeline, "immediate")


@dataclass(frozen=True, slots=True)
class Found:
    """What a goal came to; with `closes` the running server must archive the rest of its log first.

    The replay `begins` at a position and ends `before` another. `caution` is what whoever approves must know.
    """

    aim: Aim | None
    because: str
    refused: Sequence[tuple[str, str]] = ()
    reaches: datetime | None = None
    goal: Goal | None = None
    replay_bytes: int = 0
    copy_bytes: int = 0
    begins: int = 0
    before: int = 0
    closes: bool = False
    continuous: bool | None = None
    caution: str = ""

    def told(self) -> dict[str, Any]:
        """Return it as an answer of the runner."""
        return {
            "point": self.aim.label if self.aim else None,
            "because": self.because,
            "refused": [{"point": label, "because": why} for label, why in self.refused],
            "reaches": self.reaches.isoformat() if self.reaches else None,
            "goal": _told(self.goal) if self.goal else None,
            "log_continuous": self.continuous,
            "caution": self.caution,
            "work": {"copying": self.copy_bytes, "replaying": self.replay_bytes},
        }


def newest(last: str | None) -> str:
    """Say how far the data came back, which `last` is the moment of, if anything ended in the replay."""
    if last:
        return f"the newest transaction that came back is of {last}"
    return "no transaction had ended between the backup and there"


def _told(goal: Goal) -> dict[str, Any]:
    kinds: Mapping[str, Any] = {
        "at": goal.at.isoformat() if goal.at else None,
        "lsn": written(goal.lsn) if goal.lsn is not None else None,
        "xid": goal.xid,
        "marker": goal.marker,
        "timeline": goal.timeline,
    }
    return {name: value for name, value in kinds.items() if value is not None}


def backup_of(found: Mapping[str, Any], number: Callable[[str], tuple[int, int]], unfit: str) -> Backup:
    """Return a backup as `info` tells of it."""
    try:
        timeline, first = number(found["archive"]["start"])
        return Backup(
            label=found["label"],
            kind=found["type"],
            stopped=datetime.fromtimestamp(found["timestamp"]["stop"], UTC),
            timeline=timeline,
            first=first,
            consistent=position(found["lsn"]["stop"]),
            bytes=int(found["info"]["size"]),
            unfit=unfit,
        )
    except (KeyError, TypeError) as missing:
        label = found.get("label", "without a label")
        raise Problem(f"pgBackRest does not say {missing} of its backup {label}.") from missing
