"""A Deployment as it is now: its revisions, who else changes it, and how far its rollout is."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from integrations.kube import Object
from integrations.kubernetes.acts import Act, acts_in

CHANGE_CAUSE = "kubernetes.io/change-cause"
RELEASE, COMMIT = "backstop.dev/release", "backstop.dev/commit"

_REVISION = "deployment.kubernetes.io/revision"
_HASH = "pod-template-hash"
_VERSION = "app.kubernetes.io/version"
_RESTARTED = "kubectl.kubernetes.io/restartedAt"
_LATE = "ProgressDeadlineExceeded"
_HEXADECIMAL = re.compile(r"[0-9a-f]{7,40}")

_REVERTED_BY = {
    "argocd.argoproj.io/instance": "Argo CD",
    "argocd.argoproj.io/tracking-id": "Argo CD",
    "kustomize.toolkit.fluxcd.io/name": "Flux",
    "helm.toolkit.fluxcd.io/name": "Flux",
}


@dataclass(frozen=True, slots=True)
class Revision:
    """One template a Deployment has had; `digest` is of its content, which keeps it through renumbering."""

    number: int
    digest: str
    template: Object
    created_at: datetime
    notes: Mapping[str, str]

    @property
    def images(self) -> tuple[str, ...]:
        """Return the images of its containers."""
        return images_of(self.template)

    @property
    def release(self) -> str | None:
        """Return the version it says it is: by a note, by the usual label, or by its first image's tag."""
        labels = self.template.get("metadata", {}).get("labels", {})
        return self.notes.get(RELEASE) or labels.get(_VERSION) or tag_of(self.images[0])

    @property
    def commit(self) -> str | None:
        """Return the commit it was made from, by a note or by a tag that is one."""
        tag = tag_of(self.images[0]) or ""
        return self.notes.get(COMMIT) or (tag if _HEXADECIMAL.fullmatch(tag) else None)


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far a rollout is, in replicas."""

    state: Literal["done", "under way", "stuck"]
    done: int
    total: int
    because: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A Deployment and the ReplicaSets it owns, read one after the other."""

    item: Object
    owned: Sequence[Object]

    @property
    def meta(self) -> Mapping[str, Any]:
        """Return the Deployment's metadata."""
        found: Mapping[str, Any] = self.item["metadata"]
        return found

    @property
    def notes(self) -> Mapping[str, str]:
        """Return the Deployment's annotations."""
        return self.meta.get("annotations") or {}

    @property
    def replicas(self) -> int:
        """Return how many replicas are wanted."""
        return int(self.item["spec"].get("replicas", 1))

    @property
    def paused(self) -> bool:
        """Say whether somebody has paused its rollouts."""
        return bool(self.item["spec"].get("paused"))

    @property
    def template(self) -> Object:
        """Return the template as it is now."""
        return bare(self.item["spec"]["template"])

    @property
    def digest(self) -> str:
        """Return the digest of the template as it is now."""
        return digest(self.template)

    @property
    def acts(self) -> tuple[Act, ...]:
        """Return what Backstop did with it, newest last.

        Kubernetes copies a Deployment's notes to its ReplicaSets, and an undo by hand puts old ones back.
        """
        known: dict[str, Act] = {}
        for item in (*self.owned, self.item):
            known |= {act.key: act for act in acts_in(item["metadata"].get("annotations") or {})}
        return tuple(sorted(known.values(), key=lambda act: act.at))

    def act(self, key: str) -> Act | None:
        """Return what Backstop did under a key."""
        return next((act for act in self.acts if act.key == key), None)

    def revisions(self) -> list[Revision]:
        """Return the revisions that are kept, the highest number first."""
        found = [_revision(each) for each in self.owned if _REVISION in _notes(each)]
        return sorted(found, key=lambda revision: revision.number, reverse=True)

    def current(self) -> Revision | None:
        """Return the revision whose template the Deployment has now."""
        return next((each for each in self.revisions() if each.digest == self.digest), None)

    def running(self) -> list[tuple[str, int]]:
        """Return what runs now, each with how many replicas of it there are: ready or not, they may serve.

        A restart makes nothing another version; another image does, and so does another setting.
        """
        found: dict[str, tuple[str, int]] = {}
        for each in self.owned:
            count = int((each.get("status") or {}).get("replicas", 0))
            if count:
                template = _unrestarted(bare(each["spec"]["template"]))
                words, before = found.get(digest(template), (", ".join(images_of(template)), 0))
                found[digest(template)] = (words, before + count)
        return sorted(found.values())

    def reverted_by(self) -> str | None:
        """Return what puts the Deployment back to what is in git, soon after anybody changes it."""
        marks = {**self.notes, **(self.meta.get("labels") or {})}
        return next((who for mark, who in _REVERTED_BY.items() if mark in marks), None)

    def helm_release(self) -> str | None:
        """Return the Helm release it belongs to."""
        managed = (self.meta.get("labels") or {}).get("app.kubernetes.io/managed-by") == "Helm"
        return self.notes.get("meta.helm.sh/release-name", "of an unknown name") if managed else None

    def rollout(self) -> Rollout:
        """Say how far the rollout is, as `kubectl rollout status` judges it."""
        status, total = self.item.get("status") or {}, self.replicas
        updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
        done, there = min(updated, available, total), status.get("replicas", 0)
        progress = _condition(self.item, "Progressing")
        if status.get("observedGeneration", 0) < self.meta["generation"]:
            return Rollout("under way", 0, total, "Kubernetes has not looked at the change yet.")
        if progress.get("reason") == _LATE:
            return Rollout("stuck", done, total, str(progress.get("message", _LATE)))
        if updated < total:
            return Rollout("under way", done, total, f"{updated} of {total} replicas are updated.")
        if there > updated:
            return Rollout("under way", done, total, f"{there - updated} old replicas are still there.")
        if available < updated:
            return Rollout("under way", done, total, f"{available} of {updated} replicas are available.")
        return Rollout("done", total, total, f"{available} of {total} replicas are updated and available.")

    @property
    def late(self) -> str:
        """Return when Kubernetes gave a rollout up; empty when it did not."""
        progress = _condition(self.item, "Progressing")
        return str(progress.get("lastUpdateTime", "")) if progress.get("reason") == _LATE else ""

    def said(self) -> list[str]:
        """Return what Kubernetes says of it, a line for each condition."""
        conditions = (self.item.get("status") or {}).get("conditions") or ()
        return [
            f"{each['type']}={each['status']} {each.get('reason', '')}: {each.get('message', '')}"
            for each in conditions
        ]


def bare(template: Object) -> Object:
    """Return a template without what Kubernetes adds to tell ReplicaSets apart."""
    meta = {key: value for key, value in (template.get("metadata") or {}).items() if value is not None}
    labels = {key: value for key, value in meta.get("labels", {}).items() if key != _HASH}
    return {**template, "metadata": {**meta, "labels": labels}}


def _unrestarted(template: Object) -> Object:
    meta = template.get("metadata") or {}
    notes = {key: value for key, value in (meta.get("annotations") or {}).items() if key != _RESTARTED}
    return {**template, "metadata": {**meta, "annotations": notes}}


def digest(template: Object) -> str:
    """Return the SHA-256 of a bare template in hexadecimal."""
    return hashlib.sha256(json.dumps(template, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def images_of(template: Object) -> tuple[str, ...]:
    """Return the images of a template's containers."""
    return tuple(str(each["image"]) for each in template["spec"]["containers"])


def tag_of(image: str) -> str | None:
    """Return the tag of an image, which a port of its registry or a digest is not."""
    name, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    return tag if name and tag and tag != "latest" else None


def troubles(pods: Sequence[Object]) -> list[str]:
    """Return why containers of pods do not run, a line for each that waits."""
    lines = []
    for pod in pods:
        for each in (pod.get("status") or {}).get("containerStatuses") or ():
            waiting = (each.get("state") or {}).get("waiting")
            if waiting:
                why = f"{waiting.get('reason', 'waiting')}: {waiting.get('message', '')}".rstrip(": ")
                lines.append(f"pod {pod['metadata']['name']}, container {each['name']}: {why}")
    return lines


def _revision(replica_set: Object) -> Revision:
    template, notes = bare(replica_set["spec"]["template"]), _notes(replica_set)
    created = datetime.fromisoformat(replica_set["metadata"]["creationTimestamp"])
    return Revision(int(notes[_REVISION]), digest(template), template, created, notes)


def _notes(item: Object) -> Mapping[str, str]:
    return item["metadata"].get("annotations") or {}


def _condition(item: Object, type: str) -> Mapping[str, Any]:
    conditions = (item.get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if each["type"] == type), {})
