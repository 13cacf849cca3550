"""Who may say yes to what, when it counts, and what people read when it does not."""

from __future__ import annotations

from inline_snapshot import snapshot

from bot.commands import say
from bot.core.approval import Standing, standing
from bot.core.events import Approved
from bot.core.may import Actor
from bot.core.people import holders_now
from bot.core.run import Status
from bot.watch import Watch
from integrations.contract import Phase
from tests.clock import Clock
from tests.commands.scenes import PEOPLE, answers, approved, planned, put, refusals, started, with_glass
from tests.runs.stage import PLAYBOOK, Stage, World


async def stands(stage: Stage) -> Standing:
    run, incident = await stage.run(), await stage.incident()
    assert run.plan
    gate = run.plan.gate("overwrite")
    assert gate
    return standing(
        gate,
        run.gates["overwrite"],
        hash=run.hash,
        holders=holders_now(run, incident, stage.shelf.catalog(), {}, now=stage.timeline.now()),
        now=stage.timeline.now(),
    )


async def test_each_quorum_needs_its_own_person(stage: Stage) -> None:
    await started(stage)
    assert await answers(stage, ("bo", "approve RUN-1"), ("cy", "approve RUN-1.overwrite")) == snapshot("""\
bo: approve RUN-1
  RUN-1.overwrite approved as dba. Still needed: app.

cy: approve RUN-1.overwrite
  RUN-1.overwrite approved as app. That is enough: the step may go on.
""")
    assert await stands(stage) is Standing.OPEN


async def test_an_approval_of_a_run_that_waits_for_a_choice_names_the_choices_and_no_word_that_is_refused(
    stage: Stage, world: World
) -> None:
    world.outcomes["stop"] = [Phase.FAILED]
    await started(stage)

    assert (await answers(stage, ("bo", "approve RUN-1"), ("cy", "approve RUN-1"))) == snapshot("""\
bo: approve RUN-1
  RUN-1.overwrite approved as dba. Still needed: app.

cy: approve RUN-1
  RUN-1.overwrite approved as app. That is enough, but RUN-1 is paused: Stop the shop failed:
      scripted failed. RUN-1.stop is failed: choose `retry`, `skip`, `done` or `undo` for it, or
      `/backstop abort RUN-1`.
""")
    assert "choose `retry`, `skip`, `done` or `undo`" in (await stage.say("ana", "resume RUN-1")).text


async def test_an_approval_names_the_choice_first_and_then_how_a_hold_ends(
    stage: Stage, world: World
) -> None:
    world.outcomes["stop"] = [Phase.FAILED]
    await started(stage)
    await stage.told("bo", "hold RUN-1 why:looking")

    assert (await answers(stage, ("bo", "approve RUN-1"), ("cy", "approve RUN-1"))) == snapshot("""\
bo: approve RUN-1
  RUN-1.overwrite approved as dba. Still needed: app.

cy: approve RUN-1
  RUN-1.overwrite approved as app. That is enough, but RUN-1 is paused: Stop the shop failed:
      scripted failed. looking. RUN-1.stop is failed: choose `retry`, `skip`, `done` or `undo` for
      it, or `/backstop abort RUN-1`. `/backstop resume RUN-1` then lets it go on.
""")


async def test_whoever_holds_several_roles_approves_in_the_one_that_is_missing(stage: Stage) -> None:
    put(stage, catalog=PEOPLE.replace("owners: {people: [cy]}", "owners: {people: [cy, dee]}"))
    await started(stage)
    await stage.told("bo", "approve RUN-1")

    said = await stage.told("dee", "approve RUN-1")

    assert said.strip() == "RUN-1.overwrite approved as app. That is enough: the step may go on."
    assert [(a.person, a.role) for a in (await stage.run()).gates["overwrite"].approvals] == [
        ("bo", "dba"),
        ("dee", "app"),
    ]


async def test_whoever_is_not_asked_or_asked_for_it_or_said_yes_already_is_refused(stage: Stage) -> None:
    put(stage, catalog=PEOPLE.replace("dba: {people: [bo, dee]}", "dba: {people: [ana, bo, dee]}"))
    await started(stage)
    await stage.told("bo", "approve RUN-1")

    assert await refusals(
        stage,
        ("eli", "approve RUN-1"),
        ("ana", "approve RUN-1"),
        ("bo", "approve RUN-1"),
        ("bo", "approve RUN-1 break-glass:hurry"),
        ("eli", "reject RUN-1 why:x"),
        ("cy", "reject RUN-1"),
        ("cy", "withdraw RUN-1"),
    ) == snapshot("""\
eli: approve RUN-1
  You may not approve RUN-1.overwrite. It needs 1 of dba: @ana, @bo, @dee; 1 of app: @cy. Ask one of
      them here.

ana: approve RUN-1
  You started RUN-1, so your own approval does not count: somebody else must say yes.

bo: approve RUN-1
  You approved RUN-1.overwrite already; it counts once.

bo: approve RUN-1 break-glass:hurry
  You may not break the glass at RUN-1.overwrite: its playbook says that nobody may. It needs 1 of
      dba: @ana, @bo, @dee; 1 of app: @cy. Ask one of them here.

eli: reject RUN-1 why:x
  You may not reject RUN-1.overwrite. It is asked of 1 of dba: @ana, @bo, @dee; 1 of app: @cy. Ask
      one of them here.

cy: reject RUN-1
  `why:"…"` is missing: nothing was done. It says the reason, which the others will read. Usage:
      `/backstop reject RUN-9[.gate] why:"…"`

cy: withdraw RUN-1
  You may not withdraw what others approved: RUN-1.overwrite has the yes of @bo. Ask one of them
      here, or `reject` it.
""")


async def test_whoever_started_a_run_and_holds_no_seat_is_told_first_that_they_started_it(
    stage: Stage,
) -> None:
    await planned(stage)
    await stage.told("ana", "role ops @eli")
    await stage.told("eli", "start RUN-1")
    await stage.carry()
    assert await refusals(stage, ("eli", "approve RUN-1")) == snapshot("""\
eli: approve RUN-1
  You started RUN-1, so your own approval does not count: somebody else must say yes.
""")


async def test_nothing_can_be_withdrawn_that_nobody_approved(stage: Stage) -> None:
    await started(stage)
    answer = await stage.say("bo", "withdraw RUN-1")
    assert (answer.ok, answer.text.strip()) == (
        False,
        "Nobody approved RUN-1.overwrite yet; there is nothing to withdraw.",
    )


async def test_one_human_is_one_person_through_every_door(stage: Stage) -> None:
    await started(stage)
    for via, ok in (("slack", True), ("cli", False), ("web", False)):
        answer = await say(stage.desk, "approve RUN-1", who=Actor("bo"), via=via, delivery=via)
        assert answer.ok is ok
    assert [a.person for a in (await stage.run()).gates["overwrite"].approvals] == ["bo"]


async def test_a_yes_to_the_plan_that_was_read_counts_by_the_beginning_of_its_hash(stage: Stage) -> None:
    await started(stage)
    run = await stage.run()
    await stage.told("bo", f"approve RUN-1 plan:{run.hash[:8]}")
    assert "nothing was recorded" in (await stage.say("cy", "approve RUN-1 plan:00000000")).text


async def test_a_changed_plan_voids_approvals_and_says_what_changed(stage: Stage, world: World) -> None:
    world.outcomes["restore"] = [Phase.FAILED]
    await approved(stage)
    before = (await stage.run()).hash
    await stage.told("ana", 'retry RUN-1.restore before:02:04 why:"the damage began earlier"')
    await stage.carry()

    run = await stage.run()
    assert run.hash != before
    assert run.gates["overwrite"].approvals == ()
    assert run.step("restore").status is Status.WAITING
    assert world.acts[-1] == "RUN-1.restore.1"
    assert await refusals(
        stage, ("bo", f"approve RUN-1 plan:{before[:8]}"), ("cy", f"reject RUN-1 plan:{before} why:x")
    ) == snapshot("""\
bo: approve RUN-1 plan:c45673cc
  The plan of RUN-1 changed after you read it (inputs.before: 2026-11-23T02:09:59Z →
      2026-11-23T02:04:00Z; points.points 1: P2 → P1; points.points 2: digest-P2 → digest-P1; steps
      restore.call.preview 3: P2 → P1; steps restore.checks rows.call.preview 3: P2 → P1; and 1
      more): nothing was recorded. Read the new plan 84c233bd and approve that one.

cy: reject RUN-1 plan:c45673cc06c8d7705e7cc0a982095106cdb619b567ecac11432486411e159456 why:x
  The plan of RUN-1 changed after you read it (inputs.before: 2026-11-23T02:09:59Z →
      2026-11-23T02:04:00Z; points.points 1: P2 → P1; points.points 2: digest-P2 → digest-P1; steps
      restore.call.preview 3: P2 → P1; steps restore.checks rows.call.preview 3: P2 → P1; and 1
      more): nothing was recorded. Read the new plan 84c233bd and approve that one.
""")
    await stage.told("bo", f"approve RUN-1 plan:{run.hash[:8]}")
    await stage.told("cy", f"approve RUN-1 plan:{run.hash}")
    await stage.carry()
    assert (await stage.run()).state == "recovered"
    assert world.acts[2:] == ["RUN-1.restore.2", "RUN-1.go.1"]


async def test_after_its_time_nothing_counts_until_it_is_asked_for_again(stage: Stage, clock: Clock) -> None:
    await started(stage)
    await stage.told("bo", "approve RUN-1")
    clock.advance(20 * 60)

    assert await refusals(stage, ("bo", "approve RUN-1"), ("cy", "approve RUN-1")) == snapshot("""\
bo: approve RUN-1
  The time to approve RUN-1.overwrite ran out: nothing was recorded. `/backstop start RUN-1` asks
      again.

cy: approve RUN-1
  The time to approve RUN-1.overwrite ran out: nothing was recorded. `/backstop start RUN-1` asks
      again.
""")
    await stage.carry()
    assert (await stage.run()).state == "paused"
    assert await answers(stage, ("ana", "start RUN-1"), ("cy", "approve RUN-1")) == snapshot("""\
ana: start RUN-1
  RUN-1 asks again for overwrite. Open (http://here/runs/RUN-1)

cy: approve RUN-1
  RUN-1.overwrite approved as app. Still needed: dba.
""")
    await stage.carry()
    assert (await stage.run()).state == "running"
    assert (await stage.run()).step("restore").status is Status.WAITING


async def test_a_yes_that_grew_old_before_the_time_ran_out_can_be_said_again(
    stage: Stage, clock: Clock
) -> None:
    put(stage, playbook=PLAYBOOK.replace("expires: 20m, valid_for: 1h", "expires: 2h, valid_for: 30m"))
    await started(stage)
    await stage.told("bo", "approve RUN-1")
    clock.advance(31 * 60)

    assert "Still needed: dba" in await stage.told("cy", "approve RUN-1")
    assert "That is enough" in await stage.told("bo", "approve RUN-1")
    assert len((await stage.run()).gates["overwrite"].approvals) == 2


async def test_one_no_stops_until_it_is_asked_for_again(stage: Stage) -> None:
    await started(stage)
    await stage.told("bo", "approve RUN-1")

    assert await answers(stage, ("cy", 'reject RUN-1 why:"wrong backup"')) == snapshot("""\
cy: reject RUN-1 why:"wrong backup"
  RUN-1 is not approved: you rejected overwrite, and the run stops before that step. Open
      (http://here/runs/RUN-1)
""")
    await stage.carry()
    assert await refusals(
        stage,
        ("bo", "approve RUN-1"),
        ("dee", "approve RUN-1"),
        ("dee", "reject RUN-1 why:x"),
        ("ana", "resume RUN-1"),
    ) == snapshot("""\
bo: approve RUN-1
  @cy rejected RUN-1.overwrite (wrong backup): nothing was recorded. `/backstop start RUN-1` asks
      everybody again.

dee: approve RUN-1
  @cy rejected RUN-1.overwrite (wrong backup): nothing was recorded. `/backstop start RUN-1` asks
      everybody again.

dee: reject RUN-1 why:x
  @cy rejected RUN-1.overwrite already; one no is enough.

ana: resume RUN-1
  RUN-1.restore waits for approvals: `/backstop start RUN-1` asks for them again, `/backstop abort
      RUN-1` ends the run.
""")
    assert (await stage.run()).step("restore").status is Status.WAITING
    await stage.told("ana", "start RUN-1")
    assert (await stage.run()).gates["overwrite"].approvals == ()


async def test_the_commander_may_say_no_without_a_role_of_the_gate(stage: Stage) -> None:
    await started(stage)
    assert "rejected" in await stage.told("ana", "reject RUN-1 why:wait")


async def test_a_yes_can_be_taken_back_until_it_is_used(stage: Stage, world: World) -> None:
    await started(stage)
    await stage.told("bo", "approve RUN-1")
    assert await answers(stage, ("bo", 'withdraw RUN-1 why:"wrong run"')) == snapshot("""\
bo: withdraw RUN-1 why:"wrong run"
  RUN-1 no longer has your approval of overwrite. Open (http://here/runs/RUN-1)
""")
    assert (await stage.run()).gates["overwrite"].approvals == ()
    await stage.told("bo", "approve RUN-1")
    await stage.told("cy", "approve RUN-1")
    world.held = True
    await stage.carry()

    assert await refusals(
        stage,
        ("bo", "withdraw RUN-1"),
        ("bo", "reject RUN-1 why:x"),
        ("dee", "approve RUN-1"),
        ("ana", "start RUN-1"),
    ) == snapshot("""\
bo: withdraw RUN-1
  Your approval of RUN-1.overwrite was used: the step has begun. `/backstop abort RUN-1` shows what
      stopping leaves behind.

bo: reject RUN-1 why:x
  RUN-1.overwrite was used: the step has begun. `/backstop abort RUN-1` stops it.

dee: approve RUN-1
  RUN-1.overwrite has the approvals it needs already: nothing was recorded.

ana: start RUN-1
  RUN-1 is running already. `status RUN-1` shows where it stands.
""")


async def test_a_gate_that_is_open_takes_no_more_after_its_time(
    stage: Stage, world: World, clock: Clock
) -> None:
    world.held = True
    await started(stage)
    await stage.told("bo", "approve RUN-1")
    await stage.told("cy", "approve RUN-1")
    clock.advance(21 * 60)
    assert await refusals(stage, ("dee", "approve RUN-1")) == snapshot("""\
dee: approve RUN-1
  RUN-1.overwrite has the approvals it needs already: nothing was recorded.
""")


async def test_breaking_the_glass_needs_a_playbook_that_names_it_a_holder_and_a_reason(stage: Stage) -> None:
    await started(stage)
    assert await refusals(stage, ("ana", "approve RUN-1 break-glass:alone")) == snapshot("""\
ana: approve RUN-1 break-glass:alone
  You may not break the glass at RUN-1.overwrite: its playbook says that nobody may. It needs 1 of
      dba: @bo, @dee; 1 of app: @cy. Ask one of them here.
""")


async def test_whom_the_playbook_names_may_break_the_glass_alone_and_loudly(
    stage: Stage, clock: Clock
) -> None:
    put(stage, playbook=with_glass())
    await started(stage)
    assert await refusals(
        stage, ("bo", "approve RUN-1 break-glass:alone"), ("ana", 'approve RUN-1 break-glass:""')
    ) == snapshot("""\
bo: approve RUN-1 break-glass:alone
  You may not break the glass at RUN-1.overwrite: its playbook says that only @ana may. It needs 1
      of dba: @bo, @dee; 1 of app: @cy. Ask one of them here.

ana: approve RUN-1 break-glass:""
  `break-glass:"…"` is missing: nothing was done. It says the reason, which everybody will read.
      Usage: `/backstop approve RUN-9[.gate] [plan:hash] [break-glass:"why"]`
""")
    clock.advance(21 * 60)
    await stage.carry()
    await Watch(stage.timeline, stage.shelf, dict).gate_expiry(f"RUN-1@{clock():%Y%m%dT%H%M%S}")

    assert await answers(stage, ("ana", 'approve RUN-1 break-glass:"nobody answers"')) == snapshot("""\
ana: approve RUN-1 break-glass:"nobody answers"
  RUN-1.overwrite approved by breaking the glass as boss. That is enough: the step may go on.
""")
    await stage.carry()

    assert (await stage.run()).state == "recovered"
    events = [entry.event for entry in await stage.timeline.read("run/RUN-1")]
    assert [event.break_glass for event in events if isinstance(event, Approved)] == ["nobody answers"]


async def test_broken_glass_counts_its_own_quorum_and_does_not_outweigh_a_no(stage: Stage) -> None:
    two = with_glass().replace("{role: boss, min: 1}", "{role: dba, min: 2}")
    put(stage, playbook=two)
    await started(stage)
    assert "Still needed" in await stage.told("bo", "approve RUN-1 break-glass:alone")
    await stage.told("cy", "reject RUN-1 why:never")
    assert await refusals(stage, ("dee", "approve RUN-1 break-glass:alone")) == snapshot("""\
dee: approve RUN-1 break-glass:alone
  @cy rejected RUN-1.overwrite (never): nothing was recorded. `/backstop start RUN-1` asks everybody
      again.
""")


async def test_an_aborted_run_takes_no_word_any_more(stage: Stage) -> None:
    await started(stage)
    leaves = await stage.told("ana", "abort RUN-1")
    mark = leaves.rpartition("confirm:")[2].split()[0]
    await stage.told("ana", f"abort RUN-1 confirm:{mark} why:x")

    everything = (
        ("bo", "approve RUN-1"),
        ("bo", "reject RUN-1 why:x"),
        ("bo", "withdraw RUN-1"),
        ("ana", "start RUN-1"),
        ("ana", "hold RUN-1 why:x"),
        ("ana", "resume RUN-1"),
        ("ana", "abort RUN-1"),
        ("ana", "retry RUN-1.S1 why:x"),
        ("ana", "skip RUN-1.S2 why:x"),
        ("ana", "done RUN-1.S1 evidence:x"),
        ("ana", "undo RUN-1.S1 why:x"),
    )
    assert await refusals(stage, *everything) == snapshot("""\
bo: approve RUN-1
  RUN-1 is aborting: there is nothing to approve.

bo: reject RUN-1 why:x
  RUN-1 is aborting: there is nothing to approve.

bo: withdraw RUN-1
  RUN-1 is aborting: there is nothing to approve.

ana: start RUN-1
  RUN-1 is aborting: nothing was started. Plan a new run.

ana: hold RUN-1 why:x
  RUN-1 is aborting: there is nothing to hold.

ana: resume RUN-1
  RUN-1 is aborting: it does not wait for `resume`.

ana: abort RUN-1
  RUN-1 is aborting: there is nothing to abort.

ana: retry RUN-1.S1 why:x
  RUN-1 is aborting: none of its steps can be changed now.

ana: skip RUN-1.S2 why:x
  RUN-1 is aborting: none of its steps can be changed now.

ana: done RUN-1.S1 evidence:x
  RUN-1 is aborting: none of its steps can be changed now.

ana: undo RUN-1.S1 why:x
  RUN-1 is aborting: none of its steps can be changed now.
""")
    await stage.carry()
    assert "is aborted" in await refusals(stage, *everything)


async def test_a_plan_with_problems_cannot_be_started(stage: Stage, world: World) -> None:
    world.points.clear()
    await planned(stage)
    assert await refusals(stage, ("ana", "start RUN-1")) == snapshot("""\
ana: start RUN-1
  RUN-1 cannot start: No recovery point of points can be used: there is no recovery point at all.
      Mend it and say `plan restore-orders` again.
""")
