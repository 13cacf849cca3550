"""Keeps the tests on this machine: an audit hook refuses every other address and remembers who asked."""

from __future__ import annotations

import ipaddress
import sys

_WATCHED = frozenset({"socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo"})


class OutsideLoopback(ConnectionError):
    """A test tried to reach or to serve another machine."""


class Watch:
    """Refuses addresses outside loopback in this process from `start` on; a hook cannot be taken back."""

    def __init__(self) -> None:
        self.refused: list[str] = []

    def start(self) -> None:
        """Begin to watch."""
        sys.addaudithook(self._hear)

    def _hear(self, event: str, args: tuple[object, ...]) -> None:
        if event in _WATCHED and not near(event, args):
            self.refused.append(f"{event} {args}")
            raise OutsideLoopback(self.refused[-1])


def near(event: str, args: tuple[object, ...]) -> bool:
    """Say whether what a socket is asked to do stays on this machine."""
    address = args[0] if event == "socket.getaddrinfo" else args[1]
    if event != "socket.getaddrinfo" and not isinstance(address, tuple):
        return True  # the path of a UNIX socket
    host = address[0] if isinstance(address, tuple) else address
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if not isinstance(host, str) or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
