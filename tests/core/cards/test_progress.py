from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from inline_snapshot import snapshot

from bot.core.cards import progress_card
from bot.core.cards.choices import choices
from bot.core.cards.lines import describe
from bot.core.cards.pace import Pace, pace
from bot.core.document import Button, Buttons, Document, plain
from bot.core.estimate import Expected
from bot.core.events import (
    AbortAsked,
    Approved,
    AttemptOpened,
    CheckFound,
    Event,
    GateExpired,
    PlanFailed,
    Rejected,
    RetryAsked,
    RunAborted,
    RunPaused,
    RunRecovered,
    RunResumed,
    StepDone,
    StepFailed,
    StepInDoubt,
    StepProved,
    StepSkipped,
    StepStarted,
    StepSucceeded,
)
from bot.core.going import Going
from bot.core.plan import Plan, PlannedStep
from tests.core.story import (
    ASKED,
    DECLARED,
    GATE,
    HASH,
    PLAN,
    RESTORE,
    STOP,
    Story,
    approved,
    at,
    planned,
    restoring,
    shown,
    started,
    stopped,
)

Latest = Mapping[str, Mapping[str, object]]


def card(story: Story, minute: float, latest: Latest | None = None, seconds: float = 0) -> Document:
    return progress_card(story.run, story.incident, latest=latest or {}, now=at(minute, seconds))


def pressed(document: Document) -> list[Button]:
    return [b for block in document.blocks if isinstance(block, Buttons) for b in block.buttons]


def labels(document: Document) -> list[str]:
    return [button.label for button in pressed(document)]


def line_of(document: Document, step: str) -> str:
    return next(line for line in plain(document).splitlines() if step in line)


GOING = Going(
    key="RUN-1.restore.1",
    since=at(14),
    moved=at(15),
    seen=("copying",),
    done=700_000,
    total=1_400_000,
    unit="bytes",
)


def heard(**changed: object) -> Latest:
    return {"restore": GOING.model_copy(update=changed).model_dump(mode="json")}


def test_a_running_restore_shows_its_rate_and_a_range_with_its_basis() -> None:
    tail = "\n".join(f"page {number}" for number in range(9))
    assert shown(card(restoring(), 15, heard(tail=tail), seconds=30)) == snapshot("""\
RUN-1 running, 1 of 3 steps over: Put the orders database back
Running for 7 min 30 s.
Time: 25 min 30 s since the impact began, 8 min to 13 min 30 s to come: meets the RTO of 1 h; even
        at worst 21 min are left.
  • ✓ succeeded: S1 Stop checkout after 1 min
  • ▶ started: S2 Put orders back, 1 min 30 s, copying, 700.0 kB of 1.4 MB, 11.7 kB/s, 1 min to 1
        min 30 s left (its rate so far), last signal 30 s ago
  • ○ waiting: S3 Agree with finance
    restore:
    page 4
    page 5
    page 6
    page 7
    page 8
  [Hold]  hold RUN-1 why:"…"
  [Abort]  abort RUN-1
RUN-1 · plan 19b6fb07 · as of 2026-11-23 02:25:30Z
""")


def test_silence_is_called_silence_instead_of_a_frozen_bar() -> None:
    story = restoring()
    assert "last signal 1 min 30 s ago" in line_of(card(story, 16, heard(), seconds=30), "S2")
    assert "no signal for 1 min 35 s" in line_of(card(story, 16, heard(), seconds=35), "S2")
    assert "no signal for 2 min" in line_of(card(story, 16), "S2")


def test_progress_of_an_attempt_before_this_one_is_not_shown() -> None:
    story = restoring()
    story.in_run(16, StepFailed(step="restore", attempt=1, because="disk full", tail="no space left"))
    story.in_run(18, AttemptOpened(step="restore", attempt=2, target_said="failed"))
    story.in_run(18, StepStarted(step="restore", attempt=2, key="k2"))
    drawn = card(story, 19, heard(tail="old words"))
    assert "attempt 2, 1 min" in line_of(drawn, "S2")
    assert "700" not in plain(drawn)
    assert "old words" not in plain(drawn)


def test_an_engine_that_does_not_answer_is_shown_with_its_words() -> None:
    story = restoring()
    drawn = plain(card(story, 15, heard(note="no answer", tail="connection refused")))
    assert "1 min, no answer, 700.0 kB of 1.4 MB, 11.7 kB/s, 1 min to 1 min 30 s left" in drawn
    assert "restore:\n    connection refused" in drawn
    never = (
        Going(key="RUN-1.restore.1", since=at(14), moved=at(14))
        .saying("no answer", "")
        .model_dump(mode="json")
    )
    line = line_of(card(story, 15, {"restore": never}), "S2")
    assert "1 min, no answer, 9 min to 19 min left (playbook), last signal 1 min ago" in line


def test_beyond_its_limit_no_eta_is_given() -> None:
    assert "no reliable ETA" in line_of(card(restoring(), 40), "S2")


def pace_of(seconds: float = 120, *, changed: Mapping[str, object] | None = None, **heard: object) -> Pace:
    step = RESTORE.model_copy(update=dict(changed or {}))
    going = GOING.model_copy(update=heard)
    return pace(step, restoring().run.step("restore"), going, at(14, seconds))


def test_a_rate_over_less_than_a_second_says_nothing() -> None:
    found = pace_of(moved=at(14, 0.5))
    assert (found.rate, found.basis) == (None, "playbook")


def test_no_eta_is_made_from_a_sliver() -> None:
    sliver = heard(done=139, total=120_000_000, moved=at(14, 1.05))
    line = line_of(card(restoring(), 14, sliver, seconds=2), "S2")
    assert "139 B of 120.0 MB, 132 B/s, 9 min to 20 min left (playbook), last signal" in line


@pytest.mark.parametrize(
    ("done", "seconds", "basis"),
    [
        (139, 1.05, "playbook"),
        (1_199_999, 1.05, "playbook"),
        (1_200_000, 1.05, "its rate so far"),
        (139, 59.9, "playbook"),
        (139, 60, "its rate so far"),
    ],
)
def test_a_hundredth_or_a_minute_of_a_phase_is_no_sliver(done: int, seconds: float, basis: str) -> None:
    found = pace_of(seconds, done=done, total=120_000_000, moved=at(14, seconds))
    assert (found.rate, found.basis) == (done / seconds, basis)


def test_what_a_phase_that_never_came_before_says_of_a_sliver_is_no_eta() -> None:
    step = measured_plan().steps[1]
    assert left_of(step, seen=("copying", "cleaning"), done=1, total=1_000, moved=at(14, 5)) is None


def test_a_step_that_stalls_after_a_sliver_is_told_as_stalled() -> None:
    stalled = heard(done=139, total=120_000_000, moved=at(14, 1.05))
    drawn = card(restoring(), 40, stalled)
    line = line_of(drawn, "S2")
    assert "139 B of 120.0 MB, 132 B/s, no reliable ETA, no signal for 25 min 58 s" in line
    said = "cannot say whether the RTO of 1 h is met: Put orders back takes longer than it ever should."
    assert said in " ".join(plain(drawn).split())


def test_without_a_total_the_estimate_has_to_do() -> None:
    found = pace_of(done=60, total=None)
    assert (found.rate, found.basis) == (1, "playbook")


def test_a_step_that_nobody_estimated_has_no_eta() -> None:
    unestimated = {"estimate_s": 0}
    assert pace_of(total=None, changed=unestimated).left is None
    line = line_of(card(restoring(), 40, heard(total=None)), "S2")
    assert "no reliable ETA" in line


def test_percent_is_shown_without_a_total_and_has_no_rate() -> None:
    row = heard(seen=("",), done=40, total=100, unit="percent")
    assert "1 min, 40 %, 1 min 30 s to 2 min 30 s left" in line_of(card(restoring(), 15, row), "S2")


MEASURED = (Expected("copying", 120, 180), Expected("proving", 60, 90))
BASIS = "measured in 2 runs, last on 2026-11-22"


def measured_plan() -> Plan:
    restore = RESTORE.model_copy(
        update={"phases": MEASURED, "estimate_s": 180, "high_s": 270, "basis": BASIS}
    )
    return PLAN.model_copy(update={"steps": (STOP, restore, *PLAN.steps[2:])})


def test_a_step_that_was_measured_shows_how_much_of_it_is_done_and_all_that_is_left() -> None:
    story = restoring(measured_plan())
    drawn = card(story, 15, heard(share=0.335))
    said = "34 %, copying, 700.0 kB of 1.4 MB, 11.7 kB/s, 2 min to 3 min left"
    assert f"1 min, {said} (its rate so far, the rest {BASIS}), last signal" in line_of(drawn, "S2")
    assert f"0 s, 3 min to 4 min 30 s left ({BASIS}), last signal" in line_of(card(story, 14), "S2")


def left_of(step: PlannedStep, **heard: object) -> object:
    going = GOING.model_copy(update=heard)
    return pace(step, restoring().run.step("restore"), going, at(15)).left


def test_a_phase_that_never_came_before_says_itself_how_long_it_takes() -> None:
    step = measured_plan().steps[1]
    unknown = {"seen": ("copying", "cleaning"), "done": 30, "total": 60}
    assert left_of(step, **unknown) == (timedelta(seconds=60 + 60), timedelta(seconds=90 + 90))
    assert left_of(step, **{**unknown, "total": None}) == (timedelta(seconds=60), timedelta(seconds=90))


def test_a_phase_that_takes_longer_than_it_ever_should_has_no_eta() -> None:
    step = measured_plan().steps[1]
    assert left_of(step, total=None, since=at(14)) == (
        timedelta(seconds=60 + 60),
        timedelta(seconds=120 + 90),
    )
    assert left_of(step, total=None, since=at(11)) is None


def test_an_undo_is_not_reckoned_by_the_phases_of_its_step() -> None:
    step = measured_plan().steps[1]
    state = replace(restoring().run.step("restore"), undoing=True)
    found = pace(step, state, GOING.model_copy(update={"total": None}), at(15))
    assert found.left == (timedelta(seconds=120), timedelta(seconds=210))


def test_before_its_approval_a_step_says_what_it_waits_for() -> None:
    drawn = plain(card(stopped(), 11))
    assert (
        "○ waiting: S2 Put orders back, waits for approval overwrite-orders: still 1 of dba and 1 of app\n"
        in drawn
    )
    assert "Next approval: overwrite-orders, for S2 Put orders back" in drawn
    assert "Next approval" not in plain(card(approved(), 14))


def _answered(minute: float, event: Event, by: str) -> Story:
    story = stopped()
    story.in_run(minute, event, by=by)
    return story


@pytest.mark.parametrize(
    ("story", "said"),
    [
        (
            _answered(12, Approved(gate=GATE.name, hash=HASH, role="dba"), "bo"),
            "waits for approval overwrite-orders: still 1 of app",
        ),
        (approved(), "approved at overwrite-orders"),
        (_answered(12, Rejected(gate=GATE.name, hash=HASH, why="no"), "bo"), "rejected at overwrite-orders"),
        (_answered(29, GateExpired(gate=GATE.name), "backstop"), "not approved in time at overwrite-orders"),
    ],
    ids=["half", "enough", "rejected", "expired"],
)
def test_a_step_that_waits_says_where_its_approval_stands(story: Story, said: str) -> None:
    held = RunPaused(why="somebody held it")
    story.in_run(29, held, by="ana")
    assert line_of(card(story, 30), "S2").endswith(f"S2 Put orders back, {said}")


def test_a_broken_glass_stays_on_the_card_of_its_run() -> None:
    glass = Approved(gate=GATE.name, hash=HASH, role="commander", break_glass="nobody answers")
    assert line_of(card(_answered(12, glass, "ana"), 13), "glass") == snapshot(
        "The glass was broken at overwrite-orders by @ana as commander 2026-11-23 02:22:00Z: nobody answers"
    )
    assert "glass" not in plain(card(approved(), 13))


def test_an_approval_that_no_step_needs_is_still_named() -> None:
    plan = PLAN.model_copy(update={"steps": PLAN.steps[:1]})
    assert "Next approval: overwrite-orders\n" in plain(card(started(plan), 9))


def test_while_it_runs_it_can_be_held_or_aborted() -> None:
    assert [button.line for button in pressed(card(restoring(), 15))] == ["hold RUN-1", "abort RUN-1"]


def failed(plan: Plan = PLAN) -> Story:
    story = restoring(plan)
    tail = "\n".join(("a", "b", "c", "d", "e", "no space left"))
    story.in_run(
        16,
        StepFailed(step="restore", attempt=1, because="disk full", tail=tail),
        RunPaused(why="Put orders back failed: disk full", step="restore"),
    )
    return story


def test_a_failed_step_shows_its_last_lines_and_the_choices() -> None:
    assert shown(card(failed(), 17)) == snapshot("""\
RUN-1 paused, 1 of 3 steps over: Put the orders database back
Paused: Put orders back failed: disk full
Time: 27 min since the impact began, 17 min to 32 min to come: cannot say whether the RTO of 1 h is
        met: the run does not go on until a person decides.
  • ✓ succeeded: S1 Stop checkout after 1 min
  • ✗ failed: S2 Put orders back after 2 min: disk full
  • ○ waiting: S3 Agree with finance
    restore:
    b
    c
    d
    e
    no space left
  [Retry]  retry RUN-1.restore why:"…"
  [Retry, other target-time]  retry RUN-1.restore why:"with another target-time" target-time:"…"
  [Skip]  skip RUN-1.restore why:"…"
  [Done by hand]  done RUN-1.restore evidence:"…"
  [Abort]  abort RUN-1
RUN-1 · plan 19b6fb07 · as of 2026-11-23 02:27:00Z
""")


def test_each_choice_asks_for_what_its_verb_needs() -> None:
    found = [(button.line, bool(button.ask), button.into) for button in choices(failed().run)]
    assert found == snapshot(
        [
            ("retry RUN-1.restore", True, "why"),
            ('retry RUN-1.restore why:"with another target-time"', True, "target-time"),
            ("skip RUN-1.restore", True, "why"),
            ("done RUN-1.restore", True, "evidence"),
            ("abort RUN-1", False, "why"),
        ]
    )


def test_the_newest_step_that_can_be_taken_back_is_the_sixth_choice() -> None:
    stop = STOP.model_copy(update={"undo": STOP.call})
    story = failed(PLAN.model_copy(update={"steps": (stop, *PLAN.steps[1:])}))
    assert "undo RUN-1.stop-writers" in [button.line for button in choices(story.run)]


def test_a_step_in_doubt_says_what_is_known_and_offers_the_same_choices() -> None:
    story = restoring()
    story.in_run(
        16,
        StepInDoubt(step="restore", attempt=1, because="the host is gone"),
        RunPaused(why="Put orders back: the host is gone", step="restore"),
    )
    drawn = card(story, 17)
    assert "⁇ in doubt: S2 Put orders back after 2 min: the host is gone" in plain(drawn)
    assert labels(drawn) == labels(card(failed(), 17))


@pytest.mark.parametrize(
    ("problem", "card_says", "line_says"),
    [
        (
            "The server in /srv is stopped.",
            "orders-db: asked at 02:26:00Z, this was wrong: The server in /srv is stopped",
            "orders-db: The server in /srv is stopped",
        ),
        ("", "orders-db: it answered at 02:26:00Z", "orders-db answers"),
    ],
)
@pytest.mark.parametrize("ends", [StepFailed, StepInDoubt])
def test_a_destructive_step_that_did_not_end_well_says_what_its_target_answered(
    ends: type[StepFailed | StepInDoubt], problem: str, card_says: str, line_says: str
) -> None:
    story = restoring()
    story.in_run(16, ends(step="restore", attempt=1, because="killed", answered={"orders-db": problem}))
    word = "✗ failed" if ends is StepFailed else "⁇ in doubt"
    assert f"{word}: S2 Put orders back after 2 min: killed; {card_says}" in plain(card(story, 17))
    assert line_says in "".join(map(str, describe(story.of("run/RUN-1")[-1])))


def test_a_retry_waits_until_nothing_of_the_old_attempt_acts() -> None:
    story = failed()
    story.in_run(18, RetryAsked(step="restore", why="emptied the disk"), by="bo")
    assert "another attempt is asked for and waits until nothing of this one acts" in plain(card(story, 19))


def test_a_foreign_freeze_asks_why_it_may_go_on() -> None:
    story = approved()
    story.in_run(14, RunPaused(why="FRZ-2 was placed over checkout", step="restore", freeze="FRZ-2"))
    resume, abort = pressed(card(story, 15))
    assert (resume.line, bool(resume.ask), abort.line) == ("resume RUN-1", True, "abort RUN-1")


def test_a_run_held_by_a_person_can_be_resumed() -> None:
    story = stopped()
    story.in_run(11, RunPaused(why="held by ana"), by="ana")
    drawn = card(story, 12)
    assert "Paused: held by ana" in plain(drawn)
    assert [(button.line, button.ask) for button in pressed(drawn)] == [
        ("resume RUN-1", ""),
        ("abort RUN-1", ""),
    ]
    story.in_run(13, RunResumed(), by="ana")
    assert labels(card(story, 14)) == ["Hold", "Abort"]


def test_a_pause_because_of_an_approval_offers_to_ask_again() -> None:
    story = stopped()
    story.in_run(28, GateExpired(gate="overwrite-orders"))
    story.in_run(28, RunPaused(why="The approvals did not come in time.", step="restore"))
    assert [button.line for button in pressed(card(story, 29))] == ["start RUN-1", "abort RUN-1"]


def test_a_pause_before_a_step_for_another_reason_can_be_resumed_or_gone_around() -> None:
    story = approved()
    story.in_run(14, RunPaused(why="orders-db is held by another run", step="restore"))
    assert labels(card(story, 15)) == ["Resume", "Skip", "Done by hand", "Abort"]


def test_after_an_undo_what_was_undone_can_be_retried() -> None:
    story = stopped()
    story.in_run(12, StepStarted(step="stop-writers", attempt=1, key="u", undo=True))
    assert "↶ being undone: S1 Stop checkout" in plain(card(story, 12))
    story.in_run(13, StepSucceeded(step="stop-writers", attempt=1, undo=True))
    story.in_run(13, RunPaused(why="Everything back to the chosen step is undone."))
    drawn = card(story, 14)
    assert labels(drawn) == ["Retry stop-writers", "Resume", "Abort"]
    assert "↶ undone: S1 Stop checkout" in plain(drawn)


def test_an_undone_step_nobody_decided_about_can_also_be_left_out() -> None:
    story = stopped()
    story.in_run(12, StepStarted(step="stop-writers", attempt=1, key="u", undo=True))
    story.in_run(13, StepSucceeded(step="stop-writers", attempt=1, undo=True))
    story.in_run(13, RunPaused(why="Stop checkout is undone.", step="stop-writers"))
    assert labels(card(story, 14)) == ["Retry stop-writers", "Skip", "Done by hand", "Abort"]


def test_a_person_sees_what_to_do_and_how_to_say_that_it_is_done() -> None:
    story = restoring()
    story.in_run(24, StepSucceeded(step="restore", attempt=1))
    story.in_run(24, StepStarted(step="ask-finance", attempt=1, key="k"))
    drawn = card(story, 25)
    assert "▶ started: S3 Agree with finance, 1 min, by app" in plain(drawn)
    assert "  • do: Call finance\n  • confirm: Finance agreed\n  • evidence: link" in plain(drawn)
    done = pressed(drawn)[0]
    assert (done.line, done.into) == ("done RUN-1.ask-finance", "evidence")


def test_an_abort_under_way_leaves_nothing_to_press() -> None:
    story = restoring()
    story.in_run(15, AbortAsked(why="another way", leaves="orders-db: not usable"), by="ana")
    drawn = card(story, 16)
    assert "Stopping: an abort was asked for (another way); nothing further starts." in plain(drawn)
    assert pressed(drawn) == []
    left = "• orders-db: not usable\n  • shop: changed\n\nGo on from S2."
    story.in_run(17, StepFailed(step="restore", attempt=1, because="stopped"), RunAborted(leaves=left))
    said = "It leaves:\n• orders-db: not usable\n• shop: changed\nGo on from S2.\n"
    assert f"✗ Aborted 2026-11-23 02:27:00Z. {said}" in plain(card(story, 18))


def test_an_abort_nobody_asked_for_leaves_what_nobody_knows() -> None:
    story = stopped()
    story.in_run(12, RunAborted(leaves=""))
    assert "It leaves: nothing is known" in plain(card(story, 13))


def recovered(*, impact: bool = True) -> Story:
    story = restoring()
    if not impact:
        story.entries = [entry for entry in story.entries if entry.stream != "incident/INC-1"]
        story.in_incident(0, DECLARED.model_copy(update={"impact_start": None}))
    story.in_run(24, StepSucceeded(step="restore", attempt=1))
    story.in_run(25, StepSkipped(step="ask-finance", why="no orders were lost"), by="ana")
    story.in_run(
        26,
        CheckFound(check="place-order", ok=True, blocking=True, found="order 7 placed"),
        CheckFound(check="p99", ok=False, blocking=False, found="600 ms"),
        CheckFound(check="books", ok=False, blocking=True, found="2 missing"),
    )
    story.in_run(29, RunRecovered())
    return story


def test_a_run_that_restored_nothing_has_ended() -> None:
    story = started()
    story.in_run(29, RunRecovered(left_out=("restore",)))
    assert "Ended 2026-11-23 02:39:00Z: its restore was skipped, so nothing was restored." in shown(
        card(story, 30)
    )


def test_a_run_whose_restore_was_skipped_after_it_had_begun_does_not_say_that_nothing_changed() -> None:
    story = restoring()
    story.in_run(20, StepFailed(step="restore", attempt=1, because="the disk is full"))
    story.in_run(25, StepSkipped(step="restore", why="we repair the rows"), by="ana")
    story.in_run(29, RunRecovered(left_out=("restore",)))
    assert shown(card(story, 30)).splitlines()[1] == snapshot(
        "Ended 2026-11-23 02:39:00Z: S2 Put orders back was skipped after an attempt of it had begun, which"
    )


def test_a_recovered_run_says_when_and_what_its_checks_found() -> None:
    assert shown(card(recovered(), 30)) == snapshot("""\
RUN-1 recovered, 3 of 3 steps over: Put the orders database back
✓ Recovered 2026-11-23 02:39:00Z, 39 min after the impact began.
  • ✓ succeeded: S1 Stop checkout after 1 min
  • ✓ succeeded: S2 Put orders back after 10 min
  • ↷ skipped: S3 Agree with finance: no orders were lost
  • ✓ passed: end check place-order: order 7 placed
  • ⚠ warns: end check p99: 600 ms
  • ✗ failed: end check books: 2 missing
RUN-1 · plan 19b6fb07 · as of 2026-11-23 02:40:00Z
""")


def test_the_card_names_what_a_step_is_at_instead_of_its_phase() -> None:
    line = line_of(card(restoring(), 15, heard(doing="building index orders_pkey"), seconds=30), "S2")
    assert "building index orders_pkey" in line
    assert "copying" not in line


def test_the_card_warns_of_a_step_that_succeeded() -> None:
    story = restoring()
    story.in_run(24, StepSucceeded(step="restore", attempt=1, evidence={"caution": "It was not held."}))
    assert "succeeded: S2 Put orders back after 10 min: It was not held." in shown(card(story, 25))


def test_without_an_impact_start_recovery_has_no_length() -> None:
    assert "nobody has said when the impact began" in plain(card(recovered(impact=False), 30))


def test_a_run_without_a_plan_says_why() -> None:
    story = Story()
    story.in_incident(0, DECLARED)
    story.in_run(1, ASKED)
    assert "checkout-restore: the plan is being made" in plain(card(story, 2))
    story.in_run(2, PlanFailed(because="The playbook is gone."))
    assert "checkout-restore: The playbook is gone." in plain(card(story, 3))


def test_a_plan_that_was_not_started_offers_nothing_to_press() -> None:
    drawn = card(planned(), 7)
    assert "Planned: it has not been started." in plain(drawn)
    assert pressed(drawn) == []


def test_what_is_not_paused_has_no_choices() -> None:
    assert choices(restoring().run) == ()


def test_a_step_done_by_hand_without_a_start_has_no_length() -> None:
    story = started()
    story.in_run(9, StepDone(step="stop-writers", evidence="seen"), by="cy")
    assert line_of(card(story, 10), "S1") == "  • ✓ done by hand: S1 Stop checkout: seen"


def test_a_step_that_a_person_said_is_done_is_being_checked_and_then_done() -> None:
    story = restoring()
    story.in_run(19, StepFailed(step="restore", attempt=1, because="busy"))
    story.in_run(20, StepDone(step="restore", evidence="rows counted", unproved=True), by="cy")
    going = Going(
        key="RUN-1.restore.1", since=at(20), moved=at(20), note="checking", tail="the check rows found 0 rows"
    )
    drawn = card(story, 21, {"restore": going.model_dump(mode="json")})
    assert (
        line_of(drawn, "S2")
        == "  • ⋯ being checked: S2 Put orders back, said to be done by hand: rows counted"
    )
    assert "the check rows found 0 rows" in plain(drawn)
    assert choices(story.run) == ()
    story.in_run(22, StepProved(step="restore", attempt=1))
    assert line_of(card(story, 23), "S2").startswith("  • ✓ done by hand: S2 Put orders back after ")


@pytest.mark.parametrize("steps", [500])
def test_many_steps_are_drawn(steps: int) -> None:
    plan = PLAN.model_copy(update={"steps": PLAN.steps * steps})
    assert len(card(started(plan), 9).blocks) < 12
