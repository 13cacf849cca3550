"""The one grammar of all doors: a verb, words, quoted texts and `key:value` options.

    line   = verb {arg};  arg = word | "quoted text" | key:value | key:"quoted text"
    person = @name        duration = 30m | 2h        time = 02:10 | 02:10:00Z | 2026-11-23T02:10Z | -15m

Smart quotes and no-break spaces, which chat clients put in, count as what they look like. A backslash
before a quote keeps it in the text; an address (`https://…`) is a word and no option.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.core.errors import Refused
from bot.core.literal import visible
from playbooks.durations import parse_duration

# A text of 40,000 characters, which is Slack's longest message, with the words around it.
LONGEST = 45_000
_TYPOGRAPHIC = "“”„‟«»＂"
_PLAIN = str.maketrans(dict.fromkeys(_TYPOGRAPHIC, '"'))
_SPACES = str.maketrans(dict.fromkeys("\u00a0\u2007\u202f\u2003\u2002\u2009", " "))
_QUOTED = rf'"(?:[^"\\]|\\.)*"|[{_TYPOGRAPHIC}](?:[^{_TYPOGRAPHIC}\\]|\\.)*[{_TYPOGRAPHIC}]'
_BARE = rf'[^\s"{_TYPOGRAPHIC}]+'
_TOKEN = re.compile(
    rf"\s*(?:(?P<key>[a-zA-Z][a-zA-Z0-9_-]*):(?:\s*(?P<text>{_QUOTED})|(?!//)(?P<value>{_BARE}))"
    rf"|(?P<quoted>{_QUOTED})|(?P<word>{_BARE}))",
    re.DOTALL,
)
FARTHEST = timedelta(days=3650)
"""How far ahead a day may lie on which something is to be done."""
OLDEST = timedelta(days=366)
"""How far back a moment of an incident may lie; backups are seldom kept for as long."""
_ESCAPED = re.compile(rf'\\(["\\{_TYPOGRAPHIC}])')
_ID = re.compile(r"(INC|RUN|FRZ|DRL)-[1-9][0-9]*")


@dataclass(frozen=True, slots=True)
class Words:
    """A line taken apart: the verb in lower case, the words in order, the options by name."""

    verb: str
    args: tuple[str, ...]
    options: Mapping[str, str]


def read(line: str) -> Words:
    """Take a line apart, or raise Refused when a quote does not end."""
    text = line.replace("\x00", visible("\x00")).encode(errors="replace").decode().translate(_SPACES).strip()
    if len(text) > LONGEST:
        raise Refused(f"That is longer than {LONGEST:,} characters; nothing was recorded. Say it shorter.")
    # A text in one kind of quotes may hold the other; only what does not come out even is taken for a mix.
    found = _tokens(text)
    if found is None:
        found = _tokens(text.translate(_PLAIN))
    if found is None:
        raise Refused('A quote does not end: nothing was recorded. Close it with " and say it again.')
    options: dict[str, str] = {}
    for token in found:
        if token["key"]:
            _add(options, token["key"].lower(), _said(token["text"], token["value"]))
    args = tuple(_said(token["quoted"], token["word"]) for token in found if not token["key"])
    return Words(args[0].lower() if args else "", args[1:], options)


def _tokens(text: str) -> list[re.Match[str]] | None:
    """Return the parts of a line, or None when a quote does not end."""
    found: list[re.Match[str]] = []
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            return None
        found.append(token)
        at = token.end()
    return found


def _said(quoted: str | None, bare: str) -> str:
    return bare if quoted is None else _ESCAPED.sub(r"\1", quoted[1:-1])


def _add(options: dict[str, str], key: str, value: str) -> None:
    if key in options:
        raise Refused(f"`{key}:` is there twice: nothing was recorded. Say it once.")
    options[key] = value


def an_id(word: str, prefix: str) -> str | None:
    """Return a word as an id of a kind (INC, RUN, FRZ, DRL), or None when it is none."""
    upper = word.upper()
    return upper if _ID.fullmatch(upper) and upper.startswith(prefix) else None


def a_duration(text: str, ways: str = "30m, 2h or 1d") -> timedelta:
    """Return how long from now on, as people type it, or raise Refused."""
    try:
        length = parse_duration(text)
    except ValueError as problem:
        raise _no_duration(text, _unlike(text), ways) from problem
    if not length:
        raise _no_duration(text, "is no time at all", ways)
    return length


def _unlike(text: str) -> str:
    if re.fullmatch(r"-[0-9]+[smhd]", text):
        return "lies in the past, and how long from now on is asked for"
    if re.fullmatch(r"[0-9]+[smhd]", text):
        return "is longer than ten years"
    return "is no length of time, which is a whole number with its unit"


def _no_duration(text: str, why: str, ways: str) -> Refused:
    return Refused(f"`{text[:40]}` {why}: nothing was recorded. Write it as {ways}.")


def a_day(text: str, now: datetime) -> datetime:
    """Return the end of a day, as 2026-12-24, or the moment that is so long from now."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return now + a_duration(text, "30m, 2h or 1d, or as a day: 2026-12-24")
    try:
        end = datetime.fromisoformat(f"{text}T23:59:00Z")
    except ValueError as problem:
        raise Refused(f"`{text}` is no day of the calendar: nothing was recorded.") from problem
    if end <= now:
        raise Refused(f"`{text}` is over: nothing was recorded. Say a day that is to come.")
    if end - now > FARTHEST:
        raise Refused(f"`{text}` is more than ten years away: nothing was recorded. Is the year right?")
    return end


def a_time(text: str, now: datetime) -> datetime:
    """Return a moment that is not in the future.

    HH:MM[:SS] in UTC is that time of today, or of yesterday where that is nearer than today's, which is still
    to come; a time in between may mean either day, or be the time of another zone, and is refused.
    """
    if re.fullmatch(r"-[0-9]+[smhd]", text):
        return now - _ago(text)
    clock = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?Z?", text)
    if clock:
        hour, minute, second = (int(part or 0) for part in clock.groups())
        at = now.astimezone(UTC).replace(hour=hour, minute=minute, second=second, microsecond=0)
        return at if at <= now else _yesterday(text, at, now)
    moment = _moment(text)
    if moment is None:
        raise Refused(
            f"`{text[:40]}` is no time with a zone: nothing was recorded. "
            "Write 02:10 (UTC), 2026-11-23T02:10:00Z or -15m."
        )
    if moment > now:
        raise Refused(f"`{text[:40]}` lies in the future: nothing was recorded. Say when it happened.")
    return moment


def a_recent_time(text: str, now: datetime) -> datetime:
    """Return a moment as `a_time` does, of an incident: one that lies back for years is a slip of the pen."""
    moment = a_time(text, now)
    if now - moment > OLDEST:
        raise Refused(
            f"`{text[:40]}` is {moment:%Y-%m-%d}, more than {OLDEST.days} days ago: nothing was recorded. "
            f"Is the year right? Write 02:10 (UTC), {now:%Y-%m-%d}T02:10:00Z or -15m."
        )
    return moment


def _yesterday(text: str, at: datetime, now: datetime) -> datetime:
    before = at - timedelta(days=1)
    if now - before < at - now:
        return before
    raise Refused(
        f"`{text}` is still to come today, for it is {now.astimezone(UTC):%H:%M}Z: nothing was recorded. "
        f"Times are UTC; if you mean yesterday, write {before:%Y-%m-%dT%H:%M}Z."
    )


def _ago(text: str) -> timedelta:
    try:
        return parse_duration(text.removeprefix("-"))
    except ValueError as problem:
        raise Refused(
            f"`{text[:40]}` is more than ten years ago: nothing was recorded. Write 02:10 (UTC) or -15m."
        ) from problem


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return None if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def one_of(word: str, words: Collection[str], what: str) -> str:
    """Return the word if it is one of those, in any case, or raise Refused naming them."""
    lower = word.lower()
    if lower in words:
        return lower
    raise Refused(f"`{word[:40]}` is no {what}: nothing was recorded. Say one of: {', '.join(words)}.")
