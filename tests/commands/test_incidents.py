"""The report on the figures of incidents, as people and programs ask for it."""

from __future__ import annotations

import json
from typing import cast

from inline_snapshot import snapshot

from bot.core.postmortem import postmortem
from bot.timeline.stories import history_of, told
from tests.clock import Clock
from tests.commands.scenes import declared, refusals
from tests.runs.lab import Lab
from tests.runs.stage import Stage


async def rehearsed(stage: Stage, clock: Clock) -> None:
    """Let there be a drill, an incident before today, one that plans its playbook, and a false alarm."""
    lab = Lab(stage, stage.shelf.playbook_folder.parent)
    await stage.told("cy", "drill restore-orders")
    await lab.carry()
    await declared(stage)
    await stage.told("ana", "impact start:-9m detected:-4m")
    clock.advance(86_400)
    await declared(stage)
    await stage.told("ana", "impact start:-9m detected:-1m inc:INC-2")
    await stage.told("ana", "plan restore-orders inc:INC-2")
    await declared(stage)
    await stage.told("ana", 'false-alarm why:"A test of the alert" inc:INC-3')


async def test_figures_are_reported_by_service_and_span(stage: Stage, clock: Clock) -> None:
    await rehearsed(stage, clock)

    every = await stage.say("bo", "incidents report svc:checkout")
    today = await stage.say("bo", "incidents report since:-1h")
    before = await stage.say("bo", "incidents report until:-30d json")

    assert every.text.startswith("2 incidents of checkout")
    assert every.data["left_out"] == {"false alarms": 1, "merged": 0, "drills": 1}
    assert today.text.startswith("1 incident since ")
    assert today.data["left_out"] == {"false alarms": 1, "merged": 0, "drills": 0}
    figures = cast("list[dict[str, object]]", every.data["figures"])
    assert figures[0]["each"] == [300.0, 480.0]
    assert json.loads(str(before.data["file"]))["incidents"] == 0


async def test_an_incident_is_compared_with_those_before_it_and_with_drills(
    stage: Stage, clock: Clock
) -> None:
    await rehearsed(stage, clock)
    found = await told(stage.timeline, "INC-2")
    assert found

    history = await history_of(stage.timeline, found.incident, found.entries)
    alone = await told(stage.timeline, "INC-1")
    assert alone

    assert [each.incident.id for each in history.earlier] == ["INC-1"]
    assert [run.id for run in history.drills] == ["RUN-1"]
    assert not (await history_of(stage.timeline, alone.incident, alone.entries)).earlier
    assert await told(stage.timeline, "INC-9") is None
    assert postmortem(
        found.incident, found.entries, found.runs, (), now=stage.timeline.now(), history=history
    )


async def test_a_report_that_cannot_be_made_is_refused(stage: Stage) -> None:
    assert await refusals(
        stage,
        ("bo", "incidents"),
        ("bo", "incidents report yaml"),
        ("bo", "incidents report svc:chekout"),
        ("bo", "incidents report since:-1d until:-2d"),
    ) == snapshot("""\
bo: incidents
  `report` is missing: nothing was done. Usage: `/backstop incidents report [text|json] [svc:name]
      [since:-90d] [until:-30d]`

bo: incidents report yaml
  `yaml` is no form of a report: nothing was recorded. Say one of: text, json.

bo: incidents report svc:chekout
  There is no service chekout. Did you mean checkout?

bo: incidents report since:-1d until:-2d
  `since:` is not before `until:`: nothing lies between them. Usage: `/backstop incidents report
      [text|json] [svc:name] [since:-90d] [until:-30d]`
""")
