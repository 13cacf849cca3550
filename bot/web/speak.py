"""What changes something: `POST /v1/say` for every verb, `POST /v1/releases` for what pipelines put out."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from aiohttp import web

from bot.commands import Place, say
from bot.core.errors import Conflict
from bot.core.release import ahead_in_words, misnamed, told_ahead, word
from bot.timeline import AlreadyAnswered, Change, Delivery
from bot.web.answers import Line, Recorded, Release, Said
from bot.web.keys import Caller
from bot.web.request import DESK, body_of, json_of, key_of
from bot.web.within import within
from bot.web.wrong import UNREADABLE_NEXT, Wrong
from playbooks.catalog import Catalog

VIA = "http"
TRIES = 10
FAST = timedelta(minutes=5)
SAY_S = 8.0
"""Below the 10 s after which the command line takes silence for nobody being there."""

BUSY = "Backstop's database is busy: nobody can say yet whether the line was recorded."
BUSY_NEXT = "Look at `status` before you say it again; under the same Idempotency-Key it is safe to."
MOMENT_NEXT = "Say when it went out, with its zone. Nothing was recorded."
ANOTHER = "This key came before with something else: nothing was done."
ANOTHER_NEXT = (
    "Send everything that is to be done with a key of its own, and only the same again with the same."
)


def delivery_of(caller: Caller, what: str, key: str | None) -> str:
    """Return the id of a delivery; keys of another caller, or of another address, are others."""
    return f"{VIA}:{what}:{caller.actor.name}:{key or secrets.token_hex(16)}"


async def speak(request: web.Request, caller: Caller) -> web.Response:
    """Carry out a line and answer 200, with `ok` false when it was refused."""
    header = key_of(request)
    body = await body_of(request, Line)
    saying = say(
        request.app[DESK],
        body.line,
        who=caller.actor,
        via=VIA,
        place=Place(channel=body.channel),
        delivery=delivery_of(caller, "say", header or body.delivery),
    )
    try:
        answer = await within(SAY_S, saying)
    except TimeoutError:
        raise Wrong(503, BUSY, BUSY_NEXT, {"Retry-After": "5"}) from None
    if answer.data.get("another_line"):
        raise Wrong(409, ANOTHER, ANOTHER_NEXT)
    if answer.data.get("unavailable"):
        raise Wrong(503, answer.text.strip(), UNREADABLE_NEXT, {"Retry-After": "1"})
    said = answer.as_json()
    return json_of(Said.model_validate({**said, "text": answer.text}))


async def release(request: web.Request, caller: Caller) -> web.Response:
    """Record or correct what was put into an environment: 201, or 200 when nothing is new."""
    key = key_of(request)
    body = await body_of(request, Release)
    service, environment = _place(request.app[DESK].shelf.catalog(), body, caller)
    if wrong := misnamed(body.told):
        raise Wrong(400, f"{wrong}: nothing was recorded.", "Say it as in 2.4.0.")
    now = request.app[DESK].now
    at = _moment(body, now)
    told = told_ahead(body.told, at, now)
    recorded = Recorded(
        recorded=True,
        service=service,
        environment=environment,
        version=body.version,
        note=ahead_in_words(told.said_at, now),
    )
    again = recorded.model_copy(update={"recorded": False})
    kept = {"answer": again.model_dump(), "of": body.model_dump(mode="json")}
    delivery = Delivery(delivery_of(caller, "release", key), kept) if key else None
    timeline, stream = request.app[DESK].timeline, f"service/{service}"
    if delivery and (before := await timeline.records.answer(delivery.id)) is not None:
        return _same_again(before, body)
    for _ in range(TRIES):
        entries = await timeline.read(stream)
        said = word(entries, told, at, once=key is None)
        if said.keep is None:
            assert said.at
            return json_of(again.model_copy(update={"note": ahead_in_words(said.ahead, said.at)}))
        change = {stream: Change(len(entries), (said.keep,), said.at)}
        try:
            await timeline.append(change, by=caller.actor.name, via=VIA, delivery=delivery)
        except Conflict:
            continue
        except AlreadyAnswered as answered:
            return _same_again(answered.answer, body)
        return json_of(recorded.model_copy(update={"corrected": said.corrects}), 201)
    raise Wrong(503, "Too many releases were recorded at once.", UNREADABLE_NEXT, {"Retry-After": "1"})


def _same_again(before: Mapping[str, object], body: Release) -> web.Response:
    if before["of"] != body.model_dump(mode="json"):
        raise Wrong(409, ANOTHER, ANOTHER_NEXT)
    return json_of(Recorded.model_validate(before["answer"]))


def _place(catalog: Catalog, body: Release, caller: Caller) -> tuple[str, str]:
    service = catalog.service(body.service) or body.service
    if not caller.may_ask(service):
        raise Wrong(
            403,
            f"The token {caller.token.name} may not record releases of that service.",
            "Ask whoever keeps Backstop for a token with the scope `gate` or `gate:<services>`.",
        )
    if service not in catalog.services:
        near = catalog.nearest_service(body.service)
        hint = f"Did you mean {near}?" if near else "Services are listed in catalog.yaml."
        raise Wrong(404, "There is no service of that name.", hint)
    environment = body.environment.lower()
    there = catalog.services[service].environments
    if environment not in there:
        raise Wrong(404, f"{service} has no environment of that name.", f"It has {', '.join(there)}.")
    return service, environment


def _moment(body: Release, now: datetime) -> datetime | None:
    """Return when it went out, or None for just now; clocks of pipelines may be a little fast."""
    if body.at is None:
        return None
    try:
        at = body.at.astimezone(UTC)
    except OverflowError:
        raise Wrong(400, "at: no calendar in UTC has it.", MOMENT_NEXT) from None
    if at > now + FAST:
        raise Wrong(400, "at: it lies in the future.", MOMENT_NEXT)
    return at
