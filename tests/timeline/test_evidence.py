"""What is remembered of messages leads to where entries were told."""

from __future__ import annotations

from datetime import timedelta

from bot.core.evidence import Leads, name_of
from bot.timeline import Timeline
from bot.timeline.evidence import WORKSPACE, leads_of
from tests.core.story import Story, approved

SLACK = "https://shop.slack.com/archives"


async def told(timeline: Timeline, story: Story) -> Leads:
    remember = timeline.records.remember
    await remember(WORKSPACE, {"url": "https://shop.slack.com/"})
    await remember("card:INC-1", {"channel": "C1", "ts": "1.000001"})
    await remember("say:incident/INC-1#2", {"channel": "C1", "ts": "2.000001"})
    await remember("say:run/RUN-1#2", {"channel": "C1", "ts": "3.000001", "thread": "1.500001"})
    # It was being sent when Backstop stopped: nobody knows yet whether it is there.
    await remember("say:incident/INC-1#3", {"channel": "C1", "at": "2026-11-23T02:10:00+00:00"})
    return await leads_of(timeline.records, story.entries, "https://backstop.example")


async def test_an_entry_leads_to_the_message_that_told_it(timeline: Timeline) -> None:
    leads = await told(timeline, approved())

    assert leads.console == "https://backstop.example"
    assert leads.said == {
        "incident/INC-1#1": f"{SLACK}/C1/p1000001",
        "incident/INC-1#2": f"{SLACK}/C1/p2000001",
        "run/RUN-1#2": f"{SLACK}/C1/p3000001?thread_ts=1.500001&cid=C1",
    }


async def test_an_approval_leads_to_the_question_that_was_asked_last_before_it(timeline: Timeline) -> None:
    story = approved()
    first, second = (entry for entry in story.of("run/RUN-1") if entry.by in ("bo", "cy"))
    asked = "gate:RUN-1.overwrite-orders"
    early, late = (each.recorded_at - timedelta(minutes=1) for each in (first, second))
    for number, at in enumerate((early, late), 1):
        key = f"{asked}@{at:%Y%m%dT%H%M%S%f}"
        await timeline.records.remember(key, {"channel": "C1", "ts": f"{number}.000001"})
    await timeline.records.remember(asked, {"asked": "the last of them"})

    leads = await told(timeline, story)

    assert leads.said[name_of(first)] == f"{SLACK}/C1/p1000001"
    assert leads.said[name_of(second)] == f"{SLACK}/C1/p2000001"


async def test_without_a_workspace_nothing_leads_to_slack(timeline: Timeline) -> None:
    assert await leads_of(timeline.records, approved().entries, "") == Leads()
