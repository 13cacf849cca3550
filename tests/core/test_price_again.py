"""What a restore gives up where an earlier run recovered the same: the same as its plan will say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from inline_snapshot import snapshot

from bot.core.budget import Verdict
from bot.core.cards.prices import price_texts
from bot.core.events import FactLearnt, ImpactStated, WritersStopped
from bot.core.loss import losses
from bot.core.price import Market, Price, prices
from bot.core.recovered import Recovered
from playbooks.catalog import Tier
from playbooks.model import Playbook
from playbooks.words import Option
from tests.core.story import POINT, Story, at, planned, wrapped
from tests.core.test_loss_again import DAMAGE, FIRST, RPO, SECOND, again
from tests.playbooks.examples import pitr

PITR = pitr().playbook
ELSEWHERE = FIRST.model_copy(update={"run": "RUN-9"})


def known(story: Story, *recovered: Recovered, playbooks: Sequence[Playbook] = (PITR,)) -> Market:
    return Market(
        incident=story.incident,
        tier=Tier(rto=timedelta(minutes=90), rpo=RPO),
        playbooks=playbooks,
        measured=(),
        named=lambda _: "",
        now=at(60),
        recovered={"orders-db": recovered},
    )


def price(market: Market, option: Option = Option.RESTORE_PITR) -> Price:
    (found,) = prices(market, [option])
    return found


def whole(story: Story, moment: datetime = POINT.finished_at) -> Story:
    """Return the story once somebody said of when the backup is."""
    minutes = (at(45) - moment).total_seconds() / 60
    story.in_incident(45, FactLearnt(name="backup_age_minutes", value=minutes), by="bo")
    return story


def told(market: Market, option: Option) -> str:
    (text,) = price_texts(prices(market, [option]))
    return wrapped(text.partition("; ")[2] or text)


def test_what_a_card_says_is_given_up_is_what_the_plan_says() -> None:
    stories = [whole(planned(again())) for _ in range(4)]
    stories[1].in_incident(50, ImpactStated(damage_start=at(40)))
    stories[2].in_incident(8, WritersStopped(at=at(8)))
    stories[3].in_incident(50, WritersStopped(at=at(50)))
    for story in stories:
        found = price(known(story, FIRST), Option.RESTORE_FULL)
        [loss] = losses(story.incident, story.run, now=at(60))
        assert (found.gives_up, found.lost, found.since) == (loss.together, loss.lost, loss.since)
        assert (found.undoes, found.rpo) == ("RUN-1", Verdict.MISSES)


def test_what_was_written_since_an_earlier_recovery_is_given_up_and_said_to_be() -> None:
    story = whole(planned())
    assert told(known(story, FIRST), Option.RESTORE_FULL) == snapshot("""\
gives up 1 h 20 min of writes, 54 min of them good, 40 min of these since RUN-1 recovered; misses
        the RPO.
""")
    assert told(known(story, FIRST), Option.RESTORE_PITR) == snapshot("""\
gives up 1 h 6 min of writes, 40 min of them good, 40 min of these since RUN-1 recovered; misses the
        RPO.
""")
    assert told(known(story, FIRST, SECOND), Option.RESTORE_FULL) == snapshot("""\
gives up 1 h 20 min of writes, 49 min of them good, 35 min of these since RUN-1 recovered; misses
        the RPO.
""")
    unknown = replace(known(story, FIRST), incident=replace(story.incident, damage_start=None))
    assert told(unknown, Option.RESTORE_FULL) == snapshot("""\
gives up 1 h 20 min of writes, with all since RUN-1 recovered; cannot say whether it meets the RPO.
""")


def test_a_backup_from_between_the_damage_and_its_recovery_brings_damage_back() -> None:
    story = planned()
    story.in_incident(44, ImpactStated(damage_start=at(40)))
    market = known(whole(story, at(10)), FIRST)
    assert told(market, Option.RESTORE_FULL) == snapshot("""\
gives up 50 min of writes and brings damaged data back, with all since RUN-1 recovered; cannot say
        whether it meets the RPO.
""")
    assert price(market, Option.RESTORE_FULL).rpo is Verdict.CANNOT_SAY


def test_the_age_of_a_backup_is_told_in_minutes_so_that_less_is_no_damage() -> None:
    near = known(whole(planned(), DAMAGE + timedelta(seconds=59)))
    assert price(near, Option.RESTORE_FULL).lost == timedelta(0)
    late = known(whole(planned(), DAMAGE + timedelta(minutes=1)))
    assert price(late, Option.RESTORE_FULL).lost == timedelta(minutes=-1)


def test_of_a_backup_since_the_recovery_nobody_can_say_what_is_good_before_new_damage_is_stated() -> None:
    story = whole(planned(), at(30))
    assert told(known(story, FIRST), Option.RESTORE_FULL) == snapshot(
        "gives up 30 min of writes; cannot say whether it meets the RPO.\n"
    )
    story.in_incident(46, ImpactStated(damage_start=at(40)))
    assert told(known(story, FIRST), Option.RESTORE_FULL) == snapshot(
        "gives up 30 min of writes, 10 min of them good; meets the RPO.\n"
    )


def test_writers_stopped_for_the_first_restore_write_again_also_after_a_later_backup() -> None:
    story = whole(planned(), at(30))
    story.in_incident(46, ImpactStated(damage_start=at(-7)), WritersStopped(at=at(8)))
    assert price(known(story, FIRST), Option.RESTORE_FULL).gives_up == timedelta(minutes=30)


def test_only_recoveries_of_what_is_put_back_count_and_all_where_no_playbook_says_what_that_is() -> None:
    story = whole(planned())
    elsewhere = replace(known(story), recovered={"search": (ELSEWHERE,)})
    assert price(elsewhere).undoes is None
    assert price(elsewhere, Option.RESTORE_FULL).undoes == "RUN-9"
