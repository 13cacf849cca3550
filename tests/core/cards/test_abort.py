from __future__ import annotations

from datetime import UTC, datetime

import pytest
from inline_snapshot import snapshot

from bot.core.cards import abort_leaves
from bot.core.cards.abort import Seen, half_destroyed, left_behind
from bot.core.document import Document
from bot.core.events import (
    AttemptOpened,
    Event,
    StepDone,
    StepFailed,
    StepInDoubt,
    StepSkipped,
    StepStarted,
    StepSucceeded,
)
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
from tests.core.story import step as planned_step

AT = datetime(2026, 11, 23, 2, 20, 5, tzinfo=UTC)


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


def test_in_the_middle_of_a_restore_nobody_knows_whether_the_database_is_whole() -> None:
    assert leaves(restoring()) == snapshot("""\
Aborting RUN-1 now leaves:
  • orders-db: perhaps not whole, as a destructive step has not come to its end, last by S2 Put
        orders back; nobody has asked whether it answers. Look at its data before it is used.
  • checkout: changed, last by S1 Stop checkout
  • S1 Stop checkout (✓ succeeded): stays done; it has no undo
  • S2 Put orders back (▶ started): is stopped half-way. The old file stays beside it.
  • Writers stay stopped until a person starts them.
  • FRZ-1 is lifted.
First step that is not over: S2 Put orders back. A new plan begins at S1.
""")


def test_a_database_of_a_server_that_was_replaced_as_a_whole_is_not_called_untouched() -> None:
    orders, checkout = PLAN.targets
    whole = orders.model_copy(update={"server": "pg:1", "whole": True})
    parts = [checkout.model_copy(update={"name": name, "server": "pg:1"}) for name in ("crm", "bills")]
    plan = PLAN.model_copy(update={"targets": (whole, *parts, checkout)})

    assert "  • crm: untouched\n  • bills: untouched\n" in leaves(started(plan))
    assert "  • crm: as the rest of orders-db\n  • bills: as the rest of orders-db\n" in leaves(
        restoring(plan)
    )


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
    assert (
        "orders-db: as it was, or as the step makes it, last by S2 Put orders back; nobody has asked whether "
        "it answers. Look at its data before it is used."
    ) in " ".join(leaves(restoring(plan)).split())


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (Seen(AT), "it answered at 02:20:05Z"),
        (Seen(AT, "It is down."), "asked at 02:20:05Z, this was wrong: It is down"),
    ],
)
def test_what_a_target_said_after_everything_had_ended_is_told_and_no_more(seen: Seen, says: str) -> None:
    story = restoring()
    story.in_run(15, StepFailed(step="restore", attempt=1, because="stopped by the abort"))

    said = shown(Document("", left_behind(story.run, PLAN, {"orders-db": seen})))

    assert half_destroyed(story.run, PLAN) == ("orders-db",)
    assert (
        "orders-db: perhaps not whole, as a destructive step has not come to its end, last by S2 Put orders "
        f"back; {says}. Look at its data before it is used."
    ) in " ".join(said.split())


def test_what_a_target_said_when_its_step_did_not_end_well_is_told_before_the_abort() -> None:
    doubt = StepInDoubt(
        step="restore", attempt=1, because="gone", answered={"orders-db": "The server is stopped."}
    )
    story = restoring()
    story.in_run(15, doubt)
    known = "this was wrong: The server is stopped. Look at its data before it is used."
    assert f"back; asked at 02:25:00Z, {known}" in " ".join(leaves(story).split())

    seen = {"orders-db": Seen(AT)}
    later = " ".join(shown(Document("", left_behind(story.run, PLAN, seen))).split())
    assert "back; it answered at 02:20:05Z. Look at its data before it is used." in later


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


def test_a_restore_that_is_only_said_to_be_done_leaves_its_target_as_one_that_failed() -> None:
    story = restoring()
    story.in_run(19, StepFailed(step="restore", attempt=1, because="busy"))
    story.in_run(20, StepDone(step="restore", evidence="seen", unproved=True))
    said = leaves(story)
    assert "S2 Put orders back (⋯ being checked): a person said that it is done; what was done stays" in said
    assert half_destroyed(story.run, PLAN) == ("orders-db",)


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


KILLED = StepFailed(step="restore", attempt=1, because="killed from outside (code 137).")
AGAIN = AttemptOpened(step="restore", attempt=2, target_said="failed")


def test_what_an_attempt_did_is_not_forgotten_while_the_next_one_waits() -> None:
    story = restoring()
    story.in_run(15, KILLED, AGAIN)
    said = leaves(story)

    assert "untouched" not in said
    assert "orders-db: perhaps not whole, as a destructive step has not come to its end" in said
    assert (
        "S2 Put orders back (○ waiting): attempt 1 acted and failed (killed from outside (code 137)): "
        "The old file stays beside it."
    ) in " ".join(said.split())
    assert half_destroyed(story.run, PLAN) == ("orders-db",)


@pytest.mark.parametrize(
    ("then", "says"),
    [
        (
            [StepSkipped(step="restore", why="we repair the rows")],
            "(↷ skipped): attempt 1 acted before that: The old file stays beside it.",
        ),
        (
            [AGAIN, StepSkipped(step="restore", why="we repair the rows")],
            "(↷ skipped): attempt 1 acted and failed (killed from outside (code 137)): The old file stays",
        ),
        (
            [AGAIN, StepStarted(step="restore", attempt=2, key="k2")],
            "(▶ started): is stopped half-way. The old file stays beside it; before it, attempt 1 acted and "
            "failed (killed from outside (code 137))",
        ),
        (
            [
                AGAIN,
                StepStarted(step="restore", attempt=2, key="k2"),
                StepInDoubt(step="restore", attempt=2, because="gone"),
                AttemptOpened(step="restore", attempt=3, target_said="nothing of it runs"),
                AttemptOpened(step="restore", attempt=4, target_said="it was never started"),
            ],
            "(○ waiting): attempt 2 acted and is in doubt (gone): The old file stays beside it.",
        ),
        (
            [
                AGAIN,
                StepStarted(step="restore", attempt=2, key="k2"),
                StepFailed(step="restore", attempt=2, because="disk full"),
            ],
            "(✗ failed): The old file stays beside it; before it, attempt 1 acted and failed (killed",
        ),
    ],
)
def test_a_target_stays_half_done_whatever_becomes_of_the_step_after_it(then: list[Event], says: str) -> None:
    story = restoring()
    story.in_run(15, KILLED, *then)
    said = leaves(story)

    assert says in " ".join(said.split())
    assert "orders-db: perhaps not whole" in said
    assert half_destroyed(story.run, PLAN) == ("orders-db",)


def test_an_attempt_that_was_given_up_while_it_was_started_may_have_acted() -> None:
    story = restoring()
    story.in_run(15, AGAIN)
    assert "(○ waiting): attempt 1 acted and was given up: The old file" in " ".join(leaves(story).split())


def test_what_was_taken_back_leaves_nothing_even_when_another_attempt_waits() -> None:
    story = stopped()
    story.in_run(12, StepSucceeded(step="stop-writers", attempt=1, undo=True))
    assert "S1 Stop checkout (↶ undone): nothing" in leaves(story)
    story.in_run(13, AttemptOpened(step="stop-writers", attempt=2, target_said="succeeded"))
    assert "checkout: untouched" in leaves(story)
    assert "S1 Stop checkout" not in leaves(story).split("First step")[0]


def test_a_step_that_only_reads_and_is_left_out_after_an_attempt_leaves_nothing() -> None:
    reads = STOP.model_copy(
        update={"call": STOP.call.model_copy(update={"effect": Effect.READ}), "stops_writers": False}
    )
    story = stopped(PLAN.model_copy(update={"steps": (reads, RESTORE)}))
    story.in_run(12, StepSkipped(step="stop-writers", why="not needed"))
    assert "S1 Stop checkout (↷ skipped): nothing" in leaves(story)


START = planned_step("start", "Start checkout", by="app", touches=("checkout",), needs=("restore",))


@pytest.mark.parametrize(
    ("then", "says"),
    [
        ([], "Writers stay stopped until a person starts them."),
        (
            [StepStarted(step="start", attempt=1, key="k3"), StepSucceeded(step="start", attempt=1)],
            "Writers were stopped by S1 Stop checkout, and S3 Start checkout acted there since: look whether "
            "they write again.",
        ),
        (
            [StepStarted(step="start", attempt=1, key="k3")],
            "S3 Start checkout acted there since: look whether they write again.",
        ),
        (
            [StepDone(step="start", evidence="seen")],
            "S3 Start checkout acted there since: look whether they write again.",
        ),
    ],
)
def test_writers_are_not_said_to_be_stopped_where_a_later_step_may_have_started_them(
    then: list[Event], says: str
) -> None:
    story = restoring(PLAN.model_copy(update={"steps": (STOP, RESTORE, START)}))
    story.in_run(15, StepSucceeded(step="restore", attempt=1), *then)
    said = " ".join(leaves(story).split())
    assert says in said
    assert said.count("Writers") == 1
