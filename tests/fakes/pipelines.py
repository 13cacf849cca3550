"""A server of pipelines as Spinnaker's Gate is one, and one whose clients name their jobs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from integrations.contract import Json, Target
from tests.fakes.serving import Faults, an_app, served


@dataclass
class Pipelines:
    """Everything that was started, by id; a pipeline goes on only when it is told to."""

    token: str
    url: str = ""
    faults: Faults = field(default_factory=Faults)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)

    def go(self, status: str = "SUCCEEDED", done: int = 4) -> None:
        """Let every pipeline that runs end so."""
        for run in self.runs.values():
            if run["status"] == "RUNNING":
                run |= {"status": status, "done": done}

    def target(self, **changed: Json) -> Target:
        """Return the target whose job `rollback` starts a pipeline here; None takes a part out."""
        job: dict[str, Json] = {
            "effect": "destructive",
            "params": {
                "release": {"type": "text", "pattern": r"v\d+(\.\d+)*"},
                "canaries": {"type": "integer", "least": 0, "most": 5},
            },
            "start": {
                "path": "/pipelines/shop/{release}",
                "body": {
                    "parameters": {"canaries": "{canaries}", "backstop_key": "{key}", "note": "to {release}"}
                },
                "status": [202],
                "id": "ref",
                "id_after": "/pipelines/",
            },
            "poll": {
                "path": "/pipelines/{id}",
                "state": "status",
                "because": "error.message",
                "done": "done",
                "total": "total",
                "evidence": {"release": "release"},
            },
            "running": ["NOT_STARTED", "RUNNING", "PAUSED"],
            "ended": {"SUCCEEDED": "succeeded", "TERMINAL": "failed", "CANCELED": "cancelled"},
            "cancel": {"method": "PUT", "path": "/pipelines/{id}/cancel", "status": [200]},
            "find": {
                "path": "/applications/shop/pipelines?key={key}",
                "key": "parameters.backstop_key",
                "id": "id",
            },
            **changed,
        }
        settings: dict[str, Json] = {
            "url": self.url,
            "headers": {"Authorization": "Bearer {secret:gate-token}"},
            "identity": {"path": "/version", "at": "name"},
            "jobs": {"rollback": {name: part for name, part in job.items() if part is not None}},
        }
        return Target("gate", "http_job", "production", settings=settings)

    async def start(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.keys.append(request.headers["Idempotency-Key"])
        id = f"P{len(self.runs) + 1}"
        self.runs[id] = {"id": id, "status": "RUNNING", "done": 1, "total": 4, **body} | {
            "release": request.match_info["release"]
        }
        return web.json_response({"ref": f"/pipelines/{id}"}, status=202)

    async def put(self, request: web.Request) -> web.Response:
        """Start a job under the name its client gives it; the same name again is the same job."""
        key = request.match_info["key"]
        self.runs.setdefault(key, {"id": key, "status": "RUNNING", "done": 1, "total": 4})
        return web.json_response(self.runs[key], status=201)

    async def show(self, request: web.Request) -> web.Response:
        run = self.runs.get(request.match_info["id"])
        return web.json_response(
            {"message": "no such pipeline"} if run is None else run, status=200 if run else 404
        )

    async def cancel(self, request: web.Request) -> web.Response:
        run = self.runs[request.match_info["id"]]
        if run["status"] == "RUNNING":
            run["status"] = "CANCELED"
        return web.Response()

    async def listed(self, request: web.Request) -> web.Response:
        key = request.query["key"]
        found = [run for run in self.runs.values() if run["parameters"]["backstop_key"] == key]
        return web.Response(text=json.dumps(found), content_type="application/json")

    async def version(self, request: web.Request) -> web.Response:
        return web.json_response({"name": "gate-eu", "seen": request.headers.get("Authorization")})


@web.middleware
async def _admitted(request: web.Request, handler: Any) -> web.StreamResponse:
    if request.headers.get("Authorization") != f"Bearer {request.app[PIPELINES].token}":
        return web.json_response({"message": "who are you?"}, status=401)
    answer: web.StreamResponse = await handler(request)
    return answer


PIPELINES = web.AppKey("pipelines", Pipelines)


@asynccontextmanager
async def pipelines(token: str) -> AsyncIterator[Pipelines]:
    """Serve pipelines to who has the token."""
    made = Pipelines(token)
    app = an_app(made.faults)
    app.middlewares.append(_admitted)
    app[PIPELINES] = made
    app.router.add_post("/pipelines/shop/{release:.+}", made.start)
    app.router.add_put("/jobs/{key}", made.put)
    app.router.add_get("/jobs/{id}", made.show)
    app.router.add_get("/pipelines/{id}", made.show)
    app.router.add_put("/pipelines/{id}/cancel", made.cancel)
    app.router.add_get("/applications/shop/pipelines", made.listed)
    app.router.add_get("/version", made.version)
    async with served(app) as made.url:
        yield made
