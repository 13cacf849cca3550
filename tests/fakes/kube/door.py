"""The HTTP door of the API: paths to objects, bodies of three formats, watches, and faults on demand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from ruamel.yaml import YAML

from tests.fakes.kube import discovery, patches, protobuf
from tests.fakes.kube.kinds import REVIEW, Kind, Object
from tests.fakes.kube.selectors import chosen
from tests.fakes.kube.store import ApiError, Store, invalid

_INITIAL_END = {"annotations": {"k8s.io/initial-events-end": "true"}}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a path names; `verb` is the word of rights."""

    verb: str
    kind: Kind
    namespace: str
    name: str
    part: str
    everywhere: bool


@dataclass
class Faults:
    """What goes wrong. `lose` names verbs whose next answer is lost after the act, `refuse` those before."""

    down: bool = False
    lose: list[str] = field(default_factory=list)
    refuse: list[str] = field(default_factory=list)
    forbidden: set[tuple[str, str]] = field(default_factory=set)


class Door:
    """Answers requests for a store; `asked` remembers every one that could change something."""

    def __init__(self, store: Store, token: str) -> None:
        self.store = store
        self.token = token
        self.faults = Faults()
        self.asked: list[Asked] = []
        self._applied: dict[tuple[str, str, str, str], Object] = {}

    def app(self) -> web.Application:
        """Return what a server serves."""
        app = web.Application(client_max_size=8 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if self.faults.down:
            request.transport and request.transport.abort()
            return web.Response(status=503)
        try:
            if request.headers.get("Authorization") != f"Bearer {self.token}":
                raise ApiError(401, "Unauthorized", "Unauthorized")
            return await self._granted(request)
        except ApiError as error:
            return web.json_response(error.status(), status=error.code)

    async def _granted(self, request: web.Request) -> web.StreamResponse:
        found = discovery.answer(request.path, [*self.store.kinds.values(), REVIEW])
        if found is not None and request.method == "GET":
            return web.json_response(found)
        asked = self._asked(request)
        if asked.kind == REVIEW:
            return web.json_response(self._review(await _body(request)), status=201)
        self._may(asked)
        self._fail(asked, self.faults.refuse, ApiError(503, "ServiceUnavailable", "the server is going away"))
        if asked.verb == "watch":
            return await self._watch(request, asked)
        body = await _body(request)
        if asked.verb not in {"get", "list"}:
            self.asked.append(asked)
        status = 201 if asked.verb == "create" else 200
        answer = self._act(request, asked, body)
        try:
            self._fail(asked, self.faults.lose, ConnectionResetError())
        except ConnectionResetError:
            request.transport and request.transport.abort()
        return web.json_response(answer, status=status)

    def _fail(self, asked: Asked, verbs: list[str], error: Exception) -> None:
        if asked.verb in verbs:
            verbs.remove(asked.verb)
            raise error

    def _asked(self, request: web.Request) -> Asked:
        match request.path.strip("/").split("/"):
            case ["api", version, *rest]:
                group = ""
            case ["apis", group, version, *rest]:
                pass
            case _:
                rest, group, version = [], "", ""
        namespace = ""
        if len(rest) > 2 and rest[0] == "namespaces" and rest[2] not in {"status", "finalize"}:
            namespace, rest = rest[1], rest[2:]
        plural, name, part = (*rest, "", "", "")[:3]
        kind = REVIEW if plural == REVIEW.plural else self.store.kinds.get((group, version, plural))
        if kind is None:
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        everywhere = kind.namespaced and not namespace
        return Asked(_verb(request, name), kind, namespace, name, part, everywhere)

    def _may(self, asked: Asked) -> None:
        if (asked.verb, asked.kind.plural) in self.faults.forbidden:
            where = f' in the namespace "{asked.namespace}"' if asked.namespace else ""
            text = (
                f'{asked.kind.qualified} "{asked.name}" is forbidden: User "backstop" cannot {asked.verb} '
                f'resource "{asked.kind.plural}" in API group "{asked.kind.group}"{where}'
            )
            raise ApiError(403, "Forbidden", text)

    def _review(self, body: Object) -> Object:
        wanted = body["spec"]["resourceAttributes"]
        allowed = (wanted["verb"], wanted["resource"]) not in self.faults.forbidden
        return {**body, "status": {"allowed": allowed}}

    def _act(self, request: web.Request, asked: Asked, body: Any) -> Object:
        store, kind, dry = self.store, asked.kind, "dryRun" in request.query
        match asked.verb:
            case "list":
                return self._listed(request, asked)
            case "create":
                return store.create(kind, asked.namespace, body, dry=dry)
            case "get" if asked.part == "scale":
                return _scale(store.get(kind, asked.namespace, asked.name))
            case "get":
                return store.get(kind, asked.namespace, asked.name)
            case "update" | "patch" if asked.part == "scale":
                return self._scaled(request, asked, body)
            case "update":
                return store.replace(kind, asked.namespace, asked.name, body, part=asked.part, dry=dry)
            case "patch":
                return self._patched(request, asked, body)
            case _:
                store.delete(kind, asked.namespace, asked.name)
                return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}

    def _listed(self, request: web.Request, asked: Asked) -> Object:
        found = self._chosen(request, asked)
        begin = int(request.query.get("continue", 0))
        end = begin + (int(request.query.get("limit", 0)) or len(found))
        meta: Object = {"resourceVersion": str(self.store.version)}
        if end < len(found):
            meta |= {"continue": str(end), "remainingItemCount": len(found) - end}
        return {
            "kind": f"{asked.kind.name}List",
            "apiVersion": asked.kind.group_version,
            "metadata": meta,
            "items": found[begin:end],
        }

    def _chosen(self, request: web.Request, asked: Asked) -> list[Object]:
        found = self.store.list(asked.kind, None if asked.everywhere else asked.namespace)
        return [item for item in found if _selected(request, item)]

    def _patched(self, request: web.Request, asked: Asked, body: Any) -> Object:
        store, dry = self.store, "dryRun" in request.query
        place = (asked.kind, asked.namespace, asked.name)
        if request.content_type == patches.APPLY:
            return self._apply(request, asked, body)
        try:
            made = _PATCHES[request.content_type](store.get(*place), body)
        except patches.Unfit as unfit:
            raise invalid(asked.kind, asked.name, str(unfit)) from unfit
        return store.replace(*place, made, part=asked.part, dry=dry)

    def _apply(self, request: web.Request, asked: Asked, body: Object) -> Object:
        mark = (asked.kind.qualified, asked.namespace, asked.name, request.query.get("fieldManager", ""))
        before, self._applied[mark] = self._applied.get(mark, {}), body
        place = (asked.kind, asked.namespace, asked.name)
        try:
            current = self.store.get(*place)
        except ApiError:
            return self.store.create(asked.kind, asked.namespace, body)
        return self.store.replace(*place, patches.applied(current, before, body))

    def _scaled(self, request: web.Request, asked: Asked, body: Any) -> Object:
        place = (asked.kind, asked.namespace, asked.name)
        current = self.store.get(*place)
        wanted = body if asked.verb == "update" else _PATCHES[request.content_type](_scale(current), body)
        current["spec"]["replicas"] = wanted["spec"].get("replicas", 0)
        current["metadata"]["resourceVersion"] = (wanted.get("metadata") or {}).get("resourceVersion")
        return _scale(self.store.replace(*place, current))

    async def _watch(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        version = request.query.get("resourceVersion", "")
        initial = request.query.get("sendInitialEvents") == "true"
        since = self.store.version
        if initial or version in {"", "0"}:
            for item in self._chosen(request, asked):
                await _event(response, "ADDED", item)
        else:
            since = int(version)
        if initial:
            meta = {"resourceVersion": str(since), **_INITIAL_END}
            about = {"kind": asked.kind.name, "apiVersion": asked.kind.group_version}
            await _event(response, "BOOKMARK", {**about, "metadata": meta})
        # A client that is gone, or whose time is over, ends the watch and nothing else.
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(float(request.query.get("timeoutSeconds", 300))):
                async for change in self.store.follow(asked.kind, since):
                    own = asked.namespace in ("", change.object["metadata"].get("namespace", ""))
                    if own and _selected(request, change.object):
                        await _event(response, change.type, change.object)
        return response


_PATCHES: dict[str, Callable[[Any, Any], Any]] = {
    patches.JSON: patches.patched,
    patches.MERGE: patches.merged,
    patches.STRATEGIC: patches.strategic,
}


def _verb(request: web.Request, name: str) -> str:
    match request.method:
        case "GET" if request.query.get("watch", "").lower() in {"1", "true"}:
            return "watch"
        case "GET":
            return "get" if name else "list"
        case "DELETE" if not name:
            return "deletecollection"
        case method:
            return {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}[method]


def _selected(request: web.Request, item: Object) -> bool:
    return chosen(item, request.query.get("labelSelector", ""), request.query.get("fieldSelector", ""))


async def _body(request: web.Request) -> Any:
    content = await request.read()
    if not content:
        return {}
    try:
        if request.content_type == protobuf.CONTENT:
            return protobuf.decode(content)
        if request.content_type == patches.APPLY:
            return YAML(typ="safe").load(content.decode())
        return json.loads(content)
    except (protobuf.Unreadable, ValueError) as wrong:
        raise ApiError(400, "BadRequest", f"{request.method} {request.path}: {wrong}") from wrong


async def _event(response: web.StreamResponse, type: str, item: Object) -> None:
    await response.write(json.dumps({"type": type, "object": item}).encode() + b"\n")


def _scale(item: Object) -> Object:
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    labels = (item["spec"].get("selector") or {}).get("matchLabels", {})
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: item["metadata"][key] for key in kept},
        "spec": {"replicas": item["spec"].get("replicas", 0)},
        "status": {"replicas": (item.get("status") or {}).get("replicas", 0), "selector": selector},
    }
