"""The releases of a service, from what was recorded: which one stands, and which one stood before it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from bot.core.events import ChangeType, Entry, ReleaseRecorded

CHANGES: tuple[ChangeType, ...] = ("code", "config", "schema", "data_op", "infra", "capacity")
STRATEGIES = ("canary", "blue_green", "rolling")

LONGEST = 200
"""The characters of a version, at most."""

_DIGEST = re.compile(r"sha\d+:[0-9a-f]+")
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

    A flag or a setting may be named in several words; addresses are kept out, as they may hold a password.
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


def since(newest_first: Sequence[Release], version: str | None) -> Sequence[Release]:
    """Return a version's newest release with those before it, or all where it is none of them."""
    named = [place for place, release in enumerate(newest_first) if release.told.version == version]
    return newest_first[named[0] :] if named else newest_first


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
    """What is to be kept of a release that was told; nothing where it is recorded already."""

    keep: ReleaseRecorded | None
    at: datetime | None
    corrects: bool = False


def word(entries: Iterable[Entry], told: ReleaseRecorded, at: datetime | None) -> Word:
    """Return what a telling adds: a release, a correction of one or nothing.

    It is about the release that is there for that same moment, or else about the newest of its environment.
    One that is neither is new: an older version may be put out again. What a correction leaves out stays.
    """
    known = releases(entries, told.environment)
    there = (*(each for each in known if each.at == at), *known[:1])
    meant = next((each for each in there if _same(each.told, told)), None)
    if meant is None:
        return Word(told, at)
    whole = _filled(told, meant.told)
    return Word(None, meant.at) if whole == meant.told else Word(whole, meant.at, corrects=True)


def _filled(told: ReleaseRecorded, known: ReleaseRecorded) -> ReleaseRecorded:
    unsaid = [name for name in ("strategy", "components", "artifact", "previous") if not getattr(told, name)]
    if told.reversible is None and not told.migrations:
        unsaid += ["migrations", "reversible"]
    return told.model_copy(update={name: getattr(known, name) for name in unsaid})


def _same(one: ReleaseRecorded, other: ReleaseRecorded) -> bool:
    return (one.version, one.commit) == (other.version, other.commit)


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
    return None
