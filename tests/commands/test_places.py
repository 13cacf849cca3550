"""Which incident and which run are meant: what was named, or the only one of the place; never a guess."""

from __future__ import annotations

from inline_snapshot import snapshot

from bot.core.events import RoomOpened
from bot.timeline import Change
from tests.commands.scenes import declared, planned, refusals, said_in, started
from tests.runs.stage import Stage


async def room(stage: Stage, incident: str, channel: str, thread: str | None = None) -> None:
    seq = len(await stage.timeline.read(f"incident/{incident}"))
    event = RoomOpened(channel=channel, name=channel.lower(), thread=thread)
    await stage.timeline.append({f"incident/{incident}": Change(seq, (event,))}, by="backstop", via="slack")


async def two_incidents(stage: Stage) -> None:
    await declared(stage)
    await stage.told("ana", 'declare "Search is slow" sev:3')


async def test_a_channel_is_its_incident_also_by_a_dot_and_in_its_threads(stage: Stage) -> None:
    await two_incidents(stage)
    await room(stage, "INC-1", "C1")
    await room(stage, "INC-2", "C2")

    for thread in (None, "17.1"):
        assert (await said_in(stage, "bo", "status", "C2", thread)).data["id"] == "INC-2"
        assert (await said_in(stage, "bo", "status .", "C1", thread)).data["id"] == "INC-1"
        assert (await said_in(stage, "bo", "status inc-2", "C1", thread)).data["id"] == "INC-2"
    assert "No incident is open here" in (await said_in(stage, "bo", "status", "C3")).text


async def test_incidents_that_are_threads_of_one_channel_are_told_apart_by_the_thread(stage: Stage) -> None:
    await two_incidents(stage)
    await room(stage, "INC-1", "C1", "17.1")
    await room(stage, "INC-2", "C1", "17.2")

    assert (await said_in(stage, "bo", "status", "C1", "17.1")).data["id"] == "INC-1"
    assert (await said_in(stage, "bo", "status", "C1", "17.2")).data["id"] == "INC-2"
    assert not (await said_in(stage, "bo", "status", "C1")).ok
    assert not (await said_in(stage, "bo", "status", "C1", "17.3")).ok


async def test_a_freeze_belongs_to_the_incident_of_its_place_and_to_none_elsewhere(stage: Stage) -> None:
    await two_incidents(stage)
    await room(stage, "INC-1", "C1", "17.1")
    await room(stage, "INC-2", "C2")

    await said_in(stage, "bo", "freeze on svc:checkout why:x", "C1", "17.1")
    await said_in(stage, "bo", "freeze on svc:checkout why:x", "C1")
    await stage.told("bo", "freeze on svc:checkout why:y")

    assert await stage.timeline.lookup.freezes(incident="INC-1") == ["FRZ-1"]
    assert await stage.timeline.lookup.freezes(incident="INC-2") == []
    assert await stage.timeline.lookup.freezes() == ["FRZ-1", "FRZ-2", "FRZ-3"]


async def test_the_command_line_means_the_only_incident_that_is_open_wherever_it_is_talked_about(
    stage: Stage,
) -> None:
    await declared(stage)
    await room(stage, "INC-1", "C1", "17.1")
    assert (await stage.say("bo", "status")).data["id"] == "INC-1"

    await stage.told("ana", 'declare "Search is slow"')

    assert await refusals(
        stage, ("bo", "status"), ("bo", "note x"), ("bo", "status 7"), ("bo", "status INC-9")
    ) == snapshot("""\
bo: status
  2 incidents are open here: say which one, as INC-42. `/backstop list` shows them.

bo: note x
  2 incidents are open here: say which one, as INC-42. `/backstop list` shows them.

bo: status 7
  `7` is no incident. Name one as INC-42, or leave it out in its channel.

bo: status INC-9
  There is no INC-9. `/backstop list` shows the incidents.
""")


async def test_the_newest_incident_of_a_channel_can_be_reopened_where_it_was(stage: Stage) -> None:
    await declared(stage)
    await room(stage, "INC-1", "C1")
    await stage.told("ana", "resolve fixed data:none")

    assert (await said_in(stage, "ana", "reopen why:again", "C1")).ok


async def test_two_runs_of_an_incident_must_be_told_apart(stage: Stage) -> None:
    await started(stage)
    await stage.told("ana", "plan restore-orders")
    await stage.carry("RUN-2")

    assert await refusals(
        stage,
        ("bo", "approve"),
        ("ana", "hold why:x"),
        ("ana", "start"),
        ("bo", "approve RUN-2"),
        ("bo", "approve 2"),
        ("bo", "approve RUN-9"),
    ) == snapshot("""\
bo: approve
  Several runs are under way in INC-1 (RUN-1, RUN-2): say which one.

ana: hold why:x
  Several runs are under way in INC-1 (RUN-1, RUN-2): say which one.

ana: start
  Several runs are under way in INC-1 (RUN-1, RUN-2): say which one.

bo: approve RUN-2
  Nobody asked for approvals of RUN-2 yet. `/backstop start RUN-2` does.

bo: approve 2
  `2` is no run. Name one as RUN-9, or a step as RUN-9.S3.

bo: approve RUN-9
  There is no RUN-9. `/backstop list` shows what is under way.
""")


async def test_the_only_run_under_way_need_not_be_named(stage: Stage) -> None:
    await started(stage)
    assert (await stage.say("bo", "approve")).ok
    assert (await stage.say("ana", "hold why:look")).ok
    assert (await stage.say("ana", "resume")).ok


async def test_no_run_at_all_is_said(stage: Stage) -> None:
    await declared(stage)
    assert await refusals(stage, ("bo", "approve")) == snapshot("""\
bo: approve
  No run is under way in INC-1: nothing was done. `/backstop plan <playbook>` makes one.
""")


async def test_steps_and_approvals_have_a_place_and_a_name_in_any_case(stage: Stage) -> None:
    await started(stage)
    assert (await stage.say("bo", "approve run-1.s2")).data["gate"] == "overwrite"
    assert (await stage.say("bo", "withdraw Run-1.RESTORE")).ok
    assert (await stage.say("bo", "approve RUN-1.Overwrite")).ok
    assert (await stage.say("bo", "status RUN-1.S2")).data["id"] == "RUN-1"
    assert (await stage.say("ana", "skip RUN-1.GO why:x")).ok


async def test_the_name_of_a_step_that_needs_no_approval_approves_nothing_else(stage: Stage) -> None:
    await started(stage)
    assert await refusals(
        stage,
        ("bo", "approve RUN-1.stop"),
        ("bo", "approve RUN-1.S9"),
        ("bo", "reject RUN-1.go why:x"),
        ("bo", "withdraw RUN-1.other"),
    ) == snapshot("""\
bo: approve RUN-1.stop
  RUN-1.stop needs no approval of its own. Say which approval of RUN-1 you mean: RUN-1.overwrite.
      Nothing was recorded.

bo: approve RUN-1.S9
  Say which approval of RUN-1 you mean: RUN-1.overwrite. Nothing was recorded.

bo: reject RUN-1.go why:x
  RUN-1.go needs no approval of its own. Say which approval of RUN-1 you mean: RUN-1.overwrite.
      Nothing was recorded.

bo: withdraw RUN-1.other
  Say which approval of RUN-1 you mean: RUN-1.overwrite. Nothing was recorded.
""")


async def test_a_run_that_was_never_started_has_nothing_to_change(stage: Stage) -> None:
    await planned(stage)
    assert await refusals(
        stage,
        ("bo", "approve RUN-1"),
        ("bo", "reject RUN-1 why:x"),
        ("bo", "withdraw RUN-1"),
        ("ana", "hold RUN-1 why:x"),
        ("ana", "resume RUN-1"),
        ("ana", "abort RUN-1"),
        ("ana", "skip RUN-1.S1 why:x"),
        ("ana", "skip RUN-1 why:x"),
    ) == snapshot("""\
bo: approve RUN-1
  Nobody asked for approvals of RUN-1 yet. `/backstop start RUN-1` does.

bo: reject RUN-1 why:x
  Nobody asked for approvals of RUN-1 yet. `/backstop start RUN-1` does.

bo: withdraw RUN-1
  Nobody asked for approvals of RUN-1 yet. `/backstop start RUN-1` does.

ana: hold RUN-1 why:x
  RUN-1 is planned: there is nothing to hold.

ana: resume RUN-1
  RUN-1 is planned: it does not wait for `resume`.

ana: abort RUN-1
  RUN-1 was never started: nothing of it acts, and nothing needs to be aborted.

ana: skip RUN-1.S1 why:x
  RUN-1 is planned: none of its steps can be changed now.

ana: skip RUN-1 why:x
  RUN-1 is planned: none of its steps can be changed now.
""")
