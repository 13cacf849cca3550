"""What is wrong with a request, as JSON that says what to do next; nothing of the inside is ever in it."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from contextlib import AbstractContextManager
from http import HTTPStatus
from types import TracebackType

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.web.answers import Problem
from integrations.contract import IntegrationError
from playbooks.problems import PlaybookInvalid

log = logging.getLogger(__name__)

REQUEST_ID = web.RequestKey("request_id", str)

_DISCONNECTED = 499

UNREADABLE = "Backstop's database cannot be read or written now."
UNREADABLE_NEXT = "Nothing was changed. Ask again in a moment; `backstop doctor` on its host tells more."
_SENTENCES: Mapping[int, tuple[str, str]] = {
    404: ("There is nothing at this address.", "Look at /openapi.json for what there is."),
    405: ("This address does not take that method.", "Look at /openapi.json for what it takes."),
    413: ("The body is over 256 kB: nothing was recorded.", "Send less."),
}


class Wrong(Exception):
    """A request that is answered with a status, what is wrong, and what to do next."""

    def __init__(
        self, status: int, error: str, what_next: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(error)
        self.status = status
        self.problem = Problem(error=error, what_next=what_next)
        self.headers = headers or {}


def answer(wrong: Wrong) -> web.Response:
    """Return the response to a request that is wrong."""
    return web.json_response(wrong.problem.model_dump(), status=wrong.status, headers=wrong.headers)


class _Named(AbstractContextManager[None]):
    """Notes the id of the request on whatever goes wrong in it, so that the log and the answer meet."""

    def __init__(self, id: str) -> None:
        self._id = id

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if problem is not None:
            problem.add_note(f"request {self._id}")


@web.middleware
async def in_words(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what goes wrong in words."""
    id = secrets.token_hex(6)
    request[REQUEST_ID] = id
    with _Named(id):
        try:
            return await handler(request)
        except Wrong as wrong:
            return answer(wrong)
        except IntegrationError as problem:
            log.error("request failed id=%s path=%s error=%s", id, request.path, problem)
            return answer(Wrong(503, UNREADABLE, UNREADABLE_NEXT, {"Retry-After": "5"}))
        except PlaybookInvalid as invalid:
            log.error("catalog unreadable id=%s problems=%d", id, len(invalid.problems))
            return answer(
                Wrong(503, "The catalog cannot be read.", "`backstop playbook check` on its host says why.")
            )
        except ConnectionError:
            if not _gone(request):
                raise
            # Nobody reads this; the status is the one that proxies count for it.
            log.info("disconnected id=%s path=%s", id, request.path)
            return web.Response(status=_DISCONNECTED)
        except web.HTTPException as problem:
            if problem.status not in _SENTENCES:
                raise
            error, what_next = _SENTENCES[problem.status]
            kept = {name: problem.headers[name] for name in ("Allow",) if name in problem.headers}
            return answer(Wrong(problem.status, error, what_next, kept))


def _gone(request: web.Request) -> bool:
    """Say whether whoever asked has hung up, so that their request cannot be read or answered any more."""
    return request.transport is None or request.transport.is_closing()


async def unforeseen(request: web.Request, response: web.StreamResponse) -> None:
    """Redraw the answer to an error nobody foresaw: aiohttp caught and logged it, here it gets its id."""
    if response.status not in {HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.GATEWAY_TIMEOUT}:
        return
    assert isinstance(response, web.Response)
    id = request.get(REQUEST_ID, "none")
    log.error("unforeseen id=%s method=%s path=%s", id, request.method, request.path)
    problem = Problem(
        error=f"Something unforeseen went wrong here (request {id}).",
        what_next="Look whether it was done before you ask again; Backstop's log says more under this id.",
    )
    body = problem.model_dump_json().encode()
    response.content_type = "application/json"
    response.body = body
    # aiohttp counted the length of its own text before it asked us.
    response.headers["Content-Length"] = str(len(body))
