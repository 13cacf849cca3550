"""What somebody said in Slack, as it is stored before it is acknowledged and read again to be carried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import cast

from bot.commands import Place
from bot.timeline.letters import Letter


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent something, as Slack signed it; `shared` when other companies can read the channel."""

    user: str
    team: str
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """A line and where it was said; `delivery` is the id by which it counts once."""

    sender: Sender
    line: str
    place: Place
    delivery: str

    def letter(self, at: datetime) -> Letter:
        """Return it as it is stored."""
        said = {"sender": asdict(self.sender), "line": self.line, "place": self.place.as_json()}
        return Letter(self.delivery, said, at)

    @classmethod
    def of(cls, letter: Letter) -> Said:
        """Return what was stored."""
        sender = Sender(**cast("dict[str, str]", letter.said["sender"]))  # type: ignore[arg-type]
        place = Place.from_json(cast("Mapping[str, object]", letter.said["place"]))
        return cls(sender, str(letter.said["line"]), place, letter.id)
