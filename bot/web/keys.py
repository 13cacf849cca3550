"""Who asks, by the token they show: a person of the catalog or a pipeline, and what the token is good for.

Scopes: `say` (every verb, and reading), `read`, `gate` (ask for every service), `gate:<glob>` (ask for some),
`alerts` (tell of alerts).
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, assert_never

from aiohttp import web

from bot.commands import Desk
from bot.core.may import Actor
from bot.timeline.records import Token
from bot.web.wrong import Wrong

Scope = Literal["say", "read", "gate", "alerts"]
Scheme = Literal["bearer", "basic"]

_CHALLENGES: Mapping[Scheme, str] = {
    "bearer": 'Bearer realm="backstop"',
    "basic": 'Basic realm="backstop: your token is the password", charset="UTF-8"',
}
_GET_ONE = "Get one with `backstop token issue` on Backstop's host, and send it as `Authorization: Bearer …`."


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, with the token they showed."""

    actor: Actor
    token: Token

    def may_ask(self, service: str) -> bool:
        """Say whether the token may be used to ask the gate about a service."""
        globs = (scope.removeprefix("gate:") for scope in self.token.scopes if scope.startswith("gate:"))
        return "gate" in self.token.scopes or any(fnmatchcase(service, glob) for glob in globs)


async def caller(request: web.Request, desk: Desk, *, scope: Scope, schemes: tuple[Scheme, ...]) -> Caller:
    """Return who asks, or raise Wrong: 401 without a token that is in force, 403 with one that does not do.

    An unknown, an expired and a revoked token cost the same look-up and get the same answer.
    """
    secret = _secret(request.headers.get("Authorization", ""), schemes)
    token = await desk.timeline.records.token(secret) if secret else None
    if token is None:
        told = "This token is unknown, expired or revoked." if secret else "This needs a token."
        challenge = ", ".join(_CHALLENGES[scheme] for scheme in schemes)
        raise Wrong(401, told, _GET_ONE, {"WWW-Authenticate": challenge})
    who = _owner(token, desk)
    if not _covers(token, scope):
        has = ", ".join(sorted(token.scopes)) or "nothing"
        raise Wrong(
            403,
            f"The token {token.name} may not do this: it needs the scope `{scope}` and has {has}.",
            "Ask whoever keeps Backstop for a token with that scope.",
        )
    return Caller(who, token)


def _secret(header: str, schemes: tuple[Scheme, ...]) -> str:
    scheme, _, value = header.strip().partition(" ")
    match scheme.lower():
        case "bearer" if "bearer" in schemes:
            return value.strip()
        case "basic" if "basic" in schemes:
            return _password(value.strip())
        case _:
            return ""


def _password(value: str) -> str:
    try:
        return b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def _owner(token: Token, desk: Desk) -> Actor:
    catalog = desk.shelf.catalog()
    person, pipeline = token.owner in catalog.people, token.owner in catalog.pipelines
    if person and not pipeline:
        groups = frozenset(catalog.groups_of(token.owner, desk.slack_groups()))
        return Actor(token.owner, "person", groups)
    if pipeline and not person:
        return Actor(token.owner, "pipeline")
    why = "a person and a pipeline of the catalog" if person else "nobody in the catalog any more"
    raise Wrong(
        403,
        f"The token {token.name} belongs to {token.owner}, and that is {why}.",
        "Whoever keeps catalog.yaml can put that right.",
    )


def _covers(token: Token, scope: Scope) -> bool:
    match scope:
        case "say":
            return "say" in token.scopes
        case "alerts":
            return "alerts" in token.scopes
        case "read":
            return bool({"say", "read"} & token.scopes)
        case "gate":
            return any(kept.partition(":")[0] == "gate" for kept in token.scopes)
        case _:
            assert_never(scope)
