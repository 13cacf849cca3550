"""What people read about a copy that is made ready before anybody decided."""

from __future__ import annotations

from inline_snapshot import snapshot

from bot.core.budget import time_budget
from bot.core.cards import abort_leaves, approval_card, incident_card, plan_card, said
from bot.core.copies import kept_until, switch_s
from bot.core.document import Button, Buttons, Document
from bot.core.due import MOST_REMOVALS
from bot.core.estimate import Expected
from bot.core.events import (
    AbortAsked,
    AttemptOpened,
    RunRecovered,
    RunStarted,
    StepFailed,
    StepStarted,
    StepSucceeded,
    WarmAsked,
    WarmStopped,
)
from bot.core.failure import follows
from bot.core.plan import Plan, PlannedCall, plan_hash
from integrations.contract import Effect
from tests.core.story import (
    ASK_FINANCE,
    GATE,
    HOLDERS,
    PLAN,
    POINT,
    RESTORE,
    STOP,
    Story,
    at,
    planned,
    shown,
    step,
)

PREPARE = step(
    "prepare",
    "Make a copy ready",
    call=PlannedCall(
        engine="sqlite",
        operation="prepare",
        target="orders-db",
        source="orders-copies",
        effect=Effect.READ,
        preview=("backstop-runner prepare orders-0150",),
    ),
    undo=PlannedCall(
        engine="sqlite", operation="discard", target="orders-db", by_hand="runner sqlite discard"
    ),
    warm=True,
)
WARM = PLAN.model_copy(update={"steps": (PREPARE, STOP, RESTORE, ASK_FINANCE)})
ASKED = WarmAsked(why="checkout-restore is warm", until=at(126))
BEGUN = StepStarted(step="prepare", attempt=1, key="RUN-1.prepare.1")
DONE = StepSucceeded(
    step="prepare",
    attempt=1,
    evidence={"point": POINT.id, "checked": ["its SHA-256 is that of the backup"]},
)
REMOVING = StepStarted(step="prepare", attempt=1, key="RUN-1.prepare.1.undo", undo=True)


def preparing(plan: Plan = WARM) -> Story:
    story = planned(plan)
    story.in_run(6, ASKED)
    story.in_run(6, BEGUN)
    return story


def ready(plan: Plan = WARM) -> Story:
    story = preparing(plan)
    story.in_run(7, DONE)
    return story


def spoken(story: Story) -> str:
    entry = story.of("run/RUN-1")[-1]
    return shown(said(entry, incident=story.incident, run=story.run, freeze=None))


def of_plan(story: Story) -> str:
    card = shown(plan_card(story.run, story.incident, now=at(8)))
    return "\n".join(line for line in card.splitlines() if "Beforehand" in line or line.startswith("  ["))


def of_incident(story: Story) -> str:
    card = shown(
        incident_card(story.incident, runs=[story.run], freezes=(), recent=(), now=at(8))
    ).splitlines()
    return next(line.strip() for line in card if "RUN-1" in line)


def asked(story: Story, plan: Plan = WARM) -> Document:
    story.in_run(8, RunStarted(hash=plan_hash(plan), expires={GATE.name: at(28)}), by="ana")
    return approval_card(story.run, story.incident, GATE.name, holders=HOLDERS, now=at(9))


def buttons(document: Document) -> list[Button]:
    return [each for block in document.blocks if isinstance(block, Buttons) for each in block.buttons]


def test_the_thread_reads_when_a_copy_is_begun_ready_and_not_to_be_had() -> None:
    story = preparing()
    begun = shown(said(story.of("run/RUN-1")[-2], incident=story.incident, run=story.run, freeze=None))
    failed = preparing()
    failed.in_run(7, StepFailed(step="prepare", attempt=1, because="the disk is full"))
    assert "\n".join((begun, spoken(ready()), spoken(failed))) == snapshot("""\
RUN-1 makes a checked copy ready beside orders-db, because checkout-restore is warm. It changes
        nothing and needs no approval; it is removed 2026-11-23 04:16:00Z unless the run is started
        before.
  [Stop preparing]  discard RUN-1 why:"…"

RUN-1: a checked copy is ready, orders-db as of 2026-11-23 01:50:00Z; checked: its SHA-256 is that
        of the backup. Approvals are only about the switch to it.

RUN-1: no copy is ready. S1 Make a copy ready failed: the disk is full. A restore makes its own.
  [Try again]  prepare RUN-1
""")


def test_a_copy_that_nobody_wants_any_more_is_not_announced() -> None:
    for end in (WarmStopped(why="no room"), AbortAsked(why="no restore", leaves="-")):
        story = preparing()
        story.in_run(7, end, by="bo")
        story.in_run(7, DONE)
        assert spoken(story) == "(nothing)"
    story = preparing()
    story.in_run(7, WarmStopped(why="no room"), by="bo")
    assert spoken(story) == snapshot(
        "@bo: No copy is made ready any more: no room; what was made is removed\n"
    )


def test_a_copy_that_will_not_go_is_said_once_with_what_removes_it_by_hand() -> None:
    story = ready()
    story.in_run(8, WarmStopped(why="no room"), by="bo")
    for attempt in range(1, MOST_REMOVALS + 1):
        story.in_run(9, REMOVING.model_copy(update={"attempt": attempt}))
        story.in_run(9, StepFailed(step="prepare", attempt=attempt, because="busy", undo=True))
        if attempt < MOST_REMOVALS:
            assert spoken(story) == "(nothing)"
            story.in_run(9, AttemptOpened(step="prepare", attempt=attempt + 1, target_said="busy"))
    assert spoken(story) == snapshot(
        "RUN-1 could not remove its copy from beside orders-db: busy. By hand: runner sqlite discard\n"
    )
    assert of_incident(story) == snapshot(
        "• RUN-1 planned: Put the orders database back; its copy could not be removed"
    )


def test_an_attempt_to_come_needs_no_words_before_the_start() -> None:
    story = ready()
    story.in_run(8, AttemptOpened(step="prepare", attempt=2, target_said="RUN-2 goes on with its copy"))
    assert spoken(story) == "(nothing)"


def test_a_copy_that_was_removed_needs_no_words() -> None:
    story = ready()
    story.in_run(8, WarmStopped(why="no room"), by="bo")
    story.in_run(9, REMOVING)
    assert spoken(story) == "(nothing)"
    story.in_run(9, StepSucceeded(step="prepare", attempt=1, undo=True))
    assert spoken(story) == "(nothing)"


def test_the_plan_card_and_the_incident_show_where_the_copy_stands() -> None:
    removed = ready()
    removed.in_run(8, WarmStopped(why="no room"), by="bo")
    stories = (planned(WARM), preparing(), ready(), removed)
    assert "\n\n".join(f"{of_plan(story)}\n{of_incident(story)}" for story in stories) == snapshot("""\
  [Start]  start RUN-1
  [Prepare a copy now]  prepare RUN-1
• RUN-1 planned: Put the orders database back

Beforehand: a checked copy is being made ready.
  [Start]  start RUN-1
  [Stop preparing]  discard RUN-1 why:"…"
• RUN-1 planned: Put the orders database back; a checked copy is being made ready

Beforehand: a checked copy as of 2026-11-23 01:50:00Z is ready.
  [Start]  start RUN-1
  [Stop preparing]  discard RUN-1 why:"…"
• RUN-1 planned: Put the orders database back; a checked copy as of 2026-11-23 01:50:00Z is ready

Beforehand: its copy is being removed.
  [Start]  start RUN-1
  [Prepare a copy now]  prepare RUN-1
• RUN-1 planned: Put the orders database back; its copy is being removed\
""")


def test_the_copy_that_a_started_run_makes_itself_is_not_called_removed() -> None:
    story = planned(WARM)
    story.in_run(8, RunStarted(hash=plan_hash(WARM), expires={GATE.name: at(28)}), by="ana")
    story.in_run(8, BEGUN)
    assert of_plan(story) == snapshot("Beforehand: a checked copy is being made ready.")
    story.in_run(9, DONE)
    assert of_plan(story) == snapshot("Beforehand: a checked copy as of 2026-11-23 01:50:00Z is ready.")
    story.in_run(10, AbortAsked(why="another way", leaves="-"), by="ana")
    assert of_plan(story) == snapshot("Beforehand: its copy is being removed.")


def test_a_plan_without_a_warm_step_offers_no_copy() -> None:
    assert of_plan(planned()) == snapshot("  [Start]  start RUN-1")


def test_with_a_copy_ready_the_approval_is_about_the_switch() -> None:
    assert shown(asked(ready())) == snapshot("""\
RUN-1 approval: overwrite-orders
Asking: still needed 1 of dba: @bo; 1 of app: @cy; until 2026-11-23 02:38:00Z.
  • Good data lost: 14 min so far (2026-11-23 01:50:00Z to 2026-11-23 02:04:00Z). Within the RPO of
        15 min.
  • Later writes discarded: 15 min so far (2026-11-23 02:04:00Z to now, writers are not stopped).
S3 Put orders back: sqlite.restore on orders-db; point of no return; about 10 min, at most 20 min
        (playbook)
A checked copy at 2026-11-23 01:50:00Z is ready; checked: its SHA-256 is that of the backup. The
        switch takes a time nobody measured yet and loses 29 min of writes so far. Only the switch
        is approved here; the copy is looked at once more before it.
    backstop-runner restore orders-0150
Time: 19 min since the impact began, 26 min 30 s to 51 min to come: may miss the RTO of 1 h; at
        worst it ends 10 min after the RTO.
  Recovery point for restore  orders-0150 (copy, finished 2026-11-23 01:50:00Z, 1.4 MB, verified
        2026-11-23 01:55:00Z, release 2.3.0), 29 min old
  Policy                      1 of dba (@bo) and 1 of app (@cy), different people, not whoever
        starts it
  An approval counts for      1 h
  [Approve]  approve RUN-1.overwrite-orders plan:a8ac147f
  [Reject]  reject RUN-1.overwrite-orders plan:a8ac147f why:"…"
  [Break the glass]  approve RUN-1.overwrite-orders plan:a8ac147f break-glass:"…"
RUN-1.overwrite-orders · plan a8ac147f · asked 2026-11-23 02:18:00Z
""")


def test_the_switch_takes_what_is_left_of_the_measured_phases() -> None:
    phases = [Expected("copying", 300, 400), Expected("proved", 2, 3), Expected("swapped", 1.5, 2)]
    copy = PREPARE.model_copy(update={"phases": tuple(phases[:2])})
    restore = RESTORE.model_copy(update={"phases": tuple(phases)})
    plan = WARM.model_copy(update={"steps": (copy, STOP, restore, ASK_FINANCE)})

    assert switch_s(restore, copy) == 1.5
    plan = WARM.model_copy(update={"steps": (copy, STOP, restore, ASK_FINANCE)})
    for story, likely_s in ((planned(plan), restore.estimate_s), (ready(plan), 1.5)):
        budget = time_budget(story.run, plan, story.incident, now=at(8))
        (part,) = (part for part in budget.parts if part.name == restore.title)
        assert part.likely.total_seconds() == likely_s
        # At worst another copy has to be made.
        assert part.high.total_seconds() == restore.high_s
    assert switch_s(RESTORE, copy) is None
    assert switch_s(restore, PREPARE) is None
    assert "The switch takes about 1 s" in shown(asked(ready(plan), plan)).replace("\n       ", "")


def test_without_a_copy_the_approval_says_nothing_of_one() -> None:
    assert "checked copy" not in shown(asked(preparing()))
    other = preparing()
    other.in_run(7, DONE.model_copy(update={"evidence": {"point": "orders-0100"}}))
    assert "checked copy" not in shown(asked(other))
    over = ready()
    card = asked(over)
    assert "checked copy" in shown(card).lower()
    over.in_run(12, RunRecovered())
    again = approval_card(over.run, over.incident, GATE.name, holders=HOLDERS, now=at(13))
    assert "checked copy" not in shown(again).lower()


def test_an_abort_says_that_the_copy_is_removed() -> None:
    story = ready()
    story.in_run(8, WarmStopped(why="no room"), by="bo")
    assert shown(abort_leaves(story.run)) == snapshot("""\
Aborting RUN-1 now leaves:
  • orders-db: untouched
  • checkout: untouched
  • S1 Make a copy ready (✓ succeeded): its copy beside the target is removed
First step that is not over: S2 Stop checkout. A new plan begins at S1.
""")


def test_a_copy_is_kept_for_the_time_of_its_playbook() -> None:
    assert kept_until(WARM, at(6)) == at(6 + 240)
    assert kept_until(WARM.model_copy(update={"at_most_s": 3600.0}), at(6)) == at(66)


def test_buttons_begin_and_end_it() -> None:
    wanted = buttons(plan_card(planned(WARM).run, planned(WARM).incident, now=at(8)))
    assert [(each.label, each.line) for each in wanted] == snapshot(
        [("Start", "start RUN-1"), ("Prepare a copy now", "prepare RUN-1")]
    )
    story = preparing()
    wanted = buttons(plan_card(story.run, story.incident, now=at(8)))
    assert [(each.label, each.line) for each in wanted] == snapshot(
        [("Start", "start RUN-1"), ("Stop preparing", "discard RUN-1")]
    )


def test_a_copy_that_failed_or_is_of_no_point_stands_nowhere() -> None:
    failed = preparing()
    failed.in_run(7, StepFailed(step="prepare", attempt=1, because="the disk is full"))
    assert "Beforehand" not in of_plan(failed)
    bare = PREPARE.model_copy(update={"call": PREPARE.call.model_copy(update={"source": None})})
    story = ready(WARM.model_copy(update={"steps": (bare, STOP, RESTORE, ASK_FINANCE)}))
    assert spoken(story) == "(nothing)"


def test_nothing_follows_the_failure_of_a_step_that_the_plan_has_not() -> None:
    gone = StepFailed(step="gone", attempt=1, because="no")
    assert follows(ready().run, WARM, gone, None, now=at(9)) == ()
