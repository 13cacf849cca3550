"""How lengths of time, sizes and people are said everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from bot.core.document import Line, Link, Span, Who, say, utc
from bot.core.literal import cut, leads_to_the_web
from playbooks.criteria import Value

BACKSTOP = "backstop"
"""Who is behind what nobody decided."""

_DAYS_FROM = 48 * 3_600
_GRAINS_S = ((10, 1), (120, 5), (600, 30), (3_600, 60), (float("inf"), 300))
_SIZES = ("B", "kB", "MB", "GB", "TB")


_SYSTEMS = {
    "files": "the files",
    "jira": "Jira",
    "pagerduty": "PagerDuty",
    "slack": "Slack",
    "statuspage": "Statuspage",
    "webhook": "the webhook of the status page",
}


def system_in_words(system: str) -> str:
    """Return what people call a system that an entry names."""
    return _SYSTEMS.get(system, system)


def value_in_words(value: Value) -> str:
    """Return the value of a fact as people say it."""
    match value:
        case None:
            return "nobody knows"
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)


def in_words(length: timedelta) -> str:
    """Return a length of time to the second: `4 min 12 s`, `26 h 5 min`; parts of a second are dropped."""
    seconds = abs(length) // timedelta(seconds=1)
    days, rest = divmod(seconds, 86_400) if seconds >= _DAYS_FROM else (0, seconds)
    hours, rest = divmod(rest, 3_600)
    parts = ((days, "d"), (hours, "h"), (rest // 60, "min"), (rest % 60, "s"))
    said = " ".join(f"{figure} {unit}" for figure, unit in parts if figure) or "0 s"
    return f"minus {said}" if seconds and length < timedelta(0) else said


def lasted(start: datetime, end: datetime) -> timedelta:
    """Return how long it was between two moments as clocks show them, so that whoever subtracts agrees."""
    return end.replace(microsecond=0) - start.replace(microsecond=0)


def within(at: datetime, since: datetime | None, until: datetime | None) -> bool:
    """Say whether a moment lies in a span of time, which begins with `since` and ends before `until`."""
    return (since is None or at >= since) and (until is None or at < until)


def by_minutes(answer: str, minutes: int | None) -> str:
    """Return an answer to how backups changed the outcome, with by how much where that was said."""
    return answer if minutes is None else f"{answer}, by {in_words(timedelta(minutes=minutes))}"


def between(low: timedelta, high: timedelta) -> str:
    """Return a range of lengths, or one length when both ends read the same."""
    first, last = in_words(low), in_words(high)
    return first if first == last else f"{first} to {last}"


def roughly(low: timedelta, high: timedelta) -> str:
    """Return a range of times to come as people say it: the longer, the rounder, and never too short."""
    grain = timedelta(seconds=next(grain for most, grain in _GRAINS_S if high.total_seconds() <= most))
    return between(low // grain * grain, -(-high // grain) * grain)


def at_clock(at: datetime, now: datetime) -> str:
    """Return a UTC moment for plain text, with its day where that is not today: 02:10:05Z."""
    return f"{at:%H:%M:%SZ}" if at.date() == now.date() else utc(at)


def at_minute(at: datetime, now: datetime) -> str:
    """Return a UTC moment to the minute, with its day where that is not today: 02:10Z."""
    return f"{at:%H:%MZ}" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%MZ}"


def in_size(amount: float, unit: str) -> str:
    """Return an amount with its unit; bytes in the unit that reads best."""
    if unit != "bytes":
        return f"{amount:,.0f} %" if unit == "percent" else f"{amount:,.0f} {unit}"
    step = 0
    while amount >= 1_000 and step < len(_SIZES) - 1:
        amount, step = amount / 1_000, step + 1
    return f"{amount:.0f} {_SIZES[step]}" if step == 0 else f"{amount:.1f} {_SIZES[step]}"


def people(names: Iterable[str], *, ping: Sequence[str] = ()) -> Line:
    """Return people by name, those in `ping` so that they are notified; `nobody` for none."""
    spans = [Who(name, ping=name in ping) for name in names]
    return joined([(span,) for span in spans]) or ("nobody",)


def at_names(names: Iterable[str]) -> str:
    """Return people as they are addressed."""
    return ", ".join(f"@{name}" for name in names) or "nobody"


def says(by: str) -> Line:
    """Return how a line begins that somebody is behind; what Backstop does of itself needs no name."""
    return () if by == BACKSTOP else (Who(by), ": ")


def joined(lines: Iterable[Line], by: str = ", ") -> Line:
    """Return several lines as one."""
    spans: list[Span] = []
    for line in lines:
        spans += [by, *line] if spans else line
    return tuple(spans)


def one_by_one(told: Mapping[str, str]) -> str:
    """Return what is told of several things, one after another: `orders: gone; shop: 3 replicas`."""
    return "; ".join(f"{name}: {what}" for name, what in told.items())


def linked(text: str, url: str | None) -> Span:
    """Return text as a link when it has a web address, else as it is; no other kind of address is one."""
    return Link(text, url) if url and leads_to_the_web(url) else text


def shortened(line: Line, most: int) -> Line:
    """Return a line of at most so many characters; where something was cut, an ellipsis says so."""
    spans: list[Span] = []
    for span in line:
        text = say((span,))
        if len(text) > most:
            return (*spans, cut(text, most))
        spans.append(span)
        most -= len(text)
    return tuple(spans)


def one_line(text: str, most: int) -> str:
    """Return text on one line of at most so many characters."""
    return cut(" ".join(text.split()), most)


def sentence(text: str) -> str:
    """Return text as a sentence that another one can follow."""
    ended = text.rstrip()
    return ended if ended.endswith((".", "!", "?")) else f"{ended}."
