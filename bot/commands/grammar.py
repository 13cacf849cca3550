"""The one grammar of all doors: a verb, words, quoted texts and `key:value` options.

    line   = verb {arg};  arg = word | "quoted text" | key:value | key:"quoted text"
    person = @name        duration = 30m | 2h        time = 02:10 | 02:10:00Z | 2026-11-23T02:10Z | -15m

Smart quotes and no-break spaces, which chat clients put in, count as what they look like.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.core.errors import Refused
from playbooks.durations import parse_duration

LONGEST = 40_000
_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»＂", '"') | dict.fromkeys("‘’‚‛", "'"))
_SPACES = str.maketrans(dict.fromkeys("\u00a0\u2007\u202f\u2003\u2002\u2009", " "))
_TOKEN = re.compile(
    r'\s*(?:(?P<key>[a-zA-Z][a-zA-Z0-9_-]*):(?P<kq>"(?:[^"\\]|\\.)*"|[^\s"]+)|(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<word>[^\s"]+))'
)
_ID = re.compile(r"^(INC|RUN|FRZ)-[1-9][0-9]*$")


@dataclass(frozen=True, slots=True)
class Words:
    """A line taken apart: the verb in lower case, the words in order, the options by name."""

    verb: str
    args: tuple[str, ...]
    options: Mapping[str, str]


def read(line: str) -> Words:
    """Take a line apart, or raise Refused when a quote does not end."""
    text = line.replace("\x00", "").translate(_SPACES).strip()
    if len(text) > LONGEST:
        raise Refused(f"That is longer than {LONGEST:,} characters; nothing was recorded. Say it shorter.")
    args: list[str] = []
    options: dict[str, str] = {}
    outside = _outside_quotes(text)
    at = 0
    while at < len(outside):
        found = _TOKEN.match(outside, at)
        if found is None:
            if outside[at:].strip():
                raise Refused('A quote does not end: nothing was recorded. Close it with " and say it again.')
            break
        at = found.end()
        if found["key"] and not found["key"].lower().startswith("http"):
            _add(options, found["key"].lower(), _unquoted(found["kq"]))
        else:
            args.append(_unquoted(found[0].strip()))
    return Words(args[0].lower() if args else "", tuple(args[1:]), options)


def _outside_quotes(text: str) -> str:
    """Turn typographic double quotes into plain ones; an apostrophe stays what it is."""
    return text.translate({key: value for key, value in _QUOTES.items() if value == '"'})


def _unquoted(token: str) -> str:
    if len(token) >= 2 and token[0] == token[-1] == '"':
        return re.sub(r"\\(.)", r"\1", token[1:-1])
    return token


def _add(options: dict[str, str], key: str, value: str) -> None:
    if key in options:
        raise Refused(f"`{key}:` is there twice: nothing was recorded. Say it once.")
    options[key] = value


def an_id(word: str, prefix: str) -> str | None:
    """Return a word as an id of a kind (INC, RUN, FRZ), or None when it is none."""
    upper = word.upper()
    return upper if _ID.match(upper) and upper.startswith(prefix) else None


def a_duration(text: str) -> timedelta:
    """Return a duration as people type it, or raise Refused."""
    try:
        return parse_duration(text)
    except ValueError as problem:
        raise Refused(f"`{text}` is no duration: {problem}. Write it as 30m or 2h.") from problem


def a_time(text: str, now: datetime) -> datetime:
    """Return an instant: HH:MM[:SS] in UTC is the latest such time that is not in the future."""
    if re.fullmatch(r"-[0-9]+[smhd]", text):
        return now - a_duration(text[1:])
    clock = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?Z?", text)
    if clock:
        hour, minute, second = (int(part or 0) for part in clock.groups())
        at = now.astimezone(UTC).replace(hour=hour, minute=minute, second=second, microsecond=0)
        return at if at <= now else at - timedelta(days=1)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Refused(f"`{text}` is no time with a zone. Write 02:10 (UTC), 2026-11-23T02:10:00Z or -15m.")
    return moment.astimezone(UTC)


def one_of(word: str, words: Collection[str], what: str) -> str:
    """Return the word if it is one of those, in any case, or raise Refused naming them."""
    lower = word.lower()
    if lower in words:
        return lower
    raise Refused(f"`{word}` is no {what}. Say one of: {', '.join(words)}.")
