"""Runners of this host that outlive whoever starts them."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL
from pathlib import Path

from integrations.contract import IntegrationError
from integrations.process import Runner, serve_command


async def start_detached(config: Path, state: Path, socket: Path, *, timeout_s: float = 15.0) -> Runner:
    """Return the runner on a socket; when none answers, start one that outlives this process."""
    runner = Runner(socket, serve_command(config, state, socket))
    if await _answers(runner):
        return runner
    places = (f"--config={config}", f"--state={state}", f"--socket={socket}")
    launch = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "integrations.runner", "serve", "--detach", *places),
        stdin=DEVNULL,
        start_new_session=True,
    )
    await launch.wait()
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                if await _answers(runner):
                    return runner
                await asyncio.sleep(0.05)
    except TimeoutError as late:
        text = f"The runner did not begin in {timeout_s:g} s{_last_words(state)}"
        raise IntegrationError(text, permanent=False) from late


def identity(state: Path) -> str:
    """Return the name for good of the runner with this memory; empty when none was ever started with it."""
    try:
        known = json.loads((state / "identity.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(known.get("id", "")) if isinstance(known, dict) else ""


async def _answers(runner: Runner) -> bool:
    try:
        await runner.hello()
    except IntegrationError:
        return False
    return True


def _last_words(state: Path) -> str:
    log = state / "serve.log"
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.exists() else []
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f": {last}" if last else "."
