"""The record of a change: what was decided, excepted and done otherwise because of it."""

from __future__ import annotations

from bot.core import events
from bot.core.change import change_record, deviates
from bot.core.document import plain
from bot.core.record import opening
from tests.core.everything import HASH
from tests.core.story import DECLARED, Story, at

URL = "https://backstop.example/incidents/INC-1"
CHANGED = DECLARED.model_copy(update={"change": "OPS-12"})


def parts(story: Story) -> tuple[str, str, str, str]:
    """Return the head, the decisions, the exceptions and the deviations."""
    text = plain(change_record(story.incident, story.entries, URL))
    head, rest = text.split("Decisions about backups and recovery")
    decided, rest = rest.split("Exceptions from freezes")
    excepted, deviated = rest.split("Deviations from standard procedure")
    return head, decided, excepted, deviated


def test_nothing_was_decided_yet() -> None:
    story = Story()
    story.in_incident(0, CHANGED.model_copy(update={"release": None}))
    head, *rest = parts(story)
    assert "checkout in production" in head
    assert "Suspect release" not in head
    assert [each.strip() for each in rest] == ["None."] * 3


def test_a_veto_gone_over_is_a_decision_and_a_deviation() -> None:
    story = Story()
    story.in_incident(0, CHANGED)
    story.in_incident(5, events.NoteAdded(text="looking"))
    story.in_incident(
        10, events.Decided(option="rollback", why="it is old", proposal="wait", overridden=("V7",))
    )
    story.in_incident(20, events.IncidentResolved(statement="Back.", data_statement="nothing lost"))
    head, decided, _, deviated = parts(story)
    assert "nothing lost" in head
    assert "2.4.0" in head
    assert "going over V7" in decided
    assert "going over V7" in deviated
    assert "looking" not in decided + deviated


def test_what_deviates_is_told_from_what_goes_by_the_rules() -> None:
    def of(event: events.Event | None) -> bool:
        return deviates(events.Entry("run/RUN-1", 1, at(0), at(0), "bo", "test", event))

    approved = events.Approved(gate="overwrite", hash=HASH, role="dba")
    decided = events.Decided(option="wait", why="x", proposal="wait")
    assert [of(each) for each in (None, approved, decided)] == [False] * 3
    assert of(approved.model_copy(update={"break_glass": "nobody else is awake"}))
    assert of(events.StepSkipped(step="check", why="the replica is gone"))


def test_the_issue_of_an_incident_names_its_change() -> None:
    story = Story()
    story.in_incident(0, CHANGED)
    assert "OPS-12" in plain(opening(story.incident, URL))
