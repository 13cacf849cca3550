"""The command lines that stand in documents, and what is wrong with one of them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile

import bot.__main__ as backstop
from bot.commands import VERBS
from bot.commands.grammar import read
from bot.core.errors import Refused
from bot.terminal.words import line_of
from integrations.runner import __main__ as backstop_runner
from tests.reference.commands import helped

_FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
# In a block a command may stand after a time, a name and a shell's prompt.
_SAID = re.compile(
    r"^ *(?:[0-9:]{8} +)?(?:[a-z]+ +)?(?:\$ +)?((?:[A-Z_]+=\S+ +)*[/@]?backstop(?:-runner)? \S.*)$",
    re.MULTILINE,
)
_SIGNS = {">", ">>", "|", "||", "&&", ";", "<"}


def commands_in(text: str) -> Iterator[str]:
    """Yield every command line of a document, from its blocks and from code within sentences."""
    for block in _FENCE.findall(text):
        yield from _SAID.findall(block.replace("\\\n", " "))
    for span in _SPAN.findall(_FENCE.sub("", text)):
        if _SAID.fullmatch(span):
            yield span


def problem(line: str) -> str:
    """Return what is wrong with a command line, or nothing."""
    if line[0] in "/@":
        return _verb(line.partition(" ")[2])
    try:
        words = [word for word in shlex.split(line, comments=True) if not re.match(r"[A-Z_]+=", word)]
    except ValueError as quote:
        return str(quote)
    program, *rest = takewhile(lambda word: word not in _SIGNS, words)
    if program == "backstop-runner":
        return _program(backstop_runner.main, rest)
    if rest[0] in backstop.COMMANDS or "--facts" in rest:
        return _program(backstop.main, rest)
    return _verb(line_of(rest))


def _verb(line: str) -> str:
    try:
        said = read(line)
    except Refused as refusal:
        return str(refusal)
    verb = VERBS.get(said.verb)
    if verb is None:
        return "" if said.verb[:1] in "<…" else f"there is no verb {said.verb!r}"
    unknown = [] if verb.free_options else sorted(set(said.options) - verb.options)
    if unknown:
        return f"{verb.name} has no option {unknown[0]!r}"
    return f"{verb.name} takes {verb.words} words" if len(said.args) > verb.words else ""


def _program(program: Callable[[Sequence[str]], int], words: Sequence[str]) -> str:
    plain = list(takewhile(lambda word: not word.startswith("-"), words))
    told = ""
    for length in range(1, len(plain) + 1):
        longer = helped(program, *_asked(plain[:length], words))
        if not longer:
            return f"{' '.join(plain[:length])} is no command"
        told += longer
    flags = {word.partition("=")[0] for word in words if word.startswith("-") and len(word) > 1}
    unknown = sorted(flag for flag in flags if not re.search(rf"{flag}(?![\w-])", told))
    return f"{plain[0]} has no option {unknown[0]}" if unknown else ""


def _asked(plain: Sequence[str], words: Sequence[str]) -> Sequence[str]:
    return [*plain, "--facts=-"] if "--facts" in words else plain
