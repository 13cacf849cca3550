"""Who may say which verb, and how a refusal names the right and the people who have it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import pytest
from inline_snapshot import snapshot

from bot.commands import VERBS
from bot.core.may import Right
from integrations.contract import Phase
from tests.commands.scenes import (
    PEOPLE,
    answers,
    approved,
    declared,
    planned,
    put,
    refusals,
    started,
)
from tests.runs.stage import Stage, World

# ana commands, gus is ops, bo and cy hold roles of the run's playbook, eli is only there.
ALL, OPERATORS, COMMANDERS = "ana gus bo cy eli", "ana gus bo cy", "ana gus"

FOR_A_RIGHT = ("You may not", "your own approval does not count")

LINES = {
    'note "seen"': ALL,
    "decide data-scope:database": ALL,
    'impact "worse"': ALL,
    "postmortem INC-1": ALL,
    "repair INC-1": ALL,
    "delegate @bo for:1h why:asleep": ALL,
    "freeze on svc:checkout why:x": ALL,
    "update post N:none": ALL,
    "publish": ALL,
    "publish send E1": "ana gus bo",
    "publish drop E1": "ana gus bo",
    "role ops @gus": COMMANDERS,
    "role dba @bo": COMMANDERS,
    "role scribe @ana": COMMANDERS,
    "phase identified": COMMANDERS,
    "sev 2 why:x": COMMANDERS,
    "decide wait why:x": COMMANDERS,
    "plan restore-orders": COMMANDERS,
    "start RUN-1": COMMANDERS,
    "drill restore-orders": "ana cy",
    "prepare RUN-1": OPERATORS,
    "discard RUN-1 why:x": OPERATORS,
    "abort RUN-1": COMMANDERS,
    "undo RUN-1.S1 why:x": COMMANDERS,
    "hold RUN-1 why:x": OPERATORS,
    "skip RUN-1.go why:x": OPERATORS,
    "skip RUN-1.restore why:x": COMMANDERS,
    "resolve fixed data:none": COMMANDERS,
    "task @bo look": ALL,
    "action look @bo": ALL,
    "object RUN-1 why:x": ALL,
    "object RUN-1 within:2m": COMMANDERS,
    "reject RUN-1 why:x": "ana bo cy",
    "approve RUN-1": "bo cy",
}


def with_gus() -> str:
    return PEOPLE.replace(
        "pipelines:", "  gus: {name: Gus, slack: U0GUS, email: gus@example.com}\npipelines:"
    )


@pytest.mark.parametrize(("line", "people"), LINES.items(), ids=LINES)
async def test_exactly_those_with_the_right_may(stage: Stage, line: str, people: str) -> None:
    put(stage, catalog=with_gus())
    await (planned(stage) if line.startswith("start") else started(stage))
    await stage.told("ana", "role ops @gus")
    await stage.told("ana", "role comms @bo")
    everybody = sorted(ALL.split(), key=lambda who: who in people.split())
    allowed = []
    for who in everybody:
        answer = await stage.say(who, line)
        if not any(refusal in answer.text for refusal in FOR_A_RIGHT):
            allowed.append(who)
    assert sorted(allowed) == sorted(people.split())


async def failed(stage: Stage) -> None:
    """RUN-1 stands at its destructive step, which failed."""
    stage.world.outcomes["restore"] = [Phase.FAILED]
    await approved(stage)


async def paused(stage: Stage) -> None:
    await started(stage)
    await stage.told("ana", "hold RUN-1 why:x")


async def asked(stage: Stage) -> None:
    await started(stage)
    await stage.told("bo", "approve RUN-1")


async def stopped(stage: Stage) -> None:
    await declared(stage)
    await stage.told("ana", "freeze on svc:checkout why:x")


async def resolved(stage: Stage) -> None:
    await declared(stage)
    await stage.told("ana", "resolve fixed data:none")


async def noted(stage: Stage) -> None:
    await declared(stage)
    await stage.told("ana", "note gone")


async def given(stage: Stage) -> None:
    await declared(stage)
    await stage.told("ana", "task @bo look")


async def two(stage: Stage) -> None:
    await declared(stage)
    await declared(stage)


WITHOUT: dict[str, tuple[Callable[[Stage], Awaitable[None]], str]] = {
    "task": (given, "task done T1"),
    "drill": (started, "drill restore-orders"),
    "phase": (declared, "phase identified"),
    "sev": (declared, "sev 2 why:x"),
    "role": (declared, "role ops @eli"),
    "decide": (declared, "decide wait why:x"),
    "plan": (declared, "plan restore-orders"),
    "prepare": (planned, "prepare RUN-1"),
    "discard": (planned, "discard RUN-1 why:x"),
    "start": (planned, "start RUN-1"),
    "approve": (started, "approve RUN-1"),
    "reject": (started, "reject RUN-1 why:x"),
    "withdraw": (asked, "withdraw RUN-1"),
    "hold": (started, "hold RUN-1 why:x"),
    "resume": (paused, "resume RUN-1"),
    "object": (started, "object RUN-1 within:2m"),
    "abort": (started, "abort RUN-1"),
    "retry": (failed, "retry RUN-1.restore why:x"),
    "skip": (failed, "skip RUN-1.restore why:x"),
    "done": (failed, "done RUN-1.restore evidence:x"),
    "undo": (failed, "undo RUN-1.S1 why:x"),
    "salvage": (failed, "salvage RUN-1"),
    "silence": (started, "silence RUN-1 for:1h why:x"),
    "freeze": (stopped, "freeze off FRZ-1"),
    "correct": (noted, "correct 2 there"),
    "redact": (noted, "redact 2 why:x"),
    "resolve": (declared, "resolve fixed data:none"),
    "close": (resolved, "close availability:no speed:no"),
    "reopen": (resolved, "reopen why:x"),
    "false-alarm": (declared, "false-alarm why:x"),
    "merge": (two, "merge INC-2 into INC-1 why:x"),
    "handoff": (declared, "handoff @bo"),
    "publish": (declared, "publish send E2"),
}
ANYBODYS = {
    "declare",
    "update",
    "impact",
    "change",
    "note",
    "postmortem",
    "release",
    "repair",
    "capture",
    "page",
    "action",
    "delegate",
}
WRITES = {name for name, verb in VERBS.items() if verb.right is not Right.READ}


def test_every_verb_that_writes_has_a_line_here() -> None:
    assert set(WITHOUT) | ANYBODYS == WRITES


@pytest.mark.parametrize("verb", WITHOUT)
async def test_without_the_right_a_person_is_told_who_may_and_to_ask_them_and_nothing_changes(
    stage: Stage, verb: str
) -> None:
    scene, line = WITHOUT[verb]
    await scene(stage)
    told = " ".join((await refusals(stage, ("eli", line))).split())
    assert "You may not" in told
    assert re.search(r"@(ana|bo|cy)\b", told)
    assert "ask one of them here" in told.lower()


async def test_a_refusal_names_the_right_and_who_has_it(stage: Stage) -> None:
    await started(stage)
    assert await refusals(
        stage,
        ("eli", "start RUN-1"),
        ("eli", "hold RUN-1 why:x"),
        ("bo", "skip RUN-1.S2 why:x"),
        ("eli", "role ops @eli"),
    ) == snapshot("""\
eli: start RUN-1
  You may not start RUN-1: that needs the right to command. @ana can; ask one of them here, or ask
      the commander to give you a role with `role`.

eli: hold RUN-1 why:x
  You may not hold RUN-1: that needs the right to operate. @ana, @cy, @bo, @dee can; ask one of them
      here, or ask the commander to give you a role with `role`.

bo: skip RUN-1.S2 why:x
  You may not skip RUN-1.restore: that needs the right to command. @ana can; ask one of them here,
      or ask the commander to give you a role with `role`.

eli: role ops @eli
  You may not give the role ops: that needs the right to command. @ana can; ask one of them here, or
      ask the commander to give you a role with `role`.
""")


async def test_a_step_that_failed_is_tried_again_by_its_people_and_a_destructive_one_by_a_commander(
    stage: Stage, world: World
) -> None:
    world.outcomes["restore"], world.outcomes["go"] = [Phase.FAILED], [Phase.FAILED]
    await approved(stage)
    assert await refusals(
        stage,
        ("bo", "retry RUN-1.restore why:x"),
        ("bo", "done RUN-1.restore evidence:x"),
        ("bo", "skip RUN-1.restore why:x"),
        ("bo", "undo RUN-1.S1 why:x"),
    ) == snapshot("""\
bo: retry RUN-1.restore why:x
  You may not retry RUN-1.restore: that needs the right to command. @ana can; ask one of them here,
      or ask the commander to give you a role with `role`.

bo: done RUN-1.restore evidence:x
  You may not say that RUN-1.restore is done: that needs the right to command. @ana can; ask one of
      them here, or ask the commander to give you a role with `role`.

bo: skip RUN-1.restore why:x
  You may not skip RUN-1.restore: that needs the right to command. @ana can; ask one of them here,
      or ask the commander to give you a role with `role`.

bo: undo RUN-1.S1 why:x
  You may not undo RUN-1 back to stop: that needs the right to command. @ana can; ask one of them
      here, or ask the commander to give you a role with `role`.
""")
    await stage.told("ana", "retry RUN-1.restore why:x")
    await stage.carry()
    await stage.told("cy", "retry RUN-1.go why:x")
    await stage.carry()
    assert (await stage.run()).state == "recovered"


async def test_somebody_who_joined_the_group_after_the_plan_may_operate_and_who_left_it_may_not(
    stage: Stage,
) -> None:
    await started(stage)
    put(stage, catalog=PEOPLE.replace("dba: {people: [bo, dee]}", "dba: {people: [dee, eli]}"))
    assert not (await stage.say("bo", "hold RUN-1 why:x")).ok
    assert (await stage.say("eli", "hold RUN-1 why:x")).ok


async def test_with_the_command_goes_the_right_to_command(stage: Stage) -> None:
    put(stage, catalog=with_gus().replace("commanders: {people: [ana]}", "commanders: {people: [gus]}"))
    await declared(stage)
    await stage.told("ana", "role ic @bo")
    assert (await stage.say("ana", "sev 2 why:x")).ok
    await stage.told("bo", "handoff take")
    assert await refusals(stage, ("ana", "sev 2 why:x")) == snapshot("""\
ana: sev 2 why:x
  You may not change the severity: that needs the right to command. @bo, @gus can; ask one of them
      here, or ask the commander to give you a role with `role`.
""")
    assert (await stage.say("bo", "sev 3 why:x")).ok


async def test_a_seat_that_is_empty_is_anybodys_and_one_that_is_taken_only_a_commander_gives(
    stage: Stage,
) -> None:
    await declared(stage)
    await stage.told("eli", "role scribe @eli")
    assert await refusals(stage, ("bo", "role scribe @bo"), ("eli", "role comms @bo")) == snapshot("""\
bo: role scribe @bo
  You may not give the role scribe: that needs the right to command. @ana can; ask one of them here,
      or ask the commander to give you a role with `role`.

eli: role comms @bo
  You may not give the role comms: that needs the right to command. @ana can; ask one of them here,
      or ask the commander to give you a role with `role`.
""")
    await stage.told("ana", "role scribe @bo")


async def test_a_role_that_a_playbook_lets_approve_is_not_anybodys_to_take(stage: Stage) -> None:
    text = (stage.shelf.playbook_folder / "restore.yaml").read_text()
    put(stage, playbook=text.replace("app: {group: owners}", "app: {group: owners, incident: comms}"))
    await declared(stage)
    assert not (await stage.say("eli", "role comms @eli")).ok
    assert (await stage.say("eli", "role scribe @eli")).ok
    assert not (await stage.say("bo", "role scribe @bo")).ok


async def verbs(stage: Stage, who: str) -> set[str]:
    told = (await stage.say(who, "help")).data["verbs"]
    assert isinstance(told, list)
    return set(told)


async def test_help_lists_exactly_what_the_caller_may_say_here(stage: Stage) -> None:
    free = {name for name, verb in VERBS.items() if verb.right in (Right.READ, Right.REPORT, Right.RESPOND)}
    operate = {name for name, verb in VERBS.items() if verb.right is Right.OPERATE}

    assert await verbs(stage, "eli") == free
    assert await verbs(stage, "ana") == set(VERBS)
    await declared(stage)
    assert await verbs(stage, "bo") == free
    await stage.told("ana", "impact damage:02:10")
    await stage.told("ana", "plan restore-orders")
    assert await verbs(stage, "bo") == free
    await stage.carry()
    assert await verbs(stage, "bo") == free | operate
    assert await verbs(stage, "eli") == free
    await stage.told("ana", "role ops @eli")
    assert await verbs(stage, "eli") == set(VERBS)


async def test_a_run_that_is_over_gives_no_rights(stage: Stage) -> None:
    await approved(stage)
    assert "hold" not in await verbs(stage, "bo")


async def test_help_tells_how_a_verb_is_said_and_who_you_are(stage: Stage) -> None:
    assert await answers(
        stage, ("eli", "help approve"), ("eli", "help FREEZE"), ("eli", "whoami"), ("bo", "whoami")
    ) == snapshot("""\
eli: help approve
  /backstop approve RUN-9[.gate] [plan:hash] [break-glass:"why"] Say yes to the plan of a run.

eli: help FREEZE
  /backstop freeze on svc:… [env:…] [kinds:…] why:"…" | off FRZ-7 | extend FRZ-7 [for:4h] | allow
      FRZ-7 checkout@sha "why" | show Stop changes, show what is stopped, let one through, lift it.

eli: whoami
  @eli, a person, in no group; you speak through test.

bo: whoami
  @bo, a person, in dba; you speak through test.
""")
