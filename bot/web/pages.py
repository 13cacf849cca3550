"""Pages that only show: where the links in messages lead, also when Slack is down."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from bot.core import drill as drills
from bot.core import freeze as freezes
from bot.core.cards import drill_card, timeline_document
from bot.core.cards.lines.freezes import in_scope
from bot.core.document import Document, Heading, Line, Link, Moment, Paragraph, Table, Who
from bot.timeline.evidence import leads_of
from bot.web.html import POLICY, page
from bot.web.keys import Caller
from bot.web.picture import card, picture, run_document, run_of
from bot.web.request import DESK, id_of
from bot.web.wrong import Wrong

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_HOME: Line = (Link("Incidents", "/incidents"), " · ", Link("Freezes", "/freezes"))
LONGEST_LIST = 200


async def incidents(request: web.Request, _caller: Caller) -> web.Response:
    """Show the incidents, newest first."""
    listed = await request.app[DESK].timeline.lookup.incidents(only_open=False)
    rows: list[tuple[Line, ...]] = [
        (
            (Link(item.id, f"/incidents/{item.id}"),),
            (f"{item.service} in {item.environment}",),
            ("open" if item.open else "over",),
        )
        for item in listed[:LONGEST_LIST]
    ]
    body = Table(("Incident", "Where", "State"), rows) if rows else Paragraph(("No incident was declared.",))
    return _page(Document("Incidents", (body,)))


async def incident(request: web.Request, _caller: Caller) -> web.Response:
    """Show the card of an incident and its timeline."""
    desk = request.app[DESK]
    seen = await picture(desk, id_of(request, "INC"))
    here = f"/v1/incidents/{seen.incident.id}"
    links: list[Line] = [(" · ", Link(run.id, f"/runs/{run.id}")) for run in seen.runs]
    records: Line = (
        " · ",
        Link("Post-mortem", f"{here}/postmortem"),
        " · ",
        Link("JSON", f"{here}/timeline"),
    )
    shown = card(desk, seen)
    leads = await leads_of(desk.timeline.records, seen.story, desk.console)
    story = timeline_document(seen.story, seen.incident, leads)
    document = Document(shown.title, (*shown.blocks, Heading("Timeline"), *story.blocks))
    return _page(document, (*(span for line in links for span in line), *records))


async def run(request: web.Request, _caller: Caller) -> web.Response:
    """Show how far a run is, and its plan."""
    desk = request.app[DESK]
    seen = await run_of(desk, id_of(request, "RUN"))
    where = "drills" if seen.incident.drill else "incidents"
    links: Line = (" · ", Link(seen.incident.id, f"/{where}/{seen.incident.id}"))
    return _page(run_document(desk, seen), links)


async def drill(request: web.Request, _caller: Caller) -> web.Response:
    """Show the card of a drill."""
    desk, id = request.app[DESK], id_of(request, "DRL")
    found = drills.fold(await desk.timeline.read(f"drill/{id}"))
    if found is None:
        raise Wrong(404, f"There is no {id}.", "`backstop drill list` lists what there is.")
    seen = [(await run_of(desk, name)).run for name in found.runs]
    links: list[Line] = [(" · ", Link(run.id, f"/runs/{run.id}")) for run in seen]
    shown = drill_card(found, runs=seen, now=desk.timeline.now())
    return _page(shown, tuple(span for line in links for span in line))


async def frozen(request: web.Request, _caller: Caller) -> web.Response:
    """Show what is frozen, why, and how to ask for an exception."""
    desk = request.app[DESK]
    folded = (freezes.fold(entries) for entries in (await desk.timeline.frozen()).values())
    rows: list[tuple[Line, ...]] = [
        (
            (freeze.id,),
            (in_scope(freeze.placed.scope),),
            (freeze.placed.why,),
            (Who(freeze.by), " since ", Moment(freeze.since)),
            (f'{desk.command} freeze allow {freeze.id} service@sha "why"',),
        )
        for freeze in folded
        if freeze and freeze.in_force(desk.timeline.now())
    ]
    header = ("Freeze", "Stops", "Why", "Placed by", "Ask for an exception")
    return _page(Document("Freezes", (Table(header, rows) if rows else Paragraph(("Nothing is frozen.",)),)))


def _page(document: Document, links: Line = ()) -> web.Response:
    text = page(document, links=(*_HOME, *links))
    return web.Response(text=text, content_type="text/html", charset="utf-8", headers=HEADERS)
