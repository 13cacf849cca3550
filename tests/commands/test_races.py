"""Two things that must not both happen, said in the same moment: one is recorded, the other refused."""

from __future__ import annotations

import pytest

from bot.commands import VERBS, Ask, Outcome, Place
from bot.commands.grammar import read
from bot.core.errors import Conflict
from bot.core.may import Actor
from integrations.contract import Phase
from tests.commands.scenes import approved, declared, planned, put
from tests.runs.stage import Stage, World
from tests.runs.test_warm import WARM

START, PREPARE = "start RUN-1", "prepare RUN-1"
RESOLVE = 'resolve "all is well" data:"nothing was lost" inc:INC-1'
ENDS = (RESOLVE, "merge INC-1 into INC-2 why:same")
STARTS = [pair for end in ENDS for pair in ((START, end), (end, START))]
PREPARES = [pair for end in ENDS for pair in ((PREPARE, end), (end, PREPARE))]
OTHER = 'declare "Payments fail" sev:2'


async def decided(stage: Stage, line: str) -> Outcome:
    """Return what ana's line comes to now, before it is written."""
    words = read(line)
    ask = Ask(stage.desk, words, Actor("ana"), "test", Place(), stage.timeline.now(), VERBS)
    return await VERBS[words.verb].act(ask)


async def write(stage: Stage, outcome: Outcome) -> None:
    await stage.timeline.append(outcome.changes, by="ana", via="test")


@pytest.mark.parametrize(("first", "second"), STARTS)
@pytest.mark.parametrize("phase", ["identified", "recovering"])
async def test_a_run_never_starts_in_the_moment_its_incident_ends(
    both: Stage, first: str, second: str, phase: str
) -> None:
    await planned(both)
    await both.told("ana", f"phase {phase}")
    await both.told("ana", OTHER)
    faster, slower = await decided(both, first), await decided(both, second)
    await write(both, faster)

    with pytest.raises(Conflict):
        await write(both, slower)

    assert not (await both.say("ana", second)).ok
    assert (await both.incident()).open == ((await both.run()).started_at is not None)
    assert await both.timeline.verify() == []


@pytest.mark.parametrize(("first", "second"), PREPARES)
async def test_no_copy_is_begun_in_the_moment_its_incident_ends(both: Stage, first: str, second: str) -> None:
    put(both, playbook=WARM.removesuffix("warm: true\n"))
    await planned(both)
    await both.told("ana", OTHER)
    faster, slower = await decided(both, first), await decided(both, second)
    await write(both, faster)

    with pytest.raises(Conflict):
        await write(both, slower)

    await both.say("ana", second)
    assert (await both.run()).warm is None or (await both.incident()).open


async def test_a_target_that_a_run_holds_is_not_given_to_another(stage: Stage, world: World) -> None:
    world.outcomes["restore"] = [Phase.FAILED]
    await approved(stage)
    await stage.told("ana", "plan restore-orders")
    await stage.carry("RUN-2")

    refused = await stage.say("ana", "start RUN-2")

    assert refused.text == (
        "orders-db is held by RUN-1: nothing was started. RUN-1 must end or be aborted first.\n"
    )
    assert (await stage.run("RUN-2")).started_at is None
    assert len(await stage.timeline.lookup.freezes()) == 1


async def test_after_one_run_ended_another_may_start_for_its_target(stage: Stage, world: World) -> None:
    world.outcomes["restore"] = [Phase.FAILED]
    await approved(stage)
    await stage.told("ana", "plan restore-orders")
    await stage.carry("RUN-2")
    shown = await stage.told("ana", "abort RUN-1")
    mark = shown.rpartition("confirm:")[2].split()[0]
    await stage.told("ana", f'abort RUN-1 confirm:{mark} why:"wrong run"')
    await stage.carry()

    await stage.told("ana", "start RUN-2")

    assert (await stage.run("RUN-2")).started_at


async def test_two_incidents_declared_in_the_same_moment_get_numbers_of_their_own(both: Stage) -> None:
    faster, slower = await decided(both, 'declare "one"'), await decided(both, 'declare "two"')
    await write(both, faster)

    with pytest.raises(Conflict):
        await write(both, slower)

    assert "INC-2 is open: two" in await both.told("ana", 'declare "two"')


async def test_a_choice_is_looked_at_again_after_the_time_of_what_was_chosen(stage: Stage) -> None:
    await declared(stage)
    await stage.told("ana", 'decide code_rollback why:"it is the quickest"')

    [decision] = (await stage.incident()).decisions

    criteria, _ = stage.shelf.criteria()
    box = criteria.boxes[next(option for option in criteria.boxes if option == "code_rollback")]
    assert decision.made.effect_by is not None
    assert decision.made.effect_by - decision.at == box.after


async def test_nothing_is_decided_for_an_incident_that_is_over(stage: Stage) -> None:
    await declared(stage)
    await stage.told("ana", RESOLVE)

    refused = await stage.say("ana", 'decide wait why:"let us see"')

    assert refused.text == "INC-1 is resolved: `reopen` it first. Nothing was recorded.\n"
