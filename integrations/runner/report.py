"""What an operation says while it is carried out, and how it says that it cannot be."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class Problem(Exception):
    """Something keeps an operation from being done; nothing was changed.

    `permanent` is False when the same request may work a moment later.
    """

    def __init__(self, text: str, *, permanent: bool = True) -> None:
        super().__init__(text)
        self.permanent = permanent


class PartlyDone(Exception):
    """The operation was done, and something still keeps it from being right."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far an operation is: the phase that was reached, and bytes inside it."""

    phase: str
    done: int = 0
    total: int | None = None

    def line(self) -> str:
        """Return the line that reports it."""
        report = {"phase": self.phase, "done": self.done, "total": self.total, "unit": "bytes"}
        return f"::progress {json.dumps(report)}"


def tell(line: str) -> None:
    """Write a line of output at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def prove(found: Mapping[str, Any]) -> None:
    """Write what an operation found as evidence of it."""
    tell(f"::evidence {json.dumps(found)}")
