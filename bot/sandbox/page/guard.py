"""Who may use the page: only this page itself, asked by a name that no stranger's site can have.

Whoever can open it can be anybody in the sandbox, so a foreign site must not reach it through the browser:
a name that leads here (DNS rebinding) is no address, and a form sent from elsewhere lacks the token.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from hmac import compare_digest
from urllib.parse import urlsplit

from aiohttp import web

from bot.sandbox.page.layout import refused
from integrations.here import is_here

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Lets in what comes from the page itself; `token` goes with everything that is sent."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(24)

    @web.middleware
    async def watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse what a foreign site could have sent, and lay the headers over every answer."""
        problem = _host_problem(request.host) or await self._origin_problem(request)
        if problem:
            answer: web.StreamResponse = web.Response(
                text=refused(problem), status=403, content_type="text/html", headers=HEADERS
            )
            return answer
        answer = await handler(request)
        if not answer.prepared:
            answer.headers.update(HEADERS)
        return answer

    async def _origin_problem(self, request: web.Request) -> str:
        origin = request.headers.get("Origin")
        if origin is not None and origin != f"{request.scheme}://{request.host}":
            return "Another site asked for this. Nothing was done; open the sandbox itself."
        if request.method == "GET":
            return ""
        given = str((await request.post()).get("token", ""))
        if not compare_digest(given.encode(), self.token.encode()):
            return "This was not sent by the page as it is now. Nothing was done; load the page again."
        return ""


def _host_problem(host: str) -> str:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        name = ""
    if is_here(name):
        return ""
    return "The sandbox is asked by its own address, such as 127.0.0.1, and by no other name."
