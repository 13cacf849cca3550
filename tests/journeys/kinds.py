"""The kinds of things that Slack delivers, or does to the bot, by how a journey says them."""

from __future__ import annotations

import re

from tests.journeys.script import Act

_PRESS = r'presses [^"]+?'
_ON, _WORDS = r'(?: on "[^"]+")?', r' and writes ".*"'
_BUTTON = _PRESS + r"(?<! late)(?<! at home)" + _ON
KINDS = {
    "a slash command": r"/.*",
    "a mention": r"@backstop .*",
    "a button": _BUTTON,
    "a button twice at once": r"presses .* twice",
    "a button that is gone": rf"{_PRESS} late{_ON}(?:{_WORDS})?",
    "a button of the home tab": rf"{_PRESS} at home(?:{_WORDS})?",
    "a button that asks for words": _BUTTON + _WORDS,
    "an answer": rf'answers [^"]+ to "[^"]+"(?:{_WORDS})?',
    "a form": r"fills in .+ and sends",
    "a shortcut": r"uses the shortcut \w+",
    "a shortcut of a message": r'adds ".*" to the timeline',
    "the home tab": r"opens the home tab",
    "a message": r'says ".*"',
    "a message with a file": r'says ".*" with the file ".*"',
    "a reaction": r"reacts with .*",
    "an edit": r'edits ".*" to ".*"',
    "a message taken back": r'deletes ".*"',
}
"""What people do in Slack, each of which arrives as a payload of its own or is answered in its own way."""

HAPPENINGS = {
    "a delivery once more": r"Slack delivers that again",
    "a Slack that is down": r"Slack is down",
    "a Slack that is back": r"Slack is back",
    "a call that Slack refuses": r"Slack refuses the next .*",
    "an end of the bot": r"the bot (?:restarts|stops)",
    "a channel that is archived": r"\w+ archives the channel",
    "a channel without the bot": r"\w+ removes the bot from the channel",
    "a channel that is gone": r"\w+ deletes the channel",
    "a card that is gone": r"\w+ deletes the \w+ card",
}
"""What Slack does, and what cuts its deliveries short."""


def kinds_of(act: Act) -> set[str]:
    """Return what kinds of interaction an act is; none for what is typed in a terminal or is of others."""
    known = KINDS if act.who else HAPPENINGS
    return {kind for kind, words in known.items() if re.fullmatch(words, act.text)}
