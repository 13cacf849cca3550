"""What a Deployment as it was seen means: recovery points, the state of a job, and checks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel

from integrations.contract import (
    CheckResult,
    Goal,
    JobState,
    Json,
    Phase,
    Progress,
    RecoveryPoint,
    Refusal,
    Resolution,
    ToPoint,
    ToRevision,
)
from integrations.kubernetes.acts import Act
from integrations.kubernetes.asked import Image, Ready
from integrations.kubernetes.deployment import Revision, Rollout, Seen, images_of, tag_of


def points_of(seen: Seen, engine: str) -> list[RecoveryPoint]:
    """Return the revisions as recovery points, newest content first."""
    newest = sorted(seen.revisions(), key=lambda each: (each.created_at, each.number), reverse=True)
    return [_point(each, engine) for each in newest]


def _point(revision: Revision, engine: str) -> RecoveryPoint:
    return RecoveryPoint(
        id=str(revision.number),
        engine=engine,
        kind="revision",
        finished_at=revision.created_at,
        digest=revision.digest,
        release=revision.release,
        commit=revision.commit,
    )


def resolved(seen: Seen, engine: str, goal: Goal) -> Resolution:
    """Return the revision a goal means."""
    current, revisions = seen.current(), seen.revisions()
    match goal:
        case ToRevision(None):
            before = [each for each in revisions if current is None or each.number < current.number]
            if current is None or not before:
                return Resolution(None, "There is no revision before the current one.")
            why = f"revision {before[0].number} is the one before the current {_called(current)}."
            refused = (Refusal(_point(current, engine), "it is the current one"),)
            return Resolution(_point(before[0], engine), why, refused)
        case ToRevision(number):
            wanted = str(number)
        case ToPoint(id):
            wanted = id
        case _:
            return Resolution(None, f"{engine} goes back to revisions: name one, or `previous`.")
    named = next((each for each in revisions if str(each.number) == wanted), None)
    if named is None:
        kept = ", ".join(str(each.number) for each in revisions) or "none"
        return Resolution(None, f"There is no revision {wanted}; there are: {kept}.")
    return Resolution(_point(named, engine), f"revision {wanted} was asked for.")


def _called(revision: Revision) -> str:
    return f"{revision.number} ({revision.release})" if revision.release else str(revision.number)


def state_of(seen: Seen, act: Act | None, *, now: datetime) -> JobState:
    """Return where an act is. Nothing of it acts any more once it is over: the patch was all of it."""
    if act is None:
        return JobState(Phase.LOST, because="The Deployment has no note of it.")
    rollout = seen.rollout()
    phase, because = _phase(seen, act, rollout, now)
    running = phase is Phase.RUNNING
    evidence: dict[str, Json] = {"images": list(images_of(seen.template)), "replicas": seen.replicas}
    if current := seen.current():
        evidence["revision"] = current.number
    return JobState(
        phase,
        because,
        progress=Progress("rollout", rollout.done, rollout.total, "items", at=now),
        evidence=evidence if phase is Phase.SUCCEEDED else {},
        alive=running,
        started_at=act.at,
    )


def _phase(seen: Seen, act: Act, rollout: Rollout, now: datetime) -> tuple[Phase, str]:
    if act.ended == "settled":
        return Phase.CANCELLED, "It was settled before it began and can never start."
    if act.ended:
        return Phase.CANCELLED, f"It is followed no longer; Kubernetes goes on: {rollout.because}"
    is_now = str(seen.replicas) if act.operation == "scale" else seen.digest
    if is_now != act.wants:
        return Phase.FAILED, "Somebody has changed the Deployment since; this act's change is replaced."
    stuck = rollout.state == "stuck" and seen.late != act.late
    if rollout.state == "done":
        return Phase.SUCCEEDED, ""
    if stuck:
        return Phase.FAILED, f"The rollout is stuck at {rollout.done} of {rollout.total}: {rollout.because}"
    if now >= act.until:
        return Phase.TIMED_OUT, f"The rollout takes longer than it was allowed to: {rollout.because}"
    return Phase.RUNNING, rollout.because


def check(name: str, params: BaseModel, seen: Seen) -> CheckResult:
    """Judge what runs now."""
    rollout = seen.rollout()
    match params:
        case Image():
            return _image(params, seen)
        case Ready(at_least=least):
            wanted = seen.replicas if least is None else least
            ready = int((seen.item.get("status") or {}).get("readyReplicas", 0))
            figures: dict[str, Json] = {"ready": ready, "wanted": wanted}
            return CheckResult(ready >= wanted, f"{ready} replicas are ready, {wanted} are wanted", figures)
        case _ if name == "one_version":
            return _one_version(seen)
        case _:
            figures = {"done": rollout.done, "total": rollout.total}
            return CheckResult(rollout.state == "done", rollout.because.rstrip("."), figures)


def _one_version(seen: Seen) -> CheckResult:
    running = seen.running()
    found = " and ".join(f"{count} of {images}" for images, count in running) or "no replica runs"
    return CheckResult(len(running) <= 1, found, {"versions": len(running)})


def _image(params: Image, seen: Seen) -> CheckResult:
    containers: Sequence[dict[str, str]] = seen.template["spec"]["containers"]
    names = [each["name"] for each in containers]
    if params.container is None and len(names) > 1:
        return CheckResult(ok=False, found=f"there are several containers, say which: {', '.join(names)}")
    chosen = [each for each in containers if params.container in (None, each["name"])]
    if not chosen:
        return CheckResult(ok=False, found=f"there is no container {params.container}")
    image = chosen[0]["image"]
    same = image == params.image if params.image is not None else tag_of(image) == params.tag
    # The template alone says what is wanted; only a finished rollout says that it runs.
    rollout = seen.rollout()
    done = rollout.state == "done"
    found = f"{image} runs" if done else f"{image} is wanted, and {rollout.because.rstrip('.')}"
    return CheckResult(same and done, found, {"image": image})
