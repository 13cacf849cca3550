from __future__ import annotations

from collections.abc import Mapping

import pytest
from inline_snapshot import snapshot

from bot.core.cards import approval_card
from bot.core.document import Button, Buttons, Document, Paragraph, Who, plain
from bot.core.events import (
    AbortAsked,
    Approved,
    AttemptOpened,
    GateExpired,
    GateReopened,
    Planned,
    Rejected,
    RunAborted,
    StepFailed,
    StepSkipped,
)
from bot.core.plan import differences, plan_hash
from tests.core.story import (
    GATE,
    HASH,
    HOLDERS,
    PLAN,
    RESTORE,
    Story,
    approved,
    at,
    planned,
    restoring,
    shown,
    stopped,
)


def card(
    story: Story, minute: float, gate: str = GATE.name, holders: Mapping[str, tuple[str, ...]] = HOLDERS
) -> Document:
    return approval_card(story.run, story.incident, gate, holders=holders, now=at(minute))


def outcome(document: Document) -> str:
    return plain(document).splitlines()[1]


def pressed(document: Document) -> list[Button]:
    return [b for block in document.blocks if isinstance(block, Buttons) for b in block.buttons]


def test_asking_shows_what_is_approved_its_price_and_who_is_missing() -> None:
    assert shown(card(stopped(), 11)) == snapshot("""\
RUN-1 approval: overwrite-orders
Asking: still needed 1 of dba: @bo; 1 of app: @cy; until 2026-11-23 02:38:00Z.
  • Good data lost: 14 min (2026-11-23 01:50:00Z to 2026-11-23 02:04:00Z). Within the RPO of 15 min.
  • Later writes discarded: 16 min (2026-11-23 02:04:00Z to 2026-11-23 02:20:00Z).
S2 Put orders back: sqlite.restore on orders-db; point of no return; about 10 min, at most 20 min
        (playbook)
    backstop-runner restore orders-0150
Time: 21 min since the impact began, 25 min 30 s to 49 min to come: may miss the RTO of 1 h; at
        worst it ends 10 min after the RTO.
  Recovery point for restore  orders-0150 (copy, finished 2026-11-23 01:50:00Z, 1.4 MB, verified
        2026-11-23 01:55:00Z, release 2.3.0), 31 min old
  Policy                      1 of dba (@bo) and 1 of app (@cy), different people, not whoever
        starts it
  An approval counts for      1 h
  [Approve]  approve RUN-1.overwrite-orders plan:19b6fb07
  [Reject]  reject RUN-1.overwrite-orders plan:19b6fb07 why:"…"
  [Break the glass]  approve RUN-1.overwrite-orders plan:19b6fb07 break-glass:"…"
RUN-1.overwrite-orders · plan 19b6fb07 · asked 2026-11-23 02:18:00Z
""")


def test_what_must_be_known_of_a_recovery_point_stands_above_what_it_is_for() -> None:
    careful = PLAN.sources[0].model_copy(update={"caution": "It is of timeline 1."})
    document = card(stopped(PLAN.model_copy(update={"sources": (careful, *PLAN.sources[1:])})), 11)
    assert "• ⚠ It is of timeline 1." in shown(document)
    assert "⚠ It is of timeline 1." not in shown(card(stopped(), 11))


def test_those_who_can_still_say_yes_are_notified_and_nobody_else() -> None:
    story = stopped()
    story.in_run(11, Approved(gate=GATE.name, hash=HASH, role="dba"), by="bo")
    holders = {**HOLDERS, "app": ("ana", "cy", "bo")}
    [asking] = [block for block in card(story, 12, holders=holders).blocks if isinstance(block, Paragraph)][
        :1
    ]
    assert [span for span in asking.line if isinstance(span, Who)] == [Who("cy", ping=True)]


def test_what_can_be_pressed_names_the_plan_that_was_read() -> None:
    approve, reject, glass = pressed(card(stopped(), 11))
    assert approve == Button("Approve", f"approve RUN-1.overwrite-orders plan:{HASH[:8]}", style="primary")
    assert (reject.line, reject.ask) == (f"reject RUN-1.overwrite-orders plan:{HASH[:8]}", "Why?")
    assert glass.into == "break-glass"


def test_the_glass_can_only_be_broken_where_the_playbook_says_so() -> None:
    plan = PLAN.model_copy(update={"gates": (GATE.model_copy(update={"break_glass": None}),)})
    assert [button.label for button in pressed(card(stopped(plan), 11))] == ["Approve", "Reject"]


def test_a_seat_that_nobody_holds_says_so() -> None:
    assert "still needed 1 of dba: @bo; 1 of app: nobody" in outcome(
        card(stopped(), 11, holders={"dba": ("bo",)})
    )


def test_enough_approvals_leave_nothing_to_press() -> None:
    drawn = card(approved(), 13)
    assert (outcome(drawn), pressed(drawn)) == ("✓ Enough: S2 Put orders back may begin.", [])
    assert "✓ @bo as dba 2026-11-23 02:21:00Z" in plain(drawn)


def test_approvals_that_grew_too_old_were_enough_once() -> None:
    story = approved()
    old = card(story, 12 + GATE.valid_for_s / 60 + 1)
    assert outcome(old) == "✗ Expired: enough people said yes, but too long ago to count."
    assert [button.line for button in pressed(old)] == ["start RUN-1"]


def test_used_approvals_say_what_they_were_used_for() -> None:
    assert outcome(card(restoring(), 15)) == snapshot(
        "✓ Used: it was enough for S2 Put orders back, which began 2026-11-23 02:24:00Z."
    )


def test_a_broken_glass_is_enough_and_loud() -> None:
    story = stopped()
    glass = Approved(gate=GATE.name, hash=HASH, role="commander", break_glass="nobody answers")
    story.in_run(12, glass, by="ana")
    drawn = card(story, 12)
    assert outcome(drawn).startswith("✓ Enough")
    assert "@ana as commander 2026-11-23 02:22:00Z, breaking the glass: nobody answers" in plain(drawn)


def test_a_rejection_names_who_and_why_and_how_to_ask_again() -> None:
    story = stopped()
    story.in_run(12, Rejected(gate=GATE.name, hash=HASH, why="wrong copy"), by="bo")
    drawn = card(story, 13)
    assert outcome(drawn) == "✗ Rejected by @bo 2026-11-23 02:22:00Z: wrong copy"
    assert [button.line for button in pressed(drawn)] == ["start RUN-1"]


def test_the_time_runs_out_at_its_moment_even_before_it_is_recorded() -> None:
    story = stopped()
    assert outcome(card(story, 27.9)).startswith("Asking")
    late = card(story, 28)
    assert outcome(late) == "✗ Expired: not enough people said yes by 2026-11-23 02:38:00Z."
    assert [button.line for button in pressed(late)] == ["start RUN-1"]
    story.in_run(28, GateExpired(gate=GATE.name))
    assert outcome(card(story, 28)) == outcome(late)


def test_asked_again_everybody_can_answer_again() -> None:
    story = stopped()
    story.in_run(28, GateExpired(gate=GATE.name))
    story.in_run(30, GateReopened(gate=GATE.name, expires=at(50)), by="ana")
    assert "until 2026-11-23 03:00:00Z" in outcome(card(story, 31))


def changed() -> Story:
    story = stopped()
    story.in_run(11, Approved(gate=GATE.name, hash=HASH, role="dba"), by="bo")
    plan = PLAN.model_copy(update={"inputs": {"target-time": "2026-11-23T02:03:00+00:00"}})
    replanned = Planned(
        plan=plan, hash=plan_hash(plan), changes=differences(PLAN, plan), expires={GATE.name: at(33)}
    )
    story.in_run(13, replanned)
    return story


def test_a_changed_plan_voids_what_was_said_and_says_exactly_what_changed() -> None:
    assert "\n".join(shown(card(changed(), 14)).splitlines()[:5]) == snapshot("""\
RUN-1 approval: overwrite-orders
Asking: still needed 1 of dba: @bo; 1 of app: @cy; until 2026-11-23 02:43:00Z.
The plan changed: earlier approvals are void. What changed:
  • inputs.target-time: 2026-11-23T02:04:00+00:00 → 2026-11-23T02:03:00+00:00
  • Good data lost: 14 min (2026-11-23 01:50:00Z to 2026-11-23 02:04:00Z). Within the RPO of 15 min.\
""")


def test_an_approval_the_new_plan_does_not_ask_for_is_gone() -> None:
    story = stopped()
    plan = PLAN.model_copy(update={"gates": ()})
    story.in_run(13, Planned(plan=plan, hash="other", changes=differences(PLAN, plan)))
    assert shown(card(story, 14)) == snapshot("""\
RUN-1 approval: overwrite-orders
The plan changed and no longer asks for this approval: gates:
        [{"break_glass":"commander","name":"overwrite-orders","re… → []
""")
    assert outcome(card(planned(), 7)) == "Nobody asked for it yet."


def test_approvals_that_do_not_count_any_more_say_why() -> None:
    story = approved()
    left = {"dba": ("eve",), "app": ("cy",)}
    assert "does not count any more, @bo no longer holds dba" in plain(card(story, 14, holders=left))
    assert "does not count any more, it is too old" in plain(card(story, 75))
    stale = Approved(gate=GATE.name, hash="another", role="dba")
    story.in_run(14, stale, by="bo")
    assert "does not count any more, it was for another plan" in plain(card(story, 14))


def test_nothing_is_asked_of_a_run_that_is_being_aborted_or_over() -> None:
    story = stopped()
    story.in_run(12, AbortAsked(why="another way", leaves="x"), by="ana")
    assert outcome(card(story, 13)) == "Not needed any more: the run is aborting."
    story.in_run(13, RunAborted(leaves="x"))
    drawn = card(story, 14)
    assert (outcome(drawn), pressed(drawn)) == ("Not needed any more: the run is aborted.", [])


@pytest.mark.parametrize(("minute", "word"), [(20, "✓ Used"), (80, "Asking")])
def test_another_attempt_needs_approvals_that_still_count(minute: float, word: str) -> None:
    story = restoring()
    story.in_run(15, StepFailed(step="restore", attempt=1, because="disk full"))
    story.in_run(16, AttemptOpened(step="restore", attempt=2, target_said="failed"))
    assert outcome(card(story, minute)).startswith(word)


def test_a_gate_whose_step_was_started_and_then_left_out_stays_used() -> None:
    story = restoring()
    story.in_run(15, StepFailed(step="restore", attempt=1, because="disk full"))
    story.in_run(16, StepSkipped(step="restore", why="done elsewhere"))
    assert outcome(card(story, 80)).startswith("✓ Used")


def test_a_gate_that_no_step_names_can_still_be_drawn() -> None:
    plan = PLAN.model_copy(update={"steps": (RESTORE.model_copy(update={"gate": None}),)})
    drawn = card(stopped(plan), 11)
    assert outcome(drawn).startswith("Asking")


def test_a_step_without_a_target_or_a_recovery_point_is_priced_without_them() -> None:
    call = RESTORE.call.model_copy(update={"target": None, "source": None})
    plan = PLAN.model_copy(update={"steps": (RESTORE.model_copy(update={"call": call, "needs": ()}),)})
    drawn = plain(card(stopped(plan), 11))
    assert "S1 Put orders back: sqlite.restore; point of no return" in drawn
    assert "Recovery point" not in drawn
