"""What people are told so that they know what stands now and what to say next."""

from __future__ import annotations

import re

import pytest
from inline_snapshot import snapshot

from bot.core.events import DeploymentRefused, FreezePlaced, Scope
from bot.timeline import Change
from integrations.contract import Phase
from tests.clock import Clock
from tests.commands.scenes import answers, declared, folded, refusals, started
from tests.runs.stage import Stage, World


async def test_a_hold_that_ends_says_where_the_run_stops_for_a_no(stage: Stage) -> None:
    await started(stage)
    await stage.told("ana", "hold RUN-1 why:wait")
    await stage.told("cy", 'reject RUN-1 why:"wrong backup"')
    assert await answers(stage, ("ana", "resume RUN-1")) == snapshot("""\
ana: resume RUN-1
  RUN-1 goes on. Open (http://here/runs/RUN-1)
  It stops at the approvals of overwrite: @cy rejected it (wrong backup). `/backstop start RUN-1`
      asks for them again, `/backstop abort RUN-1` ends the run.
""")
    await stage.carry()
    assert (await stage.run()).state == "paused"
    await stage.told("ana", "start RUN-1")
    await stage.told("bo", "approve RUN-1")
    await stage.told("cy", "approve RUN-1")
    await stage.carry()
    assert (await stage.run()).state == "recovered"


async def test_a_hold_that_ends_says_that_the_time_to_approve_ran_out(stage: Stage, clock: Clock) -> None:
    await started(stage)
    await stage.told("ana", "hold RUN-1 why:wait")
    clock.advance(60 * 60)
    assert await answers(stage, ("ana", "resume RUN-1")) == snapshot("""\
ana: resume RUN-1
  RUN-1 goes on. Open (http://here/runs/RUN-1)
  It stops at the approvals of overwrite: the time to approve it ran out. `/backstop start RUN-1`
      asks for them again, `/backstop abort RUN-1` ends the run.
""")


async def test_a_hold_that_ends_while_people_may_still_say_yes_says_nothing_of_it(stage: Stage) -> None:
    await started(stage)
    await stage.told("ana", "hold RUN-1 why:wait")
    assert await answers(stage, ("ana", "resume RUN-1")) == snapshot("""\
ana: resume RUN-1
  RUN-1 goes on. Open (http://here/runs/RUN-1)
""")


async def test_show_names_what_may_pass_and_what_waits_for_a_second_person(
    stage: Stage, clock: Clock
) -> None:
    await declared(stage)
    await stage.told("ana", "freeze on svc:checkout why:wait")
    await stage.told("ana", 'freeze allow FRZ-1 checkout@ab12 "the fix"')
    await stage.told("bo", "freeze allow FRZ-1 checkout@ab12")
    await stage.told("bo", 'freeze allow FRZ-1 checkout@cd34 "the other fix" for:1h')
    assert await answers(stage, ("cy", "freeze show")) == snapshot("""\
cy: freeze show
    Freeze  Stops                                       Since              By    Why   Refused
    FRZ-1   deploy, migration, config of checkout in *  2026-11-23 02:25Z  @ana  wait  0
    • FRZ-1 lets checkout@ab12 through until 04:25Z, granted by @bo; @ana asked for it: the fix.
    • FRZ-1: an exception for checkout@cd34 until 03:25Z waits for a second person; @bo asked for
      it: the other fix. To grant it: /backstop freeze allow FRZ-1 checkout@cd34
""")
    clock.advance(2 * 60 * 60)
    assert "@ab12" not in await stage.told("cy", "freeze show")


async def test_moments_of_a_declaration_and_of_a_note_are_said_in_full_and_another_day_aloud(
    stage: Stage,
) -> None:
    assert await answers(
        stage,
        ("ana", 'declare "Orders are wrong" since:23:45'),
        ("ana", 'declare "Orders are wrong again" since:02:10'),
        ("ana", 'note "the export ran" at:23:40 inc:INC-1'),
        ("ana", 'note "the export ended" at:-5m inc:INC-1'),
        ("ana", 'note "the export is a file" inc:INC-1'),
    ) == snapshot("""\
ana: declare "Orders are wrong" since:23:45
  INC-1 is open: Orders are wrong. SEV2, checkout in production, commander @ana. Timeline
      (http://here/incidents/INC-1)
  It began 2026-11-22 23:45:00Z, 2 h 40 min ago, YESTERDAY (times are UTC; say another day with its
      date, as `impact start:2026-11-23T02:10Z`).
  Next: /backstop plan <playbook>, update, help

ana: declare "Orders are wrong again" since:02:10
  INC-2 is open: Orders are wrong again. SEV2, checkout in production, commander @ana. Timeline
      (http://here/incidents/INC-2)
  It began 2026-11-23 02:10:00Z, 15 min ago.
  Next: /backstop plan <playbook>, update, help

ana: note "the export ran" at:23:40 inc:INC-1
  INC-1 note 2 recorded: it happened 2026-11-22 23:40:00Z, 2 h 45 min ago, YESTERDAY (times are UTC;
      say another day with its date, as `at:2026-11-23T02:10Z`).

ana: note "the export ended" at:-5m inc:INC-1
  INC-1 note 3 recorded: it happened 2026-11-23 02:20:00Z, 5 min ago.

ana: note "the export is a file" inc:INC-1
  INC-1 note 4 recorded.
""")


@pytest.mark.parametrize("newline", ["\n", "\r\n", " \n\n  ", "\u2028", "\v"])
async def test_a_title_is_one_line(stage: Stage, newline: str) -> None:
    await stage.told("ana", f'declare "Orders{newline}are  wrong{newline}"')
    assert (await stage.incident()).title == "Orders are  wrong"


async def test_a_title_of_line_breaks_alone_is_none(stage: Stage) -> None:
    assert not (await stage.say("ana", 'declare "\n \n"')).ok


async def test_the_draft_of_an_update_says_what_posts_it_and_what_is_posted_with_it(stage: Stage) -> None:
    await declared(stage)
    assert folded(stage, await stage.say("ana", "update")).partition("A draft")[2] == snapshot("""\
; nothing was posted. Say /backstop update post to post it, or post your own words: update
      C:"…" A:"…" N:"…" next:30m; what you leave out is posted as drafted.\
""")
    assert await answers(stage, ("ana", 'update C:"Half of the orders are wrong"')) == snapshot("""\
ana: update C:"Half of the orders are wrong"
  INC-1 update 1 posted. Open (http://here/incidents/INC-1)
  Actions and Needs as drafted.
""")


async def test_moments_of_an_impact_are_said_in_full_and_another_day_aloud(stage: Stage) -> None:
    await declared(stage)
    assert await answers(
        stage,
        ("ana", "impact damage:02:10 start:-5m"),
        ("ana", "impact damage:14:45"),
        ("ana", "impact damage:-300d"),
        ("ana", "impact damage:2026-11-22T01:00Z"),
    ) == snapshot("""\
ana: impact damage:02:10 start:-5m
  INC-1 impact recorded: it began 2026-11-23 02:20:00Z, 5 min ago; the damage began 2026-11-23
      02:10:00Z, 15 min ago. Open (http://here/incidents/INC-1)

ana: impact damage:14:45
  INC-1 impact recorded: the damage began 2026-11-22 14:45:00Z, 11 h 40 min ago, YESTERDAY (times
      are UTC; say another day with its date, as `damage:2026-11-23T02:10Z`). Open
      (http://here/incidents/INC-1)

ana: impact damage:-300d
  INC-1 impact recorded: the damage began 2026-01-27 02:25:00Z, 300 d ago, NOT TODAY. Open
      (http://here/incidents/INC-1)

ana: impact damage:2026-11-22T01:00Z
  INC-1 impact recorded: the damage began 2026-11-22 01:00:00Z, 25 h 25 min ago, NOT TODAY. Open
      (http://here/incidents/INC-1)
""")


@pytest.mark.parametrize(
    "line",
    [
        "impact damage:1999-01-01T00:00:00Z",
        "impact start:1999-01-01T00:00:00Z",
        "impact writers-stopped:1999-01-01T00:00:00Z",
        'note "the export ran" at:1999-01-01T00:00:00Z',
        'declare "Orders are wrong again" damage:1999-01-01T00:00:00Z',
    ],
)
async def test_a_moment_of_another_age_is_refused_and_nothing_is_recorded(stage: Stage, line: str) -> None:
    await declared(stage)
    before = await stage.timeline.story("INC-1")

    refused = await stage.say("ana", line)

    assert not refused.ok
    assert refused.text.startswith(
        "`1999-01-01T00:00:00Z` is 1999-01-01, more than 366 days ago: nothing was"
    )
    assert await stage.timeline.story("INC-1") == before


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("update post next:0m", "`0m` is no time at all"),
        ("update post next:-30m", "`-30m` lies in the past"),
        ("freeze on svc:checkout why:x for:0m", "`0m` is no time at all"),
    ],
)
async def test_what_is_due_at_once_or_before_is_refused(stage: Stage, line: str, why: str) -> None:
    await declared(stage)

    refused = await stage.say("ana", line)

    assert not refused.ok
    assert refused.text.startswith(why)


async def test_a_commander_who_knows_nothing_reads_what_to_ask_and_what_to_do_meanwhile(stage: Stage) -> None:
    await declared(stage)
    assert await answers(stage, ("ana", "decide"), ("bo", "decide node-or-site-failure:no")) == snapshot("""\
ana: decide
  INC-1: what to do
  INC-1 is being decided: the card with what is asked follows. Open (http://here/incidents/INC-1)
  Nothing is known yet, so nothing is proposed. Ask what stands below: the answers choose between
      failover, restore_partial, restore_pitr, restore_full, mitigate, config_revert, wait, hotfix,
      code_rollback.
  Meanwhile: Ease the pain without changing data - shed or drain load, switch features off - and
      find out what is asked below.
    • First: Freeze deployments, migrations, configuration, autoscalers and retention jobs. A change
      nobody planned undoes the recovery.
  Still looking: change_type, minutes_since_change, previous_artifact_available and 5 more. What is
      found changes this card.
  @bo, @dee (dba): Is data wrong or missing, and is it still being damaged?
    [None]  decide data_corruption:none unless:known inc:INC-1
    [Suspected]  decide data_corruption:suspected unless:known inc:INC-1
    [Confirmed]  decide data_corruption:confirmed unless:known inc:INC-1
    [Ongoing]  decide data_corruption:ongoing unless:known inc:INC-1
    [Nobody knows]  decide data_corruption:? unless:known inc:INC-1
  @ana (commander): Is harm growing that cannot be taken back: money leaving, data leaking, messages
      going out?
    [Yes]  decide irreversible_harm_accruing:yes unless:known inc:INC-1
    [No]  decide irreversible_harm_accruing:no unless:known inc:INC-1
    [Nobody knows]  decide irreversible_harm_accruing:? unless:known inc:INC-1
  @cy (app): Can a flag or a setting undo what set this off?
    [Yes]  decide config_or_flag_revert_possible:yes unless:known inc:INC-1
    [No]  decide config_or_flag_revert_possible:no unless:known inc:INC-1
    [Nobody knows]  decide config_or_flag_revert_possible:? unless:known inc:INC-1
  @ana (nobody is ops yet: who knows?): Is it getting better by itself, measurably?
    [Yes]  decide self_recovering:yes unless:known inc:INC-1
    [No]  decide self_recovering:no unless:known inc:INC-1
    [Nobody knows]  decide self_recovering:? unless:known inc:INC-1
    [Choose…]  decide inc:INC-1 …
  /backstop decide <fact>:<value> corrects a fact (?: nobody knows), /backstop decide <option>
      why:"…" records the choice · as of 2026-11-23 02:25:00Z

bo: decide node-or-site-failure:no
  INC-1: what to do
  INC-1 knows node_or_site_failure: no. Open (http://here/incidents/INC-1)
  No proposal yet. Not decided between failover, restore_partial, restore_pitr, restore_full,
      mitigate, config_revert, wait, hotfix, code_rollback: what is asked decides it.
  So far: mitigate. Nothing better is known - ease the pain and look for the cause.
  Meanwhile: Ease the pain without changing data - shed or drain load, switch features off - and
      find out what is asked below.
    • First: Freeze deployments, migrations, configuration, autoscalers and retention jobs. A change
      nobody planned undoes the recovery.
  Known:
    • node_or_site_failure: no (@bo, 2026-11-23 02:25:00Z)
  Still looking: change_type, minutes_since_change, previous_artifact_available and 5 more. What is
      found changes this card.
  @bo, @dee (dba): Is data wrong or missing, and is it still being damaged?
    [None]  decide data_corruption:none unless:known inc:INC-1
    [Suspected]  decide data_corruption:suspected unless:known inc:INC-1
    [Confirmed]  decide data_corruption:confirmed unless:known inc:INC-1
    [Ongoing]  decide data_corruption:ongoing unless:known inc:INC-1
    [Nobody knows]  decide data_corruption:? unless:known inc:INC-1
  @ana (commander): Is harm growing that cannot be taken back: money leaving, data leaking, messages
      going out?
    [Yes]  decide irreversible_harm_accruing:yes unless:known inc:INC-1
    [No]  decide irreversible_harm_accruing:no unless:known inc:INC-1
    [Nobody knows]  decide irreversible_harm_accruing:? unless:known inc:INC-1
  @cy (app): Can a flag or a setting undo what set this off?
    [Yes]  decide config_or_flag_revert_possible:yes unless:known inc:INC-1
    [No]  decide config_or_flag_revert_possible:no unless:known inc:INC-1
    [Nobody knows]  decide config_or_flag_revert_possible:? unless:known inc:INC-1
  @ana (nobody is ops yet: who knows?): Is it getting better by itself, measurably?
    [Yes]  decide self_recovering:yes unless:known inc:INC-1
    [No]  decide self_recovering:no unless:known inc:INC-1
    [Nobody knows]  decide self_recovering:? unless:known inc:INC-1
    [Choose…]  decide inc:INC-1 …
  /backstop decide <fact>:<value> corrects a fact (?: nobody knows), /backstop decide <option>
      why:"…" records the choice · as of 2026-11-23 02:25:00Z
""")


async def test_a_reason_without_a_choice_is_not_dropped_in_silence(stage: Stage) -> None:
    await declared(stage)
    for line in ('decide why:"it is the quickest"', "decide why:x severity:1"):
        refused = await stage.say("ana", line)
        assert not refused.ok
        assert refused.text.startswith(
            "`why:` is the reason of a choice, and no option is named: nothing was recorded. "
            "Say the option before it, one of: config_revert, "
        )


async def test_a_long_title_in_the_list_says_how_to_read_the_whole_of_one_incident(stage: Stage) -> None:
    for title in ("Orders are wrong", "x" * 3_000):
        await stage.told("ana", f'declare "{title}" sev:1')

    assert "backstop timeline <incident>" in await stage.told("ana", "list")


async def test_an_exception_says_which_other_freezes_stop_the_change_still(stage: Stage) -> None:
    await stage.told("ana", "freeze on svc:checkout why:wait")
    await stage.told("ana", "freeze on svc:checkout kinds:deploy why:audit")
    await stage.told("ana", "freeze on svc:checkout kinds:backup why:quiet")

    assert await answers(
        stage,
        ("bo", 'freeze allow FRZ-1 checkout@ab12 "the fix"'),
        ("cy", "freeze allow FRZ-1 checkout@ab12"),
        ("bo", 'freeze allow FRZ-2 checkout@ab12 "the fix"'),
        ("cy", "freeze allow FRZ-2 checkout@ab12"),
    ) == snapshot("""\
bo: freeze allow FRZ-1 checkout@ab12 "the fix"
  FRZ-1 an exception for checkout@ab12 until 04:25Z is asked for. Still stopped by FRZ-2. Open
      (http://here/freezes/FRZ-1)
  It needs a second person: /backstop freeze allow FRZ-1 checkout@ab12

cy: freeze allow FRZ-1 checkout@ab12
  FRZ-1 lets checkout@ab12 through until 04:25Z. Still stopped by FRZ-2. Open
      (http://here/freezes/FRZ-1)

bo: freeze allow FRZ-2 checkout@ab12 "the fix"
  FRZ-2 an exception for checkout@ab12 until 04:25Z is asked for. Open (http://here/freezes/FRZ-2)
  It needs a second person: /backstop freeze allow FRZ-2 checkout@ab12

cy: freeze allow FRZ-2 checkout@ab12
  FRZ-2 lets checkout@ab12 through until 04:25Z. Open (http://here/freezes/FRZ-2)
""")


async def test_what_a_lifted_freeze_refused_is_said_to_be_free_only_where_nothing_else_stops_it(
    stage: Stage,
) -> None:
    for id, service in (("FRZ-1", "*"), ("FRZ-2", "checkout"), ("FRZ-3", "checkout")):
        placed = FreezePlaced(scope=Scope(services=(service,), environments=("production",)), why="wait")
        await stage.timeline.append({f"freeze/{id}": Change(0, (placed,))}, by="ana", via="test")
    refused = [
        DeploymentRefused(service=service, environment=place, change="deploy", sha="ab12", actor="ci")
        for service, place in (("checkout", "production"), ("checkout", "staging"), ("search", "production"))
    ]
    for id, events in (("FRZ-1", refused), ("FRZ-2", refused[:1]), ("FRZ-3", refused[:1])):
        await stage.timeline.append({f"freeze/{id}": Change(1, tuple(events))}, by="ci", via="gate")

    assert await answers(
        stage, ("ana", "freeze off FRZ-1"), ("ana", "freeze off FRZ-3"), ("ana", "freeze off FRZ-2")
    ) == snapshot("""\
ana: freeze off FRZ-1
  FRZ-1 is lifted. 2 refused deployments may be tried again. Still stopped: 1 refused deployment, by
      FRZ-2, FRZ-3. Open (http://here/freezes/FRZ-1)

ana: freeze off FRZ-3
  FRZ-3 is lifted. Still stopped: 1 refused deployment, by FRZ-2. Open (http://here/freezes/FRZ-3)

ana: freeze off FRZ-2
  FRZ-2 is lifted. 1 refused deployment may be tried again. Open (http://here/freezes/FRZ-2)
""")


async def test_an_exception_for_every_change_is_refused(stage: Stage) -> None:
    await declared(stage)
    await stage.told("ana", "freeze on svc:checkout why:wait")

    refused = await stage.say("ana", 'freeze allow FRZ-1 checkout@* "x"')

    assert not refused.ok
    assert "an exception names its sha" in refused.text


async def test_a_damage_that_turns_out_to_be_older_than_what_was_restored_is_said_aloud(
    stage: Stage, clock: Clock
) -> None:
    await started(stage)
    await stage.told("bo", "approve RUN-1")
    await stage.told("cy", "approve RUN-1")
    await stage.carry()
    assert (await stage.run()).state == "recovered"
    clock.advance(60)
    assert await answers(
        stage, ("ana", "impact damage:02:01"), ("ana", 'resolve "all is back" data:"nothing lost"')
    ) == snapshot("""\
ana: impact damage:02:01
  INC-1 impact recorded: the damage began 2026-11-23 02:01:00Z, 25 min ago. RUN-1 put P2 back as of
      2026-11-23 02:05:00Z, and the damage began at 2026-11-23 02:01:00Z: damaged data came back.
      Plan another restore to an older point. Open (http://here/incidents/INC-1)

ana: resolve "all is back" data:"nothing lost"
  INC-1 is resolved. RUN-1 put P2 back as of 2026-11-23 02:05:00Z, and the damage began at
      2026-11-23 02:01:00Z: damaged data came back. Open (http://here/incidents/INC-1)
""")


async def test_writers_that_a_person_stopped_are_stopped(stage: Stage, world: World) -> None:
    world.outcomes["stop"] = [Phase.FAILED]
    await started(stage)
    await stage.told("ana", 'done RUN-1.stop evidence:"the shop is closed"')
    incident = await stage.incident()
    assert (incident.writers_stopped, incident.stopped_by) == (stage.timeline.now(), "RUN-1")


async def recovered(stage: Stage, clock: Clock) -> str:
    """Recover by RUN-1; return the moment between its stop of the writers and its end."""
    await started(stage)
    await stage.told("bo", "approve RUN-1")
    await stage.told("cy", "approve RUN-1")
    clock.advance(60)
    between = f"{clock():%Y-%m-%dT%H:%M:%SZ}"
    clock.advance(60)
    await stage.carry()
    assert (await stage.run()).state == "recovered"
    clock.advance(60)
    return between


async def test_damage_after_a_run_recovered_is_new_damage_and_writers_count_as_writing(
    stage: Stage, clock: Clock
) -> None:
    await recovered(stage, clock)
    assert (await stage.incident()).stopped_by == "RUN-1"
    assert await answers(stage, ("ana", "impact damage:-10s")) == snapshot("""\
ana: impact damage:-10s
  INC-1 impact recorded: the damage began 2026-11-23 02:27:50Z, 10 s ago. RUN-1 had recovered by
      then: this is new damage, and writers count as writing again. Open
      (http://here/incidents/INC-1)
""")
    incident = await stage.incident()
    assert (incident.writers_stopped, incident.stopped_by) == (None, None)


async def test_what_a_run_stopped_that_is_over_keeps_nobody_from_stating_damage_since(
    stage: Stage, clock: Clock
) -> None:
    between = await recovered(stage, clock)
    assert await answers(stage, ("ana", f"impact damage:{between}")) == snapshot("""\
ana: impact damage:2026-11-23T02:26:00Z
  INC-1 impact recorded: the damage began 2026-11-23 02:26:00Z, 2 min ago. RUN-1 had stopped writers
      and is recovered: they count as writing again. Open (http://here/incidents/INC-1)
""")
    assert (await stage.incident()).stopped_by is None


async def test_writers_that_a_person_stopped_before_a_run_recovered_keep_nobody_from_stating_new_damage(
    stage: Stage, clock: Clock
) -> None:
    await started(stage)
    await stage.told("ana", f"impact writers-stopped:{clock():%Y-%m-%dT%H:%M:%SZ}")
    await stage.told("bo", "approve RUN-1")
    await stage.told("cy", "approve RUN-1")
    clock.advance(60)
    await stage.carry()
    clock.advance(60)
    assert "RUN-1 had recovered by then: this is new damage" in await stage.told("ana", "impact damage:-10s")
    assert (await stage.incident()).writers_stopped is None


async def test_what_an_aborted_run_stopped_keeps_nobody_from_stating_later_damage(
    stage: Stage, clock: Clock
) -> None:
    await started(stage)
    clock.advance(60)
    later = f"impact damage:{clock():%Y-%m-%dT%H:%M:%SZ}"
    clock.advance(60)
    assert await refusals(stage, ("ana", later)) == snapshot("""\
ana: impact damage:2026-11-23T02:26:00Z
  The damage cannot begin (02:26:00Z) after writers were stopped (02:20:00Z): nothing was recorded.
      Correct one of them with damage: or writers-stopped:, or say writers-stopped:no if writers
      write again.
""")
    mark = re.search(r"confirm:(\w+)", await stage.told("ana", "abort RUN-1"))
    assert mark
    await stage.told("ana", f"abort RUN-1 confirm:{mark[1]} why:x")
    await stage.carry()
    assert (await stage.run()).state == "aborted"
    assert await answers(stage, ("ana", later)) == snapshot("""\
ana: impact damage:2026-11-23T02:26:00Z
  INC-1 impact recorded: the damage began 2026-11-23 02:26:00Z, 1 min ago. RUN-1 had stopped writers
      and is aborted: they count as writing again. Open (http://here/incidents/INC-1)
""")
    assert (await stage.incident()).writers_stopped is None


async def test_a_person_says_that_writers_write_again(stage: Stage, clock: Clock) -> None:
    await started(stage)
    clock.advance(60)
    both = f"impact writers-stopped:no damage:{clock():%Y-%m-%dT%H:%M:%SZ}"
    assert await answers(stage, ("ana", "impact writers-stopped:no"), ("ana", both)) == snapshot("""\
ana: impact writers-stopped:no
  INC-1 impact recorded: writers write again. Open (http://here/incidents/INC-1)

ana: impact writers-stopped:no damage:2026-11-23T02:26:00Z
  INC-1 impact recorded: the damage began 2026-11-23 02:26:00Z, 0 s ago; writers write again. Open
      (http://here/incidents/INC-1)
""")
    assert (await stage.incident()).writers_stopped is None
    assert "Writers write again" in await stage.told("ana", "timeline INC-1")
    assert await refusals(stage, ("ana", "impact writers-stopped:none")) == snapshot("""\
ana: impact writers-stopped:none
  `none` is no time with a zone: nothing was recorded. Write 02:10 (UTC), 2026-11-23T02:10:00Z or
      -15m.
""")


async def test_the_undo_of_a_run_starts_the_writers_that_it_had_stopped(stage: Stage, world: World) -> None:
    world.outcomes["restore"] = [Phase.FAILED]
    await started(stage)
    await stage.told("bo", "approve RUN-1")
    await stage.told("cy", "approve RUN-1")
    await stage.carry()
    assert (await stage.incident()).stopped_by == "RUN-1"
    await stage.told("ana", "undo RUN-1.stop why:x")
    await stage.carry()
    assert (await stage.run()).step("stop").status == "undone"
    assert (await stage.incident()).writers_stopped is None
    assert "RUN-1 started what it had stopped" in await stage.told("ana", "timeline INC-1")
