"""The releases of a service, from what was recorded: which one stands, and which one stood before it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from bot.core.document import utc
from bot.core.events import ChangeType, Entry, ReleaseRecorded

CHANGES: tuple[ChangeType, ...] = ("code", "config", "schema", "data_op", "infra", "capacity")
STRATEGIES = ("canary", "blue_green", "rolling")

LONGEST = 200
"""The characters of a version, at most."""

_DIGEST = re.compile(r"sha\d+:[0-9a-f]+")
_OPENS = re.compile(r":[^\s/@]*@(?!sha\d+:[0-9a-f]+(?!\S))")
"""Who may open something and how, as in `name:password@host`; in an image its digest stands after `@`."""
_NAMES = {"data_op": "data", "infra": "infrastructure"}

Schema = Literal["none", "reversible", "irreversible"]


@dataclass(frozen=True, slots=True)
class Release:
    """A release with the moment it went out and who recorded it."""

    told: ReleaseRecorded
    at: datetime
    by: str


def releases(entries: Iterable[Entry], environment: str | None = None) -> tuple[Release, ...]:
    """Return what was changed, newest first, from the entries of a service; in one environment if asked."""
    found = [
        Release(told, entry.occurred_at, entry.by)
        for entry, told in stated(entries)
        if environment in (None, told.environment)
    ]
    found.sort(key=lambda release: release.at)
    return tuple(reversed(found))


def stated(entries: Iterable[Entry]) -> tuple[tuple[Entry, ReleaseRecorded], ...]:
    """Return each release once, in the order of the first words, with the newest word: others it corrects."""
    found: dict[object, tuple[Entry, ReleaseRecorded]] = {}
    for entry in entries:
        if isinstance(told := entry.event, ReleaseRecorded):
            found[told.environment, told.version, told.commit, entry.occurred_at] = (entry, told)
    return tuple(found.values())


def is_version(told: ReleaseRecorded) -> bool:
    """Say whether it put a version out that one could go back to, and not a flag, a setting or a machine."""
    return told.change in (None, "code", "schema")


def misnamed(told: ReleaseRecorded) -> str | None:
    """Return what is wrong with how a release, or the one it replaced, is named, or None.

    A flag or a setting may be named in several words; what may hold a password is kept out of every name.
    """
    for name, one_word in ((told.version, is_version(told)), (told.previous, True)):
        if name is None:
            continue
        if not name.strip() or len(name) > LONGEST or not name.isprintable():
            return f"The version is no line of 1 to {LONGEST} characters"
        if one_word and " " in name:
            return "The version holds a blank"
        if "://" in name:
            return "The version is an address"
    names = {"version": (told.version, told.previous), "commit": (told.commit,)}
    names |= {"name of a migration": told.migrations, "name of a component": told.components}
    for what, said in names.items():
        if any(_OPENS.search(name) for name in said if name):
            return f"The {what} reads as if it held a password"
    return None


def put_out(told: ReleaseRecorded) -> str:
    """Return `2.4.0 was put into production`, or `flag-7, a change of config, was made in production`."""
    beside = " past the pipelines" if told.out_of_pipeline else ""
    if is_version(told):
        return f"{told.version} was put into {told.environment}{beside}"
    what = _NAMES.get(told.change or "", told.change)
    return f"{told.version}, a change of {what}, was made in {told.environment}{beside}"


def migrated(told: ReleaseRecorded) -> str:
    """Return its migrations in words, with those that cannot be taken back; empty when there are none."""
    tags = {True: "", False: " (cannot be taken back)", None: ""}
    return ", ".join(f"{name}{tags[(told.reversible or {}).get(name)]}" for name in told.migrations)


def suspected(newest_first: Sequence[Release], named: str | None, began: datetime) -> Sequence[Release]:
    """Return the release that is suspected with those before it; none where it is not recorded.

    It is the one that was named, else the last one before it began. A pipeline often records a release when
    it is out, after somebody noticed what it did: one that was named counts whenever that was.
    """
    early = [place for place, each in enumerate(newest_first) if each.at <= began]
    if named is None:
        return newest_first[early[0] :] if early else ()
    there = [place for place, each in enumerate(newest_first) if each.told.version == named]
    first = next((place for place in there if place in early), next(iter(there), None))
    return () if first is None else newest_first[first:]


def unrecorded(releases: Iterable[Release], version: str | None) -> str | None:
    """Return the sentence that the version somebody named is not among the releases, or None."""
    if version is None or any(release.told.version == version for release in releases):
        return None
    return f"the suspected release {version} is not recorded"


def stood_before(newest_first: Sequence[Release]) -> Release | None:
    """Return the release whose version the newest one replaced, or None where that was not recorded."""
    versions = [release for release in newest_first if is_version(release.told)]
    told = versions[0].told if versions else None
    return next((other for other in versions[1:] if told and _replaced(told, other.told)), None)


def version_before(newest_first: Sequence[Release]) -> str | None:
    """Return the version that the newest one replaced, if only by its name, or None where nobody said."""
    told = next((release.told for release in newest_first if is_version(release.told)), None)
    before = stood_before(newest_first)
    return (told.previous if told else None) or (before.told.version if before else None)


def _replaced(told: ReleaseRecorded, other: ReleaseRecorded) -> bool:
    return other.version == told.previous if told.previous else other.version != told.version


def schema_change(told: ReleaseRecorded) -> Schema | None:
    """Return what a release did to the schema; None where nobody said that, or whether it can be undone."""
    if told.reversible is None:
        return None
    tags = [told.reversible.get(name) for name in told.migrations]
    if False in tags:
        return "irreversible"
    if None in tags:
        return None
    return "reversible" if tags else "none"


@dataclass(frozen=True, slots=True)
class Word:
    """What is to be kept of a release that was told; nothing where it is recorded already.

    `beside` is the newest other moment for which the same version is recorded, `ahead` the moment that was
    said where it lay ahead of the clock: the release counts as of when that was first told.
    """

    keep: ReleaseRecorded | None
    at: datetime | None
    corrects: bool = False
    beside: datetime | None = None
    ahead: datetime | None = None


def word(entries: Sequence[Entry], told: ReleaseRecorded, at: datetime | None, *, once: bool = False) -> Word:
    """Return what a telling adds: a release, a correction of one or nothing.

    It is about the release that is there for that same moment, or without one about the newest of its
    environment. One that is neither is new: a version may be put out again. What a correction leaves out
    stays.
    With `once` what was said of the release before is no correction, but the same telling that comes late.
    """
    known = releases(entries, told.environment)
    there = known[:1] if at is None else [each for each in known if _is_of_moment(each, at)]
    meant = next((each for each in there if _same(each.told, told)), None)
    if meant is None:
        others = (each.at for each in known if at is not None and _same(each.told, told))
        return Word(told, None if told.said_at else at, beside=next(others, None), ahead=told.said_at)
    whole = _filled(told, meant.told)
    if whole == meant.told or (once and any(_filled(told, said) == said for said in _said(entries, meant))):
        return Word(None, meant.at, ahead=meant.told.said_at)
    return Word(whole, meant.at, corrects=True, ahead=meant.told.said_at)


def told_ahead(told: ReleaseRecorded, at: datetime | None, now: datetime) -> ReleaseRecorded:
    """Return a telling with the moment that was said, if that lies ahead: a repetition is known by it."""
    return told.model_copy(update={"said_at": at}) if at and at > now else told


def ahead_in_words(ahead: datetime | None, at: datetime) -> str:
    """Return that a moment was taken as now, as a sentence; empty where none lay ahead."""
    if ahead is None:
        return ""
    return (
        f"It was said to go out {utc(ahead)}, which lay ahead of the clock here, and was taken as {utc(at)}."
    )


def _is_of_moment(known: Release, told: datetime) -> bool:
    said = known.told.said_at
    return _is_moment(known.at, told) or (said is not None and _is_moment(said, told))


def _is_moment(at: datetime, told: datetime) -> bool:
    """Say whether a moment is meant that people tell to the second, or to the minute."""
    return told.replace(microsecond=0) in (at.replace(microsecond=0), at.replace(second=0, microsecond=0))


def _said(entries: Iterable[Entry], meant: Release) -> Iterator[ReleaseRecorded]:
    """Yield every word on one release, those that were corrected since included."""
    for entry in entries:
        told = entry.event
        if isinstance(told, ReleaseRecorded) and entry.occurred_at == meant.at and _same(told, meant.told):
            yield told


def _filled(told: ReleaseRecorded, known: ReleaseRecorded) -> ReleaseRecorded:
    unsaid = [name for name in ("strategy", "components", "artifact", "previous") if not getattr(told, name)]
    if told.reversible is None and not told.migrations:
        unsaid += ["migrations", "reversible"]
    return told.model_copy(update={name: getattr(known, name) for name in (*unsaid, "said_at")})


def _same(one: ReleaseRecorded, other: ReleaseRecorded) -> bool:
    named = (one.environment, one.version, one.commit)
    return named == (other.environment, other.version, other.commit)


def kept_out(artifact: str) -> str | None:
    """Return why the address of an artefact is not kept, or None: what opens a door is not for the record."""
    try:
        parts = urlsplit(artifact)
    except ValueError:
        return "it cannot be read as one"
    # In an image `@` stands before its digest, in a path of the web before the names of groups.
    _, at, rest = (parts.netloc or artifact).partition("@")
    if at and (parts.netloc or not _DIGEST.fullmatch(rest)):
        return "it holds who may open it"
    if parts.query or parts.fragment:
        return "what stands behind `?` or `#` may be a secret"
    if parts.scheme == "http":
        return "whoever is on the way can change what plain http brings: name an image, or an https address"
    return None
