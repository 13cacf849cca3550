"""A replay is the same line at every door, keeps nothing, and touches no incident of one's own."""

from __future__ import annotations

from bot.commands import Answer, Place, say
from bot.core.events import RoomOpened
from bot.core.may import Actor
from bot.timeline import Change
from tests.commands.scenes import declared, written
from tests.runs.stage import Stage

ID = "gitlab-2017-01-31"


async def said(stage: Stage, line: str, *, channel: str | None = None) -> Answer:
    who = Actor("ci", kind="pipeline") if channel is None else Actor("ana")
    return await say(stage.desk, line, who=who, via="http", place=Place(channel), delivery=line)


async def test_everybody_may_replay_and_nothing_is_written(stage: Stage) -> None:
    await declared(stage)
    before = await written(stage)

    answer = await said(stage, f"replay {ID} data_corruption:ask data-scope:? restore-full")

    assert answer.ok
    assert answer.data["choice"] == "restore_full"
    assert answer.data["answers"] == {"data_corruption": "confirmed", "data_scope": None}
    assert await written(stage) == before


async def test_without_an_incident_the_first_are_listed_and_all_are_named_to_programs(stage: Stage) -> None:
    answer = await said(stage, "replay")

    assert "100 more; a word after it finds those that tell of it." in answer.text
    assert len(answer.data["incidents"]) == 125  # type: ignore[arg-type]
    assert (await said(stage, "replay knight")).data["incidents"] == ["knight-2012-08-01"]


async def test_what_is_no_incident_is_never_guessed(stage: Stage) -> None:
    for line in ("replay gitlab data_scope:rows", "replay gitlab wait", "replay gitlab-2017-01-30"):
        answer = await said(stage, line)
        assert answer.text == (
            f"There is no incident {line.split()[1]!r} to replay. Did you mean {ID}? "
            "`replay` alone lists them.\n"
        )
        assert not answer.ok


async def test_what_is_no_option_or_no_fact_is_refused(stage: Stage) -> None:
    assert (await said(stage, f"replay {ID} prey")).text.startswith(
        "`prey` is no option: nothing was recorded."
    )
    assert "did you mean data_scope?" in (await said(stage, f"replay {ID} data_scop:rows")).text


async def test_beside_an_open_incident_nothing_is_shown(stage: Stage) -> None:
    await declared(stage)
    room = Change(1, (RoomOpened(channel="C1", name="inc-1"),))
    await stage.timeline.append({"incident/INC-1": room}, by="backstop", via="slack")

    assert (await said(stage, f"replay {ID}", channel="C1")).text == (
        "INC-1 is open here, and a replay could be taken for it: nothing is shown. "
        "Say it in another channel, or `backstop replay` in a shell.\n"
    )
    assert (await said(stage, f"replay {ID}", channel="C2")).ok
    assert (await said(stage, "replay knight", channel="C1")).ok
