"""What is said of one part of the set-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One part of the set-up: how it is, and for a wrong one what to do."""

    part: str
    state: Literal["ok", "off", "unwise", "wrong"]
    says: str
    do: str = ""

    def __str__(self) -> str:
        """Return the finding as a line for a terminal."""
        do = f" {self.do}" if self.do else ""
        return f"{self.state:<6} {self.part:<10} {self.says}{do}"
