"""Lints of single steps: what may break something must be approved, proven, kept and taken back."""

from __future__ import annotations

from collections.abc import Iterator

from integrations.contract import Effect
from playbooks.lint.finding import Look
from playbooks.model import Step
from playbooks.problems import Problem
from playbooks.yaml_text import Path


def _steps(look: Look) -> Iterator[tuple[Path, Step]]:
    return ((("steps", index), step) for index, step in enumerate(look.playbook.steps))


def destructive(look: Look) -> Iterator[Problem]:
    """L01, L02, L03, L06, L13: what destroys is approved, aimed and proven, never passed over or repeated."""
    for path, step in _steps(look):
        if step.effect is not Effect.DESTRUCTIVE:
            continue
        name = f"the destructive step {step.id!r}"
        if step.approval is None:
            words = tuple(look.playbook.approvals)
            yield look.found("L01", path, f"{name} has no approval", "somebody must say yes to it", words)
        if not step.touches:
            yield look.found("L02", path, f"{name} touches no target", "nothing would be locked for it")
        if not any(check.severity == "block" for check in step.verify):
            yield look.found(
                "L03", path, f"{name} has no blocking check", "the engine's success proves nothing"
            )
        if step.on_failure.then == "continue":
            where = (*path, "on_failure")
            yield look.found(
                "L06", where, f"{name} goes on when it fails", "the next step would build on ruins"
            )
        if step.retry.max:
            where = (*path, "retry")
            yield look.found("L13", where, f"{name} is retried", "only a person decides to do it twice")


def reversible(look: Look) -> Iterator[Problem]:
    """L04: what is called reversible says how."""
    for path, step in _steps(look):
        if step.effect is Effect.REVERSIBLE and step.undo is None:
            what = f"the reversible step {step.id!r} has no undo"
            yield look.found("L04", path, what, "name what takes it back, or call it destructive")


def repeated(look: Look) -> Iterator[Problem]:
    """L05: only what is the same when done twice is retried."""
    for path, step in _steps(look):
        if step.retry.max and step.idempotency == "none":
            what = f"the step {step.id!r} is retried and its idempotency is none"
            yield look.found("L05", (*path, "retry"), what, "it could be done twice", ("key", "probe"))


def manual(look: Look) -> Iterator[Problem]:
    """L07: a person's step says what they do, and no other step does."""
    for path, step in _steps(look):
        if step.manual and step.person is None:
            yield look.found(
                "L07", path, f"the step {step.id!r} has no person block", "nobody knows what to do"
            )
        if step.person is not None and not step.manual:
            what = f"the step {step.id!r} has a person block and uses {step.uses}"
            yield look.found("L07", (*path, "person"), what, "a machine would ignore it", ("person",))


def locked(look: Look) -> Iterator[Problem]:
    """L09: a step lists what it changes under `touches`, because that is what is locked."""
    for path, step in _steps(look):
        changes = step.effect is not Effect.READ and bool(step.touches)
        if changes and step.target is not None and step.target not in step.touches:
            what = f"the step {step.id!r} acts on {step.target!r} and does not touch it"
            yield look.found(
                "L09", (*path, "touches"), what, "two runs could act on it at once", (step.target,)
            )


def kept_copy(look: Look) -> Iterator[Problem]:
    """L08: before data is overwritten an earlier step keeps a copy, or the file says why none is kept."""
    for path, step in _steps(look):
        if step.effect is not Effect.DESTRUCTIVE or step.keep == "none":
            continue
        kept = {earlier.target for earlier in look.playbook.before(step) if _keeps(earlier, look)}
        for target in (step.target,) if step.target else step.touches:
            if target not in kept:
                what = f"no step before {step.id!r} keeps a copy of {target!r}"
                why = "what is overwritten is gone; or write `keep: none` and `because:`"
                yield look.found("L08", path, what, why)


def _keeps(step: Step, look: Look) -> bool:
    """Say whether a step reads its target, and neither asks nor brings a point: that is keeping a copy."""
    operation = (look.operations or {}).get(step.operation)
    other = operation is not None and (operation.kind != "step" or operation.needs_point)
    return step.effect is Effect.READ and not step.manual and not step.warm and not other


def warm(look: Look) -> Iterator[Problem]:
    """L15: what may be done before anybody said yes changes nothing, waits for nothing, is removed again."""
    for path, step in _steps(look):
        if not step.warm:
            continue
        for field, what, why in _not_yet(look, step):
            yield look.found("L15", (*path, field), f"the warm step {step.id!r} {what}", why)


def _not_yet(look: Look, step: Step) -> Iterator[tuple[str, str, str]]:
    if step.effect is not Effect.READ:
        yield "effect", f"is {step.effect.value}", "it is carried out before anybody says yes"
    if step.approval is not None:
        yield "approval", "waits for an approval", "it is carried out before anybody is asked"
    if step.manual:
        yield "uses", "is done by a person", "nobody is asked to act before a run is started"
    if step.target is None:
        yield "warm", "has no target", "there is one copy for each target, and this one is of none"
    if step.undo is None:
        yield "warm", "has no undo", "what it made would stay behind"
    cold = (found.id for found in look.playbook.before(step) if not found.warm)
    if first := next(cold, None):
        yield "needs", f"waits for {first!r}", "that one is not warm; write `needs: []` if it need not wait"


def writers(look: Look) -> Iterator[Problem]:
    """L14: before data is put back something stops the writers, unless nothing serves what is overwritten."""
    targets = look.playbook.targets
    for path, step in _steps(look):
        restores = step.effect is Effect.DESTRUCTIVE and step.source is not None
        if not restores or all(targets[target].isolated for target in step.touches):
            continue
        if not any(earlier.stops_writers for earlier in (*look.playbook.before(step), step)):
            what = f"no step up to {step.id!r} has stops_writers"
            why = "later writes keep being discarded until it has overwritten the data; mark what stops them"
            yield look.found("L14", path, what, why)
