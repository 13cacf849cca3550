"""`GET /v1/gate`: pipelines ask here before they change anything."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime

from aiohttp import web

from bot.commands import Desk
from bot.core.freeze import Change, Freeze, Verdict
from bot.timeline.records import GateAnswer
from bot.web.answers import Allowed, Denied, Question, Stopping, Unknown, Ways
from bot.web.gate import ANSWER_S, Asked, ruling
from bot.web.keys import Caller
from bot.web.metrics import METRICS
from bot.web.request import DESK, json_of, query_of
from bot.web.within import within
from bot.web.wrong import UNREADABLE, Wrong
from integrations.contract import IntegrationError
from playbooks.catalog import Catalog
from playbooks.problems import PlaybookInvalid, nearest

log = logging.getLogger(__name__)

RETRY_S = 60


async def gate(request: web.Request, caller: Caller) -> web.Response:
    """Answer 200 to allow, 409 to deny, 404 and 503 when it is unknown."""
    desk = request.app[DESK]
    question = query_of(request, Question)
    try:
        catalog = desk.shelf.catalog()
    except PlaybookInvalid:
        return _unreadable(request, "The catalog cannot be read.")
    service = catalog.service(question.service) or question.service
    if not caller.may_ask(service):
        raise Wrong(
            403,
            f"The token {caller.token.name} may not ask about that service.",
            "Ask whoever keeps Backstop for a token with the scope `gate` or `gate:<services>`.",
        )
    asked = Asked(
        Change(service, question.environment.lower(), question.kind, question.sha),
        actor=question.actor or caller.actor.name,
        by=caller.actor.name,
    )
    unknown = _not_there(catalog, asked.change)
    if unknown:
        await _note(desk, asked)
        return _counted(request, "unknown", json_of(unknown, 404))
    verdict = await ruling(desk.timeline, asked)
    if verdict is None:
        return _unreadable(request, UNREADABLE)
    log.info(
        "gate decision=%s service=%s environment=%s kind=%s by=%s run=%s",
        "allow" if verdict.allowed else "deny",
        service,
        asked.change.environment,
        question.kind,
        asked.by,
        question.run_url or "-",
    )
    now = desk.timeline.now()
    if verdict.allowed:
        passed = tuple(freeze.id for freeze in verdict.passed)
        return _counted(request, "allow", json_of(Allowed(checked_at=now, passed=passed)))
    denied = _denied(desk, asked.change, verdict, now)
    status = 200 if question.deny_as == "200" else 409
    return _counted(request, "deny", json_of(denied, status, Retry_After=str(denied.retry_after_s)))


def _counted(request: web.Request, decision: str, response: web.Response) -> web.Response:
    request.app[METRICS].gate_answers.labels(decision).inc()
    return response


def _unreadable(request: web.Request, why: str) -> web.Response:
    what_next = "This is no yes. Ask again in a moment; `backstop doctor` on Backstop's host tells more."
    unknown = Unknown(code="unreadable", error=why, what_next=what_next)
    return _counted(request, "unknown", json_of(unknown, 503, Retry_After="5"))


def _not_there(catalog: Catalog, change: Change) -> Unknown | None:
    if change.service not in catalog.services:
        near = catalog.nearest_service(change.service)
        hint = f"Did you mean {near}?" if near else "Services are listed in catalog.yaml."
        return Unknown(code="unknown_service", error="There is no service of that name.", what_next=hint)
    there = catalog.services[change.service].environments
    if change.environment not in there:
        near = nearest(change.environment, there)
        hint = f"Did you mean {near}?" if near else f"It has {', '.join(there)}."
        error = f"{change.service} has no environment of that name."
        return Unknown(code="unknown_environment", error=error, what_next=hint)
    return None


async def _note(desk: Desk, asked: Asked) -> None:
    change = asked.change
    answer = GateAnswer(
        change.service, change.environment, change.kind, change.sha, asked.actor, verdict="unknown"
    )
    try:
        await within(ANSWER_S, desk.timeline.records.gate_answered(answer))
    except (IntegrationError, TimeoutError) as problem:
        # It was no yes, so nothing depends on the note.
        log.warning("gate unrecorded decision=unknown error=%s", type(problem).__name__)


def _denied(desk: Desk, change: Change, verdict: Verdict, now: datetime) -> Denied:
    ends = [end for freeze in verdict.freezes if (end := _end(freeze))]
    transition = min(ends, default=None)
    wait = (
        RETRY_S if transition is None else min(RETRY_S, max(1, int((transition - now).total_seconds()) + 1))
    )
    return Denied(
        checked_at=now,
        next_transition=transition,
        retry_after_s=wait,
        freezes=tuple(Stopping.model_validate(stopping(desk, freeze)) for freeze in verdict.freezes),
        ask=_ways(desk, change, verdict.freezes),
    )


def _end(freeze: Freeze) -> datetime | None:
    return freeze.placed.until if freeze.placed.lift == "at_until" else None


def stopping(desk: Desk, freeze: Freeze) -> dict[str, object]:
    """Return what everybody who is stopped by a freeze is told about it."""
    incident = freeze.incident
    return {
        "id": freeze.id,
        "cause": freeze.placed.cause,
        "reason": freeze.placed.why,
        "placed_by": freeze.by,
        "since": freeze.since,
        "until": _end(freeze),
        "incident_url": f"{desk.url}/incidents/{incident}" if incident else None,
    }


def _ways(desk: Desk, change: Change, freezes: Iterable[Freeze]) -> Ways:
    """Each freeze is passed by an exception of its own, so that every one of them is asked."""
    what = f'{change.service}@{change.sha or "<sha>"} "why"'
    lines = [f"freeze allow {freeze.id} {what}" for freeze in freezes]
    return Ways(
        slack=" and ".join(f"{desk.command} {line}" for line in lines),
        cli=" && ".join(f"backstop {line}" for line in lines),
        url=f"{desk.url}/freezes",
    )
