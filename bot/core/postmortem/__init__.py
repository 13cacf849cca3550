"""The post-mortem: every section that events can fill is filled, the others ask people a question."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.core.cards.timeline import ordered, timeline_table, whole_of
from bot.core.document import Document, Heading
from bot.core.events import Entry
from bot.core.evidence import NONE, Leads
from bot.core.freeze import Freeze
from bot.core.incident import Incident
from bot.core.postmortem.account import account
from bot.core.postmortem.compared import compared, operations_in
from bot.core.postmortem.earlier import beside_earlier
from bot.core.postmortem.merged import reference, runs_in
from bot.core.postmortem.metrics import metrics_section
from bot.core.postmortem.people import lessons, questions, updates_log
from bot.core.postmortem.recovery import recovery
from bot.core.postmortem.story import ALONE, History, Story, suspects
from bot.core.run import Run

__all__ = ["operations_in", "postmortem"]


def postmortem(
    incident: Incident,
    story: Sequence[Entry],
    runs: Sequence[Run],
    freezes: Sequence[Freeze],
    *,
    now: datetime,
    beside: Sequence[Entry] = (),
    leads: Leads = NONE,
    history: History = ALONE,
) -> Document:
    """Return the post-mortem of an incident.

    `story` is every entry of it, its runs and its freezes; `beside` what was put out of its service, and
    every entry of what was merged into it: its runs were for the same event, the rest stands in the timeline.
    `leads` is where evidence is, and `history` what it is compared with.
    """
    if incident.merged:
        return reference(incident, incident.merged)
    theirs = [entry for entry in beside if entry.stream.startswith("run/")]
    rest = [entry for entry in beside if entry.stream.startswith(("incident/", "freeze/"))]
    entries = ordered((*story, *suspects(incident, beside), *theirs))
    told = Story(incident, tuple(entries), (*runs, *runs_in(theirs)), tuple(freezes), now, history.drills)
    blocks = (
        *account(told),
        *recovery(told),
        *questions(told),
        *updates_log(told),
        *lessons(told),
        *metrics_section(told),
        *beside_earlier(told, history.earlier),
        *compared(told, history.measured),
        Heading("Timeline"),
        timeline_table((*told.entries, *rest), leads),
    )
    return Document(f"{incident.id} post-mortem: {incident.title}", blocks, whole_of(incident.id))
