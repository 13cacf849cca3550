"""What an operation says while it is carried out, and how it says that it cannot be."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

BEGINNING = "beginning"


class Problem(Exception):
    """Something keeps an operation from being done; nothing was changed.

    `permanent` is False when the same request may work a moment later.
    """

    def __init__(self, text: str, *, permanent: bool = True) -> None:
        super().__init__(text)
        self.permanent = permanent


class PartlyDone(Exception):
    """The operation was done, and something still keeps it from being right."""


class Step(NamedTuple):
    """How far an operation is: the phase that was reached, and bytes inside it unless it counts items.

    Where they are asked again and again of what does the work, whoever asks is always busy: `by_figures` says
    that only a new figure shows that it goes on. `doing` names what it is at where the phase alone says too
    little, as one index of many; that is no phase of its own.
    """

    phase: str
    done: int = 0
    total: int | None = None
    unit: Literal["bytes", "items"] = "bytes"
    by_figures: bool = False
    doing: str = ""


class Course:
    """How long an operation was in each of its phases so far, by a clock that nobody sets.

    What comes before the first report is a phase as well. A phase that is entered again goes on. One that was
    left did all it had to, also where the last look at it came before its end.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._phase = BEGINNING
        self._seconds = {BEGINNING: 0.0}
        self._amounts: dict[str, int] = {}
        self._total = 0
        self._at = clock()

    def report(self, step: Step) -> str:
        """Return the line that reports a step, with all phases up to it."""
        now = self._clock()
        self._seconds[self._phase] += now - self._at
        if step.phase != self._phase:
            self._amounts[self._phase] = max(self._total, self._amounts.get(self._phase, 0))
        self._phase, self._at = step.phase, now
        self._seconds.setdefault(step.phase, 0.0)
        self._amounts[step.phase] = max(step.done, self._amounts.get(step.phase, 0))
        self._total = step.total or 0
        phases = {name: [round(s, 3), self._amounts.get(name, 0)] for name, s in self._seconds.items()}
        said = {"phase": step.phase, "done": step.done, "total": step.total, "unit": step.unit}
        said |= {"by_figures": True} if step.by_figures else {}
        said |= {"doing": step.doing} if step.doing else {}
        return f"::progress {json.dumps({**said, 'phases': phases})}"


# A program carries out one operation and ends.
_COURSE = Course(time.monotonic)


def report(step: Step) -> None:
    """Write how far the operation is."""
    tell(_COURSE.report(step))


def tell(line: str) -> None:
    """Write a line of output at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def prove(found: Mapping[str, Any]) -> None:
    """Write what an operation found as evidence of it."""
    tell(f"::evidence {json.dumps(found)}")
