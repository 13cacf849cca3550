"""What one person sees on the home tab: what waits for them, and what is going on.

To add a part: write a function that yields its blocks, and put it where people should read it in `home_page`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.core.cards.approval import asked_of
from bot.core.cards.incident import to_do_line
from bot.core.cards.lines.freezes import in_scope
from bot.core.document import Block, Bullets, Buttons, Document, Heading, Line, Moment, Paragraph, Strong, Who
from bot.core.freeze import Freeze
from bot.core.incident import Incident, is_drill
from bot.core.run import Run
from bot.core.tasks import ToDo, actions, of_incident, of_run
from bot.core.words import linked
from playbooks.roles import Holders

MOST = 15
"""How much of a kind is shown, so that a home tab never has more than Slack takes; the rest is counted."""


@dataclass(frozen=True, slots=True)
class GoingOn:
    """Everything that is open: `runs` with what each is for, `holders` of their roles by run.

    Of the incidents that are `resolved` the post-mortem is to be reviewed; `gaps` are of drills, by their id.
    """

    incidents: Sequence[Incident]
    runs: Sequence[tuple[Run, Incident]]
    holders: Mapping[str, Holders]
    freezes: Sequence[Freeze]
    now: datetime
    resolved: Sequence[Incident] = ()
    gaps: Sequence[tuple[ToDo, str]] = ()


def home_page(person: str, seen: GoingOn) -> Document:
    """Return the page of one person, without the moment at which it was drawn."""
    updates = [incident for incident in seen.incidents if incident.next_update_by]
    blocks = (
        *_approvals(person, seen),
        *_tasks(person, seen),
        *_part("Open incidents", [_incident(each) for each in seen.incidents], "No incident is open."),
        *_part("Next updates", [_update(each, seen.now) for each in sorted(updates, key=_due)], ""),
        *_part("Changes are frozen", [_freeze(each) for each in seen.freezes], "Nothing is frozen."),
    )
    return Document("Backstop", blocks)


def _part(title: str, lines: Sequence[Line], none: str) -> Iterator[Block]:
    """Yield a list under its title, or the word that there is nothing."""
    if not lines and not none:
        return
    yield Heading(title)
    if not lines:
        yield Paragraph((none,))
        return
    yield Bullets(lines[:MOST])
    yield from _more(len(lines) - MOST)


def _more(count: int) -> Iterator[Block]:
    if count > 0:
        yield Paragraph((f"… and {count} more",))


def _approvals(person: str, seen: GoingOn) -> Iterator[Block]:
    """What waits for a yes of this person can be answered here as it can in the thread."""
    waiting = [
        (run, incident, asked)
        for run, incident in seen.runs
        for gate in run.gates
        if (asked := asked_of(person, run, gate, holders=seen.holders.get(run.id, {}), now=seen.now))
    ]
    yield Heading("Waiting for your approval")
    if not waiting:
        yield Paragraph(("Nothing waits for you.",))
    for run, incident, asked in waiting[:MOST]:
        what = "a drill" if is_drill(incident.id) else f"SEV{incident.severity}"
        for_what = f", for {incident.id} ({what}: {incident.title}). "
        yield Paragraph((Strong(f"{run.id} {asked.title}"), for_what, *asked.stands))
        yield asked.buttons
    yield from _more(len(waiting) - MOST)


def _tasks(person: str, seen: GoingOn) -> Iterator[Block]:
    """What this person was asked to do can be said to be done here; a gap is closed by a drill without it."""
    steps = (
        (each, run.incident) for run, _ in seen.runs for each in of_run(run, seen.holders.get(run.id, {}))
    )
    given = ((each, inc.id) for inc in seen.incidents for each in of_incident(inc.id, inc.tasks))
    left = ((each, inc.id) for inc in seen.resolved for each in of_incident(inc.id, actions(inc.tasks)))
    mine = [(each, id) for each, id in (*steps, *given, *left, *seen.gaps) if person in each.people]
    if mine:
        yield Heading("Your tasks")
    for each, id in mine[:MOST]:
        yield Paragraph((Strong(f"{id} "), *to_do_line(each, seen.now)))
        if each.buttons:
            yield Buttons(each.buttons)
    yield from _more(len(mine) - MOST)


def _incident(incident: Incident) -> Line:
    head = f" SEV{incident.severity} {incident.phase.value}: {incident.title}; commander "
    room: Line = (" · ", linked(f"#{incident.room.name}", incident.room.url or "")) if incident.room else ()
    return (Strong(incident.id), head, Who(incident.commander), *room)


def _due(incident: Incident) -> datetime:
    assert incident.next_update_by
    return incident.next_update_by


def _update(incident: Incident, now: datetime) -> Line:
    by = _due(incident)
    late = ", overdue" if now > by else ""
    return (Strong(incident.id), " by ", Moment(by), late)


def _freeze(freeze: Freeze) -> Line:
    why = f": {freeze.placed.why} (placed by "
    return (Strong(freeze.id), f" stops {in_scope(freeze.placed.scope)}{why}", Who(freeze.by), ")")
