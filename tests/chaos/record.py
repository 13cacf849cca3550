"""What a chaos run left behind, and what must hold of it: sentences about every way it could be wrong.

Nothing here asks the bot. The acts are what the programs wrote down, the jobs are the runner's directories,
the data is judged by the customers' receipts, and the timeline is read from its tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any

from bot.core.events import (
    Approved,
    AttemptOpened,
    Entry,
    RunAborted,
    RunRecovered,
    StepFailed,
    StepInDoubt,
    StepStarted,
    StepSucceeded,
)
from tests.chaos.watch import Life

_SAYS = {"begin": "begins", "end": "ends"}


@dataclass(frozen=True, slots=True)
class Act:
    """One line of the acts' own record; `what` is begin or end."""

    key: str
    what: str
    pid: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Yes:
    """An approval that Slack was told had arrived; `refused` when the person read that it does not count."""

    person: str
    at: datetime
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """Everything that is judged.

    `jobs` are the runner's by key: what was asked, with when it began, and how it ended, if it did. `lives`
    are the processes that somebody else saw.
    """

    entries: Sequence[Entry]
    acts: Sequence[Act]
    lives: Sequence[Life]
    jobs: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any] | None]]
    yeses: Sequence[Yes]
    data: str
    breaks: Sequence[str]
    left: Sequence[str]
    ended_by_itself: Sequence[str] = ()
    waits_for: str = ""


def step_of(key: str) -> tuple[str, int]:
    """Return the step and the attempt in a key such as RUN-1.restore.2."""
    _, step, attempt, *_ = key.split(".")
    return step, int(attempt)


def violations(record: Record) -> list[str]:
    """Return a sentence for each way in which a run broke its promises; none for one that kept them."""
    return [
        *_twice(record),
        *_unasked(record),
        *_after_a_decision(record),
        *_alive_after_a_decision(record),
        *_two_writers(record),
        *_unended(record),
        *_after_the_end(record),
        *_jobs(record),
        *_lost_approvals(record),
        *_ends(record),
        *(f"the chain is broken: {problem}" for problem in record.breaks),
        *(f"left running: {process}" for process in record.left),
        *record.ended_by_itself,
    ]


def _twice(record: Record) -> Iterator[str]:
    begun = [act.key for act in record.acts if act.what == "begin"]
    for key in dict.fromkeys(begun):
        if begun.count(key) > 1:
            yield f"{key} was carried out {begun.count(key)} times"


def _unasked(record: Record) -> Iterator[str]:
    """No act without its `StepStarted`, and no further attempt without its `AttemptOpened`, before it."""
    started = {entry.event.key: entry.recorded_at for entry in _of(record, StepStarted)}
    opened = {
        (entry.event.step, entry.event.attempt): entry.recorded_at for entry in _of(record, AttemptOpened)
    }
    for act in record.acts:
        if act.what != "begin":
            continue
        step, attempt = step_of(act.key)
        if act.key not in started or act.at < started[act.key]:
            yield f"{act.key} began at {act.at:%H:%M:%S.%f} before it was recorded as started"
        if attempt > 1 and ((step, attempt) not in opened or act.at < opened[step, attempt]):
            yield f"{act.key} began without a recorded decision for attempt {attempt}"


def _after_a_decision(record: Record) -> Iterator[str]:
    for entry in _of(record, AttemptOpened):
        for act in record.acts:
            step, attempt = step_of(act.key)
            if step == entry.event.step and attempt < entry.event.attempt and act.at > entry.recorded_at:
                yield f"{act.key} {_SAYS[act.what]} after attempt {entry.event.attempt} of {step} was opened"


def _alive_after_a_decision(record: Record) -> Iterator[str]:
    """Whoever opens another attempt has the target's word that nothing of the old ones lives or ever will."""
    for entry in _of(record, AttemptOpened):
        step, attempt, opened = entry.event.step, entry.event.attempt, entry.recorded_at
        said = f"after attempt {attempt} of {step} was opened"
        for life in record.lives:
            if _is_before(life.key, step, attempt) and life.last > opened:
                late = (life.last - opened).total_seconds()
                yield f"process {life.pid} of {life.key} was alive {late:.3f} s {said}"
        for key, (spec, outcome) in record.jobs.items():
            moments = {"began": spec.get("begun"), "ended": (outcome or {}).get("ended_at")}
            for what, at in moments.items():
                if _is_before(key, step, attempt) and at and datetime.fromisoformat(at) > opened:
                    yield f"the runner says that {key} {what} {said}"


def _is_before(key: str, step: str, attempt: int) -> bool:
    of, number = step_of(key)
    return of == step and number < attempt


def _two_writers(record: Record) -> Iterator[str]:
    """No two jobs that may change one target had processes at one moment."""
    fenced = {key: spec["target"] for key, (spec, _) in record.jobs.items() if spec.get("token") is not None}
    writers = sorted((life for life in record.lives if life.key in fenced), key=lambda life: life.first)
    for one, other in combinations(writers, 2):
        same = fenced[one.key] == fenced[other.key] and one.key != other.key
        if same and other.first <= one.last:
            both = f"{one.key} and {other.key} both had processes on {fenced[one.key]}"
            yield f"{both} at {other.first:%H:%M:%S.%f}"


def _unended(record: Record) -> Iterator[str]:
    """Each start has an end on the timeline, or it is said there that nobody knows it."""
    ends = (*_of(record, StepSucceeded), *_of(record, StepFailed), *_of(record, StepInDoubt))
    ended = {(entry.event.step, entry.event.attempt, entry.event.undo) for entry in ends}
    for entry in _of(record, StepStarted):
        started = entry.event
        if (started.step, started.attempt, started.undo) not in ended:
            yield f"nobody recorded how {started.key} ended"


def _after_the_end(record: Record) -> Iterator[str]:
    for entry in (*_of(record, RunAborted), *_of(record, RunRecovered)):
        for act in record.acts:
            if act.at > entry.recorded_at:
                yield f"{act.key} {_SAYS[act.what]} after {entry.event.kind}"


def _jobs(record: Record) -> Iterator[str]:
    """What the timeline calls done is done at the runner, and newer attempts had newer tokens."""
    started = {entry.event.key for entry in _of(record, StepStarted)}
    keys = {(entry.event.step, entry.event.attempt): entry.event.key for entry in _of(record, StepStarted)}
    tokens: dict[str, list[tuple[int, int]]] = {}
    for key, (spec, _) in record.jobs.items():
        if key not in started:
            yield f"the runner was asked for {key}, which the timeline does not know"
        if spec.get("token") is not None:
            tokens.setdefault(str(spec["target"]), []).append((step_of(key)[1], int(spec["token"])))
    for target, found in tokens.items():
        if [token for _, token in sorted(found)] != sorted({token for _, token in found}):
            yield f"the tokens of {target} do not rise with its attempts: {sorted(found)}"
    for entry in _of(record, StepSucceeded):
        key = keys.get((entry.event.step, entry.event.attempt), "")
        _, outcome = record.jobs.get(key, ({}, None))
        if outcome is None or (outcome.get("state"), outcome.get("code")) != ("done", 0):
            yield f"{key} counts as done, and the runner says {outcome}"


def _lost_approvals(record: Record) -> Iterator[str]:
    given = {entry.by for entry in _of(record, Approved)}
    for yes in record.yeses:
        if yes.person not in given and not yes.refused:
            yield f"the approval of {yes.person}, acknowledged at {yes.at:%H:%M:%S.%f}, is lost"


def _ends(record: Record) -> Iterator[str]:
    recovered, aborted = _of(record, RunRecovered), _of(record, RunAborted)
    if not recovered and not aborted and not record.waits_for:
        yield "the run neither ended nor asks anybody"
    if record.data:
        yield record.data


def _of(record: Record, kind: type) -> list[Any]:
    return [entry for entry in record.entries if isinstance(entry.event, kind)]
