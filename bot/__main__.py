"""backstop: serve, try the demo, ask the gate, keep a host in order, or say any verb to a running server."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import cast

from bot.terminal import UNREAD
from bot.terminal.screen import NobodyReads, end, hush, tell

COMMANDS = {
    "serve": ("bot.serve:main", "run Backstop until it is told to end"),
    "demo": ("bot.demo.command:main", "play the whole story on this machine"),
    "sandbox": ("bot.demo.browse:main", "try everything in a browser on this machine, without accounts"),
    "gate": ("bot.terminal.gate:main", "ask whether a pipeline may deploy now"),
    "playbook": ("bot.terminal.check:playbook", "check [PATH…]: print every problem as file:line"),
    "catalog": ("bot.terminal.catalog:main", "import FILE…: print what Backstage knows as a catalog"),
    "criteria": (
        "bot.terminal.criteria:main",
        "check | test [FILE]: its mistakes, or whether its cases come out",
    ),
    "replay": ("bot.terminal.replay:main", "decide a real incident again, and see how it was"),
    "token": ("bot.terminal.keep:token", "issue or revoke a token of the HTTP door"),
    "verify-timeline": ("bot.terminal.keep:verify", "check that nobody changed an entry"),
    "audit": ("bot.terminal.audit:main", "export FILE|-: write the timeline for those who collect audits"),
    "hold-all": ("bot.terminal.keep:hold_all", "put every run on hold; the server must be stopped"),
    "rebuild": ("bot.terminal.keep:rebuild", "draw the projections again; the server must be stopped"),
    "manifest": ("bot.terminal.manifest:main", "print what Slack makes Backstop's app from"),
    "doctor": ("bot.terminal.doctor:main", "say what is wrong with the set-up and what to do"),
}
"""What is done on this machine: name → where it is, loaded only when it is asked for, and what it does."""

SAY = "bot.terminal.say:main"
FACTS = "bot.terminal.facts:main"
VERSION = "bot.terminal.version:main"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 is done, 1 refused or wrong, 2 wrong usage, 20 nobody answers."""
    # Incidents, tokens and the database are for whoever runs Backstop; SQLite's own files take this over too.
    os.umask(0o077)
    with _all_open():
        try:
            try:
                return _run(list(sys.argv[1:] if argv is None else argv))
            finally:
                end()
        except NobodyReads:
            hush()
            return UNREAD


def _run(given: Sequence[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a character shows its number; it never ends the command.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if not given or given[0] in {"-h", "--help"}:
        tell(_usage())
        return 0 if given else 2
    if given[0] == "--version":
        return _load(VERSION, given[1:])
    name, rest = given[0], given[1:]
    if name in COMMANDS:
        return _load(COMMANDS[name][0], rest)
    if name == "decide" and any(word.startswith("--") for word in rest):
        return _load(FACTS, rest)
    return _load(SAY, given)


@contextmanager
def _all_open() -> Iterator[None]:
    """Let a stream that whoever started this closed (`<&-`) hold nothing and take anything."""
    with ExitStack() as opened:
        for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
            if getattr(sys, name) is None:
                nothing = opened.enter_context(Path(os.devnull).open(mode, encoding="utf-8"))
                setattr(sys, name, nothing)
        yield


def _load(where: str, argv: Sequence[str]) -> int:
    module, _, function = where.partition(":")
    # Nothing of an import is garbage, and looking for some takes a fifth of the start.
    gc.disable()
    try:
        main = getattr(import_module(module), function)
    finally:
        gc.enable()
    return cast("int", main(argv))


def _usage() -> str:
    width = max(len(name) for name in COMMANDS)
    lines = (f"  {name:<{width}}  {says}" for name, (_, says) in COMMANDS.items())
    return (
        "usage: backstop <command> … | --version\n\n"
        + "\n".join(lines)
        + "\n\nWithout a server: backstop decide --facts FILE|- says what the criteria make of facts."
        "\n\nAnything else is said to the server at "
        "BACKSTOP_URL with BACKSTOP_TOKEN, as in Slack:\n"
        '  backstop declare "Orders are wrong" sev:1 svc:checkout\n'
        "  backstop help\n"
    )


if __name__ == "__main__":
    sys.exit(main())
