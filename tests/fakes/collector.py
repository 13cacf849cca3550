"""A syslog collector over TLS that counts octets as RFC 5425 wants, in a thread of its own."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread

from tests.fakes.kube import certificate


@dataclass
class Collector:
    """What came; the next connections can be dropped, after so many messages, or without a goodbye."""

    port: int = 0
    came: list[str] = field(default_factory=list)
    drop_after: list[int] = field(default_factory=list)
    rude: int = 0


def _octets(stream: ssl.SSLSocket) -> Iterator[str]:
    kept = b""
    while True:
        while b" " in kept and len(kept) >= (
            whole := len(kept.split(b" ")[0]) + 1 + int(kept.split(b" ")[0])
        ):
            yield kept[len(kept.split(b" ")[0]) + 1 : whole].decode()
            kept = kept[whole:]
        part = stream.recv(65_536)
        if not part:
            assert kept == b""
            return
        kept += part


def _serve(listener: socket.socket, context: ssl.SSLContext, collector: Collector) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        with plain:
            try:
                secure = context.wrap_socket(plain, server_side=True)
            except OSError:
                continue
            _hear(secure, collector)


def _hear(secure: ssl.SSLSocket, collector: Collector) -> None:
    most = collector.drop_after.pop(0) if collector.drop_after else None
    with secure:
        for number, message in enumerate(_octets(secure), 1):
            collector.came.append(message)
            if number == most:
                return
        if collector.rude:
            collector.rude -= 1
            return
        secure.unwrap()


@contextmanager
def collecting() -> Iterator[Collector]:
    """Listen on loopback until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        collector = Collector(listener.getsockname()[1])
        thread = Thread(target=_serve, args=(listener, certificate.context(), collector))
        thread.start()
        try:
            yield collector
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
