"""The moments between which an incident is measured, each with what is said where nobody knows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bot.core import events
from bot.core.decided import Decision
from bot.core.events import Phase
from bot.core.postmortem.story import Story
from playbooks.words import Option


@dataclass(frozen=True, slots=True)
class Stamp:
    """A moment by its name; `missing` says why there is none, and `note` what stands in for it."""

    name: str
    at: datetime | None
    missing: str
    note: str = ""


def impact_start(told: Story) -> Stamp:
    """Return when the impact began."""
    return Stamp("impact start", told.incident.impact_start, "nobody stated when the impact began")


def detected(told: Story) -> Stamp:
    """Return when it was noticed, as was said, or else when the alert it was declared from began to fire.

    The declaration is later, and no measure of that.
    """
    incident = told.incident
    if incident.alerted and not incident.detected:
        return Stamp("detected", incident.alerted, "", "detected: the alert began to fire")
    return Stamp("detected", incident.detected, "nobody said when it was detected")


def acknowledged(told: Story) -> Stamp:
    """Return when somebody took it on: as was said, or when the first page was acknowledged."""
    pages = (entry.occurred_at for entry, page in told.told(events.PagerTold) if page.what == "acknowledged")
    at = told.incident.acknowledged or _first(pages)
    return Stamp("acknowledged", at, "no page was acknowledged, and nobody said when somebody took it on")


def declared(told: Story) -> Stamp:
    """Return when it was declared."""
    return Stamp("declared", told.incident.declared_at, "")


def customers_told(told: Story) -> Stamp:
    """Return when the first words for customers were published."""
    published = (entry.occurred_at for entry, told_of in told.told(events.ExternalTold) if not told_of.why)
    return Stamp("first status", _first(published), "customers were told nothing through a status page")


def first_update(told: Story) -> Stamp:
    """Return when the first update was posted."""
    posted = (entry.occurred_at for entry, _ in told.told(events.UpdatePosted))
    return Stamp("first update", _first(posted), "no update was posted")


def effective(told: Story) -> Decision | None:
    """Return the first decision to do something that was not seen to fail."""
    acts = (decision for decision in told.incident.decisions if decision.made.option != Option.WAIT)
    return next((each for each in acts if not (each.observed and each.observed.refutes)), None)


def decided(told: Story) -> Stamp:
    """Return when the first effective decision was made."""
    found = effective(told)
    why = "every decision to act failed" if told.incident.decisions else "no decision was recorded"
    return Stamp("first effective decision", found.at if found else None, why)


def writers_stopped(told: Story) -> Stamp:
    """Return from when on nothing wrote to the damaged data."""
    began, back = told.incident.damage_start, verified(told).at
    # After a recovery writers go on, which takes nothing from what contained the damage.
    kept = [stop.at for stop in told.incident.stops if stop.held(back) and (not began or began <= stop.at)]
    at = told.incident.writers_stopped or next(reversed(kept), None)
    return Stamp("writers stopped", at, "writers were not stopped")


def mitigated(told: Story) -> Stamp:
    """Return when customers were relieved: as was said, or when a run recovered, or all was only watched."""
    doubt = told.incident.doubted
    watched = [
        entry.occurred_at
        for entry, moved in told.told(events.PhaseChanged)
        if moved.phase is Phase.MONITORING and (doubt is None or entry.occurred_at > doubt)
    ]
    at = told.incident.mitigated or _first(filter(None, (*watched, verified(told).at)))
    return Stamp("mitigated", at, "nobody said when the impact was mitigated")


def verified(told: Story) -> Stamp:
    """Return when the end checks of the run passed that brought service back for good."""
    found = told.recovered
    why = "no run recovered the service" + (
        " after it turned out not to be over" if told.incident.doubted else ""
    )
    return Stamp("end checks passed", found[0].recovered_at if found else None, why)


def damage_start(told: Story) -> Stamp:
    """Return when the damage began."""
    return Stamp("damage start", told.incident.damage_start, "nobody stated when the damage began")


def restore_decided(told: Story, before: datetime | None) -> Stamp:
    """Return when a restore that began then was decided."""
    made = [
        decision.at
        for decision in told.incident.decisions
        if decision.made.option.startswith("restore") and before and decision.at <= before
    ]
    return Stamp(
        "restore decided", made[-1] if made else None, "no decision to restore was recorded before it"
    )


def _first(moments: Iterable[datetime]) -> datetime | None:
    return min(moments, default=None)
