"""Work that failed is told in words that say what it was, why it failed, and what becomes of it."""

from __future__ import annotations

import re
import textwrap
from datetime import UTC, datetime
from pathlib import Path

from inline_snapshot import snapshot

import bot
from bot.app import MESSAGES
from bot.core.cards.troubled import _WORK, troubled_line
from bot.core.document import Document, Paragraph, plain

AGAIN = datetime(2026, 11, 23, 2, 26, tzinfo=UTC)
EFFECT = re.compile(r'(?:Effect|_timer)\("([a-z-]+)"')


def test_every_kind_of_effect_is_told_in_words() -> None:
    sources = (file.read_text(encoding="utf-8") for file in Path(bot.__file__).parent.rglob("*.py"))
    asked = {kind for source in sources for kind in EFFECT.findall(source)}
    assert asked | set(MESSAGES) == set(_WORK)


def _plain(kind: str, subject: str, error: str, again: datetime | None) -> str:
    return plain(Document("", (Paragraph(troubled_line(kind, subject, error, again=again)),))).strip()


def test_what_failed_why_and_what_becomes_of_it() -> None:
    lines = [
        _plain("hear", "letters", "Slack is off there: set BACKSTOP_SLACK_MODE.", AGAIN),
        _plain("say", "incident/INC-1#14", "Slack refuses that: not_in_channel", None),
        _plain("tracker", "INC-1", "Jira does not answer.", AGAIN),
        _plain("run", "RUN-1", "KeyError", AGAIN),
        _plain("of another version", "RUN-1", "Nobody does it.", None),
    ]
    assert "\n".join(textwrap.fill(line, 100, subsequent_indent="  ") for line in lines) == snapshot("""\
Not done: what people said to Backstop in Slack. Slack is off there: set BACKSTOP_SLACK_MODE. It is
  tried again 2026-11-23 02:26:00Z.
Not done: a message about INC-1 in Slack. Slack refuses that: not_in_channel. It is not tried again
  by itself, but when there is something new to do of it.
Not done: the record of INC-1 in the tracker and in files. Jira does not answer. It is tried again
  2026-11-23 02:26:00Z.
Not done: the next step of RUN-1. Something unforeseen happened (KeyError), and Backstop's log says
  where. It is tried again 2026-11-23 02:26:00Z.
Not done: of another version. Nobody does it. It is not tried again by itself, but when there is
  something new to do of it.\
""")


def test_every_sentence_stands_with_any_subject() -> None:
    for kind in _WORK:
        told = _plain(kind, "freeze/FRZ-{1}#7", "No.", None)
        assert told.startswith("Not done: "), told
        assert "{of}" not in told
