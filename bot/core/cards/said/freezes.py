"""What the channel reads about freezes, exceptions and refused deployments."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from bot.core import events
from bot.core.cards.lines.freezes import describe_freeze, in_scope
from bot.core.document import (
    Button,
    Buttons,
    Code,
    Document,
    Fields,
    Line,
    Moment,
    Paragraph,
    Strong,
    Who,
)
from bot.core.events import Entry, FreezeEvent
from bot.core.freeze import Freeze
from bot.core.words import BACKSTOP, sentence

KEPT_FOR = "2h"


def said_of_freeze(entry: Entry, event: FreezeEvent, freeze: Freeze) -> Document:
    """Return what the channel reads about something that happened to a freeze."""
    match event:
        case events.FreezePlaced():
            return _placed(entry, event, freeze)
        case events.FreezeReviewDue():
            return _review(freeze)
        case (
            events.FreezeExtended() | events.FreezeMoved() | events.FreezeLifted() | events.ExceptionGranted()
        ):
            return _by_person(entry, event, freeze)
        case events.ExceptionAsked(service=service, sha=sha):
            return _asked(entry, event, freeze, f"{service}@{sha}")
        case events.DeploymentRefused():
            return _refused(event, freeze)
        case events.DeploymentExcepted(actor=actor):
            line: Line = (Strong(f"{freeze.id}: "), *describe_freeze(event), ", by ", Who(actor), ".")
            return Document("", (Paragraph(line),))
        case _:
            assert_never(event)


def _by_person(entry: Entry, event: FreezeEvent, freeze: Freeze) -> Document:
    who: Line = () if entry.by == BACKSTOP else (Who(entry.by), " on ")
    line: Line = (*who, Strong(freeze.id), ": ", *describe_freeze(event))
    return Document("", (Paragraph(line),))


def _placed(entry: Entry, event: events.FreezePlaced, freeze: Freeze) -> Document:
    causes = {"run": f", for {event.run}", "incident": f", for {event.incident}", "calendar": ", as planned"}
    pairs: tuple[tuple[str, Line], ...] = (
        ("Stops", (in_scope(event.scope),)),
        ("Why", (event.why,)),
        ("Ends", _end(event, event.review_at)),
        ("Placed", (Moment(entry.occurred_at), " by ", Who(entry.by), causes.get(event.cause, ""))),
        ("Still allowed", ("everything outside that scope",)),
        (
            "Exception",
            ("one sha, two people, at most 2 h: ", Code(f'freeze allow {freeze.id} service@sha why:"…"')),
        ),
    )
    return Document(f"{freeze.id}: changes are frozen", (Fields(pairs),))


def _end(event: events.FreezePlaced, look: datetime | None) -> Line:
    match event.lift:
        case "by_hand":
            return ("when a person lifts it", *((", next look at ", Moment(look)) if look else ()))
        case "with_run":
            return (f"with {event.run or 'its run'}",)
        case "at_until":
            return ("by itself at ", Moment(event.until)) if event.until else ("when a person lifts it",)
        case _:
            assert_never(event.lift)


def _review(freeze: Freeze) -> Document:
    line: Line = (
        Who(freeze.by, ping=True),
        f": {freeze.id} still stops {in_scope(freeze.placed.scope)} ({freeze.placed.why}), since ",
        Moment(freeze.since),
        ". Is it still needed? It stays until somebody lifts it.",
    )
    buttons = (
        Button("Keep it", f"freeze extend {freeze.id} for:{KEPT_FOR}", ask="Why is it still needed?"),
        Button("Lift it", f"freeze off {freeze.id}", style="danger", ask="Why may changes go on?"),
    )
    return Document("", (Paragraph(line), Buttons(buttons)))


def _asked(entry: Entry, event: events.ExceptionAsked, freeze: Freeze, what: str) -> Document:
    line: Line = (
        Who(entry.by),
        " asks to let ",
        Code(what),
        f" through {freeze.id} until ",
        Moment(event.expires),
        f": {sentence(event.why)} Somebody else must agree.",
    )
    grant = Button(
        "Grant", f"freeze allow {freeze.id} {what}", style="primary", confirm=f"Let {what} through?"
    )
    return Document("", (Paragraph(line), Buttons((grant,))))


def _refused(event: events.DeploymentRefused, freeze: Freeze) -> Document:
    what = f"{event.service}@{event.sha}" if event.sha else event.service
    line: Line = (
        Strong("Refused: "),
        f"{event.change} of ",
        Code(what),
        f" to {event.environment} by ",
        Who(event.actor),
        f". {freeze.id} is in force: {sentence(freeze.placed.why)}",
    )
    if not event.sha:
        return Document("", (Paragraph((*line, " Without a sha no exception can be asked for.")),))
    button = Button("Ask for an exception", f"freeze allow {freeze.id} {what}", ask="Why?")
    how: Line = (" An exception for one sha needs two people and lasts at most 2 h.",)
    return Document("", (Paragraph((*line, *how)), Buttons((button,))))
