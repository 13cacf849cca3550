"""What verbs that report over many incidents share: of which service, of what time, and in which form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.commands.grammar import a_time, one_of
from bot.commands.verb import Answer, Ask, Outcome
from bot.core.document import Document, Preformatted
from bot.core.errors import Refused

FORMS = ("text", "json")
OPTIONS = frozenset({"svc", "since", "until"})


@dataclass(frozen=True, slots=True)
class Span:
    """Which incidents are asked about: of one service or all, from `since` on and before `until`."""

    service: str | None
    since: datetime | None
    until: datetime | None

    @property
    def scope(self) -> str:
        """Return the span in words, to stand behind what is counted."""
        of = f" of {self.service}" if self.service else ""
        start = f" since {self.since:%Y-%m-%d %H:%M}Z" if self.since else ""
        return f"{of}{start}" + (f" until {self.until:%Y-%m-%d %H:%M}Z" if self.until else "")


def asked_for(ask: Ask) -> Span:
    """Return what a line asks a report about, or raise Refused."""
    one_of(ask.argument(0, "`report`"), ("report",), f"word of {ask.words.verb}")
    service, since, until = _service(ask), _moment(ask, "since"), _moment(ask, "until")
    if since and until and since >= until:
        raise Refused(f"`since:` is not before `until:`: nothing lies between them. {ask.usage}")
    return Span(service, since, until)


def reported(ask: Ask, card: Document, data: Mapping[str, object]) -> Outcome:
    """Return a report in the form that a line asks for."""
    form = one_of(ask.words.args[1], FORMS, "form of a report") if ask.words.args[1:] else "text"
    if form == "text":
        return Outcome(Answer(card, data=dict(data)))
    # A file must be as it is: a terminal writes it raw, where a message shows it in a box.
    text = json.dumps(data, indent=1, ensure_ascii=False)
    return Outcome(Answer(Document("", (Preformatted(text),)), data={**data, "file": text}))


def _service(ask: Ask) -> str | None:
    word = ask.words.options.get("svc")
    found = ask.catalog.service(word) if word else None
    if word and found is None:
        near = ask.catalog.nearest_service(word)
        hint = f"Did you mean {near}?" if near else f"There are: {', '.join(sorted(ask.catalog.services))}."
        raise Refused(f"There is no service {word[:60]}. {hint}")
    return found


def _moment(ask: Ask, name: str) -> datetime | None:
    word = ask.words.options.get(name)
    return a_time(word, ask.now) if word else None
