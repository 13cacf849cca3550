from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from bot.core.cards import GoingOn, home_page
from bot.core.cards.home import MOST
from bot.core.document import Buttons, Document
from bot.core.events import (
    Approved,
    Event,
    IncidentResolved,
    RoomOpened,
    RunAborted,
    TaskGiven,
    TaskOpened,
    UpdatePosted,
)
from bot.core.freeze import Freeze
from bot.core.incident import Incident
from bot.core.run import Run
from bot.core.tasks import ToDo
from tests.core.story import GATE, HASH, HOLDERS, Story, at, shown, stopped


def page(
    story: Story,
    person: str,
    minute: float = 11,
    runs: Sequence[Run] | None = None,
    incidents: Sequence[Incident] | None = None,
    freezes: Sequence[Freeze] = (),
    **more: Any,
) -> Document:
    here = [story.run] if runs is None else runs
    seen = GoingOn(
        [story.incident] if incidents is None else incidents,
        [(run, story.incident) for run in here],
        {run.id: HOLDERS for run in here},
        freezes,
        at(minute),
        **more,
    )
    return home_page(person, seen)


def asked(document: Document) -> int:
    return sum(isinstance(block, Buttons) for block in document.blocks)


@pytest.mark.parametrize(("person", "requests"), [("bo", 1), ("cy", 1), ("ana", 0), ("dee", 0)])
def test_an_approval_waits_for_those_who_can_give_it_and_not_for_whoever_started_it(
    person: str, requests: int
) -> None:
    document = page(stopped(), person)
    assert asked(document) == requests
    assert ("Nothing waits for you." in shown(document)) is (requests == 0)


def test_who_said_yes_is_asked_no_more() -> None:
    story = stopped()
    story.in_run(12, Approved(gate=GATE.name, hash=HASH, role="dba"), by="bo")
    assert [asked(page(story, name, 13)) for name in ("bo", "cy")] == [0, 1]


def test_what_is_late_or_over_waits_for_nobody() -> None:
    story = stopped()
    assert asked(page(story, "bo", 60 * 24)) == 0
    story.in_run(12, RunAborted(leaves="nothing"), by="ana")
    assert asked(page(story, "bo", 13)) == 0


def test_a_run_without_a_plan_or_such_a_gate_waits_for_nobody() -> None:
    run = stopped().run
    assert run.plan
    assert asked(page(stopped(), "bo", runs=[replace(run, plan=None)])) == 0
    assert (
        asked(page(stopped(), "bo", runs=[replace(run, plan=run.plan.model_copy(update={"gates": ()}))])) == 0
    )


def test_a_drill_is_told_from_an_incident() -> None:
    story = stopped()
    drill = replace(story.incident, id="DRL-1")
    seen = GoingOn([], [(story.run, drill)], {"RUN-1": HOLDERS}, [], at(11))
    assert "for DRL-1 (a drill: Orders are wrong)" in shown(home_page("bo", seen))


def test_the_room_and_the_next_update_of_each_incident_are_shown() -> None:
    story = stopped()
    told = UpdatePosted(number=1, conditions="", actions="", needs="", next_by=at(20))
    events: tuple[Event, ...] = (
        RoomOpened(channel="C1", name="inc-1-orders", url="https://slack.example/C1"),
        told,
    )
    story.in_incident(11, *events)
    quiet = replace(story.incident, id="INC-2", room=None, next_update_by=None)
    late = replace(
        story.incident, id="INC-3", next_update_by=at(5), room=RoomOpened(channel="C3", name="inc-3")
    )
    text = shown(page(story, "ana", 12, incidents=[story.incident, quiet, late]))
    assert "#inc-1-orders (https://slack.example/C1)" in " ".join(text.split())
    assert "INC-2 by" not in text
    assert text.index("INC-3 by") < text.index("INC-1 by")
    assert text.count(", overdue") == 1


def test_what_is_too_much_is_counted() -> None:
    story = stopped()
    many = [replace(story.incident, id=f"INC-{number}") for number in range(1, MOST + 4)]
    runs = [replace(story.run, id=f"RUN-{number}") for number in range(1, MOST + 3)]
    text = shown(page(story, "bo", runs=runs, incidents=many))
    assert "… and 3 more" in text
    assert "… and 2 more" in text
    assert text.count("for INC-1 (SEV1") == MOST


def test_freezes_are_shown_with_their_reason() -> None:
    story = stopped()
    text = shown(page(story, "ana", freezes=[story.freeze]))
    assert "FRZ-1 stops" in text
    assert "Nothing is frozen." in shown(page(story, "ana"))


def test_what_outlives_an_incident_is_a_task_until_the_review_and_what_was_of_the_incident_is_not() -> None:
    story = stopped()
    story.in_incident(
        11,
        TaskGiven(number=1, what="Look at the replica", to="bo", due=at(30)),
        TaskGiven(number=2, what="Alert on lag", to="bo", due=at(900), follow_up=True),
    )
    story.in_incident(20, IncidentResolved(statement="Right again.", data_statement="nothing"))
    seen = page(story, "bo", 21, runs=[], incidents=[], resolved=[story.incident])
    assert "INC-1 To do T2 Alert on lag: @bo until" in shown(seen)
    assert "Look at the replica" not in shown(seen)
    assert asked(seen) == 1
    assert "Your tasks" not in shown(page(story, "cy", 21, runs=[], incidents=[], resolved=[story.incident]))


def test_a_gap_that_a_drill_showed_is_a_task_of_the_owners_without_a_button() -> None:
    task = TaskOpened(gap="slow", first="DRL-1", system="jira", key="OPS-7", url="https://jira.example/OPS-7")
    gap = ToDo("gap", "The restore took too long", ("bo", "cy"), at(900), issue=task)
    seen = page(stopped(), "bo", runs=[], incidents=[], gaps=[(gap, "DRL-1")])
    assert "DRL-1 To do gap The restore took too long: @bo, @cy until" in " ".join(shown(seen).split())
    assert "OPS-7" in shown(seen)
    assert asked(seen) == 0
    assert "Your tasks" not in shown(page(stopped(), "ana", runs=[], incidents=[], gaps=[(gap, "DRL-1")]))
