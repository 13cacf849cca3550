from __future__ import annotations

from dataclasses import replace

import pytest
from inline_snapshot import snapshot

from bot.core.cards import incident_card
from bot.core.document import Buttons
from bot.core.events import (
    Approved,
    Decided,
    FreezeExtended,
    FreezeLifted,
    FreezePlaced,
    ImpactStated,
    IncidentReopened,
    IncidentResolved,
    IssueLinked,
    NoteAdded,
    Phase,
    PhaseChanged,
    RoleAssigned,
    RunRecovered,
    Scope,
    UpdatePosted,
)
from bot.core.plan import Plan
from bot.core.update import draft
from tests.core.story import (
    ASKED,
    DECLARED,
    GATE,
    HASH,
    PLAN,
    POINT,
    SOURCE,
    Story,
    at,
    planned,
    restoring,
    shown,
    stopped,
)


def card(story: Story, minute: float) -> str:
    names = {entry.stream for entry in story.entries}
    drawn = incident_card(
        story.incident,
        runs=[story.run] if "run/RUN-1" in names else [],
        freezes=[story.freeze] if "freeze/FRZ-1" in names else [],
        recent=story.entries,
        now=at(minute),
    )
    assert len(drawn.blocks) <= 10
    return shown(drawn)


def test_a_young_incident_says_what_is_not_known_yet() -> None:
    story = Story()
    story.in_incident(0, DECLARED.model_copy(update={"impact_start": None, "release": None}))
    assert card(story, 1) == snapshot("""\
INC-1 SEV1 investigating: Orders are wrong
Impact: nobody has stated it yet
  Service    checkout in production
  Commander  @ana
  Roles      nobody else has a role yet
  Declared        2026-11-23 02:10:00Z, open for 1 min
  Next update by  2026-11-23 02:25:00Z, in 14 min; none was posted yet
  • 2026-11-23 02:10:00Z @ana Declared SEV1: Orders are wrong; commander @ana
  [Post an update]  update inc:INC-1 …
  [Timeline]  timeline INC-1
INC-1 · entry 1 · as of 2026-11-23 02:11:00Z
""")


def test_a_running_recovery_shows_its_clocks() -> None:
    story = restoring()
    story.in_incident(15, RoleAssigned(role="ops", person="bo"))
    story.in_incident(15, Decided(option="restore_pitr", why="the copy is verified", proposal="restore_pitr"))
    posted = UpdatePosted(number=1, conditions="c", actions="a", needs="none", next_by=at(31))
    story.in_incident(16, posted)
    story.in_incident(16, IssueLinked(system="jira", key="OPS-1", url="https://jira.example/OPS-1"))
    assert card(story, 18) == snapshot("""\
INC-1 SEV1 investigating: Orders are wrong
Impact: 3 % of orders have a wrong price
  Service          checkout in production
  Suspect release  2.4.0
  Commander        @ana
  Roles            ops @bo
  Declared        2026-11-23 02:10:00Z, open for 18 min
  Impact began    2026-11-23 02:00:00Z
  RTO             32 min left of 1 h
  Damage began    2026-11-23 02:04:00Z
  Data            14 min of good data lost, 16 min of later writes discarded
  Next update by  2026-11-23 02:41:00Z, in 13 min; the last was #1, 2 min ago
Decided: restore_pitr: the copy is verified (@ana, 2026-11-23 02:25:00Z)
  • RUN-1 running: Put the orders database back, 1 of 3 steps over
  • FRZ-1 stops deploy of checkout in production
  • 2026-11-23 02:23:00Z @cy Approved overwrite-orders as app, plan 19b6fb07
  • 2026-11-23 02:24:00Z @backstop restore started, attempt 1
  • 2026-11-23 02:25:00Z @ana @bo took the role ops
  • 2026-11-23 02:25:00Z @ana Decided: restore_pitr: the copy is verified
  • 2026-11-23 02:26:00Z @ana Update #1: c
  [Post an update]  update inc:INC-1 …
  [Timeline]  timeline INC-1
INC-1 · entry 8 · as of 2026-11-23 02:28:00Z · jira OPS-1 (https://jira.example/OPS-1)
""")


def test_an_overdue_update_and_a_missed_rto_are_said() -> None:
    drawn = card(restoring(), 55)
    assert "Next update by  2026-11-23 02:25:00Z, 40 min overdue; none was posted yet" in drawn
    assert "RTO             missed by 5 min of 1 h" in drawn


@pytest.mark.parametrize(
    ("minute", "said"), [(29, "met: recovered after 39 min of 1 h"), (55, "missed: recovered")]
)
def test_the_rto_clock_stops_when_the_end_checks_pass(minute: float, said: str) -> None:
    story = restoring()
    story.in_run(minute, RunRecovered())
    assert said in card(story, 90)


def test_an_incident_that_was_opened_again_does_not_read_as_recovered_in_time() -> None:
    story = restoring()
    story.in_run(29, RunRecovered())
    story.in_incident(30, IncidentResolved(statement="Right.", data_statement="None."))
    story.in_incident(32, IncidentReopened(why="totals wrong again"))
    assert (
        "RTO 15 min left of 1 h: opened again after RUN-1 recovered, so it is counted on since "
        "the impact began" in " ".join(card(story, 35).split())
    )
    assert "No reliable ETA" in draft(story.incident, [story.run], [], at(35)).actions


def test_an_incident_that_is_looked_into_again_does_not_read_as_recovered_in_time() -> None:
    story = restoring()
    story.in_run(29, RunRecovered())
    story.in_incident(32, PhaseChanged(phase=Phase.IDENTIFIED))
    assert "15 min left of 1 h: looked into again after RUN-1 recovered" in " ".join(card(story, 35).split())


def test_a_resolved_incident_says_what_was_lost_and_offers_nothing_to_press() -> None:
    story = restoring()
    story.in_incident(
        40, IncidentResolved(statement="Orders are right.", data_statement="14 min of orders lost.")
    )
    assert card(story, 41) == snapshot("""\
INC-1 SEV1 resolved: Orders are wrong
Resolved: Orders are right. Data: 14 min of orders lost.
  Service          checkout in production
  Suspect release  2.4.0
  Commander        @ana
  Roles            nobody else has a role yet
  Declared      2026-11-23 02:10:00Z, took 40 min
  Impact began  2026-11-23 02:00:00Z
  RTO           10 min left of 1 h
  Damage began  2026-11-23 02:04:00Z
  Data          14 min of good data lost, 16 min of later writes discarded
  • RUN-1 running: Put the orders database back, 1 of 3 steps over
  • FRZ-1 stops deploy of checkout in production
  • 2026-11-23 02:20:00Z @backstop stop-writers succeeded
  • 2026-11-23 02:21:00Z @bo Approved overwrite-orders as dba, plan 19b6fb07
  • 2026-11-23 02:23:00Z @cy Approved overwrite-orders as app, plan 19b6fb07
  • 2026-11-23 02:24:00Z @backstop restore started, attempt 1
  • 2026-11-23 02:50:00Z @ana Resolved: Orders are right. Data: 14 min of orders lost.
INC-1 · entry 5 · as of 2026-11-23 02:51:00Z
""")
    drawn = incident_card(story.incident, runs=[], freezes=[], recent=[], now=at(41))
    assert not any(isinstance(block, Buttons) for block in drawn.blocks)


def test_without_an_impact_start_the_rto_has_no_clock() -> None:
    story = Story()
    story.in_incident(0, DECLARED.model_copy(update={"impact_start": None}))
    story.entries += [entry for entry in planned().entries if entry.stream == "run/RUN-1"]
    assert "RTO             1 h, but nobody has said when the impact began" in card(story, 8)


def data_of(plan: Plan, *, damage: bool = True) -> str:
    story = planned(plan)
    if not damage:
        story.entries = [entry for entry in story.entries if not isinstance(entry.event, ImpactStated)]
    [line] = [line for line in card(story, 8).splitlines() if line.strip().startswith("Data  ")]
    return line.split("Data")[1].strip()


def test_the_loss_is_said_in_a_few_words() -> None:
    late = SOURCE.model_copy(update={"point": replace(POINT, finished_at=at(-1))})
    none = SOURCE.model_copy(update={"point": None})
    assert data_of(PLAN) == "14 min of good data lost, 14 min of later writes discarded so far"
    assert data_of(PLAN, damage=False) == "lost or discarded 28 min so far; damage start unknown"
    assert data_of(PLAN.model_copy(update={"sources": (none,)})) == "no recovery point is chosen"
    assert data_of(PLAN.model_copy(update={"sources": (late,)})).startswith("damaged data comes back")


def test_a_run_without_a_plan_is_called_by_its_playbook() -> None:
    story = Story()
    story.in_incident(0, DECLARED)
    story.in_run(1, ASKED)
    assert "RUN-1 planning: checkout-restore" in card(story, 2)


def test_a_broken_glass_stays_on_the_card() -> None:
    story = stopped()
    glass = Approved(gate=GATE.name, hash=HASH, role="commander", break_glass="nobody answers")
    story.in_run(12, glass, by="ana")
    assert "1 of 3 steps over; the glass was broken at\n        overwrite-orders\n" in card(story, 13)
    assert "glass" not in card(restoring(), 15)


def test_only_freezes_in_force_are_shown_with_their_end() -> None:
    story = restoring()
    story.in_freeze(20, FreezeExtended(review_at=at(60)))
    assert "FRZ-1 stops deploy of checkout in production, next look at 2026-11-23 03:10:00Z" in card(
        story, 21
    )
    story.in_freeze(30, FreezeLifted(why="recovered"))
    assert "FRZ-1 stops" not in card(story, 31)


def test_a_freeze_with_an_end_says_when_it_ends() -> None:
    story = Story()
    story.in_incident(0, DECLARED)
    story.in_freeze(1, FreezePlaced(scope=Scope(), why="launch", lift="at_until", until=at(30)))
    assert "in every environment, until 2026-11-23 02:40:00Z" in card(story, 2)
    assert "FRZ-1 stops" not in card(story, 31)


def test_a_long_note_does_not_push_the_rest_off_the_card() -> None:
    story = Story()
    story.in_incident(0, DECLARED, NoteAdded(text="x" * 40_000))
    assert len(card(story, 1)) < 2_000
