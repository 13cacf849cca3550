from __future__ import annotations

from dataclasses import replace

from inline_snapshot import snapshot

from bot.core.cards import plan_card
from bot.core.document import Buttons, Document, plain
from bot.core.events import PlanFailed, RunRecovered
from bot.core.plan import PlannedFreeze, RefusedPoint
from tests.core.story import (
    ASKED,
    DECLARED,
    GATE,
    PLAN,
    POINT,
    RESTORE,
    SOURCE,
    STOP,
    Story,
    at,
    planned,
    restoring,
    shown,
    started,
    step,
)


def card(story: Story, minute: float = 7) -> Document:
    return plan_card(story.run, story.incident, now=at(minute))


def pressed(document: Document) -> list[str]:
    return [b.line for block in document.blocks if isinstance(block, Buttons) for b in block.buttons]


def asked() -> Story:
    story = Story()
    story.in_incident(0, DECLARED)
    story.in_run(1, ASKED)
    return story


def test_the_plan_says_all_that_people_approve() -> None:
    assert shown(card(planned())) == snapshot("""\
RUN-1 checkout-restore: Put the orders database back
For INC-1: checkout in production, planned.
  • ✓ Chosen from orders-copies: orders-0150 (copy, finished 2026-11-23 01:50:00Z, 1.4 MB, verified
        2026-11-23 01:55:00Z, release 2.3.0): the newest usable one
  • ✗ Refused: orders-0205 (copy, finished 2026-11-23 02:05:00Z, not verified): it was taken after
        the damage began
  • Good data lost: 14 min so far (2026-11-23 01:50:00Z to 2026-11-23 02:04:00Z). Within the RPO of
        15 min.
  • Later writes discarded: 13 min so far (2026-11-23 02:04:00Z to now, writers are not stopped).
Time: 17 min since the impact began, 27 min to 52 min to come: may miss the RTO of 1 h; at worst it
        ends 9 min after the RTO.
  • approval overwrite-orders: 10 min to 20 min (half the time it may take)
  • Put orders back: 10 min to 20 min (playbook)
  • Agree with finance: 5 min to 10 min (playbook)
  • end checks: 2 min (from the playbook)
  Approval overwrite-orders  1 of dba (@bo) and 1 of app (@cy), different people, not whoever starts
        it
  In an emergency            1 of commander alone, also whoever starts it; everybody reads why:
        approve RUN-1.overwrite-orders break-glass:"why"
  Point of no return         S2 Put orders back
  Freeze placed at start     deploy of checkout in production; lifted when the run ends
  Freezes passed             none
  Inputs                     target-time: 2026-11-23T02:04:00+00:00
○ waiting S1 Stop checkout: can be taken back, by app, about 1 min, at most 5 min (playbook)
    stop-writers --now
○ waiting S2 Put orders back: point of no return, by dba, needs overwrite-orders, after stop-
        writers, about 10 min, at most 20 min (playbook)
    backstop-runner restore orders-0150
○ waiting S3 Agree with finance: done by a person, by app, after restore, about 5 min, at most 10
        min (playbook)
    do: Call finance
    confirm: Finance agreed
    By hand, if Backstop is gone:
    S1 Stop checkout
      ssh db stop-writers
    S2 Put orders back
      cp /backups/orders-0150.db /data/orders.db
    S3 Agree with finance: as above
  [Start]  start RUN-1
RUN-1 · plan 19b6fb07 · drafted 2026-11-23 02:16:00Z
""")


def test_an_emergency_way_is_named_only_where_the_playbook_has_one() -> None:
    without = PLAN.model_copy(update={"gates": (GATE.model_copy(update={"break_glass": None}),)})
    assert "In an emergency" in shown(card(planned()))
    assert "In an emergency" not in shown(card(planned(without)))


def test_a_command_that_people_type_as_it_is_stands_there_once() -> None:
    same = STOP.call.model_copy(update={"by_hand": "\n".join(STOP.call.preview)})
    stop = STOP.model_copy(update={"call": same})
    some = shown(card(planned(PLAN.model_copy(update={"steps": (stop, RESTORE)}))))
    every = shown(card(planned(PLAN.model_copy(update={"steps": (stop,)}))))
    assert (some.count("stop-writers --now"), every.count("stop-writers --now")) == (1, 1)
    assert "S1 Stop checkout: as above" in some
    assert "cp /backups/orders-0150.db" in some
    assert "By hand, if Backstop is gone: what stands above, step by step." in every


def test_what_is_not_known_of_one_step_is_not_said_to_stand_above() -> None:
    nothing = STOP.model_copy(update={"call": STOP.call.model_copy(update={"preview": (), "by_hand": ""})})
    drawn = shown(card(planned(PLAN.model_copy(update={"steps": (nothing, RESTORE)}))))
    assert "S1 Stop checkout: not known" in drawn
    assert "what stands above" not in drawn


def test_a_plan_with_problems_cannot_be_started_and_says_why_first() -> None:
    none = SOURCE.model_copy(update={"point": None, "because": "there is no recovery point at all"})
    plan = PLAN.model_copy(
        update={
            "problems": ("No recovery point of orders-copies can be used.",),
            "warnings": ("The playbook was not reviewed for 200 days.",),
            "sources": (none,),
            "rto_s": None,
            "freeze": None,
            "passes": ("FRZ-7",),
            "inputs": {},
        }
    )
    drawn = card(planned(plan))
    assert pressed(drawn) == []
    assert "\n".join(shown(drawn).splitlines()[:14]) == snapshot("""\
RUN-1 checkout-restore: Put the orders database back
✗ It cannot start:
  • No recovery point of orders-copies can be used.
⚠ Warnings:
  • The playbook was not reviewed for 200 days.
For INC-1: checkout in production, planned.
  • ✗ No recovery point of orders-copies: there is no recovery point at all
  • ✗ Refused: orders-0205 (copy, finished 2026-11-23 02:05:00Z, not verified): it was taken after
        the damage began
  • Data lost: unknown, no recovery point of orders-copies is chosen.
Time: 17 min since the impact began, 27 min to 52 min to come: cannot say whether an RTO is met: no
        RTO is set.
  • approval overwrite-orders: 10 min to 20 min (half the time it may take)
  • Put orders back: 10 min to 20 min (playbook)\
""")
    assert "Freezes passed FRZ-7" in " ".join(shown(drawn).split())


def test_the_plan_is_named_while_it_is_made_and_when_none_can_be_made() -> None:
    story = asked()
    assert shown(card(story)) == snapshot("""\
RUN-1 checkout-restore: planning
Being planned: checkout-restore for checkout in production.
""")
    story.in_run(2, PlanFailed(because="The playbook is gone."))
    assert shown(card(story)) == snapshot("""\
RUN-1 checkout-restore: not planned
No plan could be made: The playbook is gone.
""")


def test_start_is_offered_once() -> None:
    assert pressed(card(planned())) == ["start RUN-1"]
    assert pressed(card(started(), 9)) == []


def test_the_plan_of_a_run_that_is_over_budgets_nothing() -> None:
    story = restoring()
    story.in_run(30, RunRecovered())
    assert "to come" not in shown(card(story, 31))


def test_a_plan_that_restores_nothing_loses_nothing() -> None:
    plan = PLAN.model_copy(update={"steps": (step("flip", "Flip the flag"),), "gates": (), "checks": ()})
    drawn = shown(card(planned(plan)))
    assert "Data lost: none, no step restores data." in drawn
    assert "none: every step can be taken back" in drawn


def test_a_plan_without_steps_has_nothing_to_come() -> None:
    plan = PLAN.model_copy(update={"steps": (), "gates": (), "checks": ()})
    assert "0 s to come: meets the RTO of 1 h" in shown(card(planned(plan)))


def test_many_steps_and_points_stay_within_what_can_be_shown() -> None:
    steps = tuple(step(f"s{number}", f"Step {number}") for number in range(500))
    many = tuple(RefusedPoint(point=POINT, because="it is older than 26h") for _ in range(40))
    source = SOURCE.model_copy(update={"refused": many})
    plan = PLAN.model_copy(update={"steps": steps, "sources": (source,)})
    drawn = card(planned(plan))
    assert len(drawn.blocks) <= 40
    assert "32 more were refused" in shown(drawn)
    assert "S500 Step 499\n    s499 --now" in shown(drawn)


def test_what_has_no_estimate_no_command_and_no_size_says_so() -> None:
    bare = replace(POINT, size=None, release=None, verified_at=None)
    odd = step("odd", "Odd", estimate_s=0, high_s=0)
    call = odd.call.model_copy(update={"preview": (), "by_hand": ""})
    freeze = PlannedFreeze(
        services=("*",), environments=("*",), kinds=("*",), lift="by_hand", at_most_s=7_200
    )
    plan = PLAN.model_copy(
        update={
            "steps": (odd.model_copy(update={"call": call}),),
            "sources": (SOURCE.model_copy(update={"point": bare, "refused": ()}),),
            "freeze": freeze,
        }
    )
    drawn = plain(card(planned(plan)))
    assert "orders-0150 (copy, finished 2026-11-23 01:50:00Z, not verified): the newest" in drawn
    assert "nobody estimated how long it takes" in drawn
    assert "what command.odd would run is not known" in drawn
    assert "By hand, if Backstop is gone: it is not known what any step would run." in drawn
    assert "lifted by hand, looked at again after 2 h" in drawn


def test_what_decides_when_all_takes_its_longest_is_named_where_it_is_something_else() -> None:
    slow = STOP.model_copy(update={"high_s": 45 * 60.0})
    plan = PLAN.model_copy(update={"steps": (slow, *PLAN.steps[1:])})
    told = "When all takes its longest, others decide: Stop checkout 45 min, Put orders back 20 min"
    assert told in shown(card(planned(plan))).replace("\n", " ").replace("  ", " ")
    assert "others decide" not in shown(card(planned()))
