from __future__ import annotations

from inline_snapshot import snapshot

from bot.core.cadence import cadence
from bot.core.events import (
    Approved,
    Decided,
    FreezeLifted,
    GateExpired,
    IncidentResolved,
    Phase,
    PhaseChanged,
    RunAborted,
    RunPaused,
    RunRecovered,
    Severity,
    SeverityChanged,
    StepSucceeded,
    UpdatePosted,
)
from bot.core.update import Draft, draft, nudge
from tests.core.story import (
    DECLARED,
    PLAN,
    STOP,
    Story,
    approved,
    at,
    restoring,
    started,
    step,
    stopped,
    wrapped,
)


def drafted(story: Story, minute: float) -> Draft:
    return draft(story.incident, [story.run], [story.freeze], at(minute))


def test_the_draft_says_state_impact_progress_and_eta() -> None:
    found = drafted(restoring(), 16)
    assert wrapped(found.conditions, found.actions, found.needs) == snapshot("""\
SEV1, investigating. 3 % of orders have a wrong price. Since 02:00:00Z, 26 min. Data: 14 min of good
        data lost, 16 min of later writes discarded. So far: FRZ-1 placed; RUN-1 started; writers
        stopped.
In progress: Put orders back (@bo, since 02:24:00Z, expected 10 min). Completed: Stop checkout.
        RUN-1: 15 min to 30 min to come, meets the RTO.
none
""")
    assert found.next_by == at(31)


def test_the_next_draft_says_only_what_changed_since() -> None:
    story = restoring()
    posted = UpdatePosted(number=1, conditions="c", actions="a", needs="none", next_by=at(31))
    story.in_incident(16, posted)
    assert wrapped(drafted(story, 17).conditions) == snapshot("""\
SEV1, investigating. 3 % of orders have a wrong price. Since 02:00:00Z, 27 min. Data: 14 min of good
        data lost, 16 min of later writes discarded. Since update #1: no change.
""")
    story.in_run(24, StepSucceeded(step="restore", attempt=1))
    story.in_incident(25, Decided(option="restore_pitr", why="verified", proposal="restore_pitr"))
    story.in_run(29, RunRecovered())
    story.in_freeze(29, FreezeLifted(why="recovered"))
    found = drafted(story, 30)
    assert wrapped(found.conditions, found.actions) == snapshot("""\
SEV1, investigating. 3 % of orders have a wrong price. Since 02:00:00Z, 40 min. Data: 14 min of good
        data lost, 16 min of later writes discarded. Since update #1: decided restore_pitr; FRZ-1
        lifted; RUN-1 recovered.
In progress: nothing in Backstop. Completed: Put orders back.
""")


def test_missing_approvals_are_needs_with_a_time() -> None:
    story = stopped()
    assert wrapped(drafted(story, 11).needs) == snapshot(
        "approval RUN-1.overwrite-orders from dba, app by 02:38:00Z\n"
    )
    story.in_run(11, Approved(gate="overwrite-orders", hash=story.run.hash, role="dba"), by="bo")
    assert wrapped(drafted(story, 12).needs) == snapshot(
        "approval RUN-1.overwrite-orders from app by 02:38:00Z\n"
    )


def test_approvals_that_are_there_or_expired_are_not_asked_for() -> None:
    assert drafted(approved(), 13).needs == "none"
    story = stopped()
    story.in_run(28, GateExpired(gate="overwrite-orders"))
    assert drafted(story, 29).needs == "none"


def test_a_paused_run_needs_a_choice_and_has_no_eta() -> None:
    story = started()
    story.in_run(9, RunPaused(why="held by ana"))
    found = drafted(story, 10)
    assert wrapped(found.needs) == snapshot("""\
the commander's choice on RUN-1, now (held by ana); approval RUN-1.overwrite-orders from dba, app by
        02:38:00Z
""")
    assert "RUN-1: no reliable ETA." in found.actions


def test_steps_that_nobody_estimated_have_no_eta() -> None:
    plan = PLAN.model_copy(update={"steps": (STOP, step("odd", "Odd", estimate_s=0))})
    assert wrapped(drafted(started(plan), 9).actions) == snapshot(
        "In progress: nothing in Backstop. RUN-1: no reliable ETA.\n"
    )


def test_without_an_rto_the_eta_is_given_without_a_verdict() -> None:
    plan = PLAN.model_copy(update={"rto_s": None})
    assert wrapped(drafted(started(plan), 9).actions) == snapshot(
        "In progress: nothing in Backstop. RUN-1: 26 min 30 s to 51 min to come.\n"
    )


def test_a_step_whose_role_nobody_holds_is_named_by_its_role() -> None:
    story = restoring(PLAN.model_copy(update={"roles": {}}))
    assert "Put orders back (dba, since 02:24:00Z" in drafted(story, 16).actions


def test_an_aborted_run_is_news_and_needs_nothing() -> None:
    story = started()
    story.in_run(12, RunAborted(leaves="nothing"))
    found = drafted(story, 13)
    assert "RUN-1 aborted" in found.conditions
    assert found.needs == "none"


def test_a_young_incident_says_what_is_not_known() -> None:
    story = Story()
    story.in_incident(0, DECLARED.model_copy(update={"impact_start": None}))
    found = draft(story.incident, [], [], at(1))
    assert wrapped(found.conditions, found.actions, found.needs) == snapshot("""\
SEV1, investigating. Impact not stated yet.
In progress: nothing in Backstop. No reliable ETA.
none
""")


def test_a_resolved_incident_promises_nothing() -> None:
    story = Story()
    story.in_incident(0, DECLARED)
    story.in_incident(9, IncidentResolved(statement="Back.", data_statement="None lost."))
    found = draft(story.incident, [], [], at(10))
    assert found.next_by is None
    assert found.actions == "In progress: nothing in Backstop."


def test_a_long_update_is_nudged_towards_eighty_words() -> None:
    assert nudge("word " * 40, "word " * 40) == ""
    assert nudge("word " * 81) == "That is 81 words; 80 or fewer are read."
    assert Draft("word " * 90, "a", "none", None).nudge == "That is 92 words; 80 or fewer are read."


def test_the_cadence_follows_severity_and_phase() -> None:
    minutes = {
        (severity.name, phase.value): int(wait.total_seconds() // 60)
        for severity in Severity
        for phase in Phase
        if (wait := cadence(severity, phase))
    }
    assert minutes == snapshot(
        {
            ("SEV1", "investigating"): 15,
            ("SEV1", "identified"): 15,
            ("SEV1", "recovering"): 15,
            ("SEV1", "verifying"): 15,
            ("SEV1", "monitoring"): 30,
            ("SEV2", "investigating"): 30,
            ("SEV2", "identified"): 30,
            ("SEV2", "recovering"): 30,
            ("SEV2", "verifying"): 30,
            ("SEV2", "monitoring"): 60,
            ("SEV3", "investigating"): 60,
            ("SEV3", "identified"): 60,
            ("SEV3", "recovering"): 60,
            ("SEV3", "verifying"): 60,
            ("SEV3", "monitoring"): 120,
        }
    )


def test_a_change_of_phase_or_severity_is_in_the_state() -> None:
    story = started()
    story.in_incident(
        9, PhaseChanged(phase=Phase.RECOVERING), SeverityChanged(severity=Severity.SEV2, why="fewer")
    )
    assert drafted(story, 10).conditions.startswith("SEV2, recovering.")
