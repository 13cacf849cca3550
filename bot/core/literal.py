"""Text that people typed, made safe to show: what a screen or a page would obey is spelled out instead.

Every renderer passes text through `visible`, and makes a link only of what `leads_to_the_web`.
"""

from __future__ import annotations

import re

_BREAKS = re.compile(r"\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
# Control characters, which move a cursor; the marks that turn the direction of the text around them; and
# what cannot be written as UTF-8 or XML. Letters that run from right to left are none of these.
_OBEYED = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_WEB = re.compile(r"https?://[^\s<>]{1,2000}", re.IGNORECASE)


def visible(text: str) -> str:
    r"""Return text in which nothing but line breaks and tabs is obeyed: an escape is shown as `\u001b`."""
    return _OBEYED.sub(lambda mark: f"\\u{ord(mark[0]):04x}", _BREAKS.sub("\n", text))


def leads_to_the_web(url: str) -> bool:
    """Say whether an address may be a link; `javascript:` and its like are text like any other."""
    return _WEB.fullmatch(url) is not None and visible(url) == url


def cut(text: str, most: int) -> str:
    """Return text of at most so many characters; where something was cut off, an ellipsis says so."""
    return text if len(text) <= most else f"{text[: max(0, most - 1)]}…"
