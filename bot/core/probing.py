"""Which facts follow from what probes found, and what of them is news to an incident.

A machine never speaks over a person, and never says that nobody knows: what it cannot tell stays not asked,
with the reason.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.core.document import utc
from bot.core.events import ChangeType, Event, FactLearnt, Probed
from bot.core.incident import Incident
from bot.core.price import Price
from bot.core.release import Release, is_version, put_out, schema_change
from bot.core.words import in_words, lasted, one_by_one
from integrations.contract import RecoveryPoint
from playbooks.criteria import FACTS, Known, Value

LOOKED_AT = timedelta(hours=4)
"""For how long facts are looked up again by themselves; afterwards, when somebody asks."""
MOMENT = timedelta(seconds=1)
SILENT = timedelta(minutes=5)
"""After how long a machine is asked again that did not tell a fact which is no longer good."""
SHOWN = 3
TICK = 5
"""So many minutes make a number of minutes another one."""
ONE_CHANGE = timedelta(minutes=10)
"""What a cluster and a pipeline tell of one release is no farther apart."""

_UNFIT = ("invalid", "stranded", "partial")


@dataclass(frozen=True, slots=True)
class Finding:
    """The value a probe found for a fact, and in words what that rests on."""

    value: bool | int | str
    because: str


Findings = Mapping[str, Finding]


@dataclass(frozen=True, slots=True)
class Report:
    """What a probe came back with: what it found, and of the facts it could not tell, why."""

    probe: str
    findings: Findings = field(default_factory=dict)
    unanswered: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was changed about a service, by what is recorded or by what a system remembers."""

    at: datetime
    what: str
    kind: ChangeType | None = None
    release: Release | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What one source of recovery points has: the points, and whether it reaches a moment before the damage.

    `reaches` is None where it restores whole points only; `because` says in words what it reaches.
    """

    source: str
    points: Sequence[RecoveryPoint]
    reaches: bool | None = None
    because: str = ""


def news(incident: Incident, report: Report, fresh: Collection[str]) -> tuple[Event, ...]:
    """Return what is new in a report, when the facts that are `fresh` are still good."""
    learnt = [
        FactLearnt(name=name, value=finding.value, source=f"machine:{report.probe}", because=finding.because)
        for name, finding in report.findings.items()
        if _is_news(name, incident.known.get(name), finding, good=name in fresh)
    ]
    silent = {name: why for name, why in report.unanswered.items() if not _said(incident.known.get(name))}
    if silent == incident.probed.get(report.probe, {}):
        return tuple(learnt)
    return (*learnt, Probed(probe=report.probe, unanswered=silent))


def next_look(incident: Incident, good_for: Mapping[str, timedelta | None], now: datetime) -> datetime | None:
    """Return when machines are asked again: once the first fact is no longer good, or one was not told.

    None where they are always good, or nobody decides: a decision stands, or it went on for too long.
    """
    if incident.standing or not incident.open:
        return None
    ends = [
        known.at + length + MOMENT
        for name, known in incident.known.items()
        if not known.of_person and (length := good_for.get(name))
    ]
    if incident.untold:
        ends.append(now)
    # What was just looked up and is no good still was not told: asked at once, it would be asked for ever.
    first = min((end if end > now else now + SILENT for end in ends), default=None)
    return first if first and first - incident.declared_at <= LOOKED_AT else None


def _is_news(name: str, known: Known | None, finding: Finding, *, good: bool) -> bool:
    if known is None or known.of_person:
        return known is None
    return not good or not _is_as_before(name, known.value, finding.value)


def _is_as_before(name: str, before: Value, now: int | str) -> bool:
    """Minutes go by: that something is a little older than it was is nothing that anybody learns."""
    if FACTS[name].unit == "minutes" and isinstance(before, int | float) and isinstance(now, int):
        return abs(now - before) < TICK
    return before == now


def _said(known: Known | None) -> bool:
    return known is not None and known.of_person


def of_incident(incident: Incident) -> Findings:
    """Return what the incident itself says."""
    return {"severity": Finding(int(incident.severity), f"{incident.id} is a SEV{incident.severity}")}


def began(incident: Incident) -> datetime:
    """Return the moment from which on a change is no cause any more but an answer."""
    return incident.damage_start or incident.impact_start or incident.declared_at


def of_changes(incident: Incident, changes: Sequence[Change], now: datetime) -> Findings:
    """Return what the change that is suspected first says: the one named, or the last before it began."""
    ordered = sorted(changes, key=lambda each: each.at)
    before = [each for each in ordered if each.at <= began(incident)]
    suspect = _suspect(incident, ordered, before)
    if suspect is None:
        return {}
    shown = [*([] if suspect in before else [suspect]), *reversed(before)][:SHOWN]
    return dict(_of_change(suspect, shown, lasted(min(suspect.at, began(incident)), now)))


def _suspect(incident: Incident, ordered: Sequence[Change], before: Sequence[Change]) -> Change | None:
    """Return the change to look at; what is recorded of another release says nothing about one that is named.

    A pipeline often records a release when it is out, after somebody noticed what it did.
    """
    if incident.release:
        named = [each for each in ordered if each.release and each.release.told.version == incident.release]
        if named:
            return next((each for each in reversed(named) if each in before), named[-1])
        before = [each for each in before if each.release is None]
    return before[-1] if before else None


def _of_change(suspect: Change, shown: Sequence[Change], age: timedelta) -> Iterator[tuple[str, Finding]]:
    told = "; ".join(f"{utc(each.at)} {each.what}" for each in shown)
    minutes = int(age.total_seconds() // 60)
    yield "minutes_since_change", Finding(minutes, f"the last changes are {told}")
    if suspect.kind:
        yield "change_type", Finding(suspect.kind, suspect.what)
    schema = schema_change(suspect.release.told) if suspect.release else None
    if schema:
        yield "schema_change", Finding(schema, f"its migrations, as recorded: {_migrations(suspect)}")


def _migrations(change: Change) -> str:
    return (
        ", ".join(change.release.told.migrations)
        if change.release and change.release.told.migrations
        else "none"
    )


def recorded(releases: Sequence[Release]) -> list[Change]:
    """Return the releases as changes."""
    return [
        Change(each.at, f"{put_out(each.told)} by {each.by}", each.told.change, each) for each in releases
    ]


def remembered(points: Sequence[RecoveryPoint], system: str, releases: Sequence[Release]) -> list[Change]:
    """Return the changes that a system remembers and nobody recorded; which kind they were it cannot say."""
    return [
        Change(each.finished_at, f"{system} has revision {each.id}{_called(each)}, which nobody recorded")
        for each in points
        if not any(_is_same(each, release) for release in releases)
    ]


def _called(point: RecoveryPoint) -> str:
    return f" ({point.release})" if point.release else ""


def _is_same(point: RecoveryPoint, release: Release) -> bool:
    near = abs(point.finished_at - release.at) <= ONE_CHANGE
    named = is_version(release.told) and release.told.version == point.release
    return near or named or (point.commit is not None and point.commit == release.told.commit)


def of_points(
    incident: Incident,
    kept: Sequence[Kept],
    drilled: Collection[tuple[str, str, str | None]],
    now: datetime,
) -> Findings:
    """Return what the recovery points of all sources say; those taken after the damage began do not count."""
    sound = [(each.source, point) for each in kept for point in each.points if point.health not in _UNFIT]
    damage = incident.damage_start
    usable = [(at, point) for at, point in sound if damage is None or point.finished_at < damage]
    found = dict(_reaching(kept))
    if damage and sound:
        oldest = min(point.finished_at for _, point in sound)
        because = f"the damage began {utc(damage)}, the oldest sound point is of {utc(oldest)}"
        found["restore_point_predates_damage"] = Finding(bool(usable), because)
    if not sound:
        names = ", ".join(each.source for each in kept)
        return {**found, "backup_available": Finding(value=False, because=f"no sound point is in {names}")}
    source, newest = max(usable or sound, key=lambda each: each[1].finished_at)
    return {**found, **dict(_of_point(source, newest, drilled, now))}


def _reaching(kept: Sequence[Kept]) -> Iterator[tuple[str, Finding]]:
    able = [each for each in kept if each.reaches is not None]
    best = next((each for each in able if each.reaches), able[0] if able else None)
    if best:
        yield "pitr_available", Finding(bool(best.reaches), f"{best.source}: {best.because}")
    elif kept:
        names = ", ".join(each.source for each in kept)
        yield "pitr_available", Finding(value=False, because=f"{names} restores whole points only")


def _of_point(
    source: str, point: RecoveryPoint, drilled: Collection[tuple[str, str, str | None]], now: datetime
) -> Iterator[tuple[str, Finding]]:
    what = f"{point.id} of {source}, from {utc(point.finished_at)}"
    yield "backup_available", Finding(value=True, because=what)
    age = int(lasted(point.finished_at, now).total_seconds() // 60)
    yield "backup_age_minutes", Finding(age, what)
    if (point.engine, point.id, point.digest) in drilled:
        yield "backup_verified", Finding(value=True, because=f"a drill restored {what}")
    elif point.verified_at:
        yield "backup_verified", Finding(value=True, because=f"{what} was verified {utc(point.verified_at)}")
    else:
        yield "backup_verified", Finding(value=False, because=f"nobody verified {what}")


def of_prices(prices: Sequence[Price]) -> Findings:
    """Return how long the longest of the restores takes that were measured."""
    known = [(each.takes.likely, each) for each in prices if each.takes]
    if not known:
        return {}
    likely, price = max(known, key=lambda each: each[0])
    because = f"{price.playbook} {price.rests_on}, {in_words(likely)} in all"
    return {"estimated_restore_minutes": Finding(max(1, round(likely.total_seconds() / 60)), because)}


def of_rollouts(found: Mapping[str, tuple[bool, str]]) -> Findings:
    """Return whether several versions run at once, from whether each target has one, with its words."""
    if not found:
        return {}
    mixed = {name: words for name, (alone, words) in found.items() if not alone}
    shown = mixed or {name: words for name, (_, words) in found.items()}
    return {"mixed_versions_running": Finding(bool(mixed), one_by_one(shown))}


def of_artifact(before: Release, *, there: bool) -> Findings:
    """Return whether the release before can still be had."""
    told = before.told
    because = f"{told.artifact} ({told.version}) {'is there' if there else 'is gone'}"
    return {"previous_artifact_available": Finding(there, because)}
