"""What a second restore gives up: all that was written since the first one recovered."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from inline_snapshot import snapshot

from bot.core.choose import Wish, choose
from bot.core.document import say
from bot.core.events import ImpactStated, RunRecovered, StepSucceeded, WritersStopped
from bot.core.loss import Loss, lines, losses, recovery, summary, undone, unmeant
from bot.core.plan import Plan
from bot.core.recovered import Recovered
from bot.core.run import Run
from playbooks.model import Select
from tests.core.story import LATER_POINT, PLAN, POINT, SOURCE, Story, at, planned, restoring, stopped, wrapped

RPO = timedelta(minutes=15)
DAMAGE = at(-6)
FIRST = Recovered(run="RUN-1", back=at(15), at=at(20), good_until=DAMAGE)
SECOND = Recovered(run="RUN-2", back=at(39), at=at(40), good_until=at(35))


def loss(
    *recovered: Recovered,
    moment: datetime = POINT.finished_at,
    damage: datetime | None = DAMAGE,
    stopped: datetime | None = None,
) -> Loss:
    return Loss("orders-copies", moment, damage, stopped, RPO, at(60), recovered)


def told(loss: Loss) -> str:
    return wrapped(*(say(line) for line in lines(loss)), summary(loss))


def again(plan: Plan = PLAN, *recovered: Recovered) -> Plan:
    """Return the plan with a target that these runs recovered."""
    orders, *others = plan.targets
    return plan.model_copy(
        update={"targets": (orders.model_copy(update={"recovered": recovered or (FIRST,)}), *others)}
    )


def recovered() -> Story:
    """Return the story up to 02:30Z: RUN-1 recovered the orders."""
    story = restoring()
    story.in_run(15, StepSucceeded(step="restore", attempt=1))
    story.in_run(20, RunRecovered())
    return story


def test_what_was_written_since_the_first_recovery_counts_as_good_while_no_later_damage_is_stated() -> None:
    assert told(loss(FIRST)) == snapshot("""\
⚠ RUN-1 recovered this data at 2026-11-23 02:30:00Z: everything written since is thrown away, 40 min
        so far; no later damage is stated, so it counts as good data.
Good data lost: 54 min so far (2026-11-23 01:50:00Z to 2026-11-23 02:04:00Z and 2026-11-23 02:30:00Z
        to 2026-11-23 03:10:00Z). Misses the RPO of 15 min.
54 min of good data lost so far, 40 min of it since RUN-1 recovered
""")
    assert told(loss(FIRST, stopped=at(50))) == snapshot("""\
⚠ RUN-1 recovered this data at 2026-11-23 02:30:00Z: everything written since is thrown away, 30
        min; no later damage is stated, so it counts as good data.
Good data lost: 44 min (2026-11-23 01:50:00Z to 2026-11-23 02:04:00Z and 2026-11-23 02:30:00Z to
        2026-11-23 03:00:00Z). Misses the RPO of 15 min.
44 min of good data lost, 30 min of it since RUN-1 recovered
""")
    assert loss(FIRST).meets_rpo is False


def test_new_damage_ends_what_counts_as_good() -> None:
    assert told(loss(FIRST, damage=at(50))) == snapshot("""\
⚠ RUN-1 recovered this data at 2026-11-23 02:30:00Z: everything written since is thrown away, 40 min
        so far; up to the new damage it counts as good data.
Good data lost: 44 min so far (2026-11-23 01:50:00Z to 2026-11-23 02:04:00Z and 2026-11-23 02:30:00Z
        to 2026-11-23 03:00:00Z). Misses the RPO of 15 min.
Later writes discarded: 10 min so far (2026-11-23 03:00:00Z to now, writers are not stopped).
44 min of good data lost so far, 30 min of it since RUN-1 recovered, 10 min of later writes
        discarded so far
""")


def test_every_recovery_that_is_undone_begins_good_data_anew() -> None:
    assert told(loss(FIRST, SECOND)) == snapshot("""\
⚠ RUN-2 recovered this data at 2026-11-23 02:50:00Z: everything written since is thrown away, 20 min
        so far; no later damage is stated, so it counts as good data.
Good data lost: 49 min so far (2026-11-23 01:50:00Z to 2026-11-23 02:04:00Z and 2026-11-23 02:30:00Z
        to 2026-11-23 02:45:00Z and 2026-11-23 02:50:00Z to 2026-11-23 03:10:00Z). Misses the RPO of
        15 min.
49 min of good data lost so far, 35 min of it since RUN-1 recovered
""")
    assert loss(FIRST, SECOND, damage=at(36)).good == (
        (POINT.finished_at, DAMAGE),
        (at(20), at(36)),
        (at(40), at(60)),
    )


def test_a_recovery_whose_damage_nobody_stated_spared_nothing() -> None:
    unknown = FIRST.model_copy(update={"good_until": None})
    assert loss(unknown, damage=at(50)).lost == timedelta(minutes=70)
    assert (loss(damage=None).good, loss(damage=None).damaged) == ((), None)
    assert told(loss(unknown, damage=None)) == snapshot("""\
⚠ RUN-1 recovered this data at 2026-11-23 02:30:00Z: everything written since is thrown away, 40 min
        so far.
Data lost: unknown, because nobody has said when the damage began. It could be any moment from the
        recovery point at 2026-11-23 01:50:00Z to now, 2026-11-23 03:10:00Z.
Good data lost and later writes discarded, together: 1 h 20 min so far. The RPO is 15 min.
lost or discarded 1 h 20 min so far; damage start unknown
""")


def test_a_point_from_between_holds_the_damage_that_the_first_recovery_mended() -> None:
    assert told(loss(FIRST, moment=at(10), damage=at(50))) == snapshot("""\
⚠ RUN-1 recovered this data at 2026-11-23 02:30:00Z: everything written since is thrown away, 40 min
        so far; up to the new damage it counts as good data.
Damaged data comes back: it is of 2026-11-23 02:20:00Z, 16 min after the damage began at 2026-11-23
        02:04:00Z.
Later writes discarded: 10 min so far (2026-11-23 03:00:00Z to now, writers are not stopped).
damaged data comes back, 10 min of later writes discarded so far
""")


def test_a_point_of_just_when_the_damage_began_loses_nothing_good() -> None:
    assert told(loss(moment=DAMAGE)) == snapshot("""\
Good data lost: 0 s so far (2026-11-23 02:04:00Z to 2026-11-23 02:04:00Z). Within the RPO of 15 min.
Later writes discarded: 1 h 6 min so far (2026-11-23 02:04:00Z to now, writers are not stopped).
0 s of good data lost, 1 h 6 min of later writes discarded so far
""")


def test_the_loss_of_a_plan_knows_which_runs_recovered_its_target_after_its_point() -> None:
    assert undone(again(), SOURCE) == (FIRST,)
    before = FIRST.model_copy(update={"back": POINT.finished_at})
    assert undone(again(PLAN, before), SOURCE) == ()
    assert undone(again(), SOURCE.model_copy(update={"point": None})) == ()
    story = planned(again())
    [found] = losses(story.incident, story.run, now=at(60))
    assert (found.recovered, found.lost) == ((FIRST,), timedelta(minutes=54))


def test_writers_that_were_stopped_for_the_first_restore_write_again() -> None:
    def end(story: Story, run: Run) -> datetime | None:
        [found] = losses(story.incident, run, now=at(60))
        return found.writers_stopped

    story = planned(again())
    story.in_incident(8, WritersStopped(at=at(8)))
    assert end(story, story.run) is None
    first = recovered()
    first.in_incident(50, WritersStopped(at=at(50)))
    assert end(first, first.run) == at(10)
    second = replace(planned(again()).run, id="RUN-2")
    assert end(first, second) == at(50)


def test_damage_stated_after_a_recovery_leaves_what_that_one_lost() -> None:
    story = recovered()
    [before] = losses(story.incident, story.run, now=at(60))
    story.in_incident(50, ImpactStated(damage_start=at(45)))
    [after] = losses(story.incident, story.run, now=at(60))
    assert (after.lost, after.discarded) == (before.lost, before.discarded)
    story.in_incident(51, ImpactStated(damage_start=at(-7)))
    [corrected] = losses(story.incident, story.run, now=at(60))
    assert corrected.damage_start == at(-7)


def test_damage_that_is_only_known_since_the_recovery_is_not_what_it_mended() -> None:
    story = recovered()
    incident = replace(story.incident, damages=(), damage_start=None)
    [found] = losses(incident, story.run, now=at(60))
    assert found.damage_start is None


def test_what_is_kept_of_a_run_is_what_it_put_back_and_proved() -> None:
    story = recovered()
    assert recovery(story.run, story.incident, "orders-db") == FIRST
    assert recovery(story.run, story.incident, "checkout") is None
    assert recovery(replace(story.run, plan=None), story.incident, "orders-db") is None
    assert recovery(replace(story.run, recovered_at=None), story.incident, "orders-db") is None
    skipped = stopped()
    skipped.in_run(20, RunRecovered())
    assert recovery(skipped.run, skipped.incident, "orders-db") is None


def test_a_recovery_is_undone_only_once_somebody_said_since_then_which_damage_is_meant() -> None:
    story = planned()
    plan = again().model_copy(update={"drafted_at": at(37)})
    assert wrapped(*unmeant(plan, story.incident)) == snapshot("""\
RUN-1 recovered at 2026-11-23 02:30:00Z what orders-copies would overwrite with an older state:
        everything written since, 17 min so far, would be thrown away, and nobody has said since
        then which damage is meant. Say `impact damage:` with when new damage began, or `impact
        damage:2026-11-23T02:04:00Z` if that is meant still.
""")
    nobody = replace(story.incident, damage_start=None, damage_said=None)
    assert wrapped(*unmeant(plan, nobody)) == snapshot("""\
RUN-1 recovered at 2026-11-23 02:30:00Z what orders-copies would overwrite with an older state:
        everything written since, 17 min so far, would be thrown away, and nobody has said since
        then which damage is meant. Say `impact damage:` with when new damage began.
""")
    assert list(unmeant(PLAN, story.incident)) == []
    story.in_incident(38, ImpactStated(damage_start=DAMAGE))
    assert list(unmeant(plan, story.incident)) == []


def test_a_point_from_before_the_damage_was_mended_is_refused() -> None:
    select = Select(strategy="latest_before")
    wish = Wish(at(60), damage_start=at(50), recovered=(FIRST,))
    assert wrapped(choose(select, [LATER_POINT], wish).because) == snapshot("""\
the only one there is will not do: it is of 2026-11-23 02:05:00Z, before RUN-1 had mended the damage
        of 2026-11-23 02:04:00Z
""")
    assert choose(select, [LATER_POINT], replace(wish, reaches=at(15))).point == LATER_POINT
    unknown = FIRST.model_copy(update={"good_until": None})
    assert choose(select, [LATER_POINT], replace(wish, recovered=(unknown,))).point == LATER_POINT
