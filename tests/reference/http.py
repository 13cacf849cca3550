"""The page of the HTTP door, drawn from its own description."""

from __future__ import annotations

from collections.abc import Iterator

from bot.web.openapi import description
from bot.web.routes import GUARDED
from tests.reference.markdown import Schema, code, fields, page, sentences, table, words

_INTRO = """
`GET /openapi.json` is this page for programs. A token goes into `Authorization: Bearer …`; `backstop token
issue` makes one. For pages and reading, a browser may send it as the password of any user name. Scopes:
`say` is every verb and reading, `read` is reading, `gate` is the gate for every service, `gate:checkout`
for one (globs are allowed).

A body is JSON of at most 256 kB. An answer that is no success says in `error` what is wrong and in
`what_next` what to do. `POST /slack/events` exists in `http` mode only and takes what Slack has signed.
"""
_SCOPES = {(route.method.lower(), route.path): route.scope for route in GUARDED}


def http() -> str:
    """Return the page."""
    told = description()
    defs: dict[str, Schema] = told["components"]["schemas"]
    parts = [
        part
        for path, item in told["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
        for part in _operation(method, path, {**operation, "shared": item.get("parameters", ())}, defs)
    ]
    parts.append("## Bodies")
    for name, body in sorted(defs.items()):
        if "properties" in body:
            parts += [f"### {name}", sentences(body.get("description")), fields(body, defs)]
    return page("HTTP API", _INTRO, *parts)


def _operation(method: str, path: str, operation: Schema, defs: dict[str, Schema]) -> Iterator[str]:
    scope = _SCOPES.get((method, path))
    yield f"## {method.upper()} {path}"
    needs = f"a token with the scope {code(scope)}" if scope else "no token"
    if path == "/metrics":
        needs = "no token on loopback, elsewhere one with the scope `read`"
    yield f"{operation['summary']} Needs {needs}."
    parameters = [*operation["shared"], *operation.get("parameters", ())]
    yield table(
        ("Parameter", "In", "Takes", "Required"),
        [
            (code(part["name"]), part["in"], words(part["schema"], defs), "yes" if part["required"] else "no")
            for part in parameters
        ],
    )
    if "requestBody" in operation:
        [body] = operation["requestBody"]["content"].values()
        yield f"Body: {words(body['schema'], defs)}."
    yield table(
        ("Status", "Means", "Body"),
        [
            (status, answer["description"], _body(answer, defs))
            for status, answer in operation["responses"].items()
        ],
    )


def _body(answer: Schema, defs: dict[str, Schema]) -> str:
    return "; ".join(
        f"{words(part['schema'], defs)} as {code(kind)}" for kind, part in answer["content"].items()
    )
