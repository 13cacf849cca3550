"""How long a step will take, from how long the same act took before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from bot.core.estimate import DOUBT, STALE, Act, Estimate, Measurement, Took, estimate, seen_elsewhere
from integrations import contract
from integrations.contract import Measured
from tests.core.story import at

ORDERS = Act("sqlite.restore", "", "orders-db")
NOW = at(0)
FEW = 1 + (DOUBT - 1) / 1


def took(
    seconds: float,
    amount: int | None = 100,
    *,
    act: Act = ORDERS,
    drill: bool = False,
    days: float = 1,
    **others: float,
) -> Measurement:
    phases = (Measured("copying", seconds, amount), *(Measured(name, s) for name, s in others.items()))
    return Measurement(NOW - timedelta(days=days), Took(act, drill, phases))


def found(*measured: Measurement, act: Act = ORDERS, **work: int) -> Estimate:
    estimated = estimate(act, work, measured, now=NOW)
    assert estimated
    return estimated


def parts(estimated: Estimate) -> Mapping[str, tuple[float, float]]:
    return {each.phase: (each.likely_s, each.high_s) for each in estimated.phases}


def test_what_was_never_measured_cannot_be_said() -> None:
    assert estimate(ORDERS, {}, [], now=NOW) is None
    other = Act("sqlite.backup", "", "orders-db")
    assert estimate(ORDERS, {}, [took(10, act=other)], now=NOW) is None
    assert (
        estimate(
            Act("command.run", "stop", "shop"), {}, [took(1, act=Act("command.run", "go", "shop"))], now=NOW
        )
        is None
    )


def test_known_work_takes_its_amount_at_the_measured_rate() -> None:
    assert parts(found(took(10), copying=200)) == {"copying": (20, 20 * FEW)}


def test_without_known_work_a_phase_takes_as_long_as_it_did() -> None:
    assert parts(found(took(10))) == {"copying": (10, 10 * FEW)}
    assert parts(found(took(10, amount=None), copying=7)) == {"copying": (10, 10 * FEW)}


def test_the_likely_time_is_the_median_and_the_high_one_the_ninetieth_percentile() -> None:
    estimated = found(*(took(seconds) for seconds in range(1, 12)))
    few = 1 + (DOUBT - 1) / 11
    assert parts(estimated) == {"copying": (6, round(10 * few, 3))}
    assert (estimated.likely_s, estimated.high_s) == (6, round(10 * few, 3))
    assert found(took(10), took(20)).likely_s == 15


def test_phases_are_added_up_in_the_order_they_came_last_time() -> None:
    older, newer = took(10, days=2, kept=1.0), took(10, swapped=2.0, kept=1.0)
    estimated = found(older, newer)
    assert [each.phase for each in estimated.phases] == ["copying", "swapped", "kept"]
    assert estimated.likely_s == 10 + 1 + 1, "a phase that came once in two attempts counts half"


def test_work_for_a_phase_that_nobody_measured_cannot_be_said() -> None:
    assert estimate(ORDERS, {"copying": 100, "replaying": 5}, [took(10)], now=NOW) is None


def test_no_work_takes_no_time() -> None:
    assert parts(found(took(10), copying=0)) == {"copying": (0, 0)}


def test_the_same_target_counts_alone_and_others_only_where_there_is_nothing_better() -> None:
    slow = took(100, act=Act("sqlite.restore", "", "archive"))
    assert found(took(10), slow).likely_s == 10
    estimated = found(slow)
    assert (estimated.likely_s, estimated.high_s) == (100, 100 * FEW * DOUBT)
    assert estimated.basis == "measured in 1 run on other targets, last on 2026-11-22"


def test_old_measurements_are_doubted_and_called_old() -> None:
    fresh, old = took(10, days=STALE.days), took(10, days=STALE.days + 1)
    assert found(fresh).high_s == 10 * FEW
    assert found(old).high_s == 10 * FEW * DOUBT
    assert found(old).basis == "measured in 1 run, last on 2026-08-24, which is long ago"
    assert found(old, took(10)).basis == "measured in 2 runs, last on 2026-11-22"


@pytest.mark.parametrize(("work", "doubted"), [(25, 1), (400, 1), (24, DOUBT), (401, DOUBT)])
def test_amounts_far_from_any_that_was_done_are_doubted(work: int, doubted: float) -> None:
    estimated = found(took(10), copying=work)
    assert estimated.high_s == pytest.approx(estimated.likely_s * FEW * doubted)


def test_only_the_newest_measurements_count() -> None:
    assert found(*(took(10) for _ in range(20)), *(took(99, days=2) for _ in range(20))).high_s < 11


def test_the_basis_counts_runs_and_drills() -> None:
    drills = [took(10, drill=True), took(10, drill=True, days=3)]
    assert found(*drills).basis == "measured in 2 drills, last on 2026-11-22"
    runs = [took(10, days=0.1), took(10, days=9), took(10, days=10)]
    assert found(*drills, *runs).basis == "measured in 3 runs and 2 drills, last on 2026-11-22"


def test_what_an_engine_has_seen_itself_counts_until_something_was_measured() -> None:
    estimated = seen_elsewhere("github", contract.Estimate(240, 300, samples=3))
    assert parts(estimated) == {"all of it": (240, 300)}
    assert estimated.basis == "as github has seen it 3 times"
