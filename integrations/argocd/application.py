"""An Application as Argo CD shows it, and what is kept in its annotations so that it survives a crash."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from integrations.api import at, same
from integrations.contract import Json, RecoveryPoint
from integrations.moments import moment

AUTO_SYNC = "backstop.dev/auto-sync"
"""The annotation with the auto-sync setting as it was, while Backstop holds it off."""
JOBS = "backstop.dev/jobs"
"""The annotation with the newest jobs that Backstop began on the application."""
INFO = "backstop"
"""The name under which a sync carries its key."""

_MOST = 8
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of Argo CD, asked for or under way."""

    phase: str
    revision: str
    message: str = ""
    started: str = ""
    finished: str = ""
    automated: bool = False
    key: str = ""
    done: int = 0


class Record(BaseModel):
    """One job on an application: what it does, and where the application stood before it began.

    `since` is when the operation before it started, `newest` the last entry of the history then, `took` says
    that it turned auto-sync off, `brings_back` that it turns it on again, and `ended` is the operation's last
    phase, once that is known.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str
    does: str
    revision: str = ""
    since: str = ""
    newest: int = -1
    took: bool = False
    brings_back: bool = False
    ended: str = ""
    because: str = ""
    started: str = ""
    finished: str = ""

    def owns(self, operation: Operation) -> bool:
        """Say whether an operation of Argo CD is this job."""
        if self.does == "sync":
            return operation.key == self.key
        later = operation.phase == "Pending" or operation.started > self.since
        return later and operation.revision == self.revision and not operation.automated

    def over(self, operation: Operation) -> Record:
        """Return the job with the end of its operation."""
        return self.model_copy(
            update={
                "ended": operation.phase,
                "because": operation.message[:300],
                "started": operation.started,
                "finished": operation.finished,
            }
        )


_RECORDS = TypeAdapter(tuple[Record, ...])


@dataclass(frozen=True, slots=True)
class Application:
    """What Argo CD says of an application."""

    found: Mapping[str, Any]

    def _at(self, path: str) -> Any:
        return at(dict(self.found), path)

    @property
    def uid(self) -> str:
        """Return what tells this application from a later one of the same name."""
        return str(self._at("metadata.uid"))

    @property
    def deleted(self) -> bool:
        """Say whether it is being deleted."""
        return self._at("metadata.deletionTimestamp") is not None

    @property
    def health(self) -> str:
        """Return Argo CD's word for how its objects are."""
        return str(self._at("status.health.status"))

    @property
    def automated(self) -> Json:
        """Return the auto-sync setting, or None while there is none that works."""
        setting: Json = self._at("spec.syncPolicy.automated")
        return None if isinstance(setting, dict) and setting.get("enabled") is False else setting

    @property
    def held_off(self) -> Json:
        """Return the auto-sync setting that Backstop took away, or None."""
        try:
            kept: Json = json.loads(self._annotations.get(AUTO_SYNC, "null"))
        except ValueError:
            return None
        return kept

    @property
    def owner(self) -> str:
        """Return who writes this application and would put its settings back, or nothing."""
        owners = self._at("metadata.ownerReferences") or ()
        made_by = next(
            (f"the ApplicationSet {one['name']}" for one in owners if one.get("kind") == "ApplicationSet"), ""
        )
        tracked = self._annotations.get("argocd.argoproj.io/tracking-id", "").partition(":")[0]
        return made_by or (f"the application {tracked}" if tracked else "")

    @property
    def records(self) -> tuple[Record, ...]:
        """Return the jobs that Backstop began here, oldest first."""
        try:
            return _RECORDS.validate_json(self._annotations.get(JOBS, "[]"))
        except ValidationError:
            return ()

    def record(self, key: str) -> Record | None:
        """Return the job of a key."""
        return next((record for record in self.records if record.key == key), None)

    @property
    def history(self) -> Sequence[Mapping[str, Any]]:
        """Return what was deployed, oldest first; only what was synced well is in it."""
        return [one for one in self._at("status.history") or () if isinstance(one, dict)]

    @property
    def newest(self) -> int:
        """Return the number of the last entry of the history."""
        return max((int(one["id"]) for one in self.history), default=-1)

    def deployed(self, record: Record) -> bool:
        """Say whether the history has what a job was to deploy, as an entry newer than its beginning."""
        later = [revision_of(one) for one in self.history if int(one["id"]) > record.newest]
        return bool(record.revision) and record.revision in later

    @property
    def resources(self) -> int:
        """Return how many objects it has."""
        return len(self._at("status.resources") or ())

    @property
    def operation(self) -> Operation | None:
        """Return the operation that was asked for or was the last to run."""
        state, asked = self._at("status.operationState"), self._at("operation")
        if asked and (not state or state.get("finishedAt")):
            return _operation("Pending", asked, {})
        return _operation(str(state.get("phase")), state.get("operation") or {}, state) if state else None

    def points(self, engine: str) -> list[RecoveryPoint]:
        """Return the entries of the history as recovery points, newest first."""
        points = [_point(one, engine) for one in self.history]
        return sorted((point for point in points if point), key=lambda point: point.finished_at, reverse=True)

    def with_record(self, record: Record) -> dict[str, Json]:
        """Return the annotation that holds a job, in the place of what was known of it."""
        others = [one for one in self.records if one.key != record.key]
        kept = [*others, record][-_MOST:]
        return {JOBS: same([one.model_dump(exclude_defaults=True) for one in kept])}

    @property
    def _annotations(self) -> Mapping[str, str]:
        return self._at("metadata.annotations") or {}


def auto_sync_off(app: Application) -> dict[str, Json]:
    """Return the part of a patch that turns auto-sync off and keeps its setting, or nothing to do."""
    if app.automated is None:
        return {}
    return {
        "metadata": {"annotations": {AUTO_SYNC: same(app.automated)}},
        "spec": {"syncPolicy": {"automated": None}},
    }


def auto_sync_back(app: Application) -> dict[str, Json]:
    """Return the part of a patch that brings auto-sync back; who turned it on meanwhile is not overruled."""
    if app.held_off is None:
        return {}
    back: dict[str, Json] = {"metadata": {"annotations": {AUTO_SYNC: None}}}
    if app.automated is None:
        back["spec"] = {"syncPolicy": {"automated": app.held_off}}
    return back


def merged(*patches: Mapping[str, Json]) -> dict[str, Json]:
    """Return one patch that does what several do."""
    whole: dict[str, Json] = {}
    for patch in patches:
        for name, value in patch.items():
            known = whole.get(name)
            whole[name] = (
                merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
            )
    return whole


def digest_of(entry: Mapping[str, Any]) -> str:
    """Return what tells an entry of the history from another: revisions, sources and their parameters."""
    parts = {name: entry.get(name) for name in ("revision", "revisions", "source", "sources")}
    return hashlib.sha256(same(parts).encode()).hexdigest()


def revision_of(entry: Mapping[str, Any]) -> str:
    """Return the commit or the version of an entry or an operation; of several sources all of them."""
    several = entry.get("revisions")
    return ",".join(str(one) for one in several) if several else str(entry.get("revision") or "")


def _operation(phase: str, asked: Mapping[str, Any], state: Mapping[str, Any]) -> Operation:
    sync = asked.get("sync") or {}
    results = at(dict(state), "syncResult.resources")
    return Operation(
        phase=phase,
        revision=revision_of(sync),
        message=str(state.get("message") or ""),
        started=str(state.get("startedAt") or ""),
        finished=str(state.get("finishedAt") or ""),
        automated=bool(at(dict(asked), "initiatedBy.automated")),
        key=next(
            (str(info.get("value")) for info in asked.get("info") or () if info.get("name") == INFO), ""
        ),
        done=len(results) if isinstance(results, list) else 0,
    )


def _point(entry: Mapping[str, Any], engine: str) -> RecoveryPoint | None:
    deployed = moment(entry.get("deployedAt"))
    if deployed is None:
        return None
    revision = revision_of(entry)
    sources: Sequence[Mapping[str, Any]] = [entry.get("source") or {}, *(entry.get("sources") or ())]
    return RecoveryPoint(
        id=str(entry["id"]),
        engine=engine,
        kind="revision",
        finished_at=deployed,
        digest=digest_of(entry),
        release=next((str(one["targetRevision"]) for one in sources if one.get("targetRevision")), None),
        commit=revision if _COMMIT.fullmatch(revision) else None,
    )
