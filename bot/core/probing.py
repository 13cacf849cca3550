"""Which facts follow from what probes found, and what of them is news to an incident.

A machine never speaks over a person, but what it knows otherwise is told beside it. It never says that nobody
knows: what it cannot tell stays not asked, with the reason.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.core.disputed import differ, is_as, says
from bot.core.document import utc
from bot.core.events import ChangeType, Event, FactLearnt, Probed
from bot.core.incident import Incident
from bot.core.price import Price
from bot.core.release import Release, is_version, put_out, schema_change
from bot.core.words import in_words, lasted, one_by_one
from integrations.contract import RecoveryPoint
from playbooks.criteria import Known

LOOKED_AT = timedelta(hours=4)
"""For how long facts are looked up again by themselves; afterwards, when somebody asks."""
MOMENT = timedelta(seconds=1)
SILENT = timedelta(minutes=5)
"""After how long a machine is asked again that did not tell a fact which is no longer good."""
SHOWN = 3
SHORT = 7
"""So many characters tell a commit."""
ONE_CHANGE = timedelta(minutes=10)
"""What a cluster and a pipeline tell of one release is no farther apart."""

LOOKED_UP: Mapping[str, tuple[str, ...]] = {
    "incident": ("severity",),
    "changes": ("change_type", "minutes_since_change", "schema_change"),
    "artifact": ("previous_artifact_available",),
    "versions": ("mixed_versions_running",),
    "replicas": ("healthy_replica_available",),
    "backups": (
        "backup_available",
        "backup_verified",
        "backup_age_minutes",
        "restore_point_predates_damage",
        "pitr_available",
        "estimated_restore_minutes",
    ),
}
"""The facts that each probe may tell; one that came back told some of them, or why it cannot."""
_MAY_SAY_NOTHING = frozenset({"replicas"})
"""Where nothing has copies it comes back with nothing, which cannot be told from still being asked."""

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
    """Something that was changed about a service, by what is recorded or by what a system remembers.

    `names` are the versions it is known by; none where nothing says which one it is of.
    """

    at: datetime
    what: str
    kind: ChangeType | None = None
    release: Release | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """What one source of recovery points has: the points, and whether it reaches a moment before the damage.

    `reaches` is None where it restores whole points only; `because` says in words what it reaches.
    """

    source: str
    points: Sequence[RecoveryPoint]
    reaches: bool | None = None
    because: str = ""


@dataclass(frozen=True, slots=True)
class InStep:
    """Whether a server has a copy that could take over, or a copy could itself; `system` is of them all."""

    ok: bool
    found: str
    system: str
    is_copy: bool


def news(incident: Incident, report: Report, fresh: Collection[str], now: datetime) -> tuple[Event, ...]:
    """Return what is new in a report, when the facts that are `fresh` are still good."""
    found = {
        name: Known(finding.value, f"machine:{report.probe}", "", now, finding.because)
        for name, finding in report.findings.items()
    }
    learnt = [
        FactLearnt(
            name=name,
            value=new.value,
            source=new.source,
            because=new.because,
            against=_against(name, incident.known.get(name), new),
        )
        for name, new in found.items()
        if _is_news(name, incident, new, good=name in fresh)
    ]
    before = incident.probed.get(report.probe, {})
    said = {name for name in report.unanswered if _said(incident.known.get(name))}
    # That a person answered mends nothing: what was silent and still is stays as it was told.
    silent = {
        name: before.get(name, why) if name in said else why
        for name, why in report.unanswered.items()
        if name in before or name not in said
    }
    if silent == before:
        return tuple(learnt)
    return (*learnt, Probed(probe=report.probe, unanswered=silent))


def looking(incident: Incident) -> tuple[str, ...]:
    """Return the facts that machines were asked for and have not come back with yet."""
    told = {found.source.removeprefix("machine:") for found in incident.found.values()}
    away = [probe for probe in LOOKED_UP if probe not in {*told, *incident.probed}]
    if set(away) <= _MAY_SAY_NOTHING:
        return ()
    return tuple(fact for probe in away for fact in LOOKED_UP[probe] if fact not in incident.known)


def next_look(incident: Incident, good_for: Mapping[str, timedelta | None], now: datetime) -> datetime | None:
    """Return when machines are asked again: once the first fact is no longer good, or one was not told.

    None where they are always good, or nobody decides: a decision stands, or it went on for too long.
    """
    if incident.standing or not incident.open:
        return None
    ends = [
        found.at + length + MOMENT for name, found in incident.found.items() if (length := good_for.get(name))
    ]
    if any(not _said(incident.known.get(fact)) for fact in incident.untold):
        ends.append(now)
    # What was just looked up and is no good still was not told: asked at once, it would be asked for ever.
    first = min((end if end > now else now + SILENT for end in ends), default=None)
    return first if first and first - incident.declared_at <= LOOKED_AT else None


def _is_news(name: str, incident: Incident, new: Known, *, good: bool) -> bool:
    before = incident.found.get(name)
    if before is None:
        known = incident.known.get(name)
        return known is None or differ(name, known, new)
    # Minutes go by: that something is a little older than it was is nothing that anybody learns.
    same = is_as(name, before.value, new.value) and before.because == new.because
    return not good or not same


def _against(name: str, known: Known | None, new: Known) -> str:
    if known is None or not _said(known) or known.value is None:
        return ""
    return says(known) if differ(name, known, new) else ""


def _said(known: Known | None) -> bool:
    return known is not None and known.of_person


def of_incident(incident: Incident) -> Findings:
    """Return what the incident itself says."""
    return {"severity": Finding(int(incident.severity), f"{incident.id} is a SEV{incident.severity}")}


def of_changes(
    incident: Incident, changes: Sequence[Change], now: datetime, silent: Mapping[str, str] | None = None
) -> Findings:
    """Return what the change that is suspected first says: the one named, or the last before it began.

    Which systems are `silent`, and why, is told beside it: what they know may be newer.
    """
    ordered = sorted(changes, key=lambda each: each.at)
    before = [each for each in ordered if each.at <= incident.began]
    suspect = _suspect(incident, ordered, before)
    if suspect is None:
        return {}
    shown = [*([] if suspect in before else [suspect]), *reversed(before)][:SHOWN]
    told = "; ".join(f"{utc(each.at)} {each.what}" for each in shown)
    unseen = f"; what could not be asked: {one_by_one(silent)}" if silent else ""
    age = lasted(min(suspect.at, incident.began), now)
    return dict(_of_change(suspect, f"the last changes are {told}{unseen}", age))


def _suspect(incident: Incident, ordered: Sequence[Change], before: Sequence[Change]) -> Change | None:
    """Return the change to look at; what is recorded of another release says nothing about one that is named.

    A pipeline often records a release when it is out, after somebody noticed what it did.
    """
    if incident.release:
        named = [each for each in ordered if incident.release in each.names]
        if named:
            # What was recorded says more of it than what a system remembers.
            named = [each for each in named if each.release] or named
            return next((each for each in reversed(named) if each in before), named[-1])
        before = [each for each in before if not each.names]
    return before[-1] if before else None


def _of_change(suspect: Change, told: str, age: timedelta) -> Iterator[tuple[str, Finding]]:
    yield "minutes_since_change", Finding(int(age.total_seconds() // 60), told)
    if suspect.kind:
        yield "change_type", Finding(suspect.kind, suspect.what)
    schema = schema_change(suspect.release.told) if suspect.release else None
    if suspect.release and schema:
        yield "schema_change", Finding(schema, _as_recorded(suspect.release))


def _as_recorded(release: Release) -> str:
    names = ", ".join(release.told.migrations) or "none"
    return f"the migrations of {release.told.version}, as {release.by} recorded them: {names}"


def recorded(releases: Sequence[Release]) -> list[Change]:
    """Return the releases as changes."""
    return [
        Change(each.at, f"{put_out(each.told)} by {each.by}", each.told.change, each, (each.told.version,))
        for each in releases
    ]


def remembered(points: Sequence[RecoveryPoint], system: str, releases: Sequence[Release]) -> list[Change]:
    """Return the changes that a system remembers and nobody recorded; which kind they were it cannot say."""
    return [
        Change(
            each.finished_at,
            f"{system} has {each.kind} {each.id}{_called(each)}, which nobody recorded",
            names=_names(each),
        )
        for each in points
        if not any(_is_same(each, release) for release in releases)
    ]


def _called(point: RecoveryPoint) -> str:
    return f" ({point.release})" if point.release not in (None, point.id) else ""


def _names(point: RecoveryPoint) -> tuple[str, ...]:
    """Return the versions a point is known by; a tag is one by its own name, and without a `v` before it."""
    own = (point.id,) if point.kind == "tag" else ()
    known = [name for name in (point.release, *own) if name]
    return tuple(dict.fromkeys([*known, *(name.removeprefix("v") for name in known)]))


def _is_same(point: RecoveryPoint, release: Release) -> bool:
    near = abs(point.finished_at - release.at) <= ONE_CHANGE
    named = is_version(release.told) and release.told.version in _names(point)
    return near or named or _is_of(release.told.commit, point.commit)


def _is_of(one: str | None, other: str | None) -> bool:
    """Say whether two commits are one; each may be written short."""
    if not one or not other or min(len(one), len(other)) < SHORT:
        return one is not None and one == other
    return one.startswith(other) or other.startswith(one)


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


def of_replicas(found: Mapping[str, InStep], silent: Mapping[str, str]) -> Findings:
    """Return whether a copy of every system could take over; empty where that is not known of one.

    A server knows all its copies and is believed before them. One that is silent may be what failed: a copy
    that answers stands for it, and for no other.
    """
    systems: dict[str, dict[str, InStep]] = {}
    for name, each in found.items():
        systems.setdefault(each.system, {})[name] = each
    judged = [_heard(members) for members in systems.values()]
    lacking = {name: each.found for members in judged if not _fit(members) for name, each in members.items()}
    if lacking:
        return {"healthy_replica_available": Finding(value=False, because=one_by_one(lacking))}
    alone = sum(all(each.is_copy for each in members.values()) for members in judged)
    if not judged or len(silent) > alone:
        return {}
    fit = {name: each.found for members in judged for name, each in members.items() if each.ok}
    return {"healthy_replica_available": Finding(value=True, because=one_by_one({**fit, **silent}))}


def _heard(members: Mapping[str, InStep]) -> Mapping[str, InStep]:
    servers = {name: each for name, each in members.items() if not each.is_copy}
    return servers or members


def _fit(members: Mapping[str, InStep]) -> bool:
    return any(each.ok for each in members.values())


def of_artifact(before: Release, *, there: bool) -> Findings:
    """Return whether the release before can still be had."""
    told = before.told
    because = f"{told.artifact} ({told.version}) {'is there' if there else 'is gone'}"
    return {"previous_artifact_available": Finding(there, because)}
