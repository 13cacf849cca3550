"""The command line in processes of its own, as people and pipelines run it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str


class Shell:
    """Runs `backstop …` with a home and nothing else of this process's settings."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)

    async def run(self, *words: str, stdin: str = "", **environment: str) -> Ran:
        """Run one command to its end."""
        return await self._run(words, stdin, asyncio.subprocess.PIPE, environment)

    async def run_unread(self, *words: str, **environment: str) -> Ran:
        """Run one command into a pipe whose reader is gone, as `| head -1` leaves it."""
        reader, writer = os.pipe()
        os.close(reader)
        try:
            return await self._run(words, "", writer, environment)
        finally:
            os.close(writer)

    async def _run(self, words: Sequence[str], stdin: str, stdout: int, environment: dict[str, str]) -> Ran:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BACKSTOP_")}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", *words),
            cwd=ROOT,
            env={**kept, "BACKSTOP_HOME": str(self.home), **environment},
            stdin=asyncio.subprocess.PIPE,
            stdout=stdout,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(stdin.encode())
        assert process.returncode is not None
        return Ran(process.returncode, (out or b"").decode(), err.decode())


@contextmanager
def serving_once() -> Iterator[str]:
    """Take one request, answer nothing and listen no more."""

    def serve() -> None:
        connection, _ = listener.accept()
        listener.close()
        with connection:
            connection.recv(65_536)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = Thread(target=serve)
        thread.start()
        yield url
        thread.join()


class Script:
    """A server on loopback that gives its answers one after another, the last one for ever."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[tuple[str, str, dict[str, str]]] = []


@contextmanager
def scripted(answers: Sequence[tuple[int, object]]) -> Iterator[Script]:
    """Serve answers: a status and a JSON body, or text that is sent as it is; status 0 hangs up."""
    left = list(answers)

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            script.asked.append((self.command, self.path, dict(self.headers)))
            status, body = left.pop(0) if len(left) > 1 else left[0]
            if not status:
                self.close_connection = True
                return
            content = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        script = Script(f"http://127.0.0.1:{server.server_address[1]}")
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield script
        finally:
            server.shutdown()
            thread.join()
