"""The page of the command line: every program's own help."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress

import bot.__main__ as backstop
from integrations.runner import __main__ as backstop_runner
from tests.reference.markdown import block, page

_INTRO = """
A verb on the command line goes to the server: `BACKSTOP_URL` says where it is and `BACKSTOP_TOKEN` who you
are; on Backstop's own host `backstop token issue --for ana --save` is enough. The rest is done on the
machine itself.

Exit codes: 0 done, 1 refused or something is wrong, 2 wrong usage, 20 nobody answers, 141 nobody reads what
is written (`backstop list | head -1`). The gate adds 10 and
11.
"""
_PARTS = {"token": (("issue",), ("revoke",)), "audit": (("export",),)}
_RUNNER = (
    ("serve",),
    ("sqlite",),
    ("sqlite", "restore"),
    ("sqlite", "keep"),
    ("sqlite", "backup"),
    ("sqlite", "points"),
)
_WIDTH = "100"


def commands() -> str:
    """Return the page."""
    parts = [_INTRO, block(helped(backstop.main), "text")]
    for name, (_, says) in backstop.COMMANDS.items():
        parts += [
            f"## backstop {name}",
            f"{says[0].upper()}{says[1:]}.",
            block(helped(backstop.main, name), "text"),
        ]
        parts += [block(helped(backstop.main, name, *more), "text") for more in _PARTS.get(name, ())]
    parts += ["## backstop decide --facts", "Decide on this machine, without a server."]
    parts += [block(helped(backstop.main, "decide", "--facts=-", "--help"), "text")]
    parts += [
        "## backstop-runner",
        "The program beside the data.",
        block(helped(backstop_runner.main), "text"),
    ]
    for words in _RUNNER:
        parts += [
            f"### backstop-runner {' '.join(words)}",
            block(helped(backstop_runner.main, *words), "text"),
        ]
    return page("Command line", *parts)


def helped(program: Callable[[Sequence[str]], int], *words: str) -> str:
    """Return what a program says of itself, on lines of a fixed width."""
    told = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    asked = words if "--help" in words else (*words, "--help")
    with _columns(), redirect_stdout(told), suppress(SystemExit):
        program(asked)
    told.seek(0)
    return told.read()


@contextmanager
def _columns() -> Iterator[None]:
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = _WIDTH
    try:
        yield
    finally:
        os.environ.pop("COLUMNS")
        if before is not None:
            os.environ["COLUMNS"] = before
