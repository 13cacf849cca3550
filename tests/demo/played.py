"""The demonstration as people run it: a process of its own, and what it leaves behind."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event

_NEVER = Event()


@dataclass(frozen=True)
class Played:
    """How a demonstration ended and what it wrote."""

    code: int
    said: str
    complained: str
    out: Path
    home: Path

    def read(self, name: str) -> str:
        return (self.out / name).read_text()


class Playing:
    """A demonstration that is under way."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.out, self.home = folder / "out", folder / "home"
        # A job in the background inherits that SIGINT is ignored; a person at a terminal does not.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bot", "demo", "--out", str(self.out), "--home", str(self.home)],
            env=_without_accounts(os.environ) | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        signal.signal(signal.SIGINT, before)

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something while the demonstration goes on."""
        while not condition():
            assert self.process.poll() is None, self.process.communicate()
            _NEVER.wait(0.02)

    def ended(self) -> Played:
        """Wait for the end."""
        said, complained = self.process.communicate(timeout=200)
        return Played(self.process.returncode, said, complained, self.out, self.home)


def played_once(shared: Path) -> Played:
    """Return the demonstration that was left alone, played by the first of all test processes that asks."""
    kept, lock = shared / "played.json", shared / "played.lock"
    folder = shared / "demo"
    with lock.open("w") as waiting:
        fcntl.flock(waiting, fcntl.LOCK_EX)
        if not kept.exists():
            played = Playing(folder).ended()
            kept.write_text(json.dumps([played.code, played.said, played.complained]))
    code, said, complained = json.loads(kept.read_text())
    return Played(code, said, complained, folder / "out", folder / "home")


def _without_accounts(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if "SLACK" not in name and "JIRA" not in name}
