"""The two ways a workspace says no: to the app, as an error code, and to a person, as a sentence."""

from __future__ import annotations

from typing import Any

Wire = dict[str, Any]


class SlackRefuses(Exception):
    """The Web API answers `ok: false` with this error code; `details` are further keys of the answer."""

    def __init__(self, code: str, **details: Any) -> None:
        super().__init__(code)
        self.code = code
        self.details = details

    def answer(self) -> Wire:
        """Return the body Slack sends."""
        return {"ok": False, "error": self.code, **self.details}


class PersonCannot(Exception):
    """Slack's own screen would not let a person do this: no such button, a required field left empty."""


class SlackIsDown(Exception):
    """Nobody can act in a workspace that is down."""


def invalid_arguments(*problems: str) -> SlackRefuses:
    """Return Slack's refusal of malformed arguments, with its reasons."""
    messages = [f"[ERROR] {problem}" for problem in problems]
    return SlackRefuses("invalid_arguments", response_metadata={"messages": messages})
