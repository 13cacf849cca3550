"""What the lints look at, and how they say what they found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from integrations.contract import Operation
from playbooks.catalog import Catalog
from playbooks.load import Loaded
from playbooks.model import Playbook
from playbooks.problems import Problem
from playbooks.yaml_text import Path

WARNINGS = frozenset({"L11", "L14", "L22", "L24"})


@dataclass(frozen=True, slots=True)
class Look:
    """A playbook with what is known around it; None where nothing is, and then nothing is said about it."""

    loaded: Loaded
    operations: Mapping[str, Operation] | None = None
    catalog: Catalog | None = None

    @property
    def playbook(self) -> Playbook:
        """Return the playbook looked at."""
        return self.loaded.playbook

    def found(self, code: str, path: Path, what: str, why: str, words: tuple[str, ...] = ()) -> Problem:
        """Return a finding at the line of a path; what only warns is listed in WARNINGS."""
        return self.coded(code, self.loaded.text.problem(path, what, why, words))

    def coded(self, code: str, problem: Problem) -> Problem:
        """Return a problem as the finding of a lint."""
        return replace(problem, code=code, severity="warn" if code in WARNINGS else "error")
