"""The message about a group of alerts: what fires, what changed lately, and a form that declares it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from bot.core.alerts import AlertGroup, Suggestion
from bot.core.document import (
    Block,
    Bullets,
    Button,
    Buttons,
    Code,
    Document,
    Fields,
    Line,
    Moment,
    Paragraph,
    Small,
    Strong,
)
from bot.core.events import Entry, ReleaseRecorded
from bot.core.release import put_out
from bot.core.words import joined, linked

LATELY = 3
"""How many changes of the service are named."""
LONG = timedelta(days=300)
"""An alert that fires for as long tells nothing of when it began to matter."""


def alert_card(
    group: AlertGroup, suggestion: Suggestion, *, changes: Sequence[Entry], incidents: Sequence[str]
) -> Document:
    """Return the message; `changes` are the service's releases, `incidents` those that are open for it."""
    over = group.firing == 0
    title = f"{'Resolved' if over else 'Alerts'}: {group.title}"
    blocks = (
        Fields(tuple(_facts(group, suggestion))),
        *_changed(changes),
        *_next(group, suggestion, incidents),
        Small(("As of ", Moment(group.at), *_source(group))),
    )
    return Document(title, blocks)


def _facts(group: AlertGroup, suggestion: Suggestion) -> Iterator[tuple[str, Line]]:
    place = f" in {suggestion.environment}" if suggestion.environment else ""
    known = f"{suggestion.service}{place}" if suggestion.service else "none of the catalog is named"
    yield "Service", (known,)
    if group.firing:
        yield "Firing", (f"{group.firing} {'alert' if group.firing == 1 else 'alerts'}", *_since(group.since))
        yield "Suggested severity", (f"SEV{suggestion.severity}",)
    labels = joined([(Code(f"{name}={value}"),) for name, value in group.labels.items()], " ")
    yield "Labels", labels or ("none",)


def _since(since: datetime | None) -> Line:
    return (" since ", Moment(since)) if since else ()


def _changed(changes: Sequence[Entry]) -> Iterator[Block]:
    told = [(entry, entry.event) for entry in changes if isinstance(entry.event, ReleaseRecorded)]
    if told:
        yield Paragraph((Strong("Changed lately:"),))
        yield Bullets(
            [(Moment(entry.occurred_at), f" {put_out(event)}") for entry, event in told[: -LATELY - 1 : -1]]
        )


def _next(group: AlertGroup, suggestion: Suggestion, incidents: Sequence[str]) -> Iterator[Block]:
    if not group.firing:
        return
    if incidents:
        yield Paragraph((f"{', '.join(incidents)} {'is' if len(incidents) == 1 else 'are'} open for it.",))
    style = "" if incidents else "danger"
    line = declaration(group, suggestion)
    yield Buttons((Button("Declare an incident", line, style=style, form="declare"),))


def declaration(group: AlertGroup, suggestion: Suggestion) -> str:
    """Return the line that declares it, with which the form begins."""
    title = group.title.replace("\\", "").replace('"', "'")
    parts = [f'declare "{title}" sev:{suggestion.severity}']
    if suggestion.service:
        parts.append(f"svc:{suggestion.service}")
    if suggestion.environment:
        parts.append(f"env:{suggestion.environment}")
    if group.since and timedelta(0) <= group.at - group.since < LONG:
        began = f"{group.since:%Y-%m-%dT%H:%M:%SZ}"
        parts += [f"since:{began}", f"alerted:{began}"]
    return " ".join(parts)


def _source(group: AlertGroup) -> Line:
    return (" · ", linked("where it came from", group.url)) if group.url else ()
