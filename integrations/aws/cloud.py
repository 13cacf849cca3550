"""Calls to AWS, each in a thread: who is asked, with whose credentials, and what a refusal means."""

from __future__ import annotations

import asyncio
import configparser
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, StringConstraints

from integrations.api import Declined
from integrations.asked import Params
from integrations.connections import Connections
from integrations.contract import IntegrationError

Found = Mapping[str, Any]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z](-?[a-z0-9]){0,61}$")]

_LATER = frozenset(
    {"Throttling", "ThrottlingException", "RequestLimitExceeded", "ServiceUnavailableException"}
)
_NOT_THERE = ("NotFound", "NotFoundFault", "ResourceNotFoundException")
_CONNECT_S, _READ_S = 5, 30


class NotThere(IntegrationError):
    """AWS has no such thing."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


class NotNow(IntegrationError):
    """The thing is being changed; the same request may be taken a moment later."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=False)


class Reach(Params):
    """How AWS is reached."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    region: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
    profile: str | None = None
    credentials: str | None = None
    endpoint: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")] | None = None


class Cloud:
    """The clients of AWS, made when they are first needed; boto3's own retries are off."""

    threads: ClassVar[int] = 4

    def __init__(self, connections: Connections) -> None:
        self._secrets = connections.secrets
        self._clients: dict[tuple[str | None, ...], Any] = {}
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="aws")

    async def ask(self, reach: Reach, service: str, operation: str, **given: Any) -> Found:
        """Carry out one operation, as `describe_db_instances`, and return its answer."""
        call = partial(self._ask, reach, service, operation, given)
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    async def pages(self, reach: Reach, service: str, operation: str, key: str, **given: Any) -> list[Found]:
        """Return what stands under a key on all pages of an answer."""
        call = partial(self._pages, reach, service, operation, key, given)
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    def _ask(self, reach: Reach, service: str, operation: str, given: Mapping[str, Any]) -> Found:
        with _Translated(service, operation):
            found: Found = getattr(self._client(reach, service), operation)(**given)
            return found

    def _pages(
        self, reach: Reach, service: str, operation: str, key: str, given: Mapping[str, Any]
    ) -> list[Found]:
        with _Translated(service, operation):
            pages = self._client(reach, service).get_paginator(operation).paginate(**given)
            return [item for page in pages for item in page.get(key, ())]

    def _client(self, reach: Reach, service: str) -> Any:
        way = (service, reach.region, reach.profile, reach.credentials, reach.endpoint)
        if way not in self._clients:
            self._clients[way] = self._connect(reach, service)
        return self._clients[way]

    def _connect(self, reach: Reach, service: str) -> Any:
        try:
            boto3, config = import_module("boto3"), import_module("botocore.config")
        except ModuleNotFoundError as missing:
            text = f"AWS needs `{missing.name}`, which is not installed: install `backstop[aws]`."
            raise IntegrationError(text, permanent=True) from missing
        session = boto3.Session(region_name=reach.region, profile_name=reach.profile, **self._keys(reach))
        settings = config.Config(
            retries={"total_max_attempts": 1}, connect_timeout=_CONNECT_S, read_timeout=_READ_S
        )
        return session.client(service, endpoint_url=reach.endpoint, config=settings)

    def _keys(self, reach: Reach) -> dict[str, str]:
        if reach.credentials is None:
            return {}
        words = configparser.ConfigParser()
        try:
            if self._secrets is None:
                raise FileNotFoundError
            words.read_string((self._secrets / reach.credentials).read_text(encoding="utf-8"))
            section = words[reach.profile or "default"]
        except (OSError, configparser.Error, KeyError):
            # The cause may quote a line of the file.
            text = f"The secret `{reach.credentials}` is missing or no file of AWS credentials."
            raise IntegrationError(text, permanent=True) from None
        return {name: section[name] for name in section if name.startswith("aws_")}


class _Translated:
    """Turns what boto3 raises into the errors of the contract."""

    def __init__(self, service: str, operation: str) -> None:
        self._what = f"{service}.{operation}"

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Translate what was raised, if it is boto3's."""
        if error is None or isinstance(error, IntegrationError):
            return
        response = getattr(error, "response", None)
        if isinstance(response, dict):
            raise _meaning(self._what, response) from error
        if type(error).__module__.startswith(("botocore", "urllib3", "boto3")):
            text = f"AWS could not be asked {self._what}: {error}"
            raise IntegrationError(text, permanent=False) from error


def _meaning(what: str, response: Mapping[str, Any]) -> IntegrationError:
    code = str(response.get("Error", {}).get("Code", "no code"))
    said = str(response.get("Error", {}).get("Message", ""))
    text = f"AWS answered {what} with {code}: {said}"
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code.endswith(_NOT_THERE):
        return NotThere(text)
    if "InvalidDBInstanceState" in code or "InvalidResourceState" in code:
        return NotNow(text)
    if code in _LATER or status >= 500 or status == 429:
        return IntegrationError(text, permanent=False)
    return Declined(text)
