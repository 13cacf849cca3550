"""Up to where a log is replayed: what people read, what they approve, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.core.cards import approval_card, plan_card
from bot.core.choose import Wish, choose
from bot.core.document import plain
from bot.core.loss import losses
from bot.core.plan import PlannedSource, hashed, plan_hash, up_to
from bot.core.postmortem import postmortem
from integrations.contract import BeforeXid, Goal, ToLsn, ToMarker, ToPoint, ToRevision, ToTime
from playbooks.model import Select
from tests.core.story import HOLDERS, PLAN, POINT, SOURCE, Story, at, planned, restoring, started

REACHED = at(-7)


def replayed(goal: Goal | None, *, reaches: object = REACHED) -> PlannedSource:
    return SOURCE.model_copy(update={"goal": goal, "reaches": reaches})


def story(source: PlannedSource, begin: Story | None = None) -> Story:
    told = begin or planned()
    for index, entry in enumerate(told.entries):
        if hasattr(entry.event, "plan"):
            plan = PLAN.model_copy(update={"sources": (source,)})
            told.entries[index] = replace(entry, event=entry.event.model_copy(update={"plan": plan}))
    return told


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        (ToTime(REACHED, timeline=1), "up to 2026-11-23 02:03:00Z"),
        (ToMarker("before-2-4-0", 1), "up to the marker before-2-4-0, the state of 2026-11-23 02:03:00Z"),
        (ToLsn("0/3000060", 1), "up to the log position 0/3000060, the state of 2026-11-23 02:03:00Z"),
        (BeforeXid(745, 1), "up to just before transaction 745, the state of 2026-11-23 02:03:00Z"),
        (ToPoint("orders-0150"), "no further than its end"),
        (ToRevision(4), "no further than its end"),
        (None, "no further than its end"),
    ],
)
def test_people_read_up_to_where_the_log_is_replayed(goal: Goal | None, words: str) -> None:
    assert up_to(replayed(goal)) == words


def test_a_goal_whose_moment_nobody_knows_is_named_alone() -> None:
    assert up_to(replayed(BeforeXid(745), reaches=None)) == "up to just before transaction 745"


def test_another_goal_on_the_same_point_is_another_plan() -> None:
    hashes = {
        plan_hash(PLAN.model_copy(update={"sources": (source,)}))
        for source in (
            SOURCE,
            replayed(BeforeXid(745, 1)),
            replayed(BeforeXid(745, 2)),
            replayed(BeforeXid(9, 1)),
        )
    }
    assert len(hashes) == 4


def test_a_plan_without_a_point_has_nothing_to_go_back_to() -> None:
    none = SOURCE.model_copy(update={"point": None})
    assert hashed(PLAN.model_copy(update={"sources": (none,)}))["points"] == {none.id: None}
    assert none.moment is None


def test_a_plan_is_read_back_with_the_goal_it_was_approved_with() -> None:
    for goal in (ToTime(REACHED, 1), ToMarker("m", 1), ToLsn("0/1", 1), BeforeXid(7, 1), ToRevision(), None):
        plan = PLAN.model_copy(update={"sources": (replayed(goal),)})
        again = type(plan).model_validate_json(plan.model_dump_json())
        assert again.sources[0].goal == goal


def test_the_loss_is_reckoned_from_where_the_replay_ends() -> None:
    told = story(replayed(ToTime(REACHED)))
    (loss,) = losses(told.incident, told.run, now=at(5))
    assert loss.moment == REACHED
    card = plain(plan_card(told.run, told.incident, now=at(7)))
    assert "release 2.3.0), its log replayed up to 2026-11-23 02:03:00Z: the newest usable one" in card
    assert "Good data lost: 1 min so far (2026-11-23 02:03:00Z" in card


def test_a_replay_into_the_damage_is_refused() -> None:
    wish = Wish(at(5), damage_start=at(-6), reaches=at(-6))
    choice = choose(Select(strategy="pitr"), [POINT], wish)
    assert choice.point is None
    assert choice.refused[0][1] == (
        "it would come back as it was at 2026-11-23 02:04:00Z, and the damage began at 2026-11-23 02:04:00Z; "
        "if what did it was committed later, say `impact damage:` with when"
    )
    assert choose(Select(strategy="pitr"), [POINT], replace(wish, reaches=at(-7))).point == POINT


@pytest.mark.parametrize(
    ("continuous", "because"),
    [(None, "nobody can say whether its log is continuous"), (False, "its log has a gap"), (True, None)],
)
def test_a_log_that_must_be_continuous_is_proved_so(continuous: bool | None, because: str | None) -> None:
    select = Select(strategy="pitr", require=("log_continuous",))
    choice = choose(select, [POINT], Wish(at(5), log_continuous=continuous))
    assert [why for _, why in choice.refused] == ([because] if because else [])


def test_the_post_mortem_says_up_to_where_the_log_was_replayed() -> None:
    told = story(replayed(BeforeXid(745, 1)), restoring())
    text = plain(postmortem(told.incident, told.entries, [told.run], [told.freeze], now=at(100)))
    assert "up to just before transaction 745, the state of 2026-11-23 02:03:00Z" in text


def test_who_approves_reads_it_too() -> None:
    told = story(replayed(ToTime(REACHED)), started())
    gate = PLAN.gates[0]
    card = plain(approval_card(told.run, told.incident, gate.name, holders=HOLDERS, now=at(7)))
    assert "release 2.3.0), its log replayed up to 2026-11-23 02:03:00Z, 14 min old" in card
