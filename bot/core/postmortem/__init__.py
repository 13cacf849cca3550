"""The post-mortem: every section that events can fill is filled, the others ask people a question."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.core.cards.timeline import ordered, timeline_table, whole_of
from bot.core.document import Document, Heading
from bot.core.events import Entry
from bot.core.freeze import Freeze
from bot.core.incident import Incident
from bot.core.postmortem.account import account
from bot.core.postmortem.metrics import metrics_section
from bot.core.postmortem.people import lessons, questions, updates_log
from bot.core.postmortem.recovery import recovery
from bot.core.postmortem.story import Story, suspects
from bot.core.run import Run

__all__ = ["postmortem"]


def postmortem(
    incident: Incident,
    story: Sequence[Entry],
    runs: Sequence[Run],
    freezes: Sequence[Freeze],
    *,
    now: datetime,
    service: Sequence[Entry] = (),
) -> Document:
    """Return the post-mortem of an incident.

    `story` is every entry of it, its runs and its freezes; `service` what was put out of its service.
    """
    entries = ordered((*story, *suspects(incident, service)))
    told = Story(incident, tuple(entries), tuple(runs), tuple(freezes), now)
    blocks = (
        *account(told),
        *recovery(told),
        *questions(told),
        *updates_log(told),
        *lessons(),
        *metrics_section(told),
        Heading("Timeline"),
        timeline_table(told.entries),
    )
    return Document(f"{incident.id} post-mortem: {incident.title}", blocks, whole_of(incident.id))
