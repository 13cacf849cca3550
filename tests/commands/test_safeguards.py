"""Lines that would sound right and be wrong: a freeze of nothing, a run that goes on to nowhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.core import freeze as freezes
from bot.core import incident as incidents
from bot.core.cards.choices import choices
from bot.core.events import FreezePlaced, Scope, StepInDoubt
from bot.core.run import Status
from bot.timeline import Change
from integrations.connections import Connections
from integrations.contract import Phase
from integrations.person import Person
from tests.clock import Clock
from tests.commands.scenes import approved, declared, planned, put, started, with_a_person
from tests.runs.stage import PLAYBOOK, Stage, World


async def refused(stage: Stage, who: str, line: str) -> str:
    answer = await stage.say(who, line)
    assert not answer.ok, answer.text
    return answer.text.strip()


async def test_a_freeze_stays_while_any_run_holds_a_target_under_it(stage: Stage, world: World) -> None:
    await started(stage)
    await stage.told("cy", 'freeze on svc:checkout why:"the audit runs"')
    await stage.told("bo", "approve RUN-1")
    await stage.told("cy", "approve RUN-1")
    await stage.told("ana", 'freeze off FRZ-2 why:"the audit is over"')
    await stage.told("cy", 'freeze on svc:checkout env:production why:"hands off"')
    await stage.told("ana", 'freeze off FRZ-3 why:"not needed"')
    world.outcomes["restore"] = [Phase.FAILED]
    await stage.carry()
    await stage.told("cy", 'freeze on svc:check* why:"hands off while it is broken"')

    held = (
        "RUN-1 holds orders-db: {} stays until RUN-1 ends or is aborted. Nothing was lifted. "
        "`/backstop hold RUN-1` lets nothing further of it start, `/backstop abort RUN-1` ends it."
    )

    assert await refused(stage, "ana", 'freeze off FRZ-1 why:"x"') == held.format("FRZ-1")
    assert await refused(stage, "cy", 'freeze off FRZ-4 why:"x"') == held.format("FRZ-4")


async def test_the_freeze_of_a_run_stays_while_the_run_waits_for_its_approvals(stage: Stage) -> None:
    await started(stage)
    placed = (
        "RUN-1 placed FRZ-1 and is not over: FRZ-1 stays until RUN-1 ends or is aborted. Nothing was lifted. "
        "`/backstop hold RUN-1` lets nothing further of it start, `/backstop abort RUN-1` ends it."
    )

    assert await refused(stage, "ana", 'freeze off FRZ-1 why:"x"') == placed
    await stage.told("ana", "hold RUN-1 why:wait")
    assert await refused(stage, "ana", 'freeze off FRZ-1 why:"x"') == placed

    assert (await stage.timeline.lookup.freezes()) == ["FRZ-1"]


async def test_the_freeze_of_a_run_that_is_over_is_lifted_by_hand(stage: Stage) -> None:
    put(stage, playbook=PLAYBOOK.replace("lift: with_run", "lift: by_hand"))
    await approved(stage)
    assert (await stage.run()).over
    assert await stage.timeline.lookup.freezes() == ["FRZ-1"]

    assert "FRZ-1 is lifted." in await stage.told("ana", 'freeze off FRZ-1 why:"all is well"')


async def test_a_freeze_elsewhere_is_lifted_whatever_runs_here(stage: Stage, world: World) -> None:
    world.outcomes["restore"] = [Phase.FAILED]
    await approved(stage)
    scope = Scope(services=("checkout",), environments=("staging",))
    placed = FreezePlaced(scope=scope, why="load test")
    await stage.timeline.append({"freeze/FRZ-2": Change(0, (placed,))}, by="cy", via="test")

    assert "FRZ-2 is lifted." in await stage.told("cy", 'freeze off FRZ-2 why:"it is over"')


async def test_a_word_that_a_freeze_has_no_use_for_is_never_passed_over(stage: Stage) -> None:
    await stage.told("cy", 'freeze on svc:checkout why:"one"')
    await stage.told("cy", 'freeze on svc:checkout why:"two"')

    said = await refused(stage, "cy", "freeze off FRZ-1 FRZ-2")

    assert said.startswith(
        "`freeze off` has no use for `FRZ-2`: nothing was done. Usage: `/backstop freeze on"
    )
    assert "`freeze on` has no use for `checkout`" in await refused(stage, "cy", 'freeze on checkout why:"x"')
    assert len(await stage.timeline.lookup.freezes()) == 2


async def test_a_freeze_is_looked_at_again_when_its_placer_says(stage: Stage, clock: Clock) -> None:
    await stage.told("cy", 'freeze on svc:checkout for:90m why:"the audit runs"')

    freeze = freezes.fold(await stage.timeline.read("freeze/FRZ-1"))

    assert freeze
    assert freeze.review_at == clock() + timedelta(minutes=90)
    assert freeze.in_force(clock() + timedelta(days=9))


async def test_a_freeze_that_ends_by_itself_is_not_said_to_stay(stage: Stage, clock: Clock) -> None:
    until = clock() + timedelta(hours=1)
    placed = FreezePlaced(scope=Scope(), why="nightly", lift="at_until", until=until)
    await stage.timeline.append({"freeze/FRZ-1": Change(0, (placed,))}, by="cy", via="test")

    assert await refused(stage, "cy", "freeze extend FRZ-1 for:8h") == (
        "FRZ-1 was placed to end by itself at 03:25Z: nothing was recorded. "
        "`freeze on` places one that stays."
    )


async def test_a_run_whose_steps_were_undone_does_not_go_on_to_nowhere(stage: Stage, world: World) -> None:
    world.outcomes["restore"] = [Phase.FAILED]
    await approved(stage)
    await stage.told("ana", 'undo RUN-1.S1 why:"customers wait"')
    await stage.carry()

    said = await refused(stage, "ana", "resume RUN-1")

    assert said == (
        "RUN-1.stop is undone: choose `retry`, `skip`, `done` or `undo` for it, or `/backstop abort RUN-1`."
    )
    await stage.told("ana", 'retry RUN-1.stop why:"again"')
    await stage.told("ana", 'retry RUN-1.restore why:"again"')
    await stage.carry()
    assert (await stage.run()).state == "recovered"


async def test_nothing_is_undone_under_a_step_that_may_still_act(stage: Stage, world: World) -> None:
    world.held = True
    await started(stage)
    world.held = False
    doubt = StepInDoubt(step="stop", attempt=1, because="no word")
    run = await stage.run()
    await stage.timeline.append({"run/RUN-1": Change(run.seq, (doubt,))}, by="backstop", via="test")

    assert await refused(stage, "ana", 'undo RUN-1.S1 why:"back"') == (
        "RUN-1.stop is in doubt and may still act: nothing was recorded. "
        "`retry`, `skip` or `done` settles it; then undo."
    )


async def test_a_freeze_that_was_lifted_needs_nobodys_leave_to_be_passed(stage: Stage) -> None:
    await started(stage)
    await stage.told("eli", 'freeze on svc:checkout why:"the audit runs"')
    await stage.told("bo", "approve RUN-1")
    await stage.told("cy", "approve RUN-1")
    await stage.carry()
    assert (await stage.run()).state == "paused"
    assert "You may not let RUN-1 pass FRZ-2" in await refused(stage, "cy", "resume RUN-1")
    await stage.told("eli", "freeze off FRZ-2")

    assert "goes on." in await stage.told("cy", "resume RUN-1")

    assert (await stage.run()).passes == frozenset()


async def test_what_a_person_was_to_do_can_be_left_out(stage: Stage) -> None:
    put(stage, playbook=with_a_person())
    stage.engines["person"] = Person(Connections())
    await approved(stage)
    assert (await stage.run()).step("look").status is Status.STARTED

    await stage.told("cy", 'skip RUN-1.look why:"the shop is closed"')
    await stage.carry()

    assert (await stage.run()).state == "recovered"


async def test_a_role_that_is_nearly_one_is_not_given(stage: Stage) -> None:
    await declared(stage)

    assert await refused(stage, "ana", "role comander @bo") == (
        "There is no role comander: nothing was recorded. Did you mean commander?"
    )
    assert "@bo is translator." in await stage.told("ana", "role translator @bo")
    assert "@bo is dba." in await stage.told("ana", "role DBA <@U0BO|bo>")


async def test_a_plan_that_lay_for_too_long_is_drawn_again_before_it_starts(
    stage: Stage, clock: Clock
) -> None:
    await planned(stage)
    clock.advance(30 * 60 + 1)

    assert await refused(stage, "ana", "start RUN-1") == (
        "The plan of RUN-1 is 30 min 1 s old, and what there is to restore may have changed since: nothing "
        "was started. Say `plan restore-orders` again, with the same inputs, and start what it shows."
    )
    clock.advance(-1)
    assert "RUN-1 started." in await stage.told("ana", "start RUN-1")


async def test_the_declaration_may_say_since_when_data_is_damaged(stage: Stage) -> None:
    answer = await stage.told("ana", 'declare "Totals are wrong" svc:checkout since:-10m damage:-5m')
    assert "It began 2026-11-23 02:15:00Z, 10 min ago. The damage began 2026-11-23 02:20:00Z, 5 min ago." in (
        " ".join(answer.split())
    )
    found = incidents.fold(await stage.timeline.read("incident/INC-1"))
    assert found
    assert (found.impact_start, found.damage_start) == (
        datetime(2026, 11, 23, 2, 15, tzinfo=UTC),
        datetime(2026, 11, 23, 2, 20, tzinfo=UTC),
    )
    late = await stage.say("ana", 'declare "Totals are wrong" svc:checkout damage:2099-01-01T00:00Z')
    assert "lies in the future: nothing was recorded" in late.text


async def test_a_step_that_waits_is_done_by_hand_where_the_card_offers_it(stage: Stage, world: World) -> None:
    await started(stage)
    refusal = "RUN-1.restore is waiting: there is nothing to do by hand now."
    line = 'done RUN-1.restore evidence:"restored by hand, rows counted"'
    assert await refused(stage, "ana", line) == refusal

    world.points.clear()
    await stage.told("bo", "approve RUN-1")
    await stage.told("cy", "approve RUN-1")
    await stage.carry()
    run = await stage.run()
    assert run.paused
    assert run.step("restore").status is Status.WAITING
    assert "done RUN-1.restore" in [button.line for button in choices(run)]

    await stage.told("ana", line)
    await stage.carry()
    assert (await stage.run()).step("restore").status is Status.DONE


async def test_a_second_run_for_the_same_targets_is_named_before_anybody_approves_it(stage: Stage) -> None:
    await planned(stage)
    await stage.told("ana", "plan restore-orders")
    await stage.carry("RUN-2")
    assert "as well" not in await stage.told("ana", "start RUN-1")
    assert (
        "RUN-1 of INC-1 was started for orders-db, shop as well: once one of them acts, the other pauses. "
        "Abort the one that is not wanted." in await stage.told("ana", "start RUN-2")
    )
