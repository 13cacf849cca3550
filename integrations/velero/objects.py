"""Velero's objects: where the API has them, how ours are named, and what they say."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StringConstraints

from integrations.asked import Params
from integrations.contract import JobState, Phase, Progress, RecoveryPoint
from integrations.kube import Object, Resource
from integrations.moments import moment

VERSION = "velero.io/v1"
BACKUPS, RESTORES = Resource(VERSION, "backups"), Resource(VERSION, "restores")
SCHEDULES, LOCATIONS = Resource(VERSION, "schedules"), Resource(VERSION, "backupstoragelocations")
KEY, SETTLED = "backstop.dev/key", "backstop.dev/settled"
MARKS = {name: f"backstop.dev/{name}" for name in ("release", "commit", "environment")}

_OVER = ("Completed", "PartiallyFailed", "Failed", "FailedValidation")
_LONGEST_LABEL = 63
Namespace = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]


class Reached(Params):
    """Which cluster, which Velero, and which namespace is meant."""

    kubeconfig: str = ""
    context: str = ""
    velero: Namespace = "velero"
    namespace: Namespace | None = None


class Kept(Reached):
    """What a source adds."""

    schedule: str | None = None


class Settings(Reached):
    """How a target is restored."""

    lands_in: Namespace | None = None
    existing: Literal["leave", "update"] = "leave"
    volumes: StrictBool = True
    resources: tuple[str, ...] = ()
    warnings_allowed: int = Field(default=0, ge=0)


def name_of(key: str) -> str:
    """Return the name of the object of a key: the same key has the same name, whoever asks."""
    words = re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")[:40].rstrip("-")
    return f"bs-{words}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def label_of(name: str) -> str:
    """Return a name as Velero writes it into a label: what is too long ends in a digest."""
    if len(name) <= _LONGEST_LABEL:
        return name
    return name[: _LONGEST_LABEL - 6] + hashlib.sha256(name.encode()).hexdigest()[:6]


def restore(name: str, key: str, point: str, namespace: str, settings: Settings) -> Object:
    """Return the Restore that brings a namespace back from a backup."""
    spec: dict[str, Any] = {
        "backupName": point,
        "includedNamespaces": [namespace],
        "existingResourcePolicy": "update" if settings.existing == "update" else "none",
        "restorePVs": settings.volumes,
    }
    if settings.lands_in and settings.lands_in != namespace:
        spec["namespaceMapping"] = {namespace: settings.lands_in}
    if settings.resources:
        spec["includedResources"] = list(settings.resources)
    return _object("Restore", name, settings.velero, {KEY: key}, spec)


def tombstone(name: str, key: str, velero: str) -> Object:
    """Return a Restore that can never act: it takes the name, and names a backup that cannot be there."""
    spec = {"backupName": f"{name}-was-settled"}
    return _object("Restore", name, velero, {KEY: key, SETTLED: "true"}, spec)


def backup(name: str, key: str, labels: Mapping[str, str], namespace: str, velero: str) -> Object:
    """Return the Backup of a namespace with what it was taken for."""
    notes = {KEY: key} | {MARKS[label]: value for label, value in labels.items()}
    return _object("Backup", name, velero, notes, {"includedNamespaces": [namespace]})


def _object(
    kind: str, name: str, namespace: str, notes: Mapping[str, str], spec: Mapping[str, Any]
) -> Object:
    meta: Object = {"name": name, "namespace": namespace, "annotations": dict(notes)}
    meta["labels"] = {"app.kubernetes.io/managed-by": "backstop"}
    return {"apiVersion": VERSION, "kind": kind, "metadata": meta, "spec": dict(spec)}


def covers(template: Mapping[str, Any], namespace: str) -> bool:
    """Say whether what is backed up has all of a namespace: one chosen by labels or kinds has not."""
    included = template.get("includedNamespaces") or ["*"]
    partly = any(template.get(part) for part in ("labelSelector", "orLabelSelectors", "includedResources"))
    inside = "*" in included or namespace in included
    return inside and not partly and namespace not in (template.get("excludedNamespaces") or ())


def note(found: Object, name: str) -> str | None:
    """Return what an annotation of an object says."""
    notes = found["metadata"].get("annotations") or {}
    return str(notes[name]) if name in notes else None


def point_of(found: Object, reachable: Sequence[str], engine: str, now: datetime) -> RecoveryPoint | None:
    """Return a finished backup as a recovery point, or None while it is none."""
    status = found.get("status") or {}
    finished = moment(status.get("completionTimestamp"))
    if finished is None or status.get("phase") not in ("Completed", "PartiallyFailed"):
        return None
    expires = moment(status.get("expiration"))
    stranded = found["spec"].get("storageLocation", "default") not in reachable or (expires or now) < now
    health: Literal["stranded", "partial", "unknown"] = "unknown"
    if status["phase"] != "Completed" or status.get("errors"):
        health = "partial"
    elif stranded:
        health = "stranded"
    return RecoveryPoint(
        id=str(found["metadata"]["name"]),
        engine=engine,
        kind="backup",
        finished_at=finished,
        digest=str(found["metadata"]["uid"]),
        health=health,
        held_until=expires,
        release=note(found, MARKS["release"]),
        commit=note(found, MARKS["commit"]),
        environment=note(found, MARKS["environment"]),
    )


def state_of(found: Object, now: datetime, *, allowed: int = 0) -> JobState:
    """Return where a Restore or a Backup is; warnings beyond what is allowed make it partial."""
    status, kind = found.get("status") or {}, str(found.get("kind", "Restore"))
    word = str(status.get("phase") or "New")
    if note(found, SETTLED):
        return JobState(Phase.CANCELLED, "It was settled before it began.", alive=False)
    errors, warnings = int(status.get("errors") or 0), int(status.get("warnings") or 0)
    phase, because = Phase.RUNNING, ""
    describe = f"`velero {kind.lower()} describe {found['metadata']['name']} --details` names them"
    match word:
        case "Completed" if warnings > allowed:
            phase, because = (
                Phase.PARTIAL,
                f"{warnings} warnings, as of objects that were there already; {describe}.",
            )
        case "Completed":
            phase = Phase.SUCCEEDED
        case "PartiallyFailed":
            phase, because = Phase.PARTIAL, f"{errors} errors and {warnings} warnings; {describe}."
        case "FailedValidation":
            phase, because = (
                Phase.REFUSED,
                "; ".join(map(str, status.get("validationErrors") or ["it is not valid"])),
            )
        case "Failed":
            phase, because = Phase.FAILED, str(status.get("failureReason") or "Velero does not say why.")
        case _:
            because = "Velero has not taken it up yet; is its server running?" if word == "New" else ""
    return JobState(
        phase,
        because=because,
        progress=_progress(status, word, now),
        evidence={"name": found["metadata"]["name"], "phase": word, "errors": errors, "warnings": warnings},
        alive=word not in _OVER,
        started_at=moment(status.get("startTimestamp")),
        ended_at=moment(status.get("completionTimestamp")),
    )


def _progress(status: Mapping[str, Any], word: str, now: datetime) -> Progress | None:
    told = status.get("progress") or {}
    if "totalItems" not in told:
        return None
    done = int(told.get("itemsRestored", told.get("itemsBackedUp", 0)))
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", word).lower().removesuffix(" partially failed")
    return Progress(words, done, int(told["totalItems"]) or None, "items", at=now)
