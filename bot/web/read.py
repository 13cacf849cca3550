"""What programs read: incidents, timelines, post-mortems, runs and freezes."""

from __future__ import annotations

import json

from aiohttp import web

from bot.core import freeze as freezes
from bot.core.cards import timeline_document, timeline_json
from bot.core.document import Document, markdown, plain, to_json
from bot.core.postmortem import postmortem
from bot.timeline.evidence import leads_of
from bot.timeline.merged import merged_into
from bot.timeline.stories import history_of
from bot.web.answers import Freezes, Frozen, IncidentRead, RunRead
from bot.web.ask import stopping
from bot.web.keys import Caller
from bot.web.picture import card, picture, run_document, run_of
from bot.web.request import DESK, id_of, json_of


async def incident(request: web.Request, _caller: Caller) -> web.Response:
    """Answer with an incident as it stands."""
    desk = request.app[DESK]
    seen = await picture(desk, id_of(request, "INC"))
    document = card(desk, seen)
    answer = {
        "incident": seen.incident,
        "runs": tuple(run.id for run in seen.runs),
        "freezes": tuple(freeze.id for freeze in seen.freezes),
        "text": plain(document),
        "document": to_json(document),
    }
    return json_of(IncidentRead.model_validate(answer))


async def timeline(request: web.Request, _caller: Caller) -> web.Response:
    """Answer with the timeline, as Markdown to who asks for `text/markdown`, else as JSON."""
    desk = request.app[DESK]
    seen = await picture(desk, id_of(request, "INC"))
    leads = await leads_of(desk.timeline.records, seen.story, desk.console)
    if "text/markdown" in request.headers.get("Accept", "").lower():
        return _markdown(timeline_document(seen.story, seen.incident, leads))
    rows = json.dumps(timeline_json(seen.story, leads), ensure_ascii=False)
    return web.Response(text=rows, content_type="application/json")


async def record(request: web.Request, _caller: Caller) -> web.Response:
    """Answer with the post-mortem as far as it is known, as Markdown."""
    desk = request.app[DESK]
    seen = await picture(desk, id_of(request, "INC"))
    released = await desk.timeline.read(f"service/{seen.incident.service}")
    merged = await merged_into(desk.timeline, seen.incident)
    document = postmortem(
        seen.incident,
        seen.story,
        seen.runs,
        seen.freezes,
        now=desk.timeline.now(),
        beside=(*released, *merged),
        leads=await leads_of(desk.timeline.records, (*seen.story, *merged), desk.console),
        history=await history_of(desk.timeline, seen.incident, (*seen.story, *merged)),
    )
    return _markdown(document)


async def run(request: web.Request, _caller: Caller) -> web.Response:
    """Answer with a run as it stands and its plan."""
    desk = request.app[DESK]
    seen = await run_of(desk, id_of(request, "RUN"))
    document = run_document(desk, seen)
    answer = {
        "state": seen.run.state,
        "over": seen.run.over,
        "run": seen.run,
        "text": plain(document),
        "document": to_json(document),
    }
    return json_of(RunRead.model_validate(answer))


async def in_force(request: web.Request, _caller: Caller) -> web.Response:
    """Answer with the freezes that are in force."""
    desk = request.app[DESK]
    folded = (freezes.fold(entries) for entries in (await desk.timeline.frozen()).values())
    found = [freeze for freeze in folded if freeze and freeze.in_force(desk.timeline.now())]
    rows = (
        {**stopping(desk, freeze), "scope": freeze.placed.scope, "review_at": freeze.review_at}
        for freeze in found
    )
    return json_of(Freezes(freezes=tuple(Frozen.model_validate(row) for row in rows)))


def _markdown(document: Document) -> web.Response:
    return web.Response(text=markdown(document), content_type="text/markdown", charset="utf-8")
