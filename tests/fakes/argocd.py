"""Argo CD on loopback: one application with its API server, and a controller that acts when it is told to.

The refusals and their words, what a sync window does to an operation, and that auto-sync brings back what git
has, are those of Argo CD 3.5. Every request and answer is held against Argo CD's own description.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from integrations.contract import Json, Source, Target
from tests.fakes.argo_described import says_application, says_windows, takes
from tests.fakes.serving import Faults, an_app, served

GOOD, BAD, HEAD = "a" * 40, "b" * 40, "main"
BLOCKED = "Sync operation blocked by sync window"
_INVALID, _PRECONDITION, _DENIED, _UNAUTHENTICATED = 3, 9, 7, 16
_STATUS = {_INVALID: 400, _PRECONDITION: 400, _DENIED: 403, _UNAUTHENTICATED: 401}


class Refusal(Exception):
    """An error as the gateway of gRPC writes it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass
class ArgoStandIn:
    """The application `orders`, which git wants to be at `git`."""

    token: str
    now: Callable[[], datetime]
    url: str = ""
    git: str = BAD
    faults: Faults = field(default_factory=Faults)
    windows: list[dict[str, Any]] = field(default_factory=list)
    app: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        automated = {"prune": True, "selfHeal": True}
        self.app = {
            "metadata": {
                "name": "orders",
                "namespace": "argocd",
                "uid": "7b1c",
                "annotations": {"owner": "cy"},
            },
            "spec": {
                "project": "shop",
                "source": _source(),
                "destination": {"namespace": "shop", "server": "https://kubernetes.default.svc"},
                "syncPolicy": {"automated": automated, "syncOptions": ["CreateNamespace=true"]},
            },
            "status": {
                "history": [],
                "health": {"status": "Healthy"},
                "sync": {"status": "Synced", "revision": BAD},
                "resources": [
                    {"kind": "Deployment", "name": "orders"},
                    {"kind": "Service", "name": "orders"},
                ],
            },
        }
        for hours, revision in ((9, GOOD), (1, BAD)):
            self._deployed(revision, self.now() - timedelta(hours=hours))

    @property
    def automated(self) -> Any:
        return self.app["spec"]["syncPolicy"].get("automated")

    @property
    def annotations(self) -> dict[str, str]:
        found: dict[str, str] = self.app["metadata"]["annotations"]
        return found

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.app["status"].get("operationState") or {}
        return found

    @property
    def live(self) -> str:
        """Return the revision that is deployed."""
        return str(self.app["status"]["history"][-1]["revision"])

    def target(self, **changed: Json) -> Target:
        """Return the target."""
        return Target("orders", "argocd", "production", settings={**self._reached(), **changed})

    def source(self) -> Source:
        """Return the source of what was deployed."""
        return Source("orders-history", "argocd", self._reached())

    def _reached(self) -> dict[str, Json]:
        return {"server": self.url, "app": "orders", "token": "argocd-token"}

    def deny(self, *, by_hand: bool) -> None:
        """Open a deny window, which lets syncs by hand through or does not."""
        window = {"kind": "deny", "schedule": "0 22 * * *", "duration": "8h", "applications": ["*"]}
        self.windows = [{**window, "manualSync": by_hand}]

    def take_up(self) -> None:
        """Let the controller begin what was asked for."""
        asked = self.app.get("operation")
        if asked and not self.state:
            self.app["status"]["operationState"] = {
                "operation": asked,
                "phase": "Running",
                "startedAt": said(self.now()),
                "syncResult": {"revision": asked["sync"]["revision"], "resources": []},
            }
        if self.state.get("phase") == "Running" and not self._open():
            self.state["message"] = BLOCKED

    def half(self) -> None:
        """Let the controller apply the first of two objects."""
        self.take_up()
        self.state["syncResult"]["resources"] = [{"kind": "Deployment", "name": "orders", "status": "Synced"}]

    def go(self, phase: str = "Succeeded", message: str = "successfully synced (all tasks run)") -> None:
        """Let the controller end what runs, unless a window is in the way."""
        self.take_up()
        if self.state.get("phase") == "Terminating":
            phase, message = "Failed", "Operation terminated"
        elif self.state.get("phase") != "Running" or not self._open():
            return
        self.state.update({"phase": phase, "message": message, "finishedAt": said(self.now())})
        operation = self.app.pop("operation")
        if phase == "Succeeded":
            self._deployed(operation["sync"]["revision"], self.now())

    def reconcile(self) -> None:
        """Let auto-sync bring about what git has, as the controller does on every refresh."""
        if self.automated and self.live != self.git and "operation" not in self.app:
            self._set({"revision": self.git}, by={"automated": True})
            self.go()

    def sync_by_hand(self) -> None:
        """Have somebody else sync to what git has."""
        self._set({"revision": self.git}, by={"username": "ana"})

    def _open(self) -> bool:
        by_hand = not self.state["operation"]["initiatedBy"].get("automated")
        return all(by_hand and window["manualSync"] for window in self.windows)

    def _deployed(self, revision: str, at: datetime) -> None:
        history = self.app["status"]["history"]
        id = history[-1]["id"] + 1 if history else 0
        history.append({"id": id, "revision": revision, "deployedAt": said(at), "source": _source()})

    def _set(self, sync: dict[str, Any], *, by: dict[str, Any], info: Any = None) -> None:
        if "operation" in self.app:
            raise Refusal(_PRECONDITION, "another operation is already in progress")
        self.app["operation"] = {"sync": sync, "initiatedBy": by, **({"info": info} if info else {})}
        self.app["status"].pop("operationState", None)

    def _told(self) -> web.Response:
        says_application(self.app)
        return web.json_response(self.app)

    async def show(self, request: web.Request) -> web.Response:
        return self._told()

    async def patch(self, request: web.Request) -> web.Response:
        body = await self._body(request, "patch")
        assert body["patchType"] == "merge"
        patched = merged(self.app, json.loads(body["patch"]))
        # Whatever else a patch says, the server takes the spec, labels and annotations over.
        self.app["spec"] = patched["spec"]
        self.app["metadata"]["annotations"] = patched["metadata"].get("annotations", {})
        return self._told()

    async def rollback(self, request: web.Request) -> web.Response:
        body = await self._body(request, "rollback")
        if self.automated is not None and self.automated.get("enabled") is not False:
            raise Refusal(_PRECONDITION, "rollback cannot be initiated when auto-sync is enabled")
        entry = next((one for one in self.app["status"]["history"] if one["id"] == int(body["id"])), None)
        if entry is None:
            raise Refusal(
                _INVALID, f"application argocd/orders does not have deployment with id {body['id']}"
            )
        sync = {"revision": entry["revision"], "prune": body.get("prune", False), "source": entry["source"]}
        self._set(sync, by={"username": "backstop"})
        return self._told()

    async def sync(self, request: web.Request) -> web.Response:
        body = await self._body(request, "sync")
        self._set({"revision": self.git}, by={"username": "backstop"}, info=body.get("infos"))
        return self._told()

    async def terminate(self, request: web.Request) -> web.Response:
        if "operation" not in self.app or not self.state:
            raise Refusal(_INVALID, "Unable to terminate operation. No operation is in progress")
        self.state["phase"] = "Terminating"
        return web.json_response({})

    async def show_windows(self, request: web.Request) -> web.Response:
        free = all(window["manualSync"] for window in self.windows if window["kind"] == "deny")
        allows = [window for window in self.windows if window["kind"] == "allow"]
        active = [window for window in self.windows if window["kind"] == "deny"]
        answer: dict[str, Any] = {"assignedWindows": self.windows, "canSync": free and not allows}
        answer |= {"activeWindows": active} if active else {}
        says_windows(answer)
        return web.json_response(answer)

    async def _body(self, request: web.Request, kind: str) -> Any:
        body = await request.json()
        self.asked.append(kind)
        takes(kind, body)
        assert body["name"] == "orders"
        return body


def merged(known: Any, patch: Any) -> Any:
    """Return what a JSON merge patch (RFC 7386) makes of a value."""
    if not isinstance(patch, dict):
        return patch
    whole = dict(known) if isinstance(known, dict) else {}
    for name, value in patch.items():
        if value is None:
            whole.pop(name, None)
        else:
            whole[name] = merged(whole.get(name), value)
    return whole


def said(at: datetime) -> str:
    """Return a time as Kubernetes writes it."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _source() -> dict[str, Any]:
    return {"repoURL": "https://git.example.com/orders", "path": "deploy", "targetRevision": HEAD}


@web.middleware
async def _admitted(request: web.Request, handler: Any) -> web.StreamResponse:
    stand_in = request.app[STAND_IN]
    try:
        if request.headers.get("Authorization") != f"Bearer {stand_in.token}":
            raise Refusal(_UNAUTHENTICATED, "invalid session: signature is invalid")
        if request.match_info.get("name", "orders") != "orders":
            raise Refusal(_DENIED, "permission denied")
        answer: web.StreamResponse = await handler(request)
    except Refusal as refusal:
        error = {"error": refusal.message, "code": refusal.code, "message": refusal.message}
        return web.json_response(error, status=_STATUS[refusal.code])
    return answer


STAND_IN = web.AppKey("argo", ArgoStandIn)


@asynccontextmanager
async def argocd(token: str, now: Callable[[], datetime]) -> AsyncIterator[ArgoStandIn]:
    """Serve an application to who has the token."""
    made = ArgoStandIn(token, now)
    app = an_app(made.faults)
    app.middlewares.append(_admitted)
    app[STAND_IN] = made
    one = "/api/v1/applications/{name}"
    app.add_routes(
        [
            web.get(one, made.show),
            web.patch(one, made.patch),
            web.post(f"{one}/rollback", made.rollback),
            web.post(f"{one}/sync", made.sync),
            web.delete(f"{one}/operation", made.terminate),
            web.get(f"{one}/syncwindows", made.show_windows),
        ]
    )
    async with served(app) as made.url:
        yield made
