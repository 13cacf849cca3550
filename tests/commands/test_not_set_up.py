"""What is not set up is named with its setting; nobody reads that it was looked at."""

from __future__ import annotations

from dataclasses import replace

from inline_snapshot import snapshot

from bot.core.events import RepairAsked
from tests.commands.scenes import answers, declared, refusals
from tests.runs.stage import Stage


async def test_nothing_is_repaired_where_nothing_can_be_lost(stage: Stage) -> None:
    await declared(stage)
    assert await refusals(stage, ("ana", "repair INC-1")) == snapshot("""\
ana: repair INC-1
  Slack is not looked at: BACKSTOP_SLACK_MODE is off. The tracker is not looked at:
      BACKSTOP_JIRA_URL and BACKSTOP_JIRA_TOKEN are not both set. So there is nowhere to look:
      nothing was recorded.
""")


async def test_a_repair_says_what_is_not_looked_at(stage: Stage) -> None:
    await declared(stage)
    desk = stage.desk
    stage.desk = replace(desk, talks=True)
    without_tracker = await answers(stage, ("ana", "repair INC-1"))
    stage.desk = replace(desk, tracks=True)
    without_slack = await answers(stage, ("ana", "repair INC-1"))
    stage.desk = replace(desk, talks=True, tracks=True)
    assert without_tracker + without_slack + await answers(stage, ("ana", "repair INC-1")) == snapshot("""\
ana: repair INC-1
  INC-1 is looked through in Slack; what was lost is put back and said there. Open
      (http://here/incidents/INC-1)
  The tracker is not looked at: BACKSTOP_JIRA_URL and BACKSTOP_JIRA_TOKEN are not both set.
ana: repair INC-1
  INC-1 is looked through in the tracker; what was lost is put back and said there. Open
      (http://here/incidents/INC-1)
  Slack is not looked at: BACKSTOP_SLACK_MODE is off.
ana: repair INC-1
  INC-1 is looked through in Slack and the tracker; what was lost is put back and said there. Open
      (http://here/incidents/INC-1)
""")
    asked = [entry.event for entry in await stage.timeline.read("incident/INC-1")]
    assert asked.count(RepairAsked()) == 3


async def test_silence_says_that_no_alertmanager_is_asked(stage: Stage) -> None:
    assert await answers(stage, ("ana", "silence")) == snapshot("""\
ana: silence
  No alert is silent because of a run.
  No Alertmanager is asked, and no alert can be made silent: BACKSTOP_ALERTMANAGER_URL is not set.
""")
