"""The alerts that a run keeps silent: which, until when at most, and what became of each silence.

A plan names those that are silent from the first act that changes something; people may ask for more. In
Alertmanager each is placed for a short time and made longer while it is wanted, so that it ends by itself
when nobody is there to end it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, assert_never

from bot.core.events import (
    Entry,
    Event,
    SilenceAsked,
    SilenceEnded,
    SilenceEvent,
    SilenceLifted,
    SilencePlaced,
    SilenceTroubled,
    StepStarted,
)
from bot.core.plan import Plan
from integrations.contract import Effect
from playbooks.catalog import Catalog

Labels = Mapping[str, str]
Because = Literal["run", "person", "time", "elsewhere"]

AT_MOST = timedelta(hours=4)
"""How long alerts are silent at most because a plan says so; people may ask for more."""
LONGEST = timedelta(hours=24)
"""How long a person may ask for."""
LEASE = timedelta(minutes=15)
"""How long a silence lasts in Alertmanager when nobody makes it longer."""
RENEWED = timedelta(minutes=10)
"""With less than this left it is made longer."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts with all of these labels are to be silent; `number` is that of the entry that began it."""

    labels: Labels
    number: int
    until: datetime
    by: str
    placed: bool = False
    lifted: bool = False
    ended: Because | None = None

    def lasts(self, now: datetime) -> datetime:
        """Return until when it is placed in Alertmanager now."""
        return min(self.until, now + LEASE).replace(microsecond=0)

    def over(self, now: datetime, *, run_over: bool) -> Because | None:
        """Return why it must end, or None while it is wanted."""
        if self.lifted:
            return "person"
        if run_over:
            return "run"
        return "time" if now >= self.until.replace(microsecond=0) else None


@dataclass(frozen=True, slots=True)
class Silences:
    """What a run keeps silent, by its matchers; `off` when a person wants its alerts to be heard."""

    known: Mapping[str, Silence] = field(default_factory=dict)
    off: bool = False
    trouble: str = ""

    @property
    def open(self) -> tuple[Silence, ...]:
        """Return those that are in force or on their way."""
        return tuple(each for each in self.known.values() if each.ended is None)

    def after(self, entry: Entry, event: Event, plan: Plan | None) -> Silences:
        """Return how it stands after one more event of the run."""
        match event:
            case StepStarted():
                return self._acts(entry, event, plan)
            case SilenceAsked() | SilenceLifted() | SilencePlaced() | SilenceEnded() | SilenceTroubled():
                return self._told(entry, event)
            case _:
                return self

    def _acts(self, entry: Entry, event: StepStarted, plan: Plan | None) -> Silences:
        """The first act that changes something makes the plan's alerts silent, once."""
        step = plan.step(event.step) if plan else None
        if plan is None or step is None or step.call.effect is Effect.READ or event.undo or self.off:
            return self
        until = entry.occurred_at + AT_MOST
        new = {matchers(labels): Silence(labels, entry.seq, until, entry.by) for labels in plan.silences}
        return replace(self, known={**new, **self.known})

    def _told(self, entry: Entry, event: SilenceEvent) -> Silences:
        match event:
            case SilenceAsked(alerts=alerts):
                asked = {matchers(labels): self._asked(labels, entry, event) for labels in alerts}
                return replace(self, known={**self.known, **asked}, off=False)
            case SilenceLifted():
                lifted = {name: replace(each, lifted=True) for name, each in self.known.items()}
                return replace(self, known=lifted, off=True)
            case SilencePlaced(labels=labels):
                return self._with(labels, placed=True)
            case SilenceEnded(labels=labels, because=because):
                return self._with(labels, ended=because)
            case SilenceTroubled(why=why):
                return replace(self, trouble=why)
            case _:
                assert_never(event)

    def _asked(self, labels: Labels, entry: Entry, event: SilenceAsked) -> Silence:
        """What is silent already only gets another end."""
        found = self.known.get(matchers(labels))
        if found and found.ended is None and not found.lifted:
            return replace(found, until=event.until, by=entry.by)
        return Silence(labels, entry.seq, event.until, entry.by)

    def _with(self, labels: Labels, *, placed: bool | None = None, ended: Because | None = None) -> Silences:
        name = matchers(labels)
        found = self.known.get(name)
        if found is None:
            return self
        now = replace(found, placed=found.placed if placed is None else placed, ended=ended or found.ended)
        return replace(self, known={**self.known, name: now})


def matchers(labels: Labels) -> str:
    """Return which alerts are meant, as Alertmanager and Prometheus write it."""
    pairs = ", ".join(f'{name}="{labels[name]}"' for name in sorted(labels))
    return f"{{{pairs}}}"


def alerts_of(catalog: Catalog, targets: Iterable[str]) -> tuple[Labels, ...]:
    """Return the labels of the alerts of some targets, without those that others among them cover."""
    named = [catalog.targets[name].alerts for name in targets if name in catalog.targets]
    found = list({matchers(labels): labels for labels in named if labels}.values())
    covered = [any(one.items() < each.items() for one in found) for each in found]
    return tuple(each for each, inside in zip(found, covered, strict=True) if not inside)


def mark(run: str, asked_at: datetime, silence: Silence) -> str:
    """Return what a silence carries in Alertmanager, the same for ever and that of no other."""
    text = f"{run} {asked_at.isoformat()} {silence.number} {matchers(silence.labels)}"
    return f"backstop {run} {hashlib.sha256(text.encode()).hexdigest()[:16]}"
