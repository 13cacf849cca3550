"""One stanza as it is now: its cluster, its repository, its log and its backups, read together."""

from __future__ import annotations

import argparse
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from integrations.runner import files
from integrations.runner.pgbackrest.aim import Backup, Found, Goal, backup_of
from integrations.runner.pgbackrest.cluster import Cluster
from integrations.runner.pgbackrest.log import Log, log_of
from integrations.runner.pgbackrest.notes import Notes
from integrations.runner.pgbackrest.owner import owner_of
from integrations.runner.pgbackrest.positions import position
from integrations.runner.pgbackrest.repository import Repository
from integrations.runner.pgbackrest.resolving import resolve
from integrations.runner.report import Problem

_CONTROL = "control"
_SETTINGS = ("postgresql.conf", "pg_hba.conf", "pg_ident.conf")
"""Not postgresql.auto.conf, which every restore writes anew."""
LABELS = ("release", "commit", "environment")
HOLD = "backstop-hold-until"
"""The annotation of a backup that must not be expired before a moment."""


@dataclass(frozen=True)
class Stanza:
    """What acts on one target; the log and the backups are read once, when they are first needed."""

    cluster: Cluster
    repository: Repository
    notes: Notes
    kept: Path
    side: Cluster

    @cached_property
    def info(self) -> Mapping[str, Any]:
        """Return what the repository says of the stanza."""
        return self.repository.info()

    @property
    def identity(self) -> str:
        """Return the system identifier of the database that is backed up now."""
        return str(self.info["db"][-1]["system-id"])

    @cached_property
    def log(self) -> Log:
        """Return the log as it can be read now."""
        archives = self.info.get("archive") or []
        if not archives:
            raise Problem(f"Nothing of {self.repository.stanza} is archived yet.", permanent=False)
        cluster = replace(self.cluster, data=self.repository.data)
        return log_of(self.repository, cluster, str(archives[-1]["id"]), self.identity)

    @cached_property
    def backups(self) -> Sequence[Backup]:
        """Return the backups of the present database, newest first."""
        unfit: dict[str, str] = {}
        found = []
        for each in sorted(self._listed, key=lambda each: int(each["timestamp"]["stop"])):
            unfit[each["label"]] = _unfit(each, self.notes.of(each["label"]), unfit)
            found.append(backup_of(each, self.log.archive.numbered, unfit[each["label"]]))
        return tuple(reversed(found))

    @property
    def _listed(self) -> Sequence[Mapping[str, Any]]:
        now = self.info["db"][-1]["id"]
        return [each for each in self.info.get("backup") or () if each["database"]["id"] == now]

    def told(self, label: str) -> Mapping[str, Any]:
        """Return a backup of the present database as `info` tells of it, which needs no look at the log."""
        found = next((each for each in self._listed if each["label"] == label), None)
        if found is None:
            raise Problem(f"There is no backup {label} in {self.repository.stanza}.")
        return found

    def digest(self, label: str) -> str:
        """Return what changes when another backup takes this label, or its files are others."""
        told = self.told(label)
        fixed = {
            name: told.get(name) for name in ("label", "archive", "lsn", "timestamp", "info", "reference")
        }
        return files.text_digest(json.dumps([self.identity, fixed], sort_keys=True))

    def resolve(self, goal: Goal) -> Found:
        """Say what a goal means now; a marker is looked up first."""
        there = self.placed(goal)
        if there is None:
            return Found(
                None,
                f"nothing is known of a marker {goal.marker}: markers are set with `mark` before a release; "
                "name a moment or a position (LSN) instead",
            )
        if goal.timeline not in (None, there.timeline):
            where = f"on timeline {there.timeline}, not {goal.timeline}"
            return Found(None, f"the marker {goal.marker} stands {where}")
        found = resolve(self.log, self.backups, there, datetime.now(UTC))
        if found.aim is None:
            return found
        told = " ".join(filter(None, (found.caution, *self._older_settings(found.aim.label))))
        note = self.notes.marker(goal.marker) if goal.marker else None
        reaches = datetime.fromisoformat(note["at"]) if note else found.reaches
        return replace(found, caution=told, reaches=reaches)

    def _older_settings(self, label: str) -> Iterator[str]:
        """Name the settings in the data directory that were changed since a backup, which brings old ones."""
        begun = int(self.told(label)["timestamp"]["start"])
        for path in (self.cluster.data / name for name in _SETTINGS):
            changed = int(path.stat().st_mtime) if path.is_file() else 0
            if changed > begun:
                yield (
                    f"{path.name} was changed at {datetime.fromtimestamp(changed, UTC):%Y-%m-%d %H:%M:%SZ}, "
                    f"after {label} began, and comes back as it was: copy it now, and put it back afterwards."
                )

    def placed(self, goal: Goal) -> Goal | None:
        """Return a goal with the position of its marker; None when nothing is known of that."""
        if goal.marker is None:
            return goal
        note = self.notes.marker(goal.marker)
        if note is None:
            return None
        return replace(goal, lsn=position(str(note["lsn"])), timeline=int(note["timeline"]))

    def archived(self, file: str) -> bool:
        """Say whether a small file of the log is in the repository."""
        archives = self.info.get("archive") or [{"id": ""}]
        with suppress(Problem):
            return bool(self.repository.text(f"archive/{self.repository.stanza}/{archives[-1]['id']}/{file}"))
        return False


def stanza_of(given: argparse.Namespace) -> Stanza:
    """Return what a target's settings name."""
    readable = _readable(given.path, given.kept)
    owner = owner_of(readable)
    own = given.server_config
    reach = (given.programs, owner, given.socket)
    start, stop = (tuple(json.loads(words)) for words in (given.start, given.stop))
    cluster = Cluster(given.path, *reach, given.port, given.user, own, start, stop)
    inside = own.is_relative_to(given.path)
    of_side = given.side / own.relative_to(given.path) if inside else own
    side = Cluster(given.side, *reach, given.side_port, given.user, of_side)
    repository = Repository(
        given.pgbackrest, given.config, given.stanza, given.repository, readable, owner, given.jobs
    )
    return Stanza(cluster, repository, Notes(given.notes), given.kept, side)


def put_by_control(stanza: Stanza) -> None:
    """Keep what names the database where its own account reads it, as a half-restored cluster has it not.

    Without it neither the log nor the backups can be read, and what was broken off could not be gone on with.
    """
    data, place, owner = stanza.cluster.data, stanza.kept / _CONTROL, stanza.repository.owner
    if not (data / "global" / "pg_control").exists():
        return
    # Whoever knows the name may pass through, and nobody may look around.
    stanza.kept.chmod(stanza.kept.stat().st_mode | 0o011)
    owner.make(place)
    owner.make(place / "global")
    for name in ("PG_VERSION", "global/pg_control"):
        part = place / f"{name}.part"
        shutil.copyfile(data / name, part)
        os.chown(part, owner.uid, owner.gid)
        part.rename(place / name)
    files.sync(place / "global")


def _readable(data: Path, kept: Path) -> Path:
    """Return a directory that names the database to pgBackRest: of a half-restored one, what was put by."""
    places = (data, kept / _CONTROL, *kept.glob("*/data"))
    return next((place for place in places if (place / "global" / "pg_control").exists()), data)


def goal_of(given: argparse.Namespace) -> Goal:
    """Return the goal that parameters name."""
    return Goal(
        at=datetime.fromisoformat(given.at) if given.at else None,
        lsn=position(given.lsn) if given.lsn else None,
        xid=int(given.xid) if given.xid else None,
        timeline=int(given.timeline) if given.timeline else None,
        label=given.point,
        marker=given.marker,
    )


def _unfit(told: Mapping[str, Any], note: Mapping[str, Any], unfit: Mapping[str, str]) -> str:
    """Say why a backup cannot be restored, by itself or by one that it builds on."""
    if told.get("error"):
        return "pages of it were damaged when it was taken"
    if note.get("problem"):
        return f"it is damaged: {note['problem']}"
    for other in (told.get("prior"), *(told.get("reference") or ())):
        if other and unfit.get(other):
            return f"it builds on {other}: {unfit[other]}"
    return ""
