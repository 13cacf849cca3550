"""A shop in real processes for tests, and a gate that answers as it is told."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import requests

from bot.sandbox.shop.home import Actual, Home

_NEVER = Event()


def until(condition: Callable[[], bool], *, timeout_s: float = 20.0) -> None:
    """Return once a condition holds; fail when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        _NEVER.wait(0.02)


class Shopkeeper:
    """Runs the shop's commands in their own processes, as operators and pipelines do."""

    def __init__(self, path: Path) -> None:
        self.home = Home(path)
        self.controller: subprocess.Popen[str] | None = None

    def start(self, command: str, *options: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "bot.sandbox.shop", command, "--home", str(self.home.path), *options],
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, command: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        with self.start(command, *options, **environment) as process:
            out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def open(self, *options: str) -> None:
        self.controller = self.start("up", *options)
        until(lambda: self.actual.replicas == 1)

    def close(self) -> int:
        assert self.controller is not None
        controller, self.controller = self.controller, None
        controller.terminate()
        controller.communicate(timeout=20)
        return controller.returncode

    @property
    def actual(self) -> Actual:
        return self.home.actual() or Actual(version="", replicas=0, generation=-1, url="")

    def order(self, customer: str = "ines", sku: str = "espresso", quantity: int = 2) -> requests.Response:
        body = {"customer": customer, "items": [{"sku": sku, "quantity": quantity}]}
        return requests.post(f"{self.actual.url}/orders", json=body, timeout=5)

    def get(self, path: str) -> requests.Response:
        return requests.get(f"{self.actual.url}{path}", timeout=5)

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.home.database)) as connection, connection:
            return connection.execute(statement).fetchall()

    @contextmanager
    def writing(self, rate: int = 100) -> Iterator[None]:
        process = self.start("writer", "--rate", str(rate))
        try:
            yield
        finally:
            process.terminate()
            process.communicate(timeout=20)

    def confirmed(self) -> int:
        return self.home.journal.read_text().count("\n") if self.home.journal.exists() else 0


@contextmanager
def shopkeeper(path: Path) -> Iterator[Shopkeeper]:
    """Yield a shopkeeper and end the controller it leaves running."""
    keeper = Shopkeeper(path)
    try:
        yield keeper
    finally:
        if keeper.controller is not None:
            keeper.close()


def gone(pid: int) -> bool:
    """Say whether no process has this id any more, or only its remains."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


def kill(pid: int | None) -> None:
    """End a process the hard way."""
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


class Gate:
    """A gate on loopback that gives one answer and remembers what it was asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[tuple[str, Mapping[str, str]]] = []


@contextmanager
def gate(status: int, body: str) -> Iterator[Gate]:
    """Serve one answer to every question."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append((self.path, dict(self.headers)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        served = Gate(f"http://127.0.0.1:{server.server_address[1]}")
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()
