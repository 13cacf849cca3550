"""The client library behind the API: configuration, TLS, tokens. Nothing else imports it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import aiohttp
from kubernetes_asyncio import client as library
from kubernetes_asyncio import config
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from integrations.contract import IntegrationError, Json
from integrations.kube.api import Method, Sender

_PATIENCE_S = 15.0


async def configuration(kubeconfig: str | None, context: str | None) -> library.Configuration:
    """Return how a cluster is reached, by a kubeconfig's text or from inside a pod."""
    made = library.Configuration()
    try:
        if kubeconfig is None:
            await asyncio.to_thread(config.load_incluster_config, made)
        else:
            await config.load_kube_config_from_dict(_read(kubeconfig), context, made)
    except (config.ConfigException, KeyError, TypeError, ValueError, OSError) as error:
        raise IntegrationError(_unusable(error, kubeconfig), permanent=True) from None
    return made


def sender(configuration: library.Configuration) -> Sender:
    """Return what sends requests to a cluster."""
    return _Sent(library.ApiClient(configuration))


async def close(sender: Sender) -> None:
    """Give its connections back."""
    assert isinstance(sender, _Sent)
    await sender.client.close()


class _Sent:
    def __init__(self, client: library.ApiClient) -> None:
        self.client = client

    async def send(
        self, method: Method, path: str, query: Mapping[str, str], body: Json, content: str
    ) -> tuple[int, str]:
        try:
            answer: Any = await self.client.call_api(
                path,
                method,
                query_params=list(query.items()),
                header_params={"Accept": "application/json", "Content-Type": content},
                body=body,
                auth_settings=["BearerToken"],
                _preload_content=False,
                _request_timeout=_PATIENCE_S,
            )
            return answer.status, await answer.text()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            why = "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
            place = self.client.configuration.host
            text = f"The cluster at {place} does not answer ({why})."
            raise IntegrationError(text, permanent=False) from error


def _read(kubeconfig: str) -> dict[str, Any]:
    try:
        found = YAML(typ="safe").load(kubeconfig)
    except YAMLError:
        found = None
    if not isinstance(found, dict):
        raise ValueError("it is not YAML of a kubeconfig")
    return json.loads(json.dumps(found))  # type: ignore[no-any-return]


def _unusable(error: Exception, kubeconfig: str | None) -> str:
    # What a broken kubeconfig holds may be a secret; the library's own words name only places in it.
    said = str(error) if isinstance(error, config.ConfigException | ValueError) else type(error).__name__
    if kubeconfig is None:
        return f"Backstop does not run in a cluster ({said}); name a `kubeconfig` in the settings."
    return f"The kubeconfig cannot be used: {said}."[:400]
