from __future__ import annotations

import pytest
from inline_snapshot import snapshot

from bot.core.cards import abort_leaves
from bot.core.events import StepDone, StepFailed, StepInDoubt, StepSkipped, StepStarted, StepSucceeded
from bot.core.plan import PlannedCall
from integrations.contract import Cancel, Effect
from tests.core.story import (
    ASK_FINANCE,
    PLAN,
    RESTORE,
    STOP,
    Story,
    planned,
    restoring,
    shown,
    started,
    stopped,
)


def leaves(story: Story) -> str:
    return shown(abort_leaves(story.run))


def test_a_run_that_has_not_begun_leaves_everything_as_it_is() -> None:
    assert leaves(planned()) == snapshot("RUN-1 has not begun: an abort leaves everything as it is.\n")


def test_before_the_first_step_every_target_is_untouched() -> None:
    assert leaves(started()) == snapshot("""\
Aborting RUN-1 now leaves:
  • orders-db: untouched
  • checkout: untouched
  • FRZ-1 is lifted.
First step that is not over: S1 Stop checkout. A new plan begins at S1.
""")


def test_in_the_middle_of_a_restore_the_database_is_not_usable() -> None:
    assert leaves(restoring()) == snapshot("""\
Aborting RUN-1 now leaves:
  • orders-db: not usable until a destructive step is finished or repaired, last by S2 Put orders
        back
  • checkout: changed, last by S1 Stop checkout
  • S1 Stop checkout (✓ succeeded): stays done; it has no undo
  • S2 Put orders back (▶ started): is stopped half-way. The old file stays beside it.
  • Writers stay stopped until a person starts them.
  • FRZ-1 is lifted.
First step that is not over: S2 Put orders back. A new plan begins at S1.
""")


@pytest.mark.parametrize(
    ("cancel", "says"),
    [
        (Cancel.NONE, "cannot be stopped; the abort waits for its end"),
        (Cancel.CLEAN, "is stopped and leaves nothing half done."),
        (Cancel.PARTIAL, "is stopped half-way. The old file stays beside it."),
    ],
)
def test_what_a_running_step_leaves_depends_on_how_it_can_be_stopped(cancel: Cancel, says: str) -> None:
    call = RESTORE.call.model_copy(update={"cancel": cancel})
    plan = PLAN.model_copy(update={"steps": (STOP, RESTORE.model_copy(update={"call": call}), ASK_FINANCE)})
    assert f"S2 Put orders back (▶ started): {says}" in leaves(restoring(plan))


def test_a_restore_that_stops_cleanly_leaves_a_database_that_is_whole() -> None:
    call = RESTORE.call.model_copy(update={"cancel": Cancel.CLEAN})
    plan = PLAN.model_copy(update={"steps": (STOP, RESTORE.model_copy(update={"call": call}))})
    assert "orders-db: as it was, or as the step makes it: look at it before it is used" in " ".join(
        leaves(restoring(plan)).split()
    )


def test_a_failed_step_says_what_its_engine_leaves_or_that_nobody_knows() -> None:
    story = restoring()
    story.in_run(15, StepFailed(step="restore", attempt=1, because="disk full"))
    assert "S2 Put orders back (✗ failed): The old file stays beside it." in leaves(story)
    call = RESTORE.call.model_copy(update={"leaves": ""})
    story = restoring(PLAN.model_copy(update={"steps": (STOP, RESTORE.model_copy(update={"call": call}))}))
    story.in_run(15, StepInDoubt(step="restore", attempt=1, because="the host is gone"))
    assert "(⁇ in doubt): nobody can say what it changed" in leaves(story)


def test_a_step_that_can_be_taken_back_is_not_taken_back_by_an_abort() -> None:
    undo = PlannedCall(engine="command", operation="start")
    plan = PLAN.model_copy(
        update={"steps": (STOP.model_copy(update={"undo": undo}), RESTORE), "freeze": None}
    )
    said = leaves(stopped(plan))
    assert "stays done; an undo exists, but an abort does not carry it out" in said
    assert "FRZ-1 stays in force until a person lifts it." in said


@pytest.mark.parametrize("end", [None, StepSucceeded(step="stop-writers", attempt=1)])
def test_a_step_that_only_reads_has_changed_nothing(end: StepSucceeded | None) -> None:
    reads = STOP.model_copy(
        update={"call": STOP.call.model_copy(update={"effect": Effect.READ}), "stops_writers": False}
    )
    story = started(PLAN.model_copy(update={"steps": (reads, RESTORE)}))
    story.in_run(9, StepStarted(step="stop-writers", attempt=1, key="k"))
    if end:
        story.in_run(10, end)
    said = leaves(story)
    assert "checkout: untouched" in said
    assert "S1 Stop checkout" in said


def test_a_reversible_step_that_failed_leaves_its_target_half_changed() -> None:
    story = started()
    story.in_run(9, StepStarted(step="stop-writers", attempt=1, key="k"))
    story.in_run(10, StepFailed(step="stop-writers", attempt=1, because="no answer"))
    assert "checkout: half changed, last by S1 Stop checkout" in leaves(story)


def test_when_every_step_is_over_only_the_end_checks_are_missing() -> None:
    story = restoring()
    story.in_run(
        20, StepSucceeded(step="restore", attempt=1), StepSkipped(step="ask-finance", why="no orders")
    )
    said = leaves(story)
    assert "S3 Agree with finance (↷ skipped): nothing" in said
    assert "Every step is over, only the end checks are missing" in said


def test_writers_stopped_by_hand_stay_stopped_too() -> None:
    story = started()
    story.in_run(9, StepDone(step="stop-writers", evidence="seen"))
    assert "Writers stay stopped until a person starts them." in leaves(story)
    story = started(PLAN.model_copy(update={"freeze": None}))
    story.in_run(9, StepSkipped(step="stop-writers", why="already stopped"))
    assert "Writers stay stopped" not in leaves(story)


def test_without_a_freeze_nothing_is_said_of_one() -> None:
    story = planned()
    first = next(entry for entry in started().entries if entry.event and entry.event.kind == "run-started")
    assert first.event
    story.in_run(8, first.event.model_copy(update={"freeze": None}))
    assert "FRZ" not in leaves(story)
