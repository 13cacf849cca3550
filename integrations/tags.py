"""The tags of a Git clone on this machine, which name what was put out; nothing is fetched.

Git has no way to another machine here: a clone that lacks what is asked of it says so, and gets nothing.
"""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from integrations.contract import IntegrationError, RecoveryPoint

LONGEST_S = 10.0
MOST = 50
"""How many tags are looked at, the newest first."""

_FIELDS = ("refname:lstrip=2", "creatordate:iso-strict", "objectname", "*objectname")
_FORMAT = "%00".join(f"%({field})" for field in _FIELDS)
_LONGEST = 300


async def tags_of(clone: str, matching: str = "*", *, git: str = "git") -> Sequence[RecoveryPoint]:
    """Return the tags whose name matches, newest first.

    `release` is what stands where `matching` has its `*`; `finished_at` is when the tag was made, or where
    it has no moment of its own its commit.
    """
    words = ("for-each-ref", "--sort=-creatordate", f"--count={MOST}", f"--format={_FORMAT}")
    try:
        process = await asyncio.create_subprocess_exec(
            *(git, "-C", clone, *words, f"refs/tags/{matching}"),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            cwd="/",
            env=_alone(clone),
            start_new_session=True,
        )
    except OSError as problem:
        raise IntegrationError(f"{git} cannot be run here: {problem.strerror}.", permanent=True) from problem
    try:
        async with asyncio.timeout(LONGEST_S):
            said, complaint = await process.communicate()
    except TimeoutError as late:
        text = f"Git did not tell the tags of {clone} in {LONGEST_S:g} s."
        raise IntegrationError(text, permanent=False) from late
    finally:
        await _end(process)
    if process.returncode:
        text = f"Git cannot read the tags of {clone}: {_first(complaint)}."
        raise IntegrationError(text, permanent=True)
    return tuple(_read(said.decode("utf-8", "replace"), matching))


def _alone(clone: str) -> Mapping[str, str]:
    """Return an environment in which Git reads this clone, asks nobody and reaches nobody.

    Settings of the account stay in force, as it is there that a clone of somebody else is said to be safe.
    """
    kept = {name: value for name in ("PATH", "HOME") if (value := os.environ.get(name))}
    return {
        **kept,
        "LC_ALL": "C",
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        # A folder that is no clone does not stand for one that happens to lie around it.
        "GIT_CEILING_DIRECTORIES": str(Path(clone).resolve().parent),
    }


def _read(said: str, matching: str) -> Iterator[RecoveryPoint]:
    before, star, after = matching.partition("*")
    for line in said.splitlines():
        name, made, object, commit = line.split("\0")
        if made:  # what is tagged need not be a commit, and has no moment then
            release = name[len(before) : len(name) - len(after)] if star else name
            at = datetime.fromisoformat(made).astimezone(UTC)
            yield RecoveryPoint(name, "git", "tag", at, release=release or name, commit=commit or object)


def _first(complaint: bytes) -> str:
    lines = complaint.decode("utf-8", "replace").splitlines() or ["it failed and said nothing"]
    return lines[0].removeprefix("fatal: ").rstrip(".:")[:_LONGEST]


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        if process.returncode is None:
            process.kill()
    await process.wait()
