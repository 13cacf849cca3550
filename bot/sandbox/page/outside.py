"""What happens beside Slack and Jira in a sandbox, as the page sees it and sets it going."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.sandbox.page.guide import Progress


@dataclass(frozen=True, slots=True)
class Typed:
    """A command that somebody ran outside Slack, and what it wrote."""

    who: str
    command: str
    output: str


class Outside(Protocol):
    """The pipeline of the shop, and how far its incident is."""

    @property
    def typed(self) -> Sequence[Typed]:
        """Return the commands so far, the newest last."""
        ...

    @property
    def busy(self) -> str:
        """Say what is under way, or nothing."""
        ...

    @property
    def progress(self) -> Progress:
        """Return how far the newest incident is."""
        ...

    def release_badly(self) -> None:
        """Begin to take a backup and to let the bad release out."""
        ...

    def deploy(self) -> None:
        """Begin to deploy once more, which asks the gate."""
        ...
