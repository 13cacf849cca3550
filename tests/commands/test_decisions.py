"""The report of what decisions teach, as people and programs ask for it."""

from __future__ import annotations

from inline_snapshot import snapshot

from tests.commands.scenes import declared, refusals
from tests.runs.stage import Stage


async def test_recorded_decisions_are_reported_by_service_and_span(stage: Stage) -> None:
    await declared(stage)
    await stage.told("ana", 'decide mitigate why:"It is all we have"')

    answer = await stage.say("bo", "decisions report svc:checkout since:-90d")
    before = await stage.say("bo", "decisions report until:-30d")

    assert answer.text.startswith("1 decision in 1 incident of checkout since ")
    assert "n = 1, fewer than 5: too few for percentiles." in answer.text
    assert answer.data["decisions"] == 1
    assert before.text.startswith("No decision was recorded in any incident until ")
    assert before.data["decisions"] == 0


async def test_a_report_that_cannot_be_made_is_refused(stage: Stage) -> None:
    assert await refusals(
        stage,
        ("bo", "decisions"),
        ("bo", "decisions raport"),
        ("bo", "decisions report svc:chekout"),
        ("bo", "decisions report svc:xyz"),
        ("bo", "decisions report since:yesterday"),
        ("bo", "decisions report since:-1d until:-2d"),
    ) == snapshot("""\
bo: decisions
  `report` is missing: nothing was done. Usage: `/backstop decisions report [text|json] [svc:name]
      [since:-90d] [until:-30d]`

bo: decisions raport
  `raport` is no word of decisions: nothing was recorded. Say one of: report.

bo: decisions report svc:chekout
  There is no service chekout. Did you mean checkout?

bo: decisions report svc:xyz
  There is no service xyz. There are: checkout.

bo: decisions report since:yesterday
  `yesterday` is no time with a zone: nothing was recorded. Write 02:10 (UTC), 2026-11-23T02:10:00Z
      or -15m.

bo: decisions report since:-1d until:-2d
  `since:` is not before `until:`: nothing lies between them. Usage: `/backstop decisions report
      [text|json] [svc:name] [since:-90d] [until:-30d]`
""")
