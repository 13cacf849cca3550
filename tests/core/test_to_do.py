"""What there is to do, wherever it is shown: steps of people, tasks, and what became of both."""

from __future__ import annotations

from dataclasses import replace

from bot.core import events
from bot.core.cards.choices import choices_of
from bot.core.cards.incident import MOST_TO_DO, incident_card
from bot.core.cards.lines.record import describe_corrected
from bot.core.cards.said import said_of_incident
from bot.core.document import Document, Paragraph, plain
from bot.core.effects import follow
from bot.core.postmortem import postmortem
from bot.core.tasks import of_run
from tests.core.story import DECLARED, Story, at, restoring


def given(number: int, *, minute: float = 10, due: float = 30) -> events.TaskGiven:
    return events.TaskGiven(number=number, what=f"Look at table {number}", to="bo", due=at(due))


def test_a_step_that_waits_for_a_person_is_theirs_by_the_role_and_the_rest_is_counted() -> None:
    story = restoring()
    story.in_run(24, events.StepSucceeded(step="restore", attempt=1))
    story.in_run(25, events.StepStarted(step="ask-finance", attempt=1, key="k", token=3))
    (step,) = of_run(story.run, {"app": ("cy",)})
    assert (step.ref, step.back) == ("RUN-1.ask-finance", False)
    assert list(of_run(replace(story.run, plan=None), {})) == []
    for number in range(1, MOST_TO_DO + 2):
        story.in_incident(26, given(number))
    card = incident_card(story.incident, runs=[story.run], freezes=[], recent=[], now=at(27))
    assert "… and 2 more to do" in plain(card)


def test_a_task_that_was_given_stands_in_the_post_mortem() -> None:
    story = Story()
    story.in_incident(0, DECLARED)
    story.in_incident(10, given(1), given(2))
    story.in_incident(20, events.TaskDone(number=1, note="it is whole"))
    text = plain(postmortem(story.incident, story.entries, [], [], now=at(60)))
    assert "T1 Look at table 1" in text
    assert "it is whole" in text
    assert ", late" in next(line for line in text.splitlines() if "T2 Look at table 2" in line)


def test_a_run_without_a_plan_offers_nothing_to_choose() -> None:
    story = restoring()
    pause = events.RunPaused(why="held", step="restore")
    assert choices_of(replace(story.run, plan=None), pause) == ()


def test_a_correction_of_the_moment_alone_leaves_the_words() -> None:
    correction = events.Correction(12, "ana", None, at(5))
    line = describe_corrected(correction, ("the index is gone",))
    assert (
        plain(Document("", (Paragraph(line),))).strip() == "the index is gone (corrected by @ana in entry 12)"
    )


def test_what_was_removed_from_a_run_is_drawn_again() -> None:
    story = restoring()
    removed = events.Redacted(
        why="a password", payloads={"run/RUN-1#3": "0" * 64, "incident/INC-1#2": "1" * 64}
    )
    story.in_incident(30, removed)
    effects = follow(story.entries[-1], "INC-1")
    assert {(effect.kind, effect.subject) for effect in effects} >= {
        ("approvals", "RUN-1"),
        ("progress", "RUN-1"),
        ("resay", "run/RUN-1#3"),
    }


def test_it_is_asked_of_the_decision_it_was_due_for() -> None:
    story = Story()
    story.in_incident(0, DECLARED)
    for minute, option in ((3, "wait"), (5, "mitigate")):
        story.in_incident(minute, events.Decided(option=option, why="x", proposal=option))
    later = story.incident.decisions[1]
    story.in_incident(20, events.EffectDue(decision=later.seq, option="mitigate"), by="backstop")
    due = story.entries[-1].event
    assert isinstance(due, events.EffectDue)
    document = said_of_incident(story.entries[-1], due, story.incident)
    assert document is not None
    assert "did it work?" in plain(document)
    assert "mitigate" in plain(document)
