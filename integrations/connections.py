"""What engines are given to reach the outside world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from integrations.contract import IntegrationError, Json
from integrations.process import Runner

if TYPE_CHECKING:
    from aiohttp import ClientSession

LOCAL = "local"
"""The name of the runner that is used where settings name none."""


def _no_session() -> ClientSession:
    raise IntegrationError("HTTP requests are not set up here.", permanent=True)


@dataclass(frozen=True, slots=True)
class Connections:
    """Runners by the name of their host, a maker of HTTP sessions, the directory of secrets, and a clock.

    A secret called `shop-token` is the content of the file of that name in `secrets`.
    """

    runners: Mapping[str, Runner] = field(default_factory=dict)
    session: Callable[[], ClientSession] = _no_session
    secrets: Path | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def secret(self, name: str) -> str:
        """Return a secret by its name, without the newline at its end."""
        path = None if self.secrets is None or ".." in name or "/" in name else self.secrets / name
        try:
            found = path.read_text(encoding="utf-8").strip("\r\n") if path else ""
        except (OSError, UnicodeDecodeError):
            found = ""
        if not found:
            text = f"There is no secret `{name}`; put it in a file of that name in the secrets directory."
            raise IntegrationError(text, permanent=True)
        return found

    def runner(self, settings: Mapping[str, Json]) -> tuple[str, Runner]:
        """Return the runner that settings name, with its name."""
        name = str(settings.get("runner", LOCAL))
        found = self.runners.get(name)
        if found is None:
            known = ", ".join(self.runners) or "none"
            raise IntegrationError(f"There is no runner `{name}`; there are: {known}.", permanent=True)
        return name, found
