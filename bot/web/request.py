"""How a request is read and a body is answered, the same for every address."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from bot.commands import Desk
from bot.web.answers import Body
from bot.web.wrong import Wrong

LARGEST = 256 * 1024
BODY_S = 20.0
DESK = web.AppKey("desk", Desk)

_B = TypeVar("_B", bound=BaseModel)
_ID = re.compile(r"^(INC|RUN)-[1-9][0-9]{0,8}$")
_KEY = re.compile(r"^[\x21-\x7e]{1,128}$")


def json_of(body: Body, status: int = 200, **headers: str) -> web.Response:
    """Return a body as JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.Response(
        text=body.model_dump_json(), status=status, content_type="application/json", headers=named
    )


def query_of(request: web.Request, model: type[_B]) -> _B:
    """Return the query of a request, or raise Wrong; a name that is there twice is ambiguous."""
    twice = sorted({name for name in request.query if len(request.query.getall(name)) > 1})
    if twice:
        raise Wrong(400, f"`{twice[0][:40]}` is there twice.", "Say it once.")
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as invalid:
        raise Wrong(400, told(invalid), "Look at /openapi.json for what can be asked.") from None


async def body_of(request: web.Request, model: type[_B]) -> _B:
    """Return the JSON body of a request, or raise Wrong when it is too late, too large or something else."""
    if request.content_type != "application/json":
        raise Wrong(415, "The body is not JSON.", "Send it as `Content-Type: application/json`.")
    try:
        async with asyncio.timeout(BODY_S):
            content = await request.read()
    except TimeoutError:
        raise Wrong(408, "The body did not come in time: nothing was recorded.", "Send it again.") from None
    try:
        found = model.model_validate_json(content)
    except ValidationError as invalid:
        raise Wrong(400, told(invalid), "Look at /openapi.json for the body. Nothing was recorded.") from None
    # Readers differ in which of two they take, so that what others saw may not be what is done here.
    json.loads(content, object_pairs_hook=_each_once)
    return found


def _each_once(pairs: list[tuple[str, object]]) -> None:
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise Wrong(400, f"`{twice[:40]}` is there twice in the body.", "Say it once. Nothing was recorded.")


def key_of(request: web.Request) -> str | None:
    """Return the Idempotency-Key of a request, or None; raise Wrong when it is none."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.match(key):
        raise Wrong(
            400, "The Idempotency-Key is no key.", "Use 1 to 128 printable ASCII characters without spaces."
        )
    return key


def id_of(request: web.Request, prefix: str) -> str:
    """Return the id in the path, or raise Wrong when there can be nothing of that id."""
    id = request.match_info["id"].upper()
    if not _ID.match(id) or not id.startswith(prefix):
        raise Wrong(404, f"That is no {prefix} id.", f"Ids look like {prefix}-1.")
    return id


def told(invalid: ValidationError) -> str:
    """Return what is wrong with an input, without repeating the input."""
    found = [(".".join(str(part)[:40] for part in error["loc"]), error["msg"]) for error in invalid.errors()]
    return "; ".join(f"{where}: {what}" if where else what for where, what in found[:5])
