"""The moments that figures need are said with `impact`, and corrected by saying them again."""

from __future__ import annotations

from bot.core import incident as incidents
from bot.core.events import IncidentClosed
from tests.commands.scenes import declared
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
