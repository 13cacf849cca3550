"""What drills showed and nobody mended is a task of the playbook's owners on their home tab."""

from __future__ import annotations

from bot.core.events import DrillAsked, DrillEnded, Gap, TaskOpened
from bot.timeline import Change
from tests.slack.house import House

ASKED = DrillAsked(
    playbook="restore-orders",
    title="Put the orders back",
    service="checkout",
    environment="production",
    commander="ana",
    owner="owners",
)
SLOW = Gap(id="slow", what="The restore took 40 min, and the RTO is 30 min")
TASK = TaskOpened(gap="slow", first="DRL-1", system="jira", key="OPS-7", url="https://jira.example/OPS-7")


async def test_a_gap_stands_there_until_a_drill_shows_it_no_more(home: House) -> None:
    ended = DrillEnded(outcome="failed", gaps=(SLOW,))
    await home.timeline.append({"drill/DRL-1": Change(0, (ASKED, ended, TASK))}, by="ana", via="test")
    await home.slack.open_home("cy")
    await home.slack.wait(lambda: "DRL-1 To do gap The restore took 40 min" in read(home, "cy"))
    assert "OPS-7" in read(home, "cy")
    await home.slack.open_home("ana")
    await home.slack.wait(lambda: "Waiting for your approval" in read(home, "ana"))
    assert "Your tasks" not in read(home, "ana")

    # A tab is drawn every few seconds at most.
    await home.later(10)
    passed = DrillEnded(outcome="passed")
    await home.timeline.append({"drill/DRL-2": Change(0, (ASKED, passed))}, by="ana", via="test")
    await home.slack.wait(lambda: "Your tasks" not in read(home, "cy"))


def read(home: House, who: str) -> str:
    """Return what somebody reads on their home tab."""
    tab = home.slack.home(who)
    return home.slack.plain(tab) if tab else ""
