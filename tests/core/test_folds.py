"""What timelines fold to at their edges: events of a newer version, streams cut off, nothing at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.core import freeze as freezes
from bot.core import incident as incidents
from bot.core import run as runs
from bot.core.due import Abort, Begin, Move, Pause, Reopen, Rest, due
from bot.core.effects import Effect as Queued
from bot.core.effects import follow
from bot.core.events import (
    AbortAsked,
    Approved,
    AttemptOpened,
    CheckFound,
    CopyTouched,
    Decided,
    DecisionAsked,
    EffectObserved,
    Entry,
    Event,
    FactLearnt,
    FreezeExtended,
    FreezePlaced,
    FreezeReviewDue,
    GateExpired,
    GateReopened,
    IncidentDeclared,
    IncidentReopened,
    IssueLinked,
    NoteAdded,
    Phase,
    PhaseChanged,
    Planned,
    PostmortemAsked,
    ReasonStated,
    RetryAsked,
    RoleAssigned,
    RoomOpened,
    RunPaused,
    RunRecovered,
    RunResumed,
    RunStarted,
    Scope,
    Severity,
    SeverityChanged,
    StepDone,
    StepFailed,
    StepProgressed,
    StepProved,
    StepSkipped,
    StepStarted,
    StepSucceeded,
    TargetHeld,
    TargetReleased,
    TrackerTroubled,
    UpdatePosted,
)
from bot.core.hold import Hold, fold_target
from bot.core.plan import Plan
from bot.core.sharing import fold_server
from bot.core.suspects import suspects
from integrations.contract import Effect
from tests.core.plans import call, gate, plan, step
from tests.core.story import ASKED, DECLARED, HASH, HOLDERS, PLAN, Story, at, planned, started

PLACED = FreezePlaced(scope=Scope(services=("checkout",)), why="wrong prices", review_at=at(30))


def entry(stream: str, event: Event | None, seq: int = 1) -> Entry:
    return Entry(stream, seq, at(0), at(0), "ana", "slack", event)


def kinds(effects: tuple[Queued, ...]) -> set[str]:
    return {effect.kind for effect in effects}


def test_an_event_of_a_newer_version_changes_nothing_but_is_counted() -> None:
    story = started()
    incident, run = story.of("incident/INC-1"), story.of("run/RUN-1")
    freeze = story.of("freeze/FRZ-1")
    assert incidents.fold([*incident, entry("incident/INC-1", None, 9)]) == replace(story.incident, seq=9)
    assert runs.fold([*run, entry("run/RUN-1", None, 9)]) == replace(story.run, seq=9)
    assert freezes.fold([*freeze, entry("freeze/FRZ-1", None, 9)]) == replace(story.freeze, seq=9)
    assert follow(entry("run/RUN-1", None), "INC-1") == ()


def test_a_timeline_that_begins_with_what_nobody_knows_is_nothing_yet() -> None:
    strange = [entry("incident/INC-1", None), entry("incident/INC-1", NoteAdded(text="hm"), 2)]
    assert incidents.fold(strange) is None
    assert runs.fold([entry("run/RUN-1", RunRecovered())]) is None
    assert freezes.fold([entry("freeze/FRZ-1", FreezeReviewDue(review_at=at(30)))]) is None


@pytest.mark.parametrize("event", [NoteAdded(text="disk is fine"), PostmortemAsked(), PLACED])
def test_what_is_only_said_leaves_an_incident_as_it_was(event: Event) -> None:
    story = planned()
    before = story.incident
    story.in_incident(9, event)
    assert replace(story.incident, seq=before.seq) == before


def test_a_freeze_takes_no_notice_of_what_is_not_about_it() -> None:
    story = started()
    before = story.freeze
    story.in_freeze(9, NoteAdded(text="disk is fine"))
    assert replace(story.freeze, seq=before.seq) == before


def test_no_update_is_promised_when_an_incident_turns_out_to_be_small() -> None:
    story = planned()
    assert story.incident.next_update_by == at(15)
    story.in_incident(9, SeverityChanged(severity=Severity.SEV4, why="one customer"))
    assert story.incident.next_update_by is None


def test_progress_is_kept_with_its_step() -> None:
    story = started()
    story.in_run(10, StepStarted(step="restore", attempt=1, key="k"))
    story.in_run(11, StepProgressed(step="restore", attempt=1, phase="copying", percent=50))
    assert (story.run.step("restore").phase, story.run.step("restore").percent) == ("copying", 50)


def test_a_target_is_released_only_by_the_run_that_holds_it() -> None:
    held = [
        entry("target/orders-db", TargetHeld(run="RUN-1", step="restore", attempt=1), 1),
        entry("target/orders-db", TargetReleased(run="RUN-2"), 2),
    ]
    released = entry("target/orders-db", TargetReleased(run="RUN-1"), 3)
    assert fold_target(held) == Hold("RUN-1", 2, "RUN-1", held[0].occurred_at)
    assert fold_target([*held, released]) == Hold(None, 3, "RUN-1", released.occurred_at)


def test_a_server_is_held_in_parts_and_released_by_run() -> None:
    name = "target/postgresql:7345@production"
    story = [
        entry(name, TargetHeld(run="RUN-1", step="restore", attempt=1, part="orders"), 1),
        entry(name, TargetHeld(run="RUN-2", step="restore", attempt=1, part="stock"), 2),
        entry(name, CopyTouched(run="RUN-3", step="prepare"), 3),
        entry(name, TargetReleased(run="RUN-1"), 4),
    ]
    shared = fold_server(story)
    assert shared.seq == 4
    assert [(claim.run, claim.part, claim.held) for claim in shared.claims] == [
        ("RUN-1", "orders", False),
        ("RUN-2", "stock", True),
    ]
    assert (shared.held_by("RUN-1"), shared.held_by("RUN-2")) == (False, True)


def test_what_only_the_machine_needs_is_not_said_in_the_channel() -> None:
    opened = RoomOpened(channel="C1", name="inc-1", url="https://chat.example/C1")
    assert kinds(follow(entry("incident/INC-1", opened), None)) == {"card", "tracker", "homes"}
    linked = IssueLinked(system="jira", key="OPS-1", url="https://jira.example/OPS-1")
    assert kinds(follow(entry("incident/INC-1", linked), None)) == {"card"}
    troubled = TrackerTroubled(system="jira", why="Jira cannot be reached.")
    assert kinds(follow(entry("incident/INC-1", troubled), None)) == {"card", "say"}
    phase = PhaseChanged(phase=Phase.RECOVERING)
    assert kinds(follow(entry("incident/INC-1", phase), None)) == {
        "say",
        "update-due",
        "pager",
        "card",
        "tracker",
        "homes",
    }
    role = RoleAssigned(role="ops", person="bo")
    assert kinds(follow(entry("incident/INC-1", role), None)) == {
        "say",
        "decision",
        "card",
        "tracker",
        "homes",
    }
    update = UpdatePosted(number=1, conditions="c", actions="a", needs="n", next_by=at(30))
    assert [
        e.not_before for e in follow(entry("incident/INC-1", update), None) if e.kind == "update-due"
    ] == [at(30)]


def test_whether_a_decision_worked_is_asked_when_it_should_have() -> None:
    made = Decided(option="wait", why="it gets better", proposal="wait", effect_by=at(40))
    effects = follow(entry("incident/INC-1", made), None)
    assert kinds(effects) == {"ahead", "decision", "say", "effect-due", "card", "tracker"}
    assert [effect.not_before for effect in effects if effect.kind == "effect-due"] == [at(40)]
    untimed = made.model_copy(update={"effect_by": None})
    assert "effect-due" not in kinds(follow(entry("incident/INC-1", untimed), None))
    again = follow(entry("incident/INC-1", IncidentReopened(why="it was not over")), None)
    assert {"effect-due", "decision"} < kinds(again)
    asked = follow(entry("incident/INC-1", DecisionAsked()), None)
    assert kinds(asked) == {"decision", "card", "tracker", "probe"}
    reason = ReasonStated(decision=3, option="wait", why="it falls since 02:20")
    assert kinds(follow(entry("incident/INC-1", reason), None)) == {"decision", "say", "card", "tracker"}
    seen = EffectObserved(decision=3, option="wait", outcome="no_change")
    assert "probe" in kinds(follow(entry("incident/INC-1", seen), None))


def test_approvals_are_drawn_again_when_somebody_answers() -> None:
    approved = Approved(gate="overwrite-orders", hash=HASH, role="dba")
    assert "approvals" in kinds(follow(entry("run/RUN-1", approved), "INC-1"))


@pytest.mark.parametrize(
    "event",
    [
        StepSucceeded(step="stop-writers", attempt=1),
        StepDone(step="stop-writers", evidence="closed"),
        StepProved(step="stop-writers", attempt=1),
    ],
)
def test_approvals_are_drawn_again_when_a_step_changed_what_they_say_is_lost(event: Event) -> None:
    assert "approvals" in kinds(follow(entry("run/RUN-1", event), "INC-1"))


@pytest.mark.parametrize(
    "event", [PLACED, FreezeExtended(review_at=at(30)), FreezeReviewDue(review_at=at(30))]
)
def test_a_freeze_is_looked_at_again_when_its_review_is_due(event: Event) -> None:
    timers = [e for e in follow(entry("freeze/FRZ-1", event), "INC-1") if e.kind == "freeze-review"]
    assert [timer.not_before for timer in timers] == [at(30)]


def test_a_freeze_without_a_review_and_without_an_incident_is_only_said() -> None:
    placed = FreezePlaced(scope=Scope(services=("checkout",)), why="audit")
    assert kinds(follow(entry("freeze/FRZ-1", placed), None)) == {"say", "homes"}
    assert kinds(follow(entry("freeze/FRZ-1", placed), "INC-1")) == {"say", "card", "tracker", "homes"}


def test_an_incident_too_small_for_updates_sets_no_timer() -> None:
    small = DECLARED.model_copy(update={"severity": Severity.SEV4})
    assert isinstance(small, IncidentDeclared)
    assert kinds(follow(entry("incident/INC-1", small), None)) == {
        "room",
        "card",
        "tracker",
        "ahead",
        "probe",
        "pager",
        "homes",
    }
    silent = UpdatePosted(number=1, conditions="c", actions="a", needs="n", next_by=None)
    assert kinds(follow(entry("incident/INC-1", silent), None)) == {
        "say",
        "pager",
        "card",
        "tracker",
        "homes",
    }


@pytest.mark.parametrize(
    "event",
    [
        Planned(plan=PLAN, hash=HASH, expires={"overwrite-orders": at(28)}),
        RunStarted(hash=HASH, freeze="FRZ-1", expires={"overwrite-orders": at(28)}),
        GateReopened(gate="overwrite-orders", expires=at(28)),
    ],
)
def test_whatever_asks_for_approvals_also_waits_for_their_end(event: Event) -> None:
    effects = follow(entry("run/RUN-1", event), "INC-1")
    assert {"approvals", "gate-expiry"} <= kinds(effects)
    assert [e.not_before for e in effects if e.kind == "gate-expiry"] == [at(28)]


def test_progress_redraws_one_message_and_wakes_nothing_else() -> None:
    progressed = StepProgressed(step="restore", attempt=1, phase="copying", percent=50)
    assert kinds(follow(entry("run/RUN-1", progressed), "INC-1")) == {"progress"}
    found = CheckFound(check="place-order", ok=True, blocking=True, found="order 7 placed")
    assert kinds(follow(entry("run/RUN-1", found), "INC-1")) == {"run", "progress", "say", "card", "tracker"}


def test_a_stream_without_effects_has_none() -> None:
    held = TargetHeld(run="RUN-1", step="restore", attempt=1)
    assert follow(entry("target/orders-db", held), "INC-1") == ()


def pauses(story: Story, minute: float) -> list[str]:
    moves = due(story.run, now=at(minute), holders=HOLDERS, freezes=())
    return [move.why for move in moves if isinstance(move, Pause)]


def test_a_step_whose_approval_ran_out_asks_instead_of_waiting() -> None:
    story = started()
    story.in_run(9, StepSkipped(step="stop-writers", why="they are stopped"), by="ana")
    story.in_run(29, GateExpired(gate="overwrite-orders"))
    assert pauses(story, 29) == ["The approvals of overwrite-orders did not come in time."]


def moves(story: Story, minute: float) -> tuple[Move, ...]:
    return due(story.run, now=at(minute), holders=HOLDERS, freezes=())


def begun(changed: Plan) -> Story:
    story = Story()
    story.in_run(5, ASKED, by="ana")
    story.in_run(6, Planned(plan=changed, hash="h"))
    story.in_run(8, RunStarted(hash="h"))
    return story


def test_a_failed_step_ends_the_run_where_its_playbook_says_so() -> None:
    fatal = step("stop", on_failure="abort")
    story = begun(plan(steps=(fatal, step("go", needs=("stop",))), gates=()))
    story.in_run(9, StepStarted(step="stop", attempt=1, key="k"))
    story.in_run(10, StepFailed(step="stop", attempt=1, because="disk full"))
    assert moves(story, 10) == (Abort(fatal),)
    story.in_run(11, RetryAsked(step="stop", why="the disk was emptied"), by="ana")
    assert moves(story, 11) == (Reopen(fatal),)


def test_another_try_waits_for_its_moment() -> None:
    story = begun(plan(steps=(step("stop"),), gates=()))
    story.in_run(9, StepStarted(step="stop", attempt=1, key="k"))
    story.in_run(
        10,
        StepFailed(step="stop", attempt=1, because="busy"),
        AttemptOpened(step="stop", attempt=2, target_said="busy", not_before=at(12)),
    )
    assert moves(story, 11) == (Rest(at(12)),)
    assert moves(story, 12) == (Begin(step("stop"), 2),)


def test_a_run_that_takes_longer_than_its_playbook_allows_asks_once() -> None:
    story = begun(plan(at_most_s=600, gates=(), steps=(step("stop"),)))
    assert moves(story, 18) == (Begin(step("stop"), 1),)
    assert pauses(story, 19) == ["RUN-1 takes longer than the 10 min its playbook allows."]
    story.in_run(19, RunPaused(why="late", late=True))
    story.in_run(20, RunResumed(why="nearly there"), by="ana")
    assert moves(story, 20) == (Begin(step("stop"), 1),)


def test_a_point_is_under_suspicion_from_a_failed_restore_until_one_succeeds() -> None:
    story = started()
    story.in_run(9, StepFailed(step="stop-writers", attempt=1, because="it hangs"))
    story.in_run(10, StepFailed(step="restore", attempt=1, because="its digest is another"))
    why = "RUN-1 could not restore it: its digest is another"
    assert suspects([story.of("run/RUN-1")]) == {("sqlite", "orders-0150"): why}
    story.in_run(12, StepSucceeded(step="restore", attempt=2))
    assert suspects([story.of("run/RUN-1")]) == {}
    story.in_run(
        13, AbortAsked(why="another way", leaves=""), StepFailed(step="restore", attempt=3, because="x")
    )
    assert suspects([story.of("run/RUN-1")]) == {}
    assert suspects([[entry("run/RUN-1", StepFailed(step="restore", attempt=1, because="x"))]]) == {}


def test_a_step_that_destroys_never_starts_where_nobody_is_asked() -> None:
    bare = plan(steps=(step("restore", call=call("restore", Effect.DESTRUCTIVE, "orders-db")),), gates=())
    story = Story()
    story.in_run(5, ASKED, by="ana")
    story.in_run(6, Planned(plan=bare, hash="h"))
    story.in_run(8, RunStarted(hash="h"))
    assert pauses(story, 9) == ["Restore destroys data, and the plan asks nobody to approve it."]


def test_a_step_never_starts_without_the_approval_it_names() -> None:
    lost = plan(steps=(step("restore", gate="overwrite-it"),), gates=(gate(),))
    story = Story()
    story.in_run(5, ASKED, by="ana")
    story.in_run(6, Planned(plan=lost, hash="h"))
    story.in_run(8, RunStarted(hash="h"))
    assert pauses(story, 9) == ["The plan has no approval named overwrite-it."]


def test_a_fact_keeps_who_said_it_and_a_later_one_corrects_it() -> None:
    story = planned()
    story.in_incident(1, FactLearnt(name="cause_known", value=True))
    story.in_incident(2, FactLearnt(name="minutes_since_change", value=4, source="machine:releases"))
    story.in_incident(3, FactLearnt(name="cause_known", value=False))
    incident = story.incident

    assert incident.facts == {"cause_known": False, "minutes_since_change": 4}
    assert incident.known["cause_known"].of_person
    assert incident.known["cause_known"].at == at(3)
    assert not incident.known["minutes_since_change"].of_person
