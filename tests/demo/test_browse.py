"""`backstop sandbox` serves the page until it is told to end, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.sandbox.remains import processes_in

pytestmark = pytest.mark.timeout(120)

END_S = 60.0


async def test_it_is_served_until_it_is_told_to_end(tmp_path: Path) -> None:
    command = ("-m", "bot", "sandbox", "--home", str(tmp_path / "home"))
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    said = (await process.stdout.readuntil(b"Ctrl-C")).decode()
    found = re.search(r"Open (http://127\.0\.0\.1:\d+/)", said)
    assert found, said
    async with aiohttp.ClientSession() as session, session.get(found[1]) as answer:
        assert "A bad release goes out" in await answer.text()
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(END_S):
        assert await process.wait() == 0
    assert processes_in(tmp_path) == []


async def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    taken = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    async with taken:
        port = taken.sockets[0].getsockname()[1]
        command = ("-m", "bot", "sandbox", "--home", str(tmp_path / "home"), "--port", str(port))
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
        _, told = await process.communicate()
    assert process.returncode == 1
    assert f"The page cannot be served on port {port}" in told.decode()
    assert "Choose another --port" in told.decode()
    assert processes_in(tmp_path) == []
