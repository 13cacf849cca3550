"""How far a started step is, in a form that never goes back, whatever its engine says next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict

from bot.core.estimate import Expected
from integrations.contract import Progress

MOST_SHARE = 0.99
"""What is not over is never shown as all of it."""

_MOST_SEEN = 100


class Going(BaseModel):
    """What was heard of one attempt so far; `key` is the attempt's.

    `seen` are its phases in order, the last is the current one: entered at `since`, when `first` was done of
    it; `doing` is what it is at inside it. `percent` is of the phase, `share` of the whole step where its
    phases were measured before. It last `moved` when the engine said anything new, or was seen to work;
    `counted` is when it said so. `note` and `tail` say why nothing is heard at the moment.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str
    since: AwareDatetime
    moved: AwareDatetime
    counted: AwareDatetime | None = None
    heard: tuple[str, int, int | None] | None = None
    seen: tuple[str, ...] = ()
    first: int = 0
    done: int = 0
    total: int | None = None
    unit: str = "items"
    percent: int | None = None
    share: float | None = None
    doing: str = ""
    note: str = ""
    tail: str = ""

    @property
    def phase(self) -> str:
        """Return the phase that was reached, empty before the first report."""
        return self.seen[-1] if self.seen else ""

    @property
    def fraction(self) -> float | None:
        """Return how much of the phase is done, from 0 to 1, or None when its total is not known."""
        return self.done / self.total if self.total else None

    def stirring(self, at: datetime | None) -> Going:
        """Return it with a sign of life of what works without saying anything new."""
        return self.model_copy(update={"moved": max(self.moved, at)}) if at else self

    def saying(self, note: str, tail: str) -> Going:
        """Return it with why nothing is heard at the moment."""
        return self.model_copy(update={"note": note, "tail": tail})


def read(row: Mapping[str, object] | None, key: str) -> Going | None:
    """Return what is kept of an attempt; None for another attempt, or what an older version kept."""
    if row is None or row.get("key") != key:
        return None
    return Going.model_validate(row)


def advance(known: Going, said: Progress, phases: Sequence[Expected], now: datetime) -> Going:
    """Return how far an attempt is by its newest report.

    A phase that was left is not shown again, and less than was done before is not less. A total that what was
    done exceeds is none. A clock that was set back makes nothing older than now.
    """
    heard = (said.phase, said.done, said.total)
    new = (heard, said.doing) != (known.heard, known.doing)
    news: dict[str, object] = {
        "heard": heard,
        "doing": said.doing,
        "counted": now if new else known.counted,
        "moved": now if new else min(known.moved, now),
        "since": min(known.since, now),
    }
    known = known.model_copy(update={**news, "note": "", "tail": ""})
    if said.phase in known.seen[:-1]:
        return known
    entered = said.phase != known.phase or not known.seen
    done = max(0, said.done) if entered else max(known.done, said.done)
    total = said.total if said.total and said.total >= done else None
    percent = 100 * done // total if total else None
    if not entered and known.percent is not None:
        percent = max(known.percent, percent or 0)
    news = {"done": done, "total": total, "unit": said.unit, "percent": percent}
    if entered:
        news |= {"seen": (*known.seen, said.phase)[-_MOST_SEEN:], "since": now, "first": done}
    going = known.model_copy(update=news)
    return going.model_copy(update={"share": _share(going, phases, now)})


def ahead(going: Going, phases: Sequence[Expected]) -> tuple[Expected | None, tuple[Expected, ...]]:
    """Return what was expected of the current phase, and the phases that are still to come."""
    names = [each.phase for each in phases]
    if not going.seen:
        return (phases[0] if phases else None), tuple(phases[1:])
    if going.phase in names:
        place = names.index(going.phase)
        return phases[place], tuple(phases[place + 1 :])
    return None, tuple(each for each in phases if each.phase not in going.seen)


def _share(going: Going, phases: Sequence[Expected], now: datetime) -> float | None:
    """Return how much of the whole is done if each phase takes its time, never less than before."""
    whole = sum(each.likely_s for each in phases)
    if whole <= 0:
        return going.share
    current, later = ahead(going, phases)
    left = sum(each.likely_s for each in later)
    if current and current.likely_s > 0:
        spent = (now - going.since).total_seconds() / current.likely_s
        left += current.likely_s * (1 - min(1.0, spent if going.fraction is None else going.fraction))
    return max(going.share or 0.0, min(MOST_SHARE, 1 - left / whole))
