"""List what is going on: open incidents with their runs, and the freezes in force."""

from __future__ import annotations

from bot.commands.verb import Answer, Ask, Outcome, Verb
from bot.core import incident as incidents
from bot.core.document import Block, Document, Line, Paragraph, Strong, Table
from bot.core.freeze import Freeze
from bot.core.incident import Incident
from bot.core.may import Right


async def act(ask: Ask) -> Outcome:
    """Show the open incidents, or with `all` the closed ones too."""
    only_open = not (ask.words.args and ask.words.args[0].lower() == "all")
    listed = await ask.timeline.lookup.incidents(only_open=only_open)
    found = [incidents.fold(await ask.timeline.read(f"incident/{item.id}")) for item in listed[:50]]
    rows = [await _row(ask, incident) for incident in found if incident]
    header = ("Incident", "Severity", "Phase", "Service", "Commander", "Runs", "Title")
    blocks: list[Block] = [Table(header, rows)] if rows else [Paragraph(("No incident is open.",))]
    freezes = await ask.freezes()
    if freezes:
        blocks.append(Table(("Freeze", "Stops", "Since", "Why"), [freeze_row(freeze) for freeze in freezes]))
    ids = [incident.id for incident in found if incident]
    whole = f"backstop timeline {ids[0] if len(ids) == 1 else '<incident>'}"
    return Outcome(Answer(Document("", tuple(blocks), whole), data={"incidents": ids}))


async def _row(ask: Ask, incident: Incident) -> tuple[Line, ...]:
    runs = ", ".join(f"{run.id} {run.state}" for run in await ask.runs_of(incident))
    return (
        (Strong(incident.id),),
        (f"SEV{incident.severity}",),
        (incident.stands,),
        (f"{incident.service}, {incident.environment}",),
        (f"@{incident.commander}",),
        (runs or "none",),
        (incident.title,),
    )


def freeze_row(freeze: Freeze) -> tuple[Line, ...]:
    """Return a freeze as a row: its id, what it stops, since when and why."""
    scope = freeze.placed.scope
    what = f"{', '.join(scope.kinds)} of {', '.join(scope.services)} in {', '.join(scope.environments)}"
    since = f"{freeze.since:%Y-%m-%d %H:%M}Z"
    return ((Strong(freeze.id),), (what,), (since,), (freeze.placed.why,))


VERB = Verb(
    name="list",
    usage="list [all]",
    summary="Show open incidents, their runs and the freezes in force.",
    right=Right.READ,
    act=act,
)
