"""Which restores kept a copy, which searches are open, and what is said of what they found."""

from __future__ import annotations

from dataclasses import replace

from bot.core import events
from bot.core.cards import said
from bot.core.cards.lines import describe
from bot.core.document import say
from bot.core.salvage import Kept, kept_copies, searches
from integrations.contract import Json
from tests.core.everything import entry
from tests.core.story import Story, at, planned, restoring, shown

ASKED = events.SalvageAsked(step="restore", restore="k", key="s1")
FOUND = events.SalvageFound(
    step="restore",
    key="s1",
    asked_by="ana",
    host="local",
    folder="/kept/s1",
    manifest="0" * 64,
    compared=4,
    only=0,
    differ=0,
)


def restored(**evidence: str) -> Story:
    """Return a run whose restore succeeded with this evidence."""
    story = restoring()
    story.in_run(16, events.StepSucceeded(step="restore", attempt=1, evidence=evidence))
    return story


def test_a_restore_that_succeeded_kept_a_copy_if_it_says_so() -> None:
    run = restored(kept="/kept/orders.db").run
    assert kept_copies(run) == (Kept("restore", run.step("restore").key),)
    assert not kept_copies(restored().run)
    assert not kept_copies(restoring().run)
    assert not kept_copies(replace(planned().run, plan=None))


def retried(**evidence: Json) -> Story:
    """Return a run whose restore was killed, and went well in its second attempt."""
    story = restoring()
    story.in_run(16, events.StepFailed(step="restore", attempt=1, because="it was killed"))
    story.in_run(17, events.AttemptOpened(step="restore", attempt=2, target_said="it answers"))
    story.in_run(18, events.StepStarted(step="restore", attempt=2, key=story.run.key("restore", 2)))
    story.in_run(19, events.StepSucceeded(step="restore", attempt=2, evidence=evidence))
    return story


def test_an_attempt_that_did_not_succeed_may_have_kept_what_was_damaged() -> None:
    story = restoring()
    first = story.run.step("restore").key
    story.in_run(16, events.StepFailed(step="restore", attempt=1, because="it was killed"))
    assert kept_copies(story.run) == (Kept("restore", first),)
    done = events.StepDone(step="restore", evidence="https://wiki/1", why="it was in place")
    story.in_run(17, done)
    assert kept_copies(story.run) == (Kept("restore", first),)

    run = retried(kept="/kept/2/orders.db").run
    one, two = run.key("restore", 1), run.key("restore", 2)
    assert kept_copies(run) == (Kept("restore", one, 1), Kept("restore", two, 2))
    assert [kept.name for kept in kept_copies(run)] == ["restore (attempt 1)", "restore (attempt 2)"]
    assert kept_copies(retried().run) == (Kept("restore", one, 1),)


def test_what_an_attempt_went_on_from_is_searched_once() -> None:
    run = retried().run
    one, two = run.key("restore", 1), run.key("restore", 2)
    story = retried(kept="/kept/1/orders.db", goes_on_from=[one])
    assert kept_copies(story.run) == (Kept("restore", two, 2),)


def test_a_search_is_open_until_it_found_something_or_failed() -> None:
    two = ASKED.model_copy(update={"key": "s2", "table": "orders"})
    told = [entry("run/RUN-1", ASKED), entry("run/RUN-1", two, by="bo"), entry("run/RUN-1", FOUND)]
    count, open_ones = searches(told)
    assert (count, [(search.asked.key, search.by) for search in open_ones]) == (2, [("s2", "bo")])
    failed = events.SalvageFailed(step="restore", key="s2", asked_by="bo", because="gone")
    assert searches([*told, entry("run/RUN-1", failed), entry("run/RUN-1", None)]) == (2, ())


def test_that_nothing_was_left_behind_is_said_without_files() -> None:
    told = entry("run/RUN-1", FOUND)
    assert say(describe(told)) == "The copy that restore kept has no row that is not in place"
    assert say(describe(entry("run/RUN-1", ASKED))) == (
        "The rows that restore left in its kept copy were asked for"
    )
    document = said(told, incident=None, run=restored(kept="x").run, freeze=None)
    assert shown(document) == (
        "@ana: restore left behind no row that is not in place, in 4 tables compared.\n"
    )


def test_whoever_reads_that_a_run_recovered_can_look_for_what_it_left_behind() -> None:
    story = restored(kept="/kept/orders.db")
    told = story.in_run(20, events.RunRecovered())
    card = shown(said(told, incident=story.incident, run=story.run, freeze=None))
    assert "[Look for rows left behind]  salvage RUN-1" in card
    story = restored()
    told = story.in_run(20, events.RunRecovered())
    assert "left behind" not in shown(said(told, incident=story.incident, run=story.run, freeze=None))
    assert at(20) == told.occurred_at
