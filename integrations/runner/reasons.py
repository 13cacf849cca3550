"""Why a program failed, in its own words: its first errors, in bounded length and without what is secret."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable, Sequence

from integrations.runner.masks import MASK

_MOST = 3
_EACH = 240
_LONGEST = 600
_LOGIN = re.compile(r"(://[^/\s:@]*):[^@/\s]+@")
_GIVEN = re.compile(r"(?i)\b((?:[\w-]*(?:pass|secret|token|credential)[\w-]*|sig|signature)=)[^\s&,;]+")


def first_errors(errors: Iterable[str], secrets: Sequence[str] = ()) -> str:
    """Return the first errors that differ and how many more there were; empty when there is none."""
    known = list(dict.fromkeys(filter(None, (without_secrets(each, secrets).strip() for each in errors))))
    told = [each if len(each) <= _EACH else f"{each[: _EACH - 1]}…" for each in known[:_MOST]]
    more = len(known) - len(told)
    return "; ".join([*told, *([f"and {more} more"] if more else [])])[:_LONGEST]


def without_secrets(text: str, secrets: Sequence[str] = ()) -> str:
    """Return text without passwords in addresses and options, and without any secret that is named."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return _GIVEN.sub(rf"\1{MASK}", _LOGIN.sub(rf"\1:{MASK}@", text))


def ended(code: int, last: str = "") -> str:
    """Return how a program ended that gave no reason, with what it said last, which need not be one."""
    said = f"; the last it said: {last}" if last else ""
    if code < 0:
        by = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"it was ended by {by}, by somebody or for want of memory, and gave no reason{said}"
    return f"it ended with code {code} and gave no reason{said}"
