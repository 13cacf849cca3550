"""What becomes of the rest when an incident is merged: nothing is lost, and nothing acts any more."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from inline_snapshot import snapshot

from bot.core import incident as incidents
from bot.core.events import Merged, MergedIn, RoomOpened
from bot.core.incident import Incident
from bot.core.tasks import Stand
from bot.timeline import Change
from bot.timeline.merged import merged_into
from tests.commands.scenes import answers, planned, said_in, started
from tests.runs.stage import Stage

SECOND = 'declare "Payments fail" sev:3 svc:checkout env:production'


async def incident(stage: Stage, id: str) -> Incident:
    found = incidents.fold(await stage.timeline.read(f"incident/{id}"))
    assert found
    return found


async def refused(stage: Stage, who: str, line: str) -> str:
    answer = await stage.say(who, line)
    assert not answer.ok, answer.text
    return answer.text.strip()


async def frozen(stage: Stage, why: str) -> None:
    """Declare INC-1 and place FRZ-1 in its channel."""
    await stage.told("bo", 'declare "Orders are wrong" sev:1')
    room = Change((await incident(stage, "INC-1")).seq, (RoomOpened(channel="C1", name="inc-1"),))
    await stage.timeline.append({"incident/INC-1": room}, by="backstop", via="test")
    assert (await said_in(stage, "bo", f'freeze on svc:checkout why:"{why}"', "C1")).ok


async def test_what_was_handed_back_is_for_the_commander_of_the_other(stage: Stage) -> None:
    await stage.told("ana", 'declare "Orders are wrong" sev:1')
    await stage.told("bo", SECOND)
    await stage.told("ana", 'task @cy "Look at the disk" inc:INC-1')
    await stage.told("bo", 'task @dee "Ask the provider" inc:INC-2')
    await stage.told("bo", 'task @dee "Call the bank" inc:INC-2')
    await stage.told("bo", 'task @dee "Drink water" inc:INC-2')
    await stage.told("dee", 'task back INC-2.T1 why:"no access"')
    await stage.told("dee", "task done INC-2.T3")
    await stage.told("bo", 'merge INC-2 into INC-1 why:"the same release"')

    there, here = await incident(stage, "INC-1"), await incident(stage, "INC-2")
    assert [(task.number, task.what, task.to, task.stand) for task in there.tasks] == [
        (1, "Look at the disk", "cy", Stand.OPEN),
        (2, "Ask the provider", "ana", Stand.OPEN),
        (3, "Call the bank", "dee", Stand.OPEN),
    ]
    assert [(task.stand, task.note) for task in here.tasks] == [
        (Stand.MOVED, "INC-1.T2"),
        (Stand.MOVED, "INC-1.T3"),
        (Stand.DONE, ""),
    ]


async def test_what_was_only_planned_for_the_duplicate_is_never_started(stage: Stage) -> None:
    await planned(stage)
    await stage.told("ana", SECOND)
    await stage.told("ana", 'merge INC-1 into INC-2 why:"the same release"')
    there = "INC-1 is merged into INC-2: plan again there with `plan restore-orders inc:INC-2`. Nothing"
    for verb in ("start", "prepare"):
        assert there in await refused(stage, "ana", f"{verb} RUN-1")
    said = "plan restore-orders", "sev 1", "role commander @bo", "update post", "task @bo x"
    for line in said:
        assert "INC-1 is merged into INC-2: go on in INC-2. N" in await refused(
            stage, "ana", f"{line} inc:INC-1"
        )


async def test_the_answer_says_what_is_not_taken_over(stage: Stage) -> None:
    await planned(stage)
    await stage.told("ana", SECOND)
    await stage.told("ana", 'decide wait why:"the provider looks" inc:INC-1')
    assert await answers(stage, ("ana", 'merge INC-1 into INC-2 why:"the same release"')) == snapshot("""\
ana: merge INC-1 into INC-2 why:"the same release"
  INC-1 is merged into INC-2: people go on there. Open (http://here/incidents/INC-1)
  Not taken over: RUN-1 (plan again in INC-2), the decision wait, the impact as stated, moments.
      INC-1 was SEV1, INC-2 is SEV3: sev 1 inc:INC-2 why:"…". RUN-1 was planned for INC-1 and cannot
      be started: plan again, plan restore-orders inc:INC-2. The impact as stated in INC-1: wrong
      totals. As INC-1 has it, it began 2026-11-23 02:10:00Z, the damage began 2026-11-23 02:10:00Z:
      impact start:2026-11-23T02:10:00Z damage:2026-11-23T02:10:00Z inc:INC-2. Decided in INC-1:
      wait; its timeline (http://here/incidents/INC-1)
""")
    told = [e.event for e in await stage.timeline.read("incident/INC-2") if isinstance(e.event, MergedIn)]
    assert told[0].planned == {"RUN-1": "restore-orders"}


async def test_the_answer_says_what_customers_go_on_reading(stage: Stage) -> None:
    stage.desk = replace(stage.desk, publishes=("statuspage",))
    await stage.told("ana", 'declare "Orders are wrong" sev:1')
    await stage.told("ana", SECOND)
    await stage.told("ana", "publish inc:INC-1")
    await stage.told("ana", "publish send E2 inc:INC-1")
    answer = await stage.say("ana", 'merge INC-1 into INC-2 why:"the same release"')
    assert (
        "Customers still read of INC-1: investigating. publish as:resolved inc:INC-1 drafts the end."
        in answer.text
    )


async def test_a_run_that_is_started_at_the_same_moment_wins_or_loses_whole(stage: Stage) -> None:
    await planned(stage)
    await stage.told("ana", SECOND)
    answers = await asyncio.gather(
        stage.say("ana", 'merge INC-1 into INC-2 why:"the same release"'), stage.say("ana", "start RUN-1")
    )
    assert [answer.ok for answer in answers].count(True) == 1


async def test_of_two_merges_against_each_other_one_is_carried_out(stage: Stage) -> None:
    await stage.told("ana", 'declare "Orders are wrong" sev:1')
    await stage.told("bo", SECOND)
    answers = await asyncio.gather(
        stage.say("ana", 'merge INC-1 into INC-2 why:"x"'), stage.say("bo", 'merge INC-2 into INC-1 why:"x"')
    )
    assert [answer.ok for answer in answers].count(True) == 1
    ends = [(await incident(stage, id)).merged for id in ("INC-1", "INC-2")]
    assert ends.count(None) == 1


async def test_both_timelines_say_so_or_neither(stage: Stage) -> None:
    await stage.told("ana", 'declare "Orders are wrong" sev:1')
    await stage.told("bo", SECOND)
    await stage.told("bo", 'merge INC-2 into INC-1 why:"x"')
    here = [e.event for e in await stage.timeline.read("incident/INC-2") if isinstance(e.event, Merged)]
    there = [e.event for e in await stage.timeline.read("incident/INC-1") if isinstance(e.event, MergedIn)]
    assert (len(here), len(there)) == (1, 1)


async def test_the_gate_never_opens_while_a_freeze_goes_from_one_to_the_next(stage: Stage) -> None:
    await frozen(stage, "being repaired")
    placed = next(iter(await stage.timeline.frozen()))
    await stage.told("ana", SECOND)
    await stage.told("ana", 'declare "It is slow" sev:3')
    for line in ("merge INC-1 into INC-2 why:x", "merge INC-2 into INC-3 why:x"):
        await stage.told("ana", line)
        assert list(await stage.timeline.frozen()) == [placed]


async def test_what_was_merged_before_comes_along_in_the_post_mortem(stage: Stage) -> None:
    for number in (1, 2, 3):
        await stage.told("ana", f'declare "Number {number}" sev:3')
    await stage.told("ana", "merge INC-1 into INC-2 why:x")
    await stage.told("ana", "merge INC-2 into INC-3 why:x")
    found = await merged_into(stage.timeline, await incident(stage, "INC-3"))
    assert {entry.stream for entry in found} == {"incident/INC-1", "incident/INC-2"}


async def test_a_run_that_is_over_does_not_keep_them_apart(stage: Stage) -> None:
    await started(stage)
    await stage.told("ana", SECOND)
    assert "RUN-1 is under way for INC-1" in await refused(stage, "ana", "merge INC-1 into INC-2 why:x")
    for name in ("bo", "cy"):
        await stage.told(name, "approve RUN-1")
    await stage.carry()
    await stage.told("ana", "merge INC-1 into INC-2 why:x")
    found = await merged_into(stage.timeline, await incident(stage, "INC-2"))
    assert "run/RUN-1" in {entry.stream for entry in found}


async def test_a_moved_freeze_belongs_to_the_other_also_when_everything_is_drawn_again(stage: Stage) -> None:
    await frozen(stage, "the password is hunter22")
    await stage.told("bo", 'redact FRZ-1#1 why:"a password" inc:INC-1')
    await stage.told("ana", SECOND)
    await stage.told("ana", "merge INC-1 into INC-2 why:x")

    timeline = stage.timeline
    for _ in range(2):
        assert await timeline.lookup.freezes(incident="INC-2") == ["FRZ-1"]
        assert await timeline.lookup.freezes(incident="INC-1") == []
        assert await timeline.drift() == []
        await timeline.rebuild()
    assert await timeline.verify() == []
    told = await timeline.trail.behind("sink", 100)
    assert {record.broken for record in told} == {""}
    await timeline.trail.took("sink", [each for each in told if each.entry.stream != "freeze/FRZ-1"])
    assert {record.broken for record in await timeline.trail.behind("sink", 100)} == {""}
    assert {record.incident for record in told if record.entry.stream == "freeze/FRZ-1"} == {"INC-2"}
    assert "hunter22" not in "".join(record.text for record in told)


async def test_without_a_channel_the_answer_has_all_that_only_the_duplicate_knows(stage: Stage) -> None:
    await stage.told("ana", 'declare "Orders are wrong" sev:3')
    await stage.told("bo", 'declare "Payments fail" sev:1 svc:checkout env:production')
    await stage.told("bo", "decide schema_change:none inc:INC-2")
    line = 'merge INC-2 into INC-1 why:"the same release"'
    answer = await stage.say("bo", line)
    assert 'INC-2 was SEV1, INC-1 is SEV3: sev 1 inc:INC-1 why:"…"' in answer.text
    assert "decide schema_change:none inc:INC-1" in answer.text
    assert dict((await incident(stage, "INC-1")).facts).get("schema_change") is None


async def test_where_there_is_a_channel_the_answer_names_it(stage: Stage) -> None:
    await frozen(stage, "being repaired")
    await stage.told("bo", SECOND)
    await stage.told("bo", "decide schema_change:none inc:INC-2")
    answer = await stage.say("bo", 'merge INC-2 into INC-1 why:"the same release"')
    assert "What else is known of INC-2 alone is told in #inc-1" in answer.text
    assert "decide" not in answer.text
