from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from inline_snapshot import snapshot

from bot.core.document import say
from bot.core.events import Event, ImpactStated, StepSucceeded, WritersStopped
from bot.core.loss import Loss, beside, lines, losses, restored, rpo_verdict
from bot.core.outdated import damaged_again, outdated
from integrations.contract import RecoveryPoint
from tests.core.story import PLAN, POINT, Story, at, planned, restoring, stopped, wrapped

RPO = timedelta(minutes=15)
DAMAGE = at(-6)


def loss(
    *,
    point: RecoveryPoint | None = POINT,
    damage: datetime | None = DAMAGE,
    stopped: datetime | None = None,
    rpo: timedelta | None = RPO,
) -> Loss:
    return Loss("orders-copies", point and point.finished_at, damage, stopped, rpo, at(5))


def told(loss: Loss) -> str:
    return wrapped(*(say(line) for line in lines(loss)))


def test_both_windows_are_so_far_until_writers_are_stopped() -> None:
    assert told(loss()) == snapshot("""\
Good data lost: 14 min so far (2026-11-23 01:50:00Z to 2026-11-23 02:04:00Z). Within the RPO of 15
        min.
Later writes discarded: 11 min so far (2026-11-23 02:04:00Z to now, writers are not stopped).
""")


def test_once_writers_are_stopped_the_windows_are_final() -> None:
    assert told(loss(stopped=at(1))) == snapshot("""\
Good data lost: 14 min (2026-11-23 01:50:00Z to 2026-11-23 02:04:00Z). Within the RPO of 15 min.
Later writes discarded: 7 min (2026-11-23 02:04:00Z to 2026-11-23 02:11:00Z).
""")


def test_an_unknown_damage_start_is_said_with_its_bounds() -> None:
    assert told(loss(damage=None)) == snapshot("""\
Data lost: unknown, because nobody has said when the damage began. It could be any moment from the
        recovery point at 2026-11-23 01:50:00Z to now, 2026-11-23 02:15:00Z.
Good data lost and later writes discarded, together: 25 min so far. The RPO is 15 min.
""")
    assert told(loss(damage=None, stopped=at(1), rpo=None)) == snapshot("""\
Data lost: unknown, because nobody has said when the damage began. It could be any moment from the
        recovery point at 2026-11-23 01:50:00Z to when writers were stopped, 2026-11-23 02:11:00Z.
Good data lost and later writes discarded, together: 21 min. No RPO is set.
""")


def test_without_a_recovery_point_the_loss_is_unknown() -> None:
    assert told(loss(point=None)) == snapshot(
        "Data lost: unknown, no recovery point of orders-copies is chosen.\n"
    )
    assert loss(point=None).together is None


def test_a_point_taken_after_the_damage_began_is_called_damaged() -> None:
    late = loss(damage=at(-30))
    assert told(late) == snapshot("""\
Damaged data comes back: it is of 2026-11-23 01:50:00Z, 10 min after the damage began at 2026-11-23
        01:40:00Z.
Later writes discarded: 35 min so far (2026-11-23 01:40:00Z to now, writers are not stopped).
""")
    assert late.meets_rpo is None
    assert rpo_verdict(late) == "Whether the RPO of 15 min is met cannot be said."


@pytest.mark.parametrize(
    ("rpo", "verdict"),
    [
        (timedelta(minutes=14), "Within the RPO of 14 min."),
        (timedelta(minutes=13, seconds=59), "Misses the RPO of 13 min 59 s."),
        (None, "No RPO is set."),
    ],
)
def test_lost_good_data_is_judged_against_the_rpo_to_the_second(rpo: timedelta | None, verdict: str) -> None:
    assert rpo_verdict(loss(rpo=rpo)) == verdict


def test_writers_that_stopped_before_the_damage_discard_nothing() -> None:
    assert loss(stopped=at(-8)).discarded == timedelta(0)


def test_the_end_of_later_writes_is_what_this_run_or_a_person_did() -> None:
    def end(story: Story, *more: Event) -> datetime | None:
        story.in_incident(11, *more)
        [found] = losses(story.incident, story.run, now=at(30))
        return found.writers_stopped

    assert end(planned()) is None
    assert end(stopped()) == at(10)
    assert end(planned(), WritersStopped(at=at(7), run="RUN-0")) is None
    assert end(planned(), WritersStopped(at=at(7))) == at(7)
    story = restoring(PLAN.model_copy(update={"steps": PLAN.steps[1:]}))
    story.in_run(20, StepSucceeded(step="restore", attempt=1))
    assert end(story) == at(14)


def test_a_plan_is_outdated_when_the_damage_is_said_later_to_have_begun_before_its_point() -> None:
    story = planned()
    assert outdated(story.run, story.incident) is None
    story.in_incident(7, ImpactStated(damage_start=at(-7)))
    assert outdated(story.run, story.incident) is None
    story.in_incident(8, ImpactStated(damage_start=POINT.finished_at))
    assert outdated(story.run, story.incident) == (
        "Since RUN-1 was planned, the damage is said to have begun at 2026-11-23 01:50:00Z, and what "
        f"{POINT.id} brings back is of 2026-11-23 01:50:00Z: damaged data would come back."
    )
    assert outdated(replace(story.run, plan=None), story.incident) is None
    assert losses(story.incident, replace(story.run, plan=None), now=at(9)) == ()


@pytest.mark.parametrize("minutes", [-6, -7, -11])
def test_a_moment_at_the_damage_or_a_little_before_it_is_no_news(minutes: int) -> None:
    assert beside(at(minutes), planned().incident) == ""


def test_a_moment_without_a_known_damage_is_no_news() -> None:
    incident = replace(planned().incident, damage_start=None)
    assert beside(at(-30), incident) == ""


def test_a_moment_after_the_damage_began_is_told_with_what_to_say() -> None:
    assert wrapped(beside(at(-1), planned().incident)) == snapshot("""\
It was to go back to before 2026-11-23 02:09:00Z, and INC-1 says that the damage began at 2026-11-23
        02:04:00Z, 5 min earlier: what was kept since is not used, as damaged data would come back.
        If the damage began later, say `impact damage:` and plan again.
""")


def test_a_moment_well_before_the_damage_is_told_with_what_to_say() -> None:
    assert wrapped(beside(at(-36), planned().incident)) == snapshot("""\
It goes back to before 2026-11-23 01:34:00Z, and INC-1 says that the damage began at 2026-11-23
        02:04:00Z, 30 min later: the good data that was written between is lost. If the damage began
        earlier, say `impact damage:`; if not, plan again with a later moment.
""")


def test_what_was_put_back_and_turns_out_to_be_damaged_is_outdated_as_well() -> None:
    story = restoring()
    story.in_run(20, StepSucceeded(step="restore", attempt=1))
    assert damaged_again(story.run, story.incident) is None
    story.in_incident(21, ImpactStated(damage_start=POINT.finished_at))
    assert (
        outdated(story.run, story.incident)
        == damaged_again(story.run, story.incident)
        == (
            f"RUN-1 put {POINT.id} back as of 2026-11-23 01:50:00Z, and the damage began at "
            "2026-11-23 01:50:00Z: damaged data came back."
        )
    )


def test_only_sources_that_a_step_restores_from_lose_data() -> None:
    story = planned()
    spare = PLAN.sources[0].model_copy(update={"id": "spare"})
    plan = PLAN.model_copy(update={"sources": (*PLAN.sources, spare), "rpo_s": None})
    assert [source.id for source in restored(plan)] == ["orders-copies"]
    assert [found.rpo for found in losses(story.incident, replace(story.run, plan=plan), now=at(7))] == [None]
