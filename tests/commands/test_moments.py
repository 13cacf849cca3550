"""The moments that figures need are said with `impact`, and corrected by saying them again."""

from __future__ import annotations

from inline_snapshot import snapshot

from bot.core import incident as incidents
from bot.core.events import IncidentClosed
from tests.commands.scenes import answers, declared
from tests.runs.stage import Stage


async def test_when_it_was_detected_taken_on_and_over_is_said_and_corrected(stage: Stage) -> None:
    await declared(stage)

    said = await stage.say("ana", "impact detected:-9m acknowledged:-8m mitigated:-1m")
    await stage.told("ana", "impact detected:-10m")

    incident = incidents.fold(await stage.timeline.read("incident/INC-1"))
    assert incident
    assert incident.detected
    assert incident.acknowledged
    assert incident.mitigated
    assert (incident.acknowledged - incident.detected).total_seconds() == 120
    assert (incident.mitigated - incident.detected).total_seconds() == 540
    assert incident.impact == ""
    for words in ("it was detected", "somebody took it on", "customers notice it no more"):
        assert words in said.text


async def test_moments_that_contradict_each_other_are_recorded_and_told(stage: Stage) -> None:
    await declared(stage)
    await stage.told("ana", "impact detected:-9m mitigated:-8m")
    assert await answers(
        stage,
        ("ana", "impact start:-7m"),
        ("ana", "impact acknowledged:-10m"),
        ("ana", 'impact "Totals are wrong"'),
        ("ana", "impact start:-12m detected:-11m acknowledged:-10m"),
        ("ana", "impact mitigated:-13m"),
    ) == snapshot("""\
ana: impact start:-7m
  INC-1 impact recorded: it began 2026-11-23 02:18:00Z, 7 min ago. Look again: it was detected
      02:16:00Z, before it began (02:18:00Z). No figure is reckoned between them until detected: or
      start: corrects it. Look again: customers notice it no more 02:17:00Z, before it began
      (02:18:00Z). No figure is reckoned between them until mitigated: or start: corrects it. Open
      (http://here/incidents/INC-1)

ana: impact acknowledged:-10m
  INC-1 impact recorded: somebody took it on 2026-11-23 02:15:00Z, 10 min ago. Look again: somebody
      took it on 02:15:00Z, before it was detected (02:16:00Z). No figure is reckoned between them
      until acknowledged: or detected: corrects it. Open (http://here/incidents/INC-1)

ana: impact "Totals are wrong"
  INC-1 impact recorded. Open (http://here/incidents/INC-1)

ana: impact start:-12m detected:-11m acknowledged:-10m
  INC-1 impact recorded: it began 2026-11-23 02:13:00Z, 12 min ago; it was detected 2026-11-23
      02:14:00Z, 11 min ago; somebody took it on 2026-11-23 02:15:00Z, 10 min ago. Open
      (http://here/incidents/INC-1)

ana: impact mitigated:-13m
  INC-1 impact recorded: customers notice it no more 2026-11-23 02:12:00Z, 13 min ago. Look again:
      customers notice it no more 02:12:00Z, before it began (02:13:00Z). No figure is reckoned
      between them until mitigated: or start: corrects it. Open (http://here/incidents/INC-1)
""")
    incident = await stage.incident()
    assert incident.impact_start
    assert incident.mitigated
    assert incident.mitigated < incident.impact_start


async def test_an_alert_counts_as_when_it_was_detected_there_too(stage: Stage) -> None:
    await stage.told("ana", 'declare "Orders are wrong" sev:1 alerted:-10m')
    told = await stage.told("ana", "impact start:-5m")
    assert "Look again: it was detected 02:15:00Z, before it began (02:20:00Z)." in told
    assert "Look again" not in await stage.told("ana", "impact start:-10m")


async def test_the_answers_at_the_end_have_minutes_and_what_shows_them(stage: Stage) -> None:
    await declared(stage)
    await stage.told("ana", 'resolve "Orders are right." data:"None lost."')

    refused = await stage.say("ana", "close availability:no speed:no speed-by:5m")
    wrong = await stage.say("ana", "close availability:helped availability-by:long speed:no")
    answers = "availability:helped availability-by:90m availability-link:https://g.example/7 speed:slowed"
    await stage.told("ana", f"close {answers} speed-by:?")

    assert "`speed:no` changed nothing: leave `speed-by:` out. Nothing was recorded." in refused.text
    assert "`long` is no length of time" in wrong.text
    closed = (await stage.timeline.read("incident/INC-1"))[-1].event
    assert isinstance(closed, IncidentClosed)
    assert (closed.availability_minutes, closed.availability_evidence) == (90, "https://g.example/7")
    assert (closed.speed_minutes, closed.speed_evidence) == (None, None)
