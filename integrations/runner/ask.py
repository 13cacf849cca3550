"""Quick questions: the program runs at once, its answer is its last line of JSON."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from typing import Any

from integrations.runner.launch import environment
from integrations.runner.masks import Masks
from integrations.runner.operations import Invocation
from integrations.runner.params import Refused

_LARGEST = 1024 * 1024
_LONGEST_S = 900.0
_TAIL = 2000


async def ask(masks: Masks, invocation: Invocation) -> dict[str, Any]:
    """Run a question's program and return what it found; both time and size of the answer are bounded."""
    process = await asyncio.create_subprocess_exec(
        *invocation.argv,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        env=environment(invocation.env, invocation.secret_env),
        cwd="/",
        process_group=0,
    )
    try:
        async with asyncio.timeout(min(invocation.timeout_s, _LONGEST_S)):
            output, errors = await asyncio.gather(_read(process.stdout), _read(process.stderr))
            code = await process.wait()
    except TimeoutError:
        text = f"{invocation.operation} did not answer in {invocation.timeout_s:g} s and was ended."
        return {"ok": False, "permanent": False, "error": text}
    finally:
        await _end(process)
    tail = masks.text((errors or output).decode("utf-8", "replace"))[-_TAIL:]
    if invocation.operation == "command.check":
        return {"found": {"code": code, "output": tail}}
    found: dict[str, Any] = masks.value(_found(invocation, output.decode("utf-8", "replace"), code, tail))
    return found


def _found(invocation: Invocation, output: str, code: int, tail: str) -> dict[str, Any]:
    last = next((line for line in reversed(output.splitlines()) if line.startswith("{")), "")
    try:
        found = json.loads(last)
    except ValueError as error:
        words = f"{invocation.operation} ended with code {code} and no answer: {tail.strip()[-400:]}"
        raise Refused(words) from error
    if "error" in found:
        return {"ok": False, "permanent": bool(found.get("permanent", True)), "error": found["error"]}
    return {"found": found}


async def _read(stream: asyncio.StreamReader | None) -> bytes:
    if stream is None:
        return b""
    parts: list[bytes] = []
    size = 0
    while part := await stream.read(65536):
        size += len(part)
        if size <= _LARGEST:
            parts.append(part)
    return b"".join(parts)


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
