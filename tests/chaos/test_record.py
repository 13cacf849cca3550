"""The judge of chaos runs notices every kind of broken promise, and finds nothing in a run that kept them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.core.events import (
    Approved,
    AttemptOpened,
    Entry,
    Event,
    RunAborted,
    RunRecovered,
    StepInDoubt,
    StepStarted,
    StepSucceeded,
)
from tests.chaos.record import Act, Record, Yes, violations
from tests.chaos.watch import Life

BEGUN = datetime(2026, 11, 23, 2, 10, tzinfo=UTC)
FIRST, SECOND = "RUN-1.restore.1", "RUN-1.restore.2"


def at(seconds: float) -> datetime:
    return BEGUN + timedelta(seconds=seconds)


def entry(seconds: float, event: Event, by: str = "backstop") -> Entry:
    return Entry("run/RUN-1", int(seconds * 10), at(seconds), at(seconds), by, "run", event)


def act(seconds: float, key: str, what: str) -> Act:
    return Act(key, what, 7, at(seconds))


def job(token: int, code: int | None) -> tuple[dict[str, object], dict[str, object] | None]:
    return {"token": token, "target": "orders-db"}, None if code is None else {"state": "done", "code": code}


def started(seconds: float, attempt: int) -> Entry:
    key = f"RUN-1.restore.{attempt}"
    return entry(seconds, StepStarted(step="restore", attempt=attempt, key=key, token=attempt))


DOUBT = entry(10, StepInDoubt(step="restore", attempt=1, because="nobody can say how it ended"))
OPENED = entry(20, AttemptOpened(step="restore", attempt=2, target_said="lost"))

# Bo approves, the first attempt is killed half-way, a person decides, the second attempt does it.
GOOD = Record(
    entries=[
        entry(1, Approved(gate="overwrite", hash="h", role="dba"), by="bo"),
        started(2, 1),
        DOUBT,
        OPENED,
        started(21, 2),
        entry(30, StepSucceeded(step="restore", attempt=2)),
        entry(31, RunRecovered()),
    ],
    lives=[Life(FIRST, 7, at(3), at(9)), Life(SECOND, 8, at(22), at(25))],
    acts=[act(3, FIRST, "begin"), act(22, SECOND, "begin"), act(25, SECOND, "end")],
    jobs={FIRST: job(1, None), SECOND: job(2, 0)},
    yeses=[Yes("bo", at(1))],
    data="",
    breaks=(),
    left=(),
)


def test_a_run_that_kept_its_promises_is_found_right() -> None:
    assert violations(GOOD) == []


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (replace(GOOD, acts=[*GOOD.acts, act(26, SECOND, "begin")]), "was carried out 2 times"),
        (replace(GOOD, acts=[*GOOD.acts, act(21.5, FIRST, "end")]), "ends after attempt 2"),
        (replace(GOOD, acts=[*GOOD.acts[1:], act(23, FIRST, "begin")]), "begins after attempt 2"),
        (replace(GOOD, acts=[act(1.5, FIRST, "begin"), *GOOD.acts[1:]]), "before it was recorded as started"),
        (replace(GOOD, entries=[e for e in GOOD.entries if e != OPENED]), "without a recorded decision"),
        (replace(GOOD, entries=GOOD.entries[1:]), "the approval of bo"),
        (replace(GOOD, entries=GOOD.entries[:-1]), "neither ended nor asks"),
        (replace(GOOD, acts=[*GOOD.acts, act(40, SECOND, "end")]), "ends after run-recovered"),
        (
            replace(
                GOOD,
                entries=[*GOOD.entries[:-1], entry(24, RunAborted(leaves=""))],
            ),
            "ends after run-aborted",
        ),
        (replace(GOOD, jobs={**GOOD.jobs, SECOND: job(2, 1)}), "counts as done, and the runner says"),
        (replace(GOOD, jobs={**GOOD.jobs, SECOND: job(1, 0)}), "do not rise"),
        (replace(GOOD, jobs={**GOOD.jobs, "RUN-1.restore.3": job(3, 0)}), "the timeline does not know"),
        (
            replace(GOOD, lives=[*GOOD.lives, Life(FIRST, 9, at(4), at(20.5))]),
            "process 9 of RUN-1.restore.1 was alive 0.500 s after attempt 2 of restore was opened",
        ),
        (
            replace(GOOD, lives=[*GOOD.lives, Life(FIRST, 9, at(4), at(23))]),
            "RUN-1.restore.1 and RUN-1.restore.2 both had processes on orders-db",
        ),
        (
            replace(
                GOOD, jobs={**GOOD.jobs, FIRST: ({**job(1, None)[0], "begun": at(21).isoformat()}, None)}
            ),
            "the runner says that RUN-1.restore.1 began after attempt 2",
        ),
        (
            replace(GOOD, jobs={**GOOD.jobs, FIRST: (job(1, None)[0], {"ended_at": at(21).isoformat()})}),
            "the runner says that RUN-1.restore.1 ended after attempt 2",
        ),
        (
            replace(GOOD, entries=[e for e in GOOD.entries if e != DOUBT]),
            "nobody recorded how RUN-1.restore.1 ended",
        ),
        (replace(GOOD, data="recovered, and the orders are not right"), "the orders are not right"),
        (replace(GOOD, breaks=["run/RUN-1 entry 2: its text was changed"]), "the chain is broken"),
        (replace(GOOD, left=["python -m bot.sandbox.shop scale"]), "left running"),
        (replace(GOOD, ended_by_itself=["bot ended by itself with code 1"]), "ended by itself"),
    ],
)
def test_every_broken_promise_is_named(wrong: Record, sentence: str) -> None:
    assert any(sentence in found for found in violations(wrong)), violations(wrong)


def test_an_approval_that_was_refused_is_not_lost() -> None:
    late = replace(GOOD, yeses=[*GOOD.yeses, Yes("cy", at(32), refused=True)])
    assert violations(late) == []
