"""`/openapi.json`: what the door answers, for programs and for the tests that hold the door to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

from aiohttp import web
from pydantic import BaseModel, TypeAdapter

from bot.web import answers

Part: TypeAlias = dict[str, Any]

_JSON, _TEXT, _HTML, _MARKDOWN = "application/json", "text/plain", "text/html", "text/markdown"
_REQUESTS: tuple[type[BaseModel], ...] = (answers.Line, answers.Release, answers.Alerts)
_ANSWERS: tuple[type[BaseModel], ...] = (
    answers.Allowed,
    answers.Denied,
    answers.Unknown,
    answers.Problem,
    answers.Said,
    answers.Recorded,
    answers.Heard,
    answers.Freezes,
    answers.IncidentRead,
    answers.RunRead,
    answers.TimelineEntry,
    answers.Health,
)
_BEARER: Sequence[Part] = [{"bearer": []}]
_BOTH: Sequence[Part] = [{"bearer": []}, {"basic": []}]
_EXAMPLES: Part = {"service": "checkout", "environment": "production"}
_WORDS: Mapping[int, str] = {
    200: "done",
    201: "recorded",
    400: "what was sent cannot be read",
    401: "no token that is in force",
    403: "the token does not do for this",
    404: "there is nothing of that name",
    408: "the body came too slowly",
    409: "denied, or the key came before with something else",
    413: "the body is over 256 kB",
    415: "the body is not JSON",
    503: "the database or the catalog cannot be read; nothing was changed",
}


async def show(_request: web.Request) -> web.Response:
    """Answer with the description of this door."""
    return web.json_response(description())


@cache
def description() -> Part:
    """Return the OpenAPI 3.1 description of the door."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Backstop",
            "version": "1",
            "description": "Every answer that is no success says what is wrong and what to do next.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {**_gate(), **_changing(), **_reading(), **_pages(), **_about()},
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic", "description": "The token as password."},
            },
        },
    }


def _schemas() -> Part:
    wanted = [(model, "validation", TypeAdapter(model)) for model in _REQUESTS]
    answered = [(model, "serialization", TypeAdapter(model)) for model in _ANSWERS]
    _, found = TypeAdapter.json_schemas(
        [*wanted, *answered],  # type: ignore[list-item]
        ref_template="#/components/schemas/{model}",
    )
    named: Part = found["$defs"]
    return named


def _ref(model: type[BaseModel]) -> Part:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _answer(status: int, schema: Part, kind: str = _JSON) -> Part:
    return {str(status): {"description": _WORDS[status], "content": {kind: {"schema": schema}}}}


def _wrong(*statuses: int) -> Part:
    found = [_answer(status, _ref(answers.Problem)) for status in statuses]
    return {name: body for part in found for name, body in part.items()}


def _operation(id: str, summary: str, responses: Part, **more: object) -> Part:
    return {"operationId": id, "summary": summary, "security": _BOTH, "responses": responses, **more}


def _gate() -> Part:
    responses = {
        **_answer(200, {"oneOf": [_ref(answers.Allowed), _ref(answers.Denied)]}),
        **_answer(409, _ref(answers.Denied)),
        **_answer(404, _ref(answers.Unknown)),
        **_answer(503, {"anyOf": [_ref(answers.Unknown), _ref(answers.Problem)]}),
        **_wrong(400, 401, 403),
    }
    get = _operation(
        "askGate",
        "May this change happen now?",
        responses,
        parameters=list(_questions()),
        security=_BEARER,
    )
    return {"/v1/gate": {"get": get}}


def _questions() -> Iterator[Part]:
    schema = answers.Question.model_json_schema()
    for name, part in schema["properties"].items():
        plain = next((one for one in part.get("anyOf", [part]) if one.get("type") != "null"), part)
        kept = {key: value for key, value in plain.items() if key not in {"title", "default"}}
        shown = {"example": _EXAMPLES[name]} if name in _EXAMPLES else {}
        yield {"name": name, "in": "query", "required": name in schema["required"], "schema": kept, **shown}


def _changing() -> Part:
    say = _operation(
        "say",
        'Say a line, as in Slack: `declare "Orders are wrong" sev:1`.',
        {**_answer(200, _ref(answers.Said)), **_wrong(400, 401, 403, 408, 409, 413, 415, 503)},
        requestBody=_body(answers.Line, {"line": "help"}),
        parameters=[_key()],
        security=_BEARER,
    )
    release = _operation(
        "recordRelease",
        "Say that a version was put into an environment.",
        {
            **_answer(200, _ref(answers.Recorded)),
            **_answer(201, _ref(answers.Recorded)),
            **_wrong(400, 401, 403, 404, 408, 409, 413, 415, 503),
        },
        requestBody=_body(answers.Release, {**_EXAMPLES, "version": "2.4.0"}),
        parameters=[_key()],
        security=_BEARER,
    )
    alerts = _operation(
        "tellAlerts",
        "Tell of a group of alerts, as Alertmanager and Grafana do; it declares nothing.",
        {**_answer(200, _ref(answers.Heard)), **_wrong(400, 401, 403, 408, 413, 415, 503)},
        requestBody=_body(
            answers.Alerts,
            {
                "groupKey": '{}:{alertname="OrdersWrong"}',
                "commonLabels": {"alertname": "OrdersWrong", "service": "checkout", "severity": "critical"},
                "alerts": [{"status": "firing", "startsAt": "2026-11-23T02:10:00Z"}],
            },
        ),
        security=_BEARER,
    )
    paths = {"/v1/say": say, "/v1/releases": release, "/v1/alerts": alerts}
    return {path: {"post": operation} for path, operation in paths.items()}


def _body(model: type[BaseModel], example: Part) -> Part:
    return {"required": True, "content": {_JSON: {"schema": _ref(model), "example": example}}}


def _key() -> Part:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "The same again under the same key gets the first answer; something else gets 409.",
        "schema": {"type": "string", "pattern": r"^[\x21-\x7e]{1,128}$"},
    }


def _reading() -> Part:
    story = _read(
        "readTimeline",
        "The timeline of an incident.",
        {"type": "array", "items": _ref(answers.TimelineEntry)},
    )
    story["responses"]["200"]["content"][_MARKDOWN] = {"schema": {"type": "string"}}
    return {
        "/v1/incidents/{id}": _at(
            "INC", _read("readIncident", "An incident as it stands.", _ref(answers.IncidentRead))
        ),
        "/v1/incidents/{id}/timeline": _at("INC", story),
        "/v1/incidents/{id}/postmortem": _at(
            "INC",
            _read("readPostmortem", "The post-mortem as far as it is known.", {"type": "string"}, _MARKDOWN),
        ),
        "/v1/runs/{id}": _at(
            "RUN", _read("readRun", "A run as it stands, with its plan.", _ref(answers.RunRead))
        ),
        "/v1/freezes": {
            "get": _without_404(_read("readFreezes", "The freezes in force.", _ref(answers.Freezes)))
        },
    }


def _read(id: str, summary: str, schema: Part, kind: str = _JSON) -> Part:
    return _operation(id, summary, {**_answer(200, schema, kind), **_wrong(401, 403, 404, 503)})


def _without_404(operation: Part) -> Part:
    kept = {status: answer for status, answer in operation["responses"].items() if status != "404"}
    return {**operation, "responses": kept}


def _at(prefix: str, operation: Part) -> Part:
    schema = {"type": "string", "pattern": f"^{prefix}-[1-9][0-9]{{0,8}}$"}
    id = {"name": "id", "in": "path", "required": True, "schema": schema, "example": f"{prefix}-1"}
    return {"get": operation, "parameters": [id]}


def _pages() -> Part:
    text = {"type": "string"}
    return {
        "/incidents": {"get": _without_404(_read("showIncidents", "The incidents.", text, _HTML))},
        "/incidents/{id}": _at("INC", _read("showIncident", "An incident for people.", text, _HTML)),
        "/runs/{id}": _at("RUN", _read("showRun", "A run for people.", text, _HTML)),
        "/drills/{id}": _at("DRL", _read("showDrill", "A drill for people.", text, _HTML)),
        "/freezes": {"get": _without_404(_read("showFreezes", "The freezes for people.", text, _HTML))},
    }


def _about() -> Part:
    health = {**_answer(200, _ref(answers.Health)), **_answer(503, _ref(answers.Health))}
    open_to_all: list[Part] = []
    metrics = {**_answer(200, {"type": "string"}, _TEXT), **_wrong(401, 403, 503)}
    own = {"type": "object"}
    return {
        "/healthz": {"get": _operation("alive", "Is it alive?", health, security=open_to_all)},
        "/readyz": {"get": _operation("ready", "Can it serve?", health, security=open_to_all)},
        "/metrics": {"get": _operation("metrics", "Figures for Prometheus; open on loopback.", metrics)},
        "/openapi.json": {
            "get": _operation("describe", "This description.", _answer(200, own), security=open_to_all)
        },
    }
