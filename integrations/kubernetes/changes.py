"""The patch of each operation: what it wants, and the notes that are written with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from integrations.contract import Call, IntegrationError, RecoveryPoint, Repeat
from integrations.kubernetes.acts import NOTE, SCALED, Act, Scaled, noted, scaled_in
from integrations.kubernetes.asked import Scale, Undo
from integrations.kubernetes.deployment import CHANGE_CAUSE, COMMIT, RELEASE, Revision, Seen

Operations = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Change:
    """What an operation makes of a Deployment; a note whose text is None is removed."""

    wants: str
    operations: Operations = ()
    notes: Mapping[str, str | None] = field(default_factory=dict)


def words(seen: Seen, call: Call, asked: Undo | Scale, name: str) -> tuple[str, str, Repeat]:
    """Return what a patch does, what kubectl is told to do the same, and whether it can be repeated."""
    match asked:
        case Undo():
            point = point_of(call)
            wanted = revision_of(seen, point)
            what = f"spec.template of revision {point.id} ({', '.join(wanted.images)})"
            return what, f"rollout undo deployment/{name} --to-revision={wanted.number}", Repeat.SAFE
        case Scale(replicas="previous"):
            what = "spec.replicas as they were before Backstop changed them"
            return what, f"scale deployment/{name} --replicas=NUMBER", Repeat.ONCE
        case Scale(replicas=number):
            return f"spec.replicas {number}", f"scale deployment/{name} --replicas={number}", Repeat.SAFE


def changed(seen: Seen, call: Call, asked: Undo | Scale, *, key: str) -> Change:
    """Return what a step makes of a Deployment."""
    return _undone(seen, call, key=key) if isinstance(asked, Undo) else _scaled(seen, asked)


def _undone(seen: Seen, call: Call, *, key: str) -> Change:
    """Put the template of the approved revision in place; where it is already, nothing but the notes."""
    point = point_of(call)
    if point.digest is not None and seen.digest == point.digest:
        return Change(wants=seen.digest)
    wanted = revision_of(seen, point)
    notes = {name: wanted.notes.get(name) for name in (RELEASE, COMMIT)}
    return Change(
        wanted.digest,
        [{"op": "replace", "path": "/spec/template", "value": wanted.template}],
        {**notes, CHANGE_CAUSE: f"Backstop {key}: back to revision {point.id}"},
    )


def _scaled(seen: Seen, asked: Scale) -> Change:
    """Ask for a number of replicas, and remember the one there was before Backstop came."""
    known = scaled_in(seen.notes)
    ours = known is not None and known.to == seen.replicas
    if asked.replicas != "previous":
        before = known.before if known and ours else seen.replicas
        text = Scaled(before=before, to=asked.replicas).model_dump_json()
        return _replicas(asked.replicas, {SCALED: text})
    if known is None:
        text = "Nobody noted how many replicas there were before; say the number."
        raise IntegrationError(text, permanent=True)
    if not ours:
        text = (
            f"There are to be {seen.replicas} replicas now, not the {known.to} that Backstop asked for: "
            f"somebody changed that since. Before it there were {known.before}; say the number."
        )
        raise IntegrationError(text, permanent=True)
    return _replicas(known.before, {SCALED: None})


def _replicas(number: int, notes: Mapping[str, str | None]) -> Change:
    change = {"op": "replace", "path": "/spec/replicas", "value": number}
    return Change(str(number), [change], notes)


def patch(seen: Seen, act: Act, change: Change) -> Operations:
    """Return the whole patch, which the API takes only while the Deployment is as it was seen."""
    notes = {**seen.notes, **change.notes, NOTE: noted(seen.acts, act)}
    kept = {name: text for name, text in notes.items() if text is not None}
    unchanged = {"op": "replace", "path": "/metadata/resourceVersion", "value": seen.meta["resourceVersion"]}
    return [
        unchanged,
        {"op": "add", "path": "/metadata/annotations", "value": kept},
        *change.operations,
    ]


def objection(seen: Seen, asked: Undo | Scale, *, token: int | None = None) -> str:
    """Say why nothing should be changed now; empty when nothing stands against it."""
    who = seen.reverted_by()
    if who and not asked.although_managed:
        return (
            f"{who} puts this Deployment back to what is in git soon after it is changed. Roll back there, "
            "or stop its automatic sync and say `although_managed: true`."
        )
    if seen.paused:
        return "Its rollouts are paused; resume them first (`kubectl rollout resume`)."
    highest = max((act.token for act in seen.acts if act.token is not None), default=-1)
    if token is not None and token < highest:
        return f"The token {token} is older than {highest}, which was used for this Deployment already."
    return ""


def warnings(seen: Seen) -> list[str]:
    """Return what people should know before they approve."""
    release, who = seen.helm_release(), seen.reverted_by()
    helm = f"Helm release {release} owns it: its next upgrade puts its own content back."
    git = f"{who} may put back what is in git: its automatic sync must be stopped."
    return ([helm] if release else []) + ([git] if who else [])


def point_of(call: Call) -> RecoveryPoint:
    """Return the recovery point of a call."""
    if call.point is None:
        raise IntegrationError(f"{call.operation} needs a recovery point.", permanent=True)
    return call.point


def revision_of(seen: Seen, point: RecoveryPoint) -> Revision:
    """Return the revision that has the content of a point, whatever its number is by now."""
    for revision in seen.revisions():
        same = revision.digest == point.digest if point.digest else str(revision.number) == point.id
        if same:
            return revision
    text = (
        f"Revision {point.id} is not there any more, at least not with the approved content; "
        "look at `kubectl rollout history`."
    )
    raise IntegrationError(text, permanent=True)
