"""The workspace on the wire: the Web API, response URLs, uploads and the Socket Mode link."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from bot.sandbox.slack.arguments import Args, arguments_of
from bot.sandbox.slack.faults import Broken, Dropped, Fails, Faults, Held, Limited
from bot.sandbox.slack.journal import Call, Journal
from bot.sandbox.slack.limits import Limits
from bot.sandbox.slack.methods import carry_out, method_called
from bot.sandbox.slack.methods.method import Method
from bot.sandbox.slack.plain import plain
from bot.sandbox.slack.refusals import SlackRefuses, Wire
from bot.sandbox.slack.sockets import Sockets
from bot.sandbox.slack.workspace import Workspace

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

DEAD_URL = {"no_active_hooks", "used_url", "expired_url"}
LARGEST_BODY = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the app authenticates with; made anew for each workspace."""

    bot: str
    app: str
    signing_secret: str


def new_tokens() -> Tokens:
    """Return tokens nobody had before."""
    return Tokens(
        f"xoxb-sandbox-{secrets.token_hex(8)}",
        f"xapp-1-sandbox-{secrets.token_hex(8)}",
        secrets.token_hex(16),
    )


class _Waits(Exception):
    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Server:
    """The routes of a workspace; it listens on loopback and nowhere else."""

    def __init__(
        self, workspace: Workspace, journal: Journal, faults: Faults, sockets: Sockets, tokens: Tokens
    ) -> None:
        self.limits = Limits(workspace.now)
        self._workspace = workspace
        self._journal = journal
        self._faults = faults
        self._sockets = sockets
        self._tokens = tokens
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> str:
        """Listen and return the address, such as http://127.0.0.1:8123."""
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError(
                f"{host} is not a loopback address; a local Slack workspace listens nowhere else."
            )
        application = web.Application(client_max_size=LARGEST_BODY, middlewares=[self._outage])
        application.router.add_route("*", "/api/{method}", self._api)
        application.router.add_get("/link/", self._sockets.open)
        application.router.add_post("/hooks/{key}", self._hook)
        application.router.add_post("/upload/{file}", self._upload)
        application.router.add_get("/archives/{channel}/{message}", self._archive)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Close everything."""
        await self._sockets.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _outage(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not self._faults.down:
            return await handler(request)
        if self._faults.down_status is None:
            return _cut(request)
        return web.Response(status=self._faults.down_status, text="service unavailable")

    async def _api(self, request: web.Request) -> web.Response:
        name = request.match_info["method"]
        args = Args({})
        try:
            args = await arguments_of(request)
        except SlackRefuses as refusal:
            return self._answered(name, args, refusal.answer())
        fault = self._faults.take(name, args.text("channel"))
        match fault:
            case Held():
                fault.arrived.set()
                await fault.released.wait()
                if self._faults.down:
                    return _cut(request)
            case Limited(retry_after):
                return self._told_to_wait(name, args, retry_after)
            case Broken(status):
                self._note(name, args, status, {})
                return web.Response(status=status, text="upstream error")
            case Dropped("before"):
                self._note(name, args, None, {})
                return _cut(request)
            case Fails(code):
                return self._answered(name, args, SlackRefuses(code).answer())
            case _:
                pass
        return self._carried_out(request, name, args, fault)

    def _carried_out(self, request: web.Request, name: str, args: Args, fault: object) -> web.Response:
        try:
            answer = self._answer(request, name, args)
        except SlackRefuses as refusal:
            answer = refusal.answer()
        except _Waits as wait:
            return self._told_to_wait(name, args, wait.seconds)
        if isinstance(fault, Dropped):
            self._note(name, args, None, answer)
            return _cut(request)
        return self._answered(name, args, answer)

    def _answer(self, request: web.Request, name: str, args: Args) -> Wire:
        method = method_called(name)
        self._authenticate(request, method, args)
        seconds = self._limits_say(name, method, args)
        if seconds is not None:
            raise _Waits(seconds)
        return carry_out(self._workspace, method, args)

    def _limits_say(self, name: str, method: Method, args: Args) -> int | None:
        return self.limits.wait_for(name, method.per_minute, args.text("channel"))

    def _authenticate(self, request: web.Request, method: Method, args: Args) -> None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ") or args.text("token")
        if not token:
            raise SlackRefuses("not_authed")
        if token not in (self._tokens.bot, self._tokens.app):
            raise SlackRefuses("invalid_auth")
        wanted = self._tokens.app if method.held_by == "app" else self._tokens.bot
        if token != wanted:
            raise SlackRefuses("not_allowed_token_type")

    def _answered(self, name: str, args: Args, answer: Wire) -> web.Response:
        self._note(name, args, 200, answer)
        return web.json_response(answer, headers={"X-OAuth-Scopes": ",".join(sorted(self._workspace.scopes))})

    def _told_to_wait(self, name: str, args: Args, seconds: int) -> web.Response:
        answer = {"ok": False, "error": "ratelimited"}
        self._note(name, args, 429, answer)
        return web.json_response(answer, status=429, headers={"Retry-After": str(seconds)})

    def _note(self, name: str, args: Args, status: int | None, answer: Wire) -> None:
        shown = {key: value for key, value in args.values.items() if key != "token"}
        self._journal.called(Call(self._workspace.now(), name, shown, status, answer))

    async def _hook(self, request: web.Request) -> web.Response:
        key = request.match_info["key"]
        args = Args({})
        try:
            args = await arguments_of(request)
            body = args.values if "payload" not in args else args.json("payload")
            self._workspace.use_hook(key, body)
        except SlackRefuses as refusal:
            status = 404 if refusal.code in DEAD_URL else 400
            self._note("response_url", args, status, refusal.answer())
            return web.json_response(refusal.answer(), status=status)
        self._note("response_url", args, 200, {"ok": True})
        return web.Response(text="ok")

    async def _upload(self, request: web.Request) -> web.Response:
        upload = self._workspace.uploads.get(request.match_info["file"])
        if upload is None:
            return web.Response(status=404, text="unknown upload")
        upload.content = await request.read()
        return web.Response(text=f"OK - {len(upload.content)}")

    async def _archive(self, request: web.Request) -> web.Response:
        digits = request.match_info["message"].removeprefix("p")
        try:
            message = self._workspace.message(request.match_info["channel"], f"{digits[:-6]}.{digits[-6:]}")
        except SlackRefuses:
            return web.Response(status=404, text="There is no such message.\n")
        return web.Response(text=plain(self._workspace, message) + "\n")


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)
