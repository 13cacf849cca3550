"""The answers one can give to a question; each is a line one can type, in an incident and in a replay."""

from __future__ import annotations

from collections.abc import Callable

from bot.core.document import Button
from playbooks.criteria import FACTS

NOBODY_KNOWS = "?"


def answers(fact: str, question: str, typed: Callable[..., str]) -> tuple[Button, ...]:
    """Return every answer to a question, and that nobody knows; `typed` is the line that says one."""
    kind = FACTS[fact]
    nobody = Button("Nobody knows", typed(f"{fact}:{NOBODY_KNOWS}"))
    if not kind.words:
        return (Button(f"Answer in {kind.unit}", typed(), ask=question, into=fact), nobody)
    return (*(Button(_label(word), typed(f"{fact}:{word}")) for word in kind.words), nobody)


def _label(word: str) -> str:
    return word.replace("_", " ").capitalize()
