"""A document as trackers keep it, in each of their forms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.core.adf import adf
from bot.core.document import Document, Line, markdown
from bot.core.wiki import wiki


@dataclass(frozen=True, slots=True)
class Written:
    """A document; where it is cut off, `rest` says where all of it is."""

    document: Document
    rest: Line

    def adf(self, room: int) -> Mapping[str, Any]:
        """Return it as Atlassian Document Format of at most so many characters."""
        return adf(self.document, room=room, rest=self.rest)

    def wiki(self, room: int) -> str:
        """Return it as wiki markup of at most so many characters."""
        return wiki(self.document, room=room, rest=self.rest)

    def markdown(self) -> str:
        """Return all of it as Markdown."""
        return markdown(self.document)
