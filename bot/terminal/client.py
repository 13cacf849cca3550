"""A small HTTP client: it starts fast, follows no redirect, and never says the token."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from bot.terminal.access import Access

TIMEOUT_S = 10.0
LARGEST = 16 * 1024 * 1024


class Unreachable(Exception):
    """A sentence that says who did not answer."""


class NotServing(Unreachable):
    """A sentence that says that nothing listens there, so that nothing was sent, and how to start it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered; `json` is empty when the body is no JSON object, `headers` have lower-case names."""

    status: int
    json: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return a text of the body, or nothing."""
        found = self.json.get(name)
        return found if isinstance(found, str) else ""

    @property
    def problem(self) -> str:
        """Return what the door says is wrong and what to do next."""
        said = " ".join(part for part in (self.text("error"), self.text("what_next")) if part)
        return said or f"The door answered {self.status} and nothing else."


@dataclass(frozen=True, slots=True)
class Client:
    """Asks one door; every wait for it is bounded."""

    access: Access
    timeout_s: float = TIMEOUT_S

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Reply:
        """Ask for something."""
        return self._ask("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, body: Mapping[str, object], *, key: str) -> Reply:
        """Send something once: the same key changes nothing a second time."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        return self._ask("POST", path, json.dumps(body).encode(), headers)

    def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        url = self.access.url
        try:
            where = urlsplit(url)
            secure = where.scheme == "https"
            make = http.client.HTTPSConnection if secure else http.client.HTTPConnection
            if where.scheme not in {"http", "https"} or not where.hostname:
                raise ValueError(url)
            connection = make(where.hostname, where.port, timeout=self.timeout_s)
            try:
                shown = {"Authorization": f"Bearer {self.access.token}", **(headers or {})}
                connection.request(method, where.path.rstrip("/") + path, body, shown)
                response = connection.getresponse()
                told = {name.lower(): value for name, value in response.getheaders()}
                return Reply(response.status, _object(response.read(LARGEST)), told)
            finally:
                connection.close()
        except ConnectionRefusedError:
            raise NotServing(
                f"No Backstop answers at {url}: nothing listens there. Start it with `backstop serve` on its "
                "host, or set BACKSTOP_URL to where it runs."
            ) from None
        except TimeoutError:
            raise Unreachable(
                f"Backstop did not answer at {url} in {self.timeout_s:g} s: it is frozen, overloaded or out "
                "of reach. `backstop doctor` on its host says whether it moves, and what to do."
            ) from None
        except (OSError, http.client.HTTPException, ValueError) as problem:
            # Only the kind of the problem: its text may repeat what was sent.
            raise Unreachable(f"No Backstop answers at {url} ({type(problem).__name__}).") from None


def _object(content: bytes) -> Mapping[str, object]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
