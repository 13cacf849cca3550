"""What each answer costs: minutes from measured runs and drills, writes from what is known of the damage."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core.budget import Verdict
from bot.core.cards.prices import price_texts
from bot.core.estimate import Act, Measurement, Took
from bot.core.events import FactLearnt, ImpactStated, WritersStopped
from bot.core.price import Basis, Market, Price, Range, prices
from integrations.contract import Measured
from playbooks.catalog import Tier
from playbooks.words import Option
from tests.core.story import DECLARED, Story, at, planned
from tests.playbooks.examples import pitr

ACTS = {
    Act("kubernetes.scale", "", "checkout"): 60,
    Act("volume.snapshot", "", "orders-db"): 60,
    Act("pgbackrest.restore", "", "orders-db"): 600,
    Act("helm.rollback", "", "checkout"): 60,
}


def took(act: Act, seconds: float, *, drill: bool) -> Measurement:
    return Measurement(at(-60), Took(act, drill, (Measured("all", seconds),)))


def every(times: int, *, drill: bool = True) -> list[Measurement]:
    return [took(act, seconds, drill=drill) for act, seconds in ACTS.items() for _ in range(times)]


def market(story: Story | None = None, *measured: Measurement, rto: int = 90, minute: float = 10) -> Market:
    return Market(
        incident=(story or planned()).incident,
        tier=Tier(rto=timedelta(minutes=rto), rpo=timedelta(minutes=5)),
        playbooks=(pitr().playbook,),
        measured=measured,
        named=lambda _: "",
        now=at(minute),
    )


def declared() -> Story:
    story = Story()
    story.in_incident(0, DECLARED)
    return story


def price(on: Market, option: Option = Option.RESTORE_PITR) -> Price:
    (found,) = prices(on, [option])
    return found


def minutes(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds() / 60


def span(found: Range | None) -> tuple[float | None, float | None]:
    assert found
    return minutes(found.likely), minutes(found.high)


def test_a_playbook_is_priced_by_its_measured_steps_its_approvals_and_its_checks() -> None:
    found = price(market(None, *every(10)))

    # stop 1, keep 1, restore 10, reconcile 5 or rollback 1, start 1; half of 20 to approve, 5 to check
    assert span(found.takes)[0] == 1 + 1 + 10 + 5 + 1 + 10 + 5
    assert found.playbook == "checkout-pitr"
    assert found.basis is Basis.DRILL
    assert found.rests_on == "measured in 10 drills, last on 2026-11-23"


def test_runs_that_outnumber_drills_make_it_live_and_few_of_either_a_guess() -> None:
    assert price(market(None, *every(4, drill=False), *every(3))).basis is Basis.LIVE
    assert price(market(None, *every(2))).basis is Basis.GUESS


def test_a_step_that_nobody_measured_makes_it_a_guess_and_its_timeout_the_worst_case() -> None:
    restore = [each for each in every(10) if each.took.act.operation == "pgbackrest.restore"]
    found = price(market(None, *restore))

    assert found.basis is Basis.GUESS
    assert found.rests_on.startswith("1 of 5 steps measured in 10 drills")
    likely, high = span(found.takes)
    assert likely
    assert high
    assert high > likely + 30


def test_what_was_never_carried_out_has_no_figure_and_no_verdict() -> None:
    found = price(market())

    assert (found.takes, found.basis, found.rto) == (None, Basis.NONE, Verdict.CANNOT_SAY)
    assert found.rests_on == "it was never carried out"
    assert price(market(), Option.MITIGATE).rests_on == "nobody measured it"


def test_the_fastest_playbook_that_was_measured_is_the_price() -> None:
    on = market(None, *every(10))
    never = pitr(
        ("name: checkout-pitr", "name: other"), ("uses: pgbackrest.restore", "uses: volume.snapshot")
    )
    slow = pitr(("name: checkout-pitr", "name: slow"), ("expires: 20m", "expires: 60m"))
    on = replace(on, playbooks=(slow.playbook, *on.playbooks, never.playbook))

    assert price(on).playbook == "other"
    assert price(replace(on, playbooks=on.playbooks[:2])).playbook == "checkout-pitr"
    assert price_texts([price(on)])[0].startswith(
        "restore_pitr with other, the fastest measured of 3: 24 min"
    )


def test_the_playbook_of_a_planned_run_is_the_price_however_fast_others_are() -> None:
    slow = pitr(("name: checkout-pitr", "name: slow"), ("expires: 20m", "expires: 60m")).playbook
    on = market(None, *every(10))
    on = replace(on, playbooks=(*on.playbooks, slow), planned=frozenset({"slow"}))

    assert price_texts([price(on)])[0].startswith("restore_pitr with slow: 50 min")
    assert price(replace(on, planned=frozenset({"search-restore"}))).playbook == "checkout-pitr"
    assert price(replace(on, measured=())).playbook == "slow"


def test_of_several_playbooks_that_were_never_carried_out_none_is_named() -> None:
    other = pitr(("name: checkout-pitr", "name: other")).playbook
    found = price(replace(market(), playbooks=(pitr().playbook, other)))

    assert price_texts([found])[0].startswith(
        "restore_pitr with one of 2 playbooks: nobody can tell how long it takes, none of them was ever "
        "carried out; gives up"
    )
    story = planned()
    story.in_incident(5, FactLearnt(name="estimated_restore_minutes", value=30), by="cy")
    said = price(replace(market(story), playbooks=(pitr().playbook, other)))
    assert price_texts([said])[0].startswith("restore_pitr: 30 min to 45 min (a guess, as cy says)")


def test_what_somebody_says_of_a_fix_or_a_restore_is_a_guess() -> None:
    story = planned()
    story.in_incident(5, FactLearnt(name="hotfix_eta_minutes", value=40), by="bo")
    story.in_incident(5, FactLearnt(name="estimated_restore_minutes", value=30), by="cy")

    fix, restore = price(market(story), Option.HOTFIX), price(market(story), Option.RESTORE_FULL)

    assert (span(fix.takes), fix.basis, fix.rests_on) == ((40, 60), Basis.GUESS, "as bo says")
    assert span(restore.takes) == (30, 45)
    story.in_incident(6, FactLearnt(name="hotfix_eta_minutes", value=None), by="bo")
    assert price(market(story), Option.HOTFIX).takes is None


@pytest.mark.parametrize(
    ("rto", "verdict", "within"),
    [
        (90, Verdict.MEETS, 70),
        (65, Verdict.MAY_MISS, 45),
        (50, Verdict.MISSES, 30),
        (20, Verdict.MISSES, None),
    ],
)
def test_the_rto_is_judged_by_what_is_left_of_it_since_the_impact(
    rto: int, verdict: Verdict, within: int | None
) -> None:
    story = planned()
    story.in_incident(5, FactLearnt(name="hotfix_eta_minutes", value=40))
    found = price(market(story, rto=rto), Option.HOTFIX)

    assert (found.rto, minutes(found.within)) == (verdict, within)


def test_a_restore_to_a_moment_gives_up_what_was_written_since_the_damage_until_writers_stopped() -> None:
    story = planned()
    story.in_incident(1, ImpactStated(damage_start=at(-4)))
    assert minutes(price(market(story)).gives_up) == 14
    story.in_incident(2, WritersStopped(at=at(2)))

    found = price(market(story))

    assert (minutes(found.gives_up), minutes(found.lost), found.rpo) == (6, 0, Verdict.MEETS)


def test_a_whole_restore_gives_up_everything_since_its_backup() -> None:
    story = declared()
    story.in_incident(0, FactLearnt(name="backup_age_minutes", value=30))
    assert minutes(price(market(story), Option.RESTORE_FULL).gives_up) == 40
    assert price(market(story), Option.RESTORE_FULL).lost is None
    story.in_incident(1, ImpactStated(damage_start=at(-4)))

    found = price(market(story), Option.RESTORE_FULL)

    assert (minutes(found.gives_up), minutes(found.lost), found.rpo) == (40, 26, Verdict.MISSES)


def test_what_a_restore_gives_up_cannot_be_said_before_its_moment_is_known() -> None:
    story = declared()
    story.in_incident(0, FactLearnt(name="backup_age_minutes", value=None))
    for option in (Option.RESTORE_PITR, Option.RESTORE_FULL, Option.RESTORE_PARTIAL):
        found = price(market(story), option)
        assert (found.gives_up, found.rpo) == (None, Verdict.CANNOT_SAY)


def test_going_back_with_the_code_gives_up_nothing_only_where_data_is_known_to_be_whole() -> None:
    story = planned()
    assert price(market(story), Option.CODE_ROLLBACK).gives_up is None
    story.in_incident(1, FactLearnt(name="data_corruption", value="none"))

    assert price(market(story), Option.CODE_ROLLBACK).gives_up == timedelta(0)
    assert price(market(story), Option.FAILOVER).gives_up is None


def test_a_service_that_left_the_catalog_has_prices_and_no_verdicts() -> None:
    story = planned()
    story.in_incident(2, FactLearnt(name="hotfix_eta_minutes", value=80), by="bo")
    story.in_incident(3, FactLearnt(name="data_corruption", value="none"))

    found = price(replace(market(story), tier=None), Option.HOTFIX)

    assert (found.rto, found.rpo, found.within) == (Verdict.CANNOT_SAY, Verdict.CANNOT_SAY, None)
    assert price_texts([found]) == ("hotfix: 1 h 20 min to 2 h (a guess, as bo says); gives up no writes.",)


def test_prices_read_as_sentences() -> None:
    story = planned()
    story.in_incident(0, FactLearnt(name="backup_age_minutes", value=30))
    story.in_incident(2, FactLearnt(name="hotfix_eta_minutes", value=80), by="bo")
    options = [Option.RESTORE_PITR, Option.RESTORE_FULL, Option.HOTFIX]

    assert price_texts(prices(market(story, *every(10)), options)) == (
        "restore_pitr with checkout-pitr: 30 min to 1 h 10 min (measured in 10 drills, last on 2026-11-23); "
        "gives up 16 min of writes, none of them good; meets the RTO; meets the RPO.",
        "restore_full: nobody can tell how long it takes, nobody measured it; gives up 40 min of writes, "
        "24 min of them good; misses the RPO.",
        "hotfix: 1 h 20 min to 2 h (a guess, as bo says); nobody can tell what it gives up; "
        "misses the RTO, 1 h 10 min of which are left.",
    )


def test_the_price_of_a_late_fix_says_that_the_rto_has_passed() -> None:
    story = planned()
    story.in_incident(2, FactLearnt(name="hotfix_eta_minutes", value=80), by="bo")
    story.in_incident(3, FactLearnt(name="data_corruption", value="none"))

    assert price_texts(prices(market(story, rto=15), [Option.HOTFIX, Option.CODE_ROLLBACK])) == (
        "hotfix: 1 h 20 min to 2 h (a guess, as bo says); gives up no writes; the RTO has passed; "
        "meets the RPO.",
        "code_rollback: nobody can tell how long it takes, nobody measured it; gives up no writes; "
        "meets the RPO.",
    )
    assert price_texts(prices(market(story, *every(2), rto=70), [Option.RESTORE_PITR])) == (
        "restore_pitr with checkout-pitr: 30 min to 1 h 15 min (a guess, measured in 2 drills, last on "
        "2026-11-23); gives up 16 min of writes, none of them good; may miss the RTO, 50 min of which are "
        "left; meets the RPO.",
    )


def test_without_a_start_of_the_damage_no_writes_are_called_good() -> None:
    story = declared()
    story.in_incident(0, FactLearnt(name="backup_age_minutes", value=30))

    (text,) = price_texts(prices(market(story), [Option.RESTORE_FULL]))

    assert text.endswith("gives up 40 min of writes; cannot say whether it meets the RPO.")


def test_where_people_say_that_much_good_was_written_the_clock_does_not_say_that_the_rpo_is_met() -> None:
    story = planned()
    story.in_incident(2, FactLearnt(name="data_corruption", value="none"))
    story.in_incident(3, FactLearnt(name="good_writes_since_restore_point", value="high"), by="bo")

    assert price(market(story)).rpo is Verdict.CANNOT_SAY
    assert price(market(story), Option.CODE_ROLLBACK).rpo is Verdict.MEETS
