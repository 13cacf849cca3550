"""The arguments of a Web API call, wherever they came in: query, form, multipart or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from bot.sandbox.slack.refusals import SlackRefuses, invalid_arguments

# What goes wrong when the JSON inside a text field cannot be read.
_BAD_JSON = {"blocks": "invalid_blocks_format", "metadata": "invalid_metadata_format"}


class Args:
    """The merged arguments of one call."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = {key: value for key, value in values.items() if value is not None}

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str, default: str = "") -> str:
        """Return an argument as text."""
        return str(self.values.get(name, default))

    def needed(self, name: str) -> str:
        """Return an argument as text; a missing one is refused."""
        if self.values.get(name) in (None, ""):
            raise invalid_arguments(f"missing required field: {name}")
        return self.text(name)

    def number(self, name: str, default: int) -> int:
        """Return an argument as a whole number."""
        text = self.text(name, str(default))
        if not text.isdigit():
            raise invalid_arguments(f"must be an integer [json-pointer:/{name}]")
        return int(text)

    def flag(self, name: str) -> bool:
        """Return whether an argument says yes."""
        return self.text(name).lower() in ("1", "true")

    def names(self, name: str) -> list[str]:
        """Return an argument that is a list, or names separated by commas."""
        value = self.values.get(name, "")
        found = value if isinstance(value, list) else str(value).split(",")
        return [str(entry).strip() for entry in found if str(entry).strip()]

    def json(self, name: str) -> Any:
        """Return an argument that is JSON, or JSON inside a text; None when absent."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise SlackRefuses(_BAD_JSON.get(name, "invalid_arguments")) from None


async def arguments_of(request: web.Request) -> Args:
    """Read the arguments of a request; JSON wins over a form, a form over the query."""
    values: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        values |= await _json_body(request)
    elif request.can_read_body:
        values |= {key: _form_value(value) for key, value in (await request.post()).items()}
    return Args(values)


async def _json_body(request: web.Request) -> dict[str, Any]:
    text = await request.text()
    if not text:
        return {}
    try:
        body = json.loads(text)
    except ValueError:
        raise SlackRefuses("invalid_json") from None
    if not isinstance(body, dict):
        raise SlackRefuses("json_not_object")
    return body


def _form_value(value: Any) -> Any:
    return value.file.read() if isinstance(value, web.FileField) else value
