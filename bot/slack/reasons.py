"""The form with one question, opened by a button that needs an answer before it counts. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.core.literal import visible
from bot.slack.messages import Wire
from bot.slack.text import cut, quoted, size

CALLBACK = "reason"
QUESTION = "why"
METADATA = 3000
TITLE, LABEL, ANSWER = 24, 2000, 2000


@dataclass(frozen=True, slots=True)
class Asked:
    """What a button stands for, where it was pressed, and the option its answer goes into."""

    line: str
    into: str
    channel: str
    thread: str | None = None

    def with_answer(self, text: str) -> str:
        """Return the whole line, as if it had been typed."""
        return f"{self.line} {self.into}:{quoted(visible(text).strip())}"

    def to_type(self, command: str) -> str:
        """Return what a person can type when there is no form."""
        return f'{command} {self.line} {self.into}:"…"'


def asked_of(action: Mapping[str, Any], channel: str, thread: str | None) -> tuple[Asked, str]:
    """Return what a pressed button asks, and its question in words."""
    _, _, rest = str(action["action_id"]).partition(":")
    _, _, rest = rest.partition(":")
    into, _, question = rest.partition(":")
    return Asked(str(action.get("value", "")).strip(), into or QUESTION, channel, thread), question


def form(asked: Asked, question: str, label: str) -> Wire | None:
    """Return the form, or None when the line is too long to travel with it."""
    kept = {"line": asked.line, "into": asked.into, "channel": asked.channel, "thread": asked.thread}
    metadata = json.dumps(kept, ensure_ascii=False)
    if size(metadata) > METADATA:
        return None
    field = {
        "type": "plain_text_input",
        "action_id": QUESTION,
        "multiline": True,
        "max_length": ANSWER,
        "focus_on_load": True,
    }
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "private_metadata": metadata,
        "title": _bare(cut(label or "Why?", TITLE)),
        "submit": _bare(cut(label or "Send", TITLE)),
        "close": _bare("Not now"),
        "blocks": [
            {
                "type": "input",
                "block_id": QUESTION,
                "label": _bare(cut(question or "Why?", LABEL)),
                "element": field,
            }
        ],
    }


def filled(view: Mapping[str, Any]) -> tuple[Asked, str]:
    """Return what a submitted form stands for and the answer that was typed; where, but never who."""
    kept = json.loads(view["private_metadata"])
    answer = view["state"]["values"][QUESTION][QUESTION].get("value") or ""
    thread = kept.get("thread")
    asked = Asked(str(kept["line"]), str(kept["into"]), str(kept["channel"]), str(thread) if thread else None)
    return asked, str(answer)


def _bare(text: str) -> Wire:
    return {"type": "plain_text", "text": text, "emoji": False}
