"""Every figure is the difference of two moments that were said; where one is missing, nobody can say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import events
from bot.core.cards.timeline import ordered
from bot.core.estimate import Act, Took
from bot.core.events import Event, Phase
from bot.core.plan import Plan
from bot.core.postmortem.figures import RATIO, RESTORE, Figure, figures
from bot.core.postmortem.metrics import metrics_section
from bot.core.postmortem.story import Story as Told
from bot.core.run import Run
from bot.core.words import lasted
from integrations.contract import Measured
from tests.core.story import DECLARED, PLAN, POINT, SOURCE, Story, at, planned, restoring

MINUTE = timedelta(minutes=1)


def told_by(story: Story, *drills: Run, minute: float = 3_000) -> Told:
    runs = (story.run,) if story.of("run/RUN-1") else ()
    freezes = (story.freeze,) if story.of("freeze/FRZ-1") else ()
    return Told(story.incident, tuple(ordered(story.entries)), runs, freezes, at(minute), drills)


def of(story: Story, *drills: Run) -> dict[str, Figure]:
    """Return the figures of a story by their names, the last of each."""
    return {figure.name: figure for figure in figures(told_by(story, *drills))}


def minutes(story: Story, name: str) -> float | None:
    value = of(story)[name].value
    assert not isinstance(value, float)
    return None if value is None else value / MINUTE


def back(plan: Plan = PLAN) -> Story:
    """Return a story in which everything is known: recovered at 02:40Z, its restore begun at 02:24Z."""
    story = restoring(plan)
    story.in_incident(1, events.ImpactStated(detected=at(-4), acknowledged=at(-1)))
    story.in_incident(4, events.Decided(option="restore_full", why="it is clean", proposal="restore_full"))
    story.in_incident(6, events.ExternalTold(draft=1, system="statuspage", status="identified", key="k"))
    took = Took(
        Act("sqlite.restore", "", "orders-db"), drill=False, phases=(Measured("copying", 80.0, 1_400_000),)
    )
    story.in_run(24, events.StepSucceeded(step="restore", attempt=1, took=took))
    story.in_run(30, events.RunRecovered())
    return story


def test_each_figure_follows_its_formula() -> None:
    known = {figure.name: figure.value for figure in figures(told_by(back()))}
    in_minutes = {
        name: value / MINUTE if isinstance(value, timedelta) else value for name, value in known.items()
    }
    assert in_minutes == {
        "TTD": 6,
        "TTA": 3,
        "TTDeclare": 4,
        "Time to first update": None,
        "Time to public notice": 10,
        "TTDecide": 5,
        "Time to contain": 14,
        "Time to approve": 5,
        "TTM": 40,
        "TTR": 40,
        "Execution time": 22,
        "RTO achieved": 40,
        "RPO achieved": 14,
        "Writes discarded": 16,
        "Backup age at use": 14,
        "Backup verification age": 19,
        RESTORE: 16,
        RATIO: None,
        "Failed first action": None,
        "Failed attempts": 0,
        "Failed deployment recovery time": None,
    }


def test_the_start_of_an_alert_counts_as_the_detection_until_a_person_says_otherwise() -> None:
    story = Story()
    story.in_incident(0, DECLARED.model_copy(update={"impact_start": at(-9), "alerted": at(-4)}))
    assert (minutes(story, "TTD"), minutes(story, "TTDeclare")) == (5, 4)
    assert of(story)["TTDeclare"].note == "detected: the alert began to fire"
    story.in_incident(1, events.ImpactStated(detected=at(-6)))
    assert (minutes(story, "TTD"), minutes(story, "TTDeclare")) == (3, 6)
    assert of(story)["TTDeclare"].note == ""


def test_an_impact_that_is_only_known_by_its_alert_was_not_detected_at_once() -> None:
    story = Story()
    story.in_incident(0, DECLARED.model_copy(update={"impact_start": at(-4), "alerted": at(-4)}))
    assert of(story)["TTD"].value is None
    assert of(story)["TTD"].why == "the impact is said to begin just when the alert began to fire"
    story.in_incident(1, events.ImpactStated(detected=at(-4)))
    assert minutes(story, "TTD") == 0


def test_what_nobody_said_is_named_for_every_figure() -> None:
    story = Story()
    story.in_incident(0, DECLARED.model_copy(update={"impact_start": None}))
    found = of(story)
    assert {figure.value for figure in found.values()} == {None}
    assert found["TTD"].why == "nobody stated when the impact began; nobody said when it was detected"
    assert found["TTA"].why.endswith("no page was acknowledged, and nobody said when somebody took it on")
    assert found["TTDecide"].why.endswith("no decision was recorded")
    assert found["TTR"].why.endswith("no run recovered the service")
    assert found["Failed deployment recovery time"].why.startswith("the suspect release is not recorded")


def test_a_release_nobody_suspects_has_no_recovery_time() -> None:
    story = Story()
    story.in_incident(0, DECLARED.model_copy(update={"release": None}))
    assert "Failed deployment recovery time" not in of(story)


def test_a_failed_deployment_is_measured_from_when_it_went_out() -> None:
    story = back()
    out = events.ReleaseRecorded(version="2.4.0", environment="production")
    story.tell("service/checkout", at(-12), "ci", out)
    story.tell("service/checkout", at(-2), "ci", out.model_copy(update={"environment": "staging"}))
    assert minutes(story, "Failed deployment recovery time") == 42


@pytest.mark.parametrize(
    ("name", "moments"),
    [
        ("TTD", {"impact_start": at(-3)}),
        ("TTA", {"acknowledged": at(-5)}),
        ("TTDeclare", {"detected": at(1)}),
        ("TTM", {"impact_start": at(31), "mitigated": at(30)}),
    ],
)
def test_moments_that_contradict_each_other_are_no_figure(name: str, moments: Mapping[str, datetime]) -> None:
    story = back()
    story.in_incident(50, events.ImpactStated.model_validate(moments))
    figure = of(story)[name]
    assert figure.value is None
    assert " lies before " in figure.why


def test_the_first_page_that_was_acknowledged_counts_until_somebody_says_otherwise() -> None:
    story = Story()
    story.in_incident(0, DECLARED)
    story.in_incident(0, events.ImpactStated(detected=at(-4)))
    # The pager told of the first one last.
    story.tell("incident/INC-1", at(5), "bo", events.PagerTold(what="acknowledged"), told=at(6))
    story.tell("incident/INC-1", at(2), "cy", events.PagerTold(what="acknowledged"), told=at(7))
    story.tell("incident/INC-1", at(1), "cy", events.PagerTold(what="note", text="on it"), told=at(8))
    assert minutes(story, "TTA") == 6
    story.in_incident(9, events.ImpactStated(acknowledged=at(-1)))
    assert minutes(story, "TTA") == 3


def test_only_a_decision_that_was_not_seen_to_fail_ends_the_deciding() -> None:
    story = Story()
    story.in_incident(0, DECLARED)
    story.in_incident(0, events.ImpactStated(detected=at(-4), acknowledged=at(0)))
    for minute, option in ((2, "wait"), (4, "code_rollback"), (30, "hotfix")):
        story.in_incident(minute, events.Decided(option=option, why="it is right", proposal=option))
    assert minutes(story, "TTDecide") == 4
    failed = events.EffectObserved(decision=4, option="code_rollback", outcome="worse")
    story.in_incident(20, failed)
    found = figures(told_by(story))
    others = [(figure.of, figure.value) for figure in found if figure.name == "Other decisions"]
    assert minutes(story, "TTDecide") == 30
    assert others == [("1, wait", 2 * MINUTE), ("2, code_rollback", 4 * MINUTE)]
    story.in_incident(40, events.EffectObserved(decision=5, option="hotfix", outcome="no_change"))
    assert of(story)["TTDecide"].why == "every decision to act failed"


def test_a_first_action_that_failed_cost_the_time_until_another_was_chosen() -> None:
    story = Story()
    story.in_incident(0, DECLARED)
    story.in_incident(4, events.Decided(option="code_rollback", why="it is right", proposal="code_rollback"))
    assert of(story)["Failed first action"].why == "nobody said whether it worked"
    story.in_incident(20, events.EffectObserved(decision=2, option="code_rollback", outcome="worse"))
    assert minutes(story, "Failed first action") == 16
    story.in_incident(30, events.Decided(option="hotfix", why="it is right", proposal="hotfix"))
    assert minutes(story, "Failed first action") == 26
    story.in_incident(40, events.EffectObserved(decision=2, option="code_rollback", outcome="worked"))
    first = of(story)["Failed first action"]
    assert (first.value, first.why, first.note) == (None, "", "it worked")


def test_a_recovery_that_did_not_last_is_none() -> None:
    for again in (
        events.IncidentReopened(why="again"),
        events.PhaseChanged(phase=Phase.INVESTIGATING, why="wrong again"),
    ):
        story = back()
        story.in_incident(31, events.PhaseChanged(phase=Phase.MONITORING))
        assert minutes(story, "TTM") == 40
        story.in_incident(50, again)
        found = of(story)
        assert found["TTM"].value is None
        assert found["TTR"].why == "no run recovered the service after it turned out not to be over"
        assert found["RTO achieved"].met is None
        story.in_incident(60, events.PhaseChanged(phase=Phase.MONITORING))
        assert minutes(story, "TTM") == 70
        assert minutes(story, "TTR") is None


def test_what_was_said_of_the_end_of_the_impact_counts_until_it_is_opened_again() -> None:
    story = back()
    story.in_incident(31, events.ImpactStated(mitigated=at(12)))
    assert minutes(story, "TTM") == 22
    story.in_incident(40, events.IncidentResolved(statement="Back.", data_statement="None."))
    story.in_incident(50, events.IncidentReopened(why="again"))
    assert minutes(story, "TTM") is None


def test_a_restore_into_which_the_damage_went_met_no_rpo() -> None:
    late = replace(POINT, finished_at=at(-5))
    story = back(PLAN.model_copy(update={"sources": (SOURCE.model_copy(update={"point": late}),)}))
    found = of(story)
    assert found["RPO achieved"].why.startswith("damaged data came back")
    assert found["Backup age at use"].why == "damage start lies before backup end"


def test_without_writers_stopped_or_damage_nobody_says_what_was_lost() -> None:
    story = back()
    story.entries = [e for e in story.entries if not isinstance(e.event, events.ImpactStated)]
    found = of(story)
    assert found["RPO achieved"].why == "nobody stated when the damage began"
    assert found["Writes discarded"].why == "nobody stated when the damage began"
    bare = PLAN.model_copy(update={"sources": (SOURCE.model_copy(update={"point": None}),)})
    assert of(back(bare))["RPO achieved"].why == "no recovery point was chosen"


def test_damage_that_began_as_writers_were_stopped_discards_nothing() -> None:
    story = back()
    story.in_incident(31, events.ImpactStated(damage_start=at(10)))
    assert minutes(story, "Writes discarded") == 0


def test_a_run_that_did_not_recover_restored_nothing_for_good() -> None:
    found = of(restoring())
    assert found[RESTORE].why == "RUN-1 did not recover the service"
    assert found[RATIO].why == "RUN-1 did not recover the service"


def test_the_phases_of_a_restore_stand_beside_it() -> None:
    assert of(back())[RESTORE].note == "copying 1 min 20 s"


def drill(
    took: float, size: int | None = 700_000, *, day: int = -1, playbook: str = "checkout-restore"
) -> Run:
    """Return the rehearsal of a playbook whose restore took so many minutes, on another day."""
    point = replace(POINT, size=size)
    run = back(PLAN.model_copy(update={"sources": (SOURCE.model_copy(update={"point": point}),)})).run
    began, moved = at(14) + timedelta(days=day), timedelta(minutes=took)
    step = replace(run.steps["restore"], started_at=began)
    asked = run.asked.model_copy(update={"playbook": playbook})
    started = at(8) + timedelta(days=day)
    return replace(
        run, started_at=started, asked=asked, steps={**run.steps, "restore": step}, recovered_at=began + moved
    )


def test_a_restore_is_measured_against_the_last_drill_per_byte() -> None:
    figure = of(back(), drill(99, day=-9), drill(4), drill(1, day=1), drill(1, playbook="other"))[RATIO]
    # Four times as long for twice as much.
    assert figure.value == 2.0
    assert figure.note == "4.0 times as long, for 2.0 times as much"


@pytest.mark.parametrize(
    ("drills", "why"),
    [
        ((), "no drill of the playbook came to its end before"),
        ((drill(0),), "the last drill took no time"),
        (
            (drill(8, None),),
            "it took 2.0 times as long, but how much was put back is not known of both",
        ),
    ],
)
def test_where_the_drill_is_no_measure_it_says_why(drills: tuple[Run, ...], why: str) -> None:
    figure = of(back(), *drills)[RATIO]
    assert (figure.value, figure.why) == (None, why)


def test_targets_are_met_or_missed_or_nobody_can_say() -> None:
    found = of(back())
    assert (found["RTO achieved"].met, found["RPO achieved"].met, found["TTR"].met) == (True, True, None)
    strict = of(back(PLAN.model_copy(update={"rto_s": 60, "rpo_s": 60})))
    assert (strict["RTO achieved"].met, strict["RPO achieved"].met) == (False, False)


@pytest.mark.parametrize(
    "ended",
    [events.FalseAlarm(why="a test"), events.Merged(into="INC-2", url="https://b.example/2", why="the same")],
    ids=["false alarm", "merged"],
)
def test_a_false_alarm_and_what_was_merged_have_no_figures(ended: Event) -> None:
    story = Story()
    story.in_incident(0, DECLARED)
    story.in_incident(1, ended)
    assert list(figures(told_by(story))) == []


def test_the_table_of_a_false_alarm_says_so() -> None:
    story = Story()
    story.in_incident(0, DECLARED)
    story.in_incident(1, events.FalseAlarm(why="a test"))
    assert len(list(metrics_section(told_by(story)))) == 2


NAMES = ("impact_start", "detected", "acknowledged", "damage_start")
MOMENTS = st.integers(-26 * 3_600, 26 * 3_600).map(lambda seconds: at(0, seconds))
STATED = st.dictionaries(st.sampled_from(NAMES), MOMENTS, min_size=1)


def stating(*said: Mapping[str, datetime], day: int = 0) -> Story:
    """Return a story in which these are stated one after another."""
    story = planned()
    shift = timedelta(days=day)
    story.entries = [
        replace(each, occurred_at=each.occurred_at + shift, recorded_at=each.recorded_at + shift)
        for each in story.entries
    ]
    for number, moments in enumerate(said):
        moved = {name: moment + shift for name, moment in moments.items()}
        event: Event = events.ImpactStated.model_validate(moved)
        story.tell("incident/INC-1", at(60 + number) + shift, "ana", event)
    return story


def values(story: Story) -> dict[tuple[str, str], timedelta | float | None]:
    return {(figure.name, figure.of): figure.value for figure in figures(told_by(story, minute=99_999))}


@given(st.lists(STATED, min_size=1, max_size=6))
def test_a_corrected_moment_counts_as_if_it_had_been_said_at_once(
    said: Sequence[Mapping[str, datetime]],
) -> None:
    last: dict[str, datetime] = {}
    for moments in said:
        last |= moments
    assert values(stating(*said)) == values(stating(last))


@given(st.fixed_dictionaries(dict.fromkeys(NAMES, MOMENTS)), st.integers(-400, 400))
def test_figures_are_the_same_on_every_day(said: Mapping[str, datetime], day: int) -> None:
    assert values(stating(said, day=day)) == values(stating(said))


@given(STATED)
def test_no_figure_is_negative_and_one_without_a_value_says_why(moments: Mapping[str, datetime]) -> None:
    for figure in figures(told_by(stating(moments))):
        if isinstance(figure.value, timedelta):
            assert figure.value >= timedelta(0)
        else:
            assert figure.value is not None or figure.why or figure.note


@given(st.lists(st.integers(0, 26 * 3_600), min_size=4, max_size=4).map(sorted))
def test_spans_that_follow_each_other_add_up(seconds: Sequence[int]) -> None:
    moments = [at(0, second - 26 * 3_600) for second in seconds]
    story = stating(dict(zip(("impact_start", "detected", "acknowledged"), moments, strict=False)))
    story.in_incident(70, events.Decided(option="hotfix", why="it is right", proposal="hotfix"))
    found = of(story)
    chain = [found[name].value for name in ("TTD", "TTA", "TTDecide")]
    assert chain == [lasted(start, end) for start, end in pairwise([*moments[:3], at(70)])]


@given(st.permutations(range(4)))
def test_what_was_told_late_counts_for_when_it_happened(order: Sequence[int]) -> None:
    """A 26-hour incident whose page, update and words for customers are recorded in any order."""
    told: tuple[tuple[float, Event], ...] = (
        (3, events.PagerTold(what="acknowledged")),
        (5, events.UpdatePosted(number=1, conditions="c", actions="a", needs="n", next_by=None)),
        (1_500, events.ExternalTold(draft=1, system="statuspage", status="resolved")),
        (9, events.PagerTold(what="acknowledged")),
    )
    story = Story()
    story.in_incident(0, DECLARED)
    story.in_incident(0, events.ImpactStated(detected=at(-60)))
    for late, number in enumerate(order):
        minute, event = told[number]
        story.tell("incident/INC-1", at(minute), "ana", event, told=at(1_560 + late))
    assert minutes(story, "TTA") == 63
    assert minutes(story, "Time to first update") == 5
    assert minutes(story, "Time to public notice") == 26 * 60


def test_writers_that_write_again_after_the_recovery_were_stopped_all_the_same() -> None:
    story = back()
    before = of(story)["Time to contain"].value
    story.in_incident(31, events.WritersStarted())
    assert of(story)["Time to contain"].value == before == timedelta(minutes=14)
    story.in_incident(32, events.ImpactStated(damage_start=at(31)))
    assert of(story)["Time to contain"].why == "writers were not stopped"
