"""Exchanges of a stand-in held against an OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from openapi_core import Config, OpenAPI
from openapi_core.testing import MockRequest, MockResponse
from werkzeug.datastructures import ImmutableMultiDict

from bot.sandbox.wire import Exchange


def opened(document: dict[str, Any]) -> OpenAPI:
    """Return a document to check against; vendors' own are not always whole."""
    return OpenAPI.from_dict(document, config=Config(spec_validator_cls=None))


def check(
    document: OpenAPI, host: str, exchanges: Iterable[Exchange], headers: Mapping[str, str] | None = None
) -> None:
    """Raise for the first request or answer that a document does not describe."""
    for exchange in exchanges:
        parts = urlsplit(exchange.path_qs)
        request = MockRequest(
            host,
            exchange.method.lower(),
            parts.path,
            args=ImmutableMultiDict(parse_qsl(parts.query)),  # type: ignore[arg-type]
            headers=dict(headers or {}),
            data=exchange.request or None,
            content_type=exchange.content_type,
        )
        assert exchange.status is not None
        answer = MockResponse(
            exchange.response, status_code=exchange.status, content_type=exchange.response_type
        )
        document.validate_request(request)
        document.validate_response(request, answer)
