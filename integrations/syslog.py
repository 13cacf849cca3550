"""Syslog over TLS as RFC 5425 has it: each message with its length before it, and a goodbye at the end.

Syslog has no acknowledgement. What stands for one is the close of the connection: a receiver answers our
goodbye with its own only after it has read everything before it, which RFC 5425 asks of it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from integrations.contract import IntegrationError

TIMEOUT_S = 10.0
PORT = 6514


@dataclass(frozen=True, slots=True)
class Syslog:
    """A collector; `authority` vouches for it, and `certificate` and `key` for us where it wants to know."""

    host: str
    port: int = PORT
    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    timeout_s: float = TIMEOUT_S

    @property
    def place(self) -> str:
        """Return whom it sends to."""
        return f"{self.host}:{self.port}"

    async def send(self, messages: Sequence[str]) -> None:
        """Return once the collector said goodbye after all messages, or raise IntegrationError."""
        await asyncio.to_thread(self._send, framed(messages))

    def _send(self, content: bytes) -> None:
        try:
            context = self._context()
        except OSError as problem:
            what = problem.strerror or type(problem).__name__
            text = (
                f"The certificates for {self.place} cannot be used ({what}): look at BACKSTOP_AUDIT_SYSLOG_…."
            )
            raise IntegrationError(text, permanent=False) from None
        try:
            with (
                socket.create_connection((self.host, self.port), self.timeout_s) as plain,
                context.wrap_socket(plain, server_hostname=self.host) as secure,
            ):
                secure.sendall(content)
                secure.unwrap()
        except ssl.SSLCertVerificationError as problem:
            text = f"{self.place} shows a certificate that is not trusted: {problem.verify_message}."
            raise IntegrationError(text, permanent=False) from None
        except (OSError, UnicodeError) as problem:
            text = f"{self.place} did not say that it took everything ({type(problem).__name__})."
            raise IntegrationError(text, permanent=False) from None

    def _context(self) -> ssl.SSLContext:
        found = ssl.create_default_context(cafile=self.authority)
        found.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate:
            found.load_cert_chain(self.certificate, self.key)
        return found


def framed(messages: Sequence[str]) -> bytes:
    """Return messages as they go over a connection: the number of octets, a space, the message."""
    octets = [message.encode(errors="replace") for message in messages]
    return b"".join(b"%d %s" % (len(each), each) for each in octets)
