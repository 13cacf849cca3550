"""What a run or a person said of writers counts for whom, and for as long as, it is true."""

from __future__ import annotations

from datetime import datetime

from bot.core.events import (
    Event,
    ImpactStated,
    RunRecovered,
    StepStarted,
    StepSucceeded,
    WritersStarted,
    WritersStopped,
)
from bot.core.loss import ahead, losses
from bot.core.writers import told_by
from tests.core.story import PLAN, POINT, RESTORE, STOP, Story, at, planned, restoring, stopped


def end(story: Story) -> datetime | None:
    """Return until when RUN-1 discards later writes."""
    [found] = losses(story.incident, story.run, now=at(40))
    return found.writers_stopped


def told(story: Story, minutes: float, *more: Event) -> Story:
    story.in_incident(minutes, *more)
    return story


def own_stop(story: Story) -> Story:
    """Go on until 02:20Z: the step of RUN-1 stops writers."""
    story.in_run(9, StepStarted(step="stop-writers", attempt=1, key="RUN-1.stop-writers.1"))
    story.in_run(10, StepSucceeded(step="stop-writers", attempt=1))
    return story


def restored(story: Story) -> Story:
    story.in_run(20, StepSucceeded(step="restore", attempt=1))
    story.in_run(25, RunRecovered())
    return story


def test_what_was_said_before_the_plan_gives_way_to_a_step_that_stopped_writers_later() -> None:
    story = told(planned(), 3, WritersStopped(at=at(3)))
    assert end(story) == at(3)
    assert end(own_stop(story)) == at(10)
    assert end(told(story, 10, WritersStopped(at=at(10), run="RUN-1"))) == at(10)
    assert end(told(story, 11, WritersStopped(at=at(9)))) == at(9)


def test_a_person_who_says_that_writers_write_again_ends_what_was_said_before() -> None:
    story = told(planned(), 7, WritersStopped(at=at(7)))
    assert ahead(story.incident, POINT.finished_at, (), now=at(8)).writers_stopped == at(7)
    told(story, 8, WritersStarted())
    assert (story.incident.writers_stopped, end(story)) == (None, None)
    assert ahead(story.incident, POINT.finished_at, (), now=at(8)).writers_stopped is None


def test_writers_that_write_again_before_the_restore_are_discarded_until_it_begins() -> None:
    assert end(told(stopped(), 11, WritersStarted())) is None
    story = stopped()
    story.in_incident(12, WritersStarted())
    story.in_run(14, StepStarted(step="restore", attempt=1, key="RUN-1.restore.1", token=3))
    assert end(restored(story)) == at(14)


def test_writers_that_write_again_after_a_restore_change_nothing_of_it() -> None:
    story = restored(restoring())
    assert end(told(story, 30, WritersStarted())) == at(10)
    by_hand = told(planned(PLAN.model_copy(update={"steps": PLAN.steps[1:]})), 7, WritersStopped(at=at(7)))
    by_hand.in_run(14, StepStarted(step="restore", attempt=1, key="RUN-1.restore.1", token=3))
    restored(by_hand)
    assert end(told(by_hand, 30, WritersStarted())) == at(7)


def test_an_undo_starts_what_its_run_stopped_and_nothing_else() -> None:
    story = told(stopped(), 11, WritersStopped(at=at(8), run="RUN-2"), WritersStarted(run="RUN-2"))
    assert (story.incident.writers_stopped, story.incident.stopped_by) == (at(10), "RUN-1")
    story.in_run(12, StepSucceeded(step="stop-writers", attempt=1, undo=True))
    told(story, 12, WritersStarted(run="RUN-1"))
    assert (story.incident.writers_stopped, story.incident.stopped_by, end(story)) == (None, None, None)


def test_what_another_moment_corrects_counts_no_more() -> None:
    story = told(planned(), 7, WritersStopped(at=at(7)), WritersStopped(at=at(5)))
    assert [stop.over for stop in story.incident.stops] == [at(7), None]
    assert end(story) == at(5)


def test_damage_that_something_did_after_the_stop_ends_it() -> None:
    story = told(planned(), 7, WritersStopped(at=at(5)), ImpactStated(damage_start=at(5)))
    assert story.incident.writers_stopped == at(5)
    assert told(story, 8, ImpactStated(damage_start=at(6))).incident.writers_stopped is None


def test_damage_from_after_the_stop_is_not_what_the_run_recovered_from() -> None:
    story = told(restored(restoring()), 30, ImpactStated(damage_start=at(22)))
    [found] = losses(story.incident, story.run, now=at(40))
    assert found.damage_start == at(-6)


def test_a_run_tells_its_first_stop_and_its_undo_once() -> None:
    stops = planned().incident.stops
    assert told_by("RUN-1", RESTORE, stops, at(10)) == ()
    assert told_by("RUN-1", STOP, stops, at(10), undo=True) == ()
    assert told_by("RUN-1", STOP, stops, at(10)) == (WritersStopped(at=at(10), run="RUN-1"),)
    stops = told(planned(), 10, WritersStopped(at=at(10), run="RUN-1")).incident.stops
    assert told_by("RUN-1", STOP, stops, at(11)) == ()
    assert told_by("RUN-2", STOP, stops, at(11)) == (WritersStopped(at=at(11), run="RUN-2"),)
    assert told_by("RUN-1", STOP, stops, at(11), undo=True) == (WritersStarted(run="RUN-1"),)
