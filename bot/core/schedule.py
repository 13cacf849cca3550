"""Whether a drill is due by its playbook's schedule, and if not, why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.core.document import utc
from bot.core.drill import Drill
from bot.core.events import Entry
from bot.core.release import is_version, releases
from playbooks.durations import say_duration
from playbooks.model import Drill as Rule
from playbooks.windows import next_window, open_window


@dataclass(frozen=True, slots=True)
class Major:
    """The newest major release of a service: its first number grew, or it changed how data is kept."""

    version: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Around:
    """What a schedule is held against: earlier drills of the playbook, the release, and what is under way."""

    drills: Sequence[Drill] = ()
    major: Major | None = None
    incident: str | None = None
    busy: str | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A drill is to be asked for in this window."""

    window: datetime
    release: str | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """A drill would be due in this window and is left out, which is recorded."""

    window: datetime
    because: str
    release: str | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing is due; `next` is when a window opens, if ever."""

    because: str
    next: datetime | None = None


def verdict(rule: Rule, around: Around, now: datetime) -> Due | Skip | Later:
    """Return whether a drill is due now. Of windows that passed unused only the open one counts."""
    window, coming = open_window(rule, now), next_window(rule, now)
    if window is None:
        opens = f"the next window opens {utc(coming)}" if coming else "no window is to come"
        return Later(opens, coming)
    for drill in around.drills:
        if drill.asked.window == window:
            return Later(f"{drill.id} was for the window of {utc(window)}", coming)
    major = around.major if rule.after == "major" else None
    if rule.after == "major":
        if major is None or now - major.at > rule.within:
            return Later(f"no major release within {say_duration(rule.within)}", coming)
        if since := _since(around.drills, major):
            return Later(f"{since.id} came after the major release {major.version}", coming)
    release = major.version if major else None
    if around.incident:
        return Skip(window, f"{around.incident} is open for its service", release)
    if around.busy:
        return Skip(window, f"{around.busy} still uses its stand-ins", release)
    return Due(window, release)


def _since(drills: Iterable[Drill], major: Major) -> Drill | None:
    """Return a drill that was really carried out after the release."""
    for drill in drills:
        idle = drill.ended is not None and drill.ended.outcome in ("skipped", "refused")
        if drill.asked_at >= major.at and not idle:
            return drill
    return None


def newest_major(entries: Iterable[Entry], environment: str) -> Major | None:
    """Return the newest major release into an environment, from the entries of its service."""
    found: Major | None = None
    before: str | None = None
    for release in reversed(releases(entries, environment)):
        told = release.told
        if is_version(told):
            if told.migrations or (before and _first(told.version) > _first(before)):
                found = Major(told.version, release.at)
            before = told.version
    return found


def _first(version: str) -> int:
    """Return the first number in a version, as 2 in v2.4.0; 0 for one without."""
    number = re.search(r"[0-9]{1,9}", version)
    return int(number[0]) if number else 0
