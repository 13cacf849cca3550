"""Tells what happens in the workspace as it happens: times, names in a column, threads indented."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TextIO

from bot.core.literal import visible
from bot.sandbox.slack import Message, SlackStandIn
from bot.sandbox.slack.plain import said_once

# What only counts on is no news: 7 s, 11 min 20 s, 65.5 kB.
_COUNTS = re.compile(r"\d[\d,.]*( ?(s|min|h|d|kB|MB|bytes)\b)?( \d+ (s|min|h)\b)*")
_NAME, _WIDTH = 9, 100
_FOREVER_S = 3600.0


@dataclass(frozen=True, slots=True)
class _Told:
    ts: str
    channel: str
    who: str
    text: str
    thread: bool = False


class Narrator:
    """Writes chapters, what people and Backstop say, and what pipelines see; `lines` keeps all of it.

    A message that is edited is told again with the lines that are new; a pinned one is a card, told once.
    """

    def __init__(self, slack: SlackStandIn, out: TextIO, now: Callable[[], datetime]) -> None:
        self._slack = slack
        self._out = out
        self._now = now
        self._acts = 0
        self._seen: dict[str, str] = {}
        self._place = ""
        self.lines: list[str] = []

    async def listen(self) -> None:
        """Tell what happens until cancelled."""
        while True:
            with suppress(TimeoutError):
                await self._slack.wait(self.catch_up, timeout=_FOREVER_S)

    def catch_up(self) -> None:
        """Tell what happened and was not told yet."""
        self._tell(self._news())

    def chapter(self, title: str, text: str = "") -> None:
        """Begin a chapter."""
        self.catch_up()
        self._write("", f"━━ {title} " + "━" * max(3, 76 - len(title)), *([text] if text else []))

    def aside(self, text: str) -> None:
        """Say something about the story that nobody says in it."""
        self.catch_up()
        self._put(self._clock(), "", text)

    def terminal(self, who: str, command: str, output: str) -> None:
        """Show a command that somebody ran outside Slack, with what it answered."""
        self.catch_up()
        self._put(self._clock(), who, "\n".join([f"$ {command}", *output.splitlines()]))

    def _news(self) -> list[_Told]:
        acts = self._slack.workspace.acts[self._acts :]
        self._acts += len(acts)
        found = [_Told(act.ts, act.channel, act.user, act.text, act.thread_ts is not None) for act in acts]
        found += [told for message in self._messages() if (told := self._of(message))]
        return sorted(found, key=lambda told: told.ts)

    def _messages(self) -> Iterator[Message]:
        for channel in self._slack.workspace.channels:
            yield from self._slack.messages(channel)
        yield from self._slack.workspace.hidden

    def _of(self, message: Message) -> _Told | None:
        key, text = f"{message.channel}/{message.ts}", self._slack.plain(message)
        before = self._seen.get(key)
        if before == text:
            return None
        self._seen[key] = text
        if before is None:
            only = f"(only {self._name(message.only_for)} sees this)\n" if message.only_for else ""
            return _Told(message.ts, message.channel, message.user, only + text, message.is_reply)
        if message.ts in self._slack.workspace.channels[message.channel].pins:
            return None
        new = added(before.splitlines(), text.splitlines())
        if not new:
            return None
        ts = message.edited_ts or message.ts
        return _Told(ts, message.channel, message.user, "\n".join(["(edited)", *new]), message.is_reply)

    def _tell(self, news: Sequence[_Told]) -> None:
        for told in news:
            place = self._channel(told.channel)
            if place != self._place:
                self._place = place
                self._write(f"          {place}")
            at = datetime.fromtimestamp(float(told.ts), UTC)
            self._put(f"{at:%H:%M:%S}", self._name(told.who), told.text, bar="│ " if told.thread else "")

    def _put(self, at: str, who: str, text: str, *, bar: str = "") -> None:
        first, *more = [
            part for line in said_once(text, self._now().date()).splitlines() for part in wrapped(line)
        ] or [""]
        head = f"{at}  {who:<{_NAME}} {bar}"
        self._write(head + first, *(f"{'':8}  {'':{_NAME}} {bar}{line}" for line in more))

    def _write(self, *lines: str) -> None:
        for line in lines:
            literal = visible(line).rstrip()
            self.lines.append(literal)
            self._out.write(literal + "\n")
        self._out.flush()

    def _clock(self) -> str:
        return f"{self._now():%H:%M:%S}"

    def _name(self, user: str) -> str:
        person = self._slack.workspace.people.get(user)
        return person.name if person else user

    def _channel(self, id: str) -> str:
        channel = self._slack.workspace.channels[id]
        return f"#{channel.name}" if channel.name else "direct message"


def added(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """Return the lines that an earlier version did not have, but for figures that only count on."""
    known = {_COUNTS.sub("#", line) for line in before}
    return [line for line in after if _COUNTS.sub("#", line) not in known]


def wrapped(line: str) -> list[str]:
    """Return a line broken between words, so that what goes on stands below where it began."""
    inset = " " * (len(line) - len(line.lstrip(" •")) + 2)
    return textwrap.wrap(
        line,
        _WIDTH,
        subsequent_indent=inset,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    ) or [""]
