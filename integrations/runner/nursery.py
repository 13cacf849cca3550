"""A process that has loaded all that a supervisor needs and forks one when told: Python begins slowly.

It holds nothing of any job: it ends with the door it belongs to, and the supervisors it forked go on.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from integrations.runner.launch import again, environment
from integrations.runner.supervisor import supervise, sweep

_LONGEST_WORD = 64 * 1024
_MOST_LOCKS = 4
_VERBS = {b"supervise": supervise, b"sweep": sweep}


class Nursery:
    """The door's side: begins the process when it is first needed, and anew when somebody ended it."""

    def __init__(self) -> None:
        self._channel: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def fork(self, verb: str, job: Path, *, locks: Sequence[int] = ()) -> None:
        """Have a supervisor forked that takes over these locks; its job's files tell what comes of it."""
        word = b"\0".join((verb.encode(), os.fsencode(job)))
        # One that is gone never saw the word: a message is taken whole or not at all.
        with suppress(BrokenPipeError, ConnectionResetError):
            socket.send_fds(self._channel or self.begin(), [word], locks)
            return
        socket.send_fds(self.begin(), [word], locks)

    def begin(self) -> socket.socket:
        """Begin the process, so that the first supervisor does not wait for it."""
        self._end()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                again("nursery"),
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment({}, {}),
                cwd="/",
                start_new_session=True,
            )
        self._channel = ours
        return ours

    def _end(self) -> None:
        if self._channel:
            self._channel.close()
        if self._process:
            self._process.wait()


def wait_to_fork() -> None:
    """Fork what comes over standard input until nobody is at its other end."""
    channel = socket.socket(fileno=os.dup(0))
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    # Those that end are nobody's to wait for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.freeze()
    while True:
        word, locks, _, _ = socket.recv_fds(channel, _LONGEST_WORD, _MOST_LOCKS)
        if not word:
            return
        if os.fork() == 0:
            channel.close()
            _become(*word.split(b"\0"))
        for lock in locks:
            os.close(lock)


def _become(verb: bytes, job: bytes) -> None:
    """Be a process as if it had been begun for this alone, and never return."""
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _VERBS[verb](Path(os.fsdecode(job)))
        code = 0
    finally:
        os._exit(code)
