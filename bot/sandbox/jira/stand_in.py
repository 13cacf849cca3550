"""A Jira site on loopback: stateful, strict about what Jira is strict about, and able to fail on request."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Callable, Iterable
from datetime import datetime
from hmac import compare_digest
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from bot.sandbox.jira.routes import api, routes
from bot.sandbox.jira.site import PERSON, Comment, Issue, Problem, Site
from bot.sandbox.wire import Wire


class JiraStandIn(Wire):
    """A Jira site listening on loopback: `async with JiraStandIn(now=clock) as jira: jira.url`.

    It is Jira Cloud, or else Jira Data Center, which takes version 2, wiki markup and its token as a bearer.
    """

    name = "Jira"

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        port: int = 0,
        project: str = "OPS",
        email: str = "backstop@example.org",
        token: str = "",
        cloud: bool = True,
    ) -> None:
        super().__init__(now=now, port=port)
        self.project = project
        self.email = email
        self.token = token or secrets.token_urlsafe(24)
        self.site = Site(project=project, now=now, cloud=cloud)

    @property
    def issues(self) -> dict[str, Issue]:
        """Return the issues by key, in the order they were created."""
        return self.site.issues

    def person_comments(self, key: str, body: Any) -> Comment:
        """Let somebody at the browser write a comment."""
        return self.site.comment(self.site.issue(key), body, author=PERSON)

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the operations and pages of the site."""
        return routes(self.site, url=self.url, email=self.email)

    async def carry_out(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer as Jira does, also what is wrong."""
        try:
            base = api(self.site)
            if request.path.startswith(base) and request.path != f"{base}/serverInfo":
                self._authenticate(request)
            return await handler(request)
        except Problem as problem:
            return web.json_response(problem.body, status=problem.status)
        except web.HTTPNotFound:
            return web.json_response(
                {"errorMessages": ["dead link"], "errors": {}}, status=HTTPStatus.NOT_FOUND
            )

    def _authenticate(self, request: web.Request) -> None:
        account = b64encode(f"{self.email}:{self.token}".encode()).decode()
        expected = f"Basic {account}" if self.site.cloud else f"Bearer {self.token}"
        given = request.headers.get(hdrs.AUTHORIZATION, "")
        if not compare_digest(expected.encode(), given.encode("utf-8", "surrogateescape")):
            raise Problem(HTTPStatus.UNAUTHORIZED, "Client must be authenticated to access this resource.")
