"""What follows when a step did not end well: a clean-up is repeated, and nothing else that destroys."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.core import run as runs
from bot.core.cards.choices import choices
from bot.core.cards.lines import describe
from bot.core.document import Document, Paragraph, plain
from bot.core.events import (
    AbortAsked,
    AttemptOpened,
    Entry,
    Event,
    PlanAsked,
    Planned,
    RetryAsked,
    RunPaused,
    RunStarted,
    StepFailed,
    StepInDoubt,
    StepStarted,
)
from bot.core.failure import BUSY_AGAIN, because_of, doubted, follows
from bot.core.plan import Plan, PlannedStep
from bot.core.run import Run
from integrations.contract import Effect, JobState, Phase
from tests.core.plans import START, call, plan, step
from tests.core.story import restoring
from tests.core.test_drill import LAB

EMPTY = step("empty", call=call("empty", Effect.DESTRUCTIVE, "lab"), retries=3, backoff_s=10, repeats=True)
AGAIN = RetryAsked(step="empty", why="gone", not_before=START + timedelta(seconds=10))


def cleaning(empty: PlannedStep = EMPTY, *, isolated: bool = True, drill: bool = True) -> Plan:
    target = LAB.model_copy(update={"isolated": isolated})
    return plan(drill=drill, targets=(target,), gates=(), steps=(empty,))


def begun(tidy: Plan, *more: Event) -> Run:
    asked = PlanAsked(incident="DRL-1", playbook="p", service="checkout", environment="production")
    happened = (asked, Planned(plan=tidy, hash="h"), RunStarted(hash="h"), *more)
    entries = [Entry("run/RUN-2", n, START, START, "x", "test", e) for n, e in enumerate(happened, 1)]
    run = runs.fold(entries)
    assert run
    return run


def of_doubt(tidy: Plan, *more: Event, attempt: int = 1, undo: bool = False, name: str = "empty") -> Event:
    doubt = StepInDoubt(step=name, attempt=attempt, because="gone", undo=undo)
    return doubted(begun(tidy, *more), tidy, doubt, now=START)


@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_a_clean_up_is_asked_for_again_some_times(attempt: int) -> None:
    failed = StepFailed(step="empty", attempt=attempt, because="gone")

    assert of_doubt(cleaning(), attempt=attempt) == AGAIN
    assert follows(begun(cleaning()), cleaning(), failed, None, now=START) == (AGAIN,)


def test_then_people_are_asked_with_how_often_it_was_tried() -> None:
    failed = StepFailed(step="empty", attempt=4, because="gone")

    assert of_doubt(cleaning(), attempt=4) == RunPaused(
        why="Empty is in doubt, nobody can say how it ended: gone", step="empty"
    )
    assert follows(begun(cleaning()), cleaning(), failed, None, now=START) == (
        RunPaused(why="Empty failed 4 times, last: gone", step="empty"),
    )


@pytest.mark.parametrize(
    "tidy",
    [
        cleaning(isolated=False),
        cleaning(drill=False),
        cleaning(EMPTY.model_copy(update={"repeats": False})),
        cleaning(EMPTY.model_copy(update={"touches": ("orders",)})),
        cleaning(EMPTY.model_copy(update={"retries": 0})),
    ],
    ids=["real", "no drill", "no clean-up", "touches something else", "never again"],
)
def test_nothing_else_is_repeated_by_itself(tidy: Plan) -> None:
    failed = StepFailed(step="empty", attempt=1, because="gone")

    assert isinstance(of_doubt(tidy), RunPaused)
    (then,) = follows(begun(tidy), tidy, failed, None, now=START)
    assert isinstance(then, RunPaused)


def test_neither_an_undo_nor_what_is_aborted_is_repeated() -> None:
    assert isinstance(of_doubt(cleaning(), undo=True), RunPaused)
    assert isinstance(of_doubt(cleaning(), AbortAsked(why="enough", leaves="")), RunPaused)
    assert of_doubt(cleaning(), name="gone") == RunPaused(
        why="gone is in doubt, nobody can say how it ended: gone", step="gone"
    )


def test_who_reads_along_learns_that_nobody_has_to_do_anything() -> None:
    said = plain(
        Document("", (Paragraph(describe(Entry("run/RUN-2", 9, START, START, "x", "test", AGAIN))),))
    )

    assert said == "empty is tried again by itself at 2026-11-23 02:10:10Z, as a clean-up may be: gone\n"


def test_a_copy_whose_target_is_busy_is_removed_later_and_no_try_is_used_up() -> None:
    copy = step("copy", call=call("copy", Effect.READ), undo=call("discard"), warm=True)
    tidy = plan(steps=(copy,))
    made = StepStarted(step="copy", attempt=1, key="k")
    busy = StepFailed(step="copy", attempt=1, because="shop is busy with a backup", undo=True, busy=True)
    run = begun(tidy, made, busy)

    assert dict(run.copies) == {"copy": 0}
    assert follows(run, tidy, busy, None, now=START) == (
        AttemptOpened(
            step="copy", attempt=2, target_said="shop is busy with a backup", not_before=START + BUSY_AGAIN
        ),
    )


def test_what_the_plan_no_longer_has_is_not_followed() -> None:
    gone = StepFailed(step="gone", attempt=1, because="no")

    assert follows(begun(cleaning()), cleaning(), gone, "transient", now=START) == ()


@pytest.mark.parametrize(
    ("job", "because"),
    [
        (JobState(Phase.FAILED, "disk full"), "disk full"),
        (JobState(Phase.FAILED), "failed"),
        (JobState(Phase.TIMED_OUT), "timed out"),
        (JobState(Phase.PARTIAL, "3 files"), "partial: 3 files"),
        (
            JobState(Phase.FAILED, "disk full", evidence={"caution": "P1 was not held."}),
            "disk full P1 was not held.",
        ),
    ],
)
def test_why_a_job_did_not_succeed_is_said_with_what_must_be_known_of_it(job: JobState, because: str) -> None:
    assert because_of(job) == because


def test_where_another_backstop_has_what_acts_a_retry_is_offered_only_as_handed_over() -> None:
    story = restoring()
    story.in_run(
        16,
        StepFailed(step="restore", attempt=1, because="it belongs to another", not_ours=True),
        RunPaused(why="it belongs to another", step="restore"),
    )
    assert [button.label for button in choices(story.run)] == [
        "Skip",
        "Done by hand",
        "Handed over: try again",
        "Abort",
    ]
