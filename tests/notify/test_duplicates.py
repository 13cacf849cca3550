"""The issues of two incidents that are one event, whichever of them is made last."""

from __future__ import annotations

import pytest

from bot.core.events import Event, Merged, MergedIn, NoteAdded
from bot.sandbox.jira import Drop
from bot.timeline import Change
from integrations.contract import IntegrationError
from tests.notify.test_record import DECLARED, RESOLVED, Desk, desk, words

__all__ = ["desk"]

OTHER = DECLARED.model_copy(update={"title": "Payments fail"})
HERE = MergedIn(incident="INC-2", title=OTHER.title, why="the same release", people=("bo",))
THERE = Merged(into="INC-1", why="the same release")


async def other(desk: Desk, *events: Event) -> None:
    """Record events in the incident that is merged into the first one."""
    seq = len(await desk.timeline.read("incident/INC-2"))
    await desk.timeline.append({"incident/INC-2": Change(seq, events)}, by="bo", via="test")


async def written(desk: Desk, *ids: str) -> None:
    for id in ids:
        desk.clock.advance(60)
        await desk.notify.handle(id)


def linked(desk: Desk) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the links of every issue by what its summary begins with."""
    return [(issue.summary[:5], issue.links) for issue in desk.jira.issues.values()]


async def asked_for(desk: Desk, key: str) -> int:
    """Return how often an effect was asked for that nobody carries out here."""
    return next(head.wanted for head in await desk.timeline.effects.heads() if head.key == key)


@pytest.mark.parametrize("order", [("INC-1", "INC-2"), ("INC-2", "INC-1"), ("INC-1", "INC-2", "INC-1")])
async def test_whichever_gets_its_issue_last_links_both_and_once(desk: Desk, order: tuple[str, ...]) -> None:
    await desk.told(DECLARED)
    await other(desk, OTHER)
    await desk.told(HERE)
    await other(desk, THERE)
    await written(desk, *order)
    keys = {issue.summary[:5]: key for key, issue in desk.jira.issues.items()}
    assert dict(linked(desk)) == {"INC-1": [], "INC-2": [("Duplicate", keys["INC-1"])]}
    assert len(desk.jira.asked("link")) == 1


async def test_a_link_whose_answer_was_lost_is_asked_for_again(desk: Desk) -> None:
    await desk.told(DECLARED)
    await other(desk, OTHER)
    await written(desk, "INC-1", "INC-2")
    await desk.told(HERE)
    await other(desk, THERE)
    desk.jira.faults.add("link", Drop())
    with pytest.raises(IntegrationError):
        await written(desk, "INC-2")
    await written(desk, "INC-2")
    assert dict(linked(desk))["INC-2"] == [("Duplicate", "OPS-1")]


async def test_the_issue_of_the_duplicate_names_the_other_and_the_post_mortem_of_that_has_its_notes(
    desk: Desk,
) -> None:
    await desk.told(DECLARED)
    await other(desk, OTHER, NoteAdded(text="declines began at 02:08"))
    await desk.told(HERE)
    await other(desk, THERE)
    await written(desk, "INC-2")
    reference = " ".join(words(desk.jira.issues["OPS-1"].description))
    assert "It is the same event as INC-1" in reference
    assert "declines began" not in reference
    await desk.told(RESOLVED)
    await written(desk, "INC-1")
    assert "declines began" in " ".join(words(desk.jira.issues["OPS-2"].description))
    await other(desk, NoteAdded(text="the bank saw it at 02:05"))
    before = await asked_for(desk, "tracker:INC-1")
    await written(desk, "INC-2")
    assert await asked_for(desk, "tracker:INC-1") == before + 1
    await written(desk, "INC-1")
    assert "the bank saw it" in " ".join(words(desk.jira.issues["OPS-2"].description))
