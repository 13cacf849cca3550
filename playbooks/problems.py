"""What is wrong with a file of this language, said so that its author can mend it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake at a line (from 1): what is wrong, why it matters, and the words that would be right.

    An `error` keeps the file from being used; a `warn` is shown beside it.
    """

    file: str
    line: int
    what: str
    why: str = ""
    words: tuple[str, ...] = ()
    code: str = ""
    severity: Literal["error", "warn"] = "error"

    def __str__(self) -> str:
        """Return `file:line: what, why, valid words`."""
        code = f"{self.code} " if self.code else ""
        mark = "warning: " if self.severity == "warn" else ""
        why = f", {self.why}" if self.why else ""
        words = f", valid: {', '.join(self.words)}" if self.words else ""
        return f"{self.file}:{self.line}: {mark}{code}{self.what}{why}{words}"


class PlaybookInvalid(Exception):
    """A playbook, catalog or criteria file cannot be used; `problems` name every mistake with its line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = in_lines(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def in_lines(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return problems by file and line; those of one line keep their order."""
    return tuple(sorted(problems, key=lambda problem: (problem.file, problem.line)))


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return the word somebody probably meant, or None when nothing is near."""
    near = get_close_matches(word, sorted(words), n=1, cutoff=0.6)
    return near[0] if near else None


def instead(word: str, words: Sequence[str]) -> str:
    """Return `did you mean …?` for a word that is not among the valid ones, or nothing."""
    near = nearest(word, words)
    return f"did you mean {near}?" if near else ""
