"""How a cluster is reached: which kubeconfig, and a client that is loaded when it is first used."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from integrations.connections import Connections
from integrations.contract import IntegrationError, Json
from integrations.kube.api import KubeApi, KubeError, Sender

# The credentials of a cloud's plug-in live for a quarter of an hour. A changed file counts at once, and
# whatever a cluster does not know is read again.
_FRESH_S = 300.0
_UNKNOWN = 401


class _Client(Protocol):
    """The module `integrations.kube.client`, which needs the extra."""

    async def configuration(self, kubeconfig: str | None, context: str | None) -> object: ...

    def sender(self, configuration: object) -> Sender: ...

    async def close(self, sender: Sender) -> None: ...


@dataclass(frozen=True, slots=True)
class _Known:
    configuration: object
    written: float
    until: float


class Access:
    """Opens the API of the cluster that settings name."""

    def __init__(self, connections: Connections) -> None:
        self._secrets = connections.secrets
        self._known: dict[tuple[str, str], _Known] = {}

    @asynccontextmanager
    async def api(self, settings: Mapping[str, Json]) -> AsyncIterator[KubeApi]:
        """Yield the API for one operation; its connections end with it."""
        client = await asyncio.to_thread(_client)
        sender = client.sender(await self._configuration(client, settings))
        try:
            yield KubeApi(sender)
        except KubeError as error:
            if error.status == _UNKNOWN:
                self._known.clear()
            raise
        finally:
            await client.close(sender)

    async def _configuration(self, client: _Client, settings: Mapping[str, Json]) -> object:
        name, context = str(settings.get("kubeconfig", "")), str(settings.get("context", ""))
        text, written = await asyncio.to_thread(self._read, name) if name else (None, 0.0)
        known = self._known.get((name, context))
        if known is None or known.written != written or known.until < time.monotonic():
            fresh = await client.configuration(text, context or None)
            known = _Known(fresh, written, time.monotonic() + _FRESH_S)
            self._known[name, context] = known
        return known.configuration

    def _read(self, name: str) -> tuple[str, float]:
        path = None if self._secrets is None or Path(name).name != name else self._secrets / name
        try:
            if path is not None:
                return path.read_text(encoding="utf-8"), path.stat().st_mtime
        except (OSError, UnicodeDecodeError):
            pass
        text = f"There is no kubeconfig `{name}`; put it in a file of that name in the secrets directory."
        raise IntegrationError(text, permanent=True)


def _client() -> _Client:
    try:
        return cast("_Client", import_module("integrations.kube.client"))
    except ModuleNotFoundError as missing:
        text = (
            f"The engines of Kubernetes need `{missing.name}`, which is not installed; "
            "install Backstop with its extra, `backstop[kubernetes]`."
        )
        raise IntegrationError(text, permanent=True) from missing
