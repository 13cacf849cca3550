"""Several people say something in the same moment, on SQLite and on PostgreSQL: each thing happens once."""

from __future__ import annotations

import asyncio
from collections import Counter

from bot.commands import Answer, say
from bot.core import freeze as freezes
from bot.core.may import Actor
from tests.commands.scenes import PEOPLE, declared, put, started
from tests.runs.stage import PLAYBOOK, Stage, World


async def at_once(stage: Stage, *said: tuple[str, str, str]) -> list[Answer]:
    """Say lines in one moment: who, line, delivery."""
    catalog = stage.shelf.catalog()
    return await asyncio.gather(
        *(
            say(
                stage.desk,
                line,
                who=Actor(who, groups=frozenset(catalog.groups_of(who))),
                via="test",
                delivery=delivery,
            )
            for who, line, delivery in said
        )
    )


async def kinds(stage: Stage, stream: str) -> Counter[tuple[str, str]]:
    entries = await stage.timeline.read(stream)
    return Counter((entry.event.kind, entry.by) for entry in entries if entry.event)


async def three_dbas(stage: Stage) -> None:
    put(
        stage,
        catalog=PEOPLE.replace("dba: {people: [bo, dee]}", "dba: {people: [bo, dee, eli]}"),
        playbook=PLAYBOOK.replace("{role: dba, min: 1}, {role: app, min: 1}", "{role: dba, min: 3}"),
    )
    await started(stage)


async def test_three_approvals_in_one_moment_all_count_and_one_of_them_opens_the_gate(
    both: Stage, world: World
) -> None:
    await three_dbas(both)

    told = await at_once(both, *((who, "approve RUN-1", f"yes-{who}") for who in ("bo", "dee", "eli")))

    assert [answer.ok for answer in told] == [True] * 3
    assert sorted("That is enough" in answer.text for answer in told) == [False, False, True]
    assert {a.person for a in (await both.run()).gates["overwrite"].approvals} == {"bo", "dee", "eli"}
    await both.carry()
    assert world.acts == ["RUN-1.stop.1", "RUN-1.restore.1", "RUN-1.go.1"]
    assert await both.timeline.verify() == []


async def test_a_double_click_and_a_delivery_that_comes_again_are_one_approval(both: Stage) -> None:
    await started(both)

    told = await at_once(both, *(("bo", "approve RUN-1", key) for key in ("a", "a", "b", "a", "b")))

    assert sorted(answer.ok for answer in told) in (
        [False, False, True, True, True],
        [False] * 3 + [True] * 2,
    )
    assert (await kinds(both, "run/RUN-1"))["approved", "bo"] == 1
    assert len({answer.text for answer in told}) == 2


async def test_a_yes_and_a_no_in_one_moment_leave_the_gate_shut(both: Stage) -> None:
    await started(both)
    await both.told("bo", "approve RUN-1")

    await at_once(both, ("cy", "approve RUN-1", "yes"), ("dee", "reject RUN-1 why:no", "no"))

    await both.carry()
    run = await both.run()
    assert run.gates["overwrite"].rejection is not None
    assert run.step("restore").started_at is None


async def test_two_starts_in_one_moment_are_one_start_and_one_freeze(both: Stage) -> None:
    await declared(both)
    await both.told("ana", "impact damage:02:10")
    await both.told("ana", "plan restore-orders")
    await both.carry()

    told = await at_once(both, ("ana", "start RUN-1", "a"), ("ana", "start RUN-1", "b"))

    assert sorted(answer.ok for answer in told) == [False, True]
    assert (await kinds(both, "run/RUN-1"))["run-started", "ana"] == 1
    assert await both.timeline.lookup.freezes() == ["FRZ-1"]


async def test_ids_are_given_once(both: Stage) -> None:
    told = await at_once(both, *(("ana", f'declare "number {n}"', f"d{n}") for n in range(5)))
    assert sorted(str(answer.data["incident"]) for answer in told) == [f"INC-{n}" for n in range(1, 6)]
    frozen = await at_once(both, *(("bo", f"freeze on svc:checkout why:move-{n}", f"f{n}") for n in range(3)))
    assert sorted(str(answer.data["freeze"]) for answer in frozen) == ["FRZ-1", "FRZ-2", "FRZ-3"]


async def test_notes_in_one_moment_all_stay(both: Stage) -> None:
    await declared(both)
    told = await at_once(both, *(("bo", f"note {n}", f"n{n}") for n in range(6)))
    assert sorted(answer.data["entry"] for answer in told) == [2, 3, 4, 5, 6, 7]  # type: ignore[type-var]
    assert await both.timeline.verify() == []


async def test_two_people_who_agree_to_an_exception_in_one_moment_grant_it_once(both: Stage) -> None:
    await both.told("ana", "freeze on svc:checkout why:x")
    await both.told("bo", "freeze allow FRZ-1 checkout@ab12 fix")

    told = await at_once(
        both,
        ("cy", "freeze allow FRZ-1 checkout@ab12", "c"),
        ("dee", "freeze allow FRZ-1 checkout@ab12", "d"),
    )

    assert sorted(answer.ok for answer in told) == [False, True]
    freeze = freezes.fold(await both.timeline.read("freeze/FRZ-1"))
    assert freeze
    assert freeze.exceptions[0].granted_by in ("cy", "dee")


async def test_withdrawing_while_the_step_begins_is_taken_back_or_refused_and_never_both(
    both: Stage, world: World
) -> None:
    await started(both)
    await both.told("bo", "approve RUN-1")
    await both.told("cy", "approve RUN-1")

    taken, carried = await asyncio.gather(
        both.say("bo", "withdraw RUN-1"), both.carry(), return_exceptions=True
    )

    assert isinstance(taken, Answer)
    if isinstance(carried, BaseException):
        await both.carry()
    assert ("RUN-1.restore.1" in world.acts) is not taken.ok
