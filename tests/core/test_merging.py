"""Two incidents that are one event: everything goes on in one, and what the other knew is not lost."""

from __future__ import annotations

from collections.abc import Sequence

from inline_snapshot import snapshot

from bot.core import freeze as freezes
from bot.core import incident as incidents
from bot.core.actions import outcome_text
from bot.core.cards import incident_card, said
from bot.core.cards.said.merging import known_there
from bot.core.customers import words
from bot.core.document import Document, Paragraph, plain
from bot.core.duplicate import merged_in
from bot.core.effects import HOMES, follow
from bot.core.events import (
    Decided,
    Entry,
    Event,
    FactLearnt,
    FreezeMoved,
    ImpactStated,
    IncidentReopened,
    Merged,
    MergedIn,
    NoteAdded,
    Parted,
    Phase,
    Severity,
    SeverityChanged,
    TaskGiven,
    TaskMoved,
    WritersStopped,
)
from bot.core.learning import lessons
from bot.core.paging import wanted
from bot.core.postmortem import postmortem
from bot.core.tasks import Stand, actions
from tests.core.story import DECLARED, Story, at, planned, restoring, shown, wrapped

MERGED = Merged(into="INC-9", why="the same release", room="inc-9-prices", url="https://chat.example/C9")


def _known(*, here: Sequence[Event] = (), there: Sequence[Event] = (), **declared: object) -> str:
    """Return what INC-1 is told of INC-2, of which more was declared than of INC-1."""
    story = Story()
    bare = DECLARED.model_copy(update={"impact_start": None, "release": None})
    story.in_incident(0, bare, *here)
    story.tell("incident/INC-2", at(1), "bo", bare.model_copy(update=declared), *there)
    duplicate = incidents.fold(story.of("incident/INC-2"))
    assert duplicate
    event = merged_in(duplicate, story.incident, why="x", timeline="https://b.example/incidents/INC-2")
    told = known_there(event, story.incident)
    return wrapped(*(plain(Document("", (Paragraph(line),))).strip() for line in told))


def test_what_only_the_duplicate_knows_is_told_with_what_says_it_here() -> None:
    told = _known(
        here=(
            SeverityChanged(severity=Severity.SEV2, why="few"),
            FactLearnt(name="data_corruption", value="none"),
            FactLearnt(name="cause_known", value=None),
        ),
        there=(
            FactLearnt(name="data_corruption", value="confirmed"),
            FactLearnt(name="cause_known", value=True),
            FactLearnt(name="schema_change", value="reversible"),
            FactLearnt(name="overload_or_metastable", value=None),
            FactLearnt(name="backup_available", value=True, source="machine:backups"),
            ImpactStated(statement="Cards fail.", damage_start=at(-1), acknowledged=at(0)),
            WritersStopped(at=at(2)),
            Decided(option="wait", why="the provider looks", proposal="wait"),
        ),
        impact_start=at(-2),
        alerted=at(-1.5),
        release="2.4.0",
        change="OPS-77",
    )
    assert told == snapshot("""\
INC-2 was SEV1, INC-1 is SEV2: sev 1 inc:INC-1 why:"…"
INC-2 knows what nobody said here, cause_known: yes, schema_change: reversible: decide
        cause_known:yes schema_change:reversible inc:INC-1
In INC-2 people said otherwise: data_corruption: confirmed
The impact as stated in INC-2: Cards fail.
As INC-2 has it, it began 2026-11-23 02:08:00Z, the damage began 2026-11-23 02:09:00Z, it was
        detected 2026-11-23 02:08:30Z, somebody took it on 2026-11-23 02:10:00Z, writers were
        stopped 2026-11-23 02:12:00Z: impact start:2026-11-23T02:08:00Z damage:2026-11-23T02:09:00Z
        detected:2026-11-23T02:08:30Z acknowledged:2026-11-23T02:10:00Z writers-
        stopped:2026-11-23T02:12:00Z inc:INC-1
The suspected release of INC-2 is 2.4.0
The change of INC-2 is OPS-77
Decided in INC-2: wait; its timeline (https://b.example/incidents/INC-2)
""")


def test_what_both_know_is_not_told_again() -> None:
    same: tuple[Event, ...] = (
        FactLearnt(name="data_corruption", value="confirmed"),
        ImpactStated(statement="Orders fail.", impact_start=at(-2), damage_start=at(-1), detected=at(0)),
        WritersStopped(at=at(2)),
    )
    assert _known(here=same, there=same).strip() == ""


def test_of_two_beginnings_the_earlier_one_is_told() -> None:
    here = ImpactStated(impact_start=at(-2), damage_start=at(-2))
    there = ImpactStated(impact_start=at(-3), damage_start=at(-1))
    told = _known(here=(here,), there=(there,))
    assert told == snapshot(
        "As INC-2 has it, it began 2026-11-23 02:07:00Z: impact start:2026-11-23T02:07:00Z inc:INC-1\n"
    )


def test_facts_of_another_service_are_told_as_that() -> None:
    fact = FactLearnt(name="data_corruption", value="confirmed")
    told = _known(there=(fact,), service="pay")
    assert told == snapshot(
        "INC-2, which is about pay in production, knows what nobody said here, data_corruption: confirmed\n"
    )


def _merged(*events: Event) -> Story:
    story = planned()
    story.tell("incident/INC-1", at(20), "ana", *events, MERGED)
    return story


def test_what_is_merged_is_over_and_says_where_it_goes_on() -> None:
    incident = _merged().incident
    assert (incident.open, incident.phase, incident.next_update_by) == (False, Phase.CLOSED, None)
    assert incident.stands == "merged into INC-9"


def test_both_cards_name_the_other() -> None:
    def card(story: Story) -> str:
        return shown(incident_card(story.incident, runs=(), freezes=(), recent=(), now=at(30)))

    assert "INC-1 SEV1 merged into INC-9: Orders are wrong" in card(_merged())
    assert "Goes on in INC-9 (https://chat.example/C9): the same release" in card(_merged())
    other = planned()
    for id, url in (("INC-4", "https://chat.example/C4"), ("INC-5", None)):
        other.in_incident(20, MergedIn(incident=id, title="Payments fail", why="the same release", url=url))
    assert "The same event INC-4 (https://chat.example/C4), INC-5" in " ".join(card(other).split())


def test_the_channel_of_the_duplicate_reads_what_its_tasks_are_now() -> None:
    given = TaskGiven(number=1, what="Ask the provider", to="cy", due=at(40))
    story = _merged(given, TaskMoved(number=1, to="INC-9.T3"))
    told = said(story.entries[-1], incident=story.incident, run=None, freeze=None)
    assert "T1 is INC-9.T3" in shown(told)


def test_what_is_reopened_goes_on_by_itself() -> None:
    story = _merged()
    story.in_incident(30, IncidentReopened(why="another event"))
    assert story.incident.open
    assert story.incident.stands == "investigating"


def test_an_incident_knows_what_was_merged_into_it_until_that_goes_on_by_itself() -> None:
    story = planned()
    for id in ("INC-4", "INC-5"):
        story.in_incident(20, MergedIn(incident=id, title="Payments fail", why="the same release"))
    assert [each.incident for each in story.incident.duplicates] == ["INC-4", "INC-5"]
    story.in_incident(30, Parted(incident="INC-4", why="another event"))
    assert [each.incident for each in story.incident.duplicates] == ["INC-5"]


def test_a_moved_task_is_nobodys_here_and_keeps_its_number() -> None:
    story = planned()
    given = TaskGiven(number=1, what="Alert on lag", to="cy", due=at(900), follow_up=True)
    story.in_incident(20, given, TaskMoved(number=1, to="INC-9.T3"))
    (task,) = story.incident.tasks
    assert (task.open, task.stand, task.number) == (False, Stand.MOVED, 1)
    assert actions(story.incident.tasks) == ()
    assert not task.late(at(901))
    assert plain(outcome_text(story.incident, task)) == snapshot("T1 of INC-1 goes on as INC-9.T3.\n")


def test_a_moved_freeze_stops_what_it_stopped_for_the_other_incident() -> None:
    story = restoring()
    before = story.freeze
    story.in_freeze(20, FreezeMoved(incident="INC-9", why="INC-1 was merged into INC-9"))
    moved = freezes.fold(story.of("freeze/FRZ-1"))
    assert moved
    assert (before.incident, moved.incident) == ("INC-1", "INC-9")
    assert moved.placed == before.placed
    assert moved.in_force(at(10_000)) == before.in_force(at(10_000))


def test_who_was_paged_is_told_where_it_goes_on() -> None:
    story = _merged()
    want = wanted(story.incident, story.entries, None)
    assert (want.status, want.resolution) == ("resolved", "It goes on in INC-9: the same release")


def test_customers_are_told_that_it_is_one_problem() -> None:
    said = words(_merged().incident, "Checkout", "resolved", None, at(30))
    assert said == "What we reported of Checkout is the same problem as another one that we report of."


def test_decisions_count_once_for_one_event() -> None:
    chosen = Decided(option="rollback", why="it is code", proposal="rollback")
    assert lessons([_merged(chosen).incident]).incidents == 0


def test_home_tabs_are_drawn_anew() -> None:
    story = _merged()
    assert HOMES in follow(story.entries[-1], "INC-1")


def test_in_place_of_its_post_mortem_stands_which_one_to_read() -> None:
    story = _merged()
    assert shown(postmortem(story.incident, story.entries, (), (), now=at(30))) == snapshot("""\
INC-1 post-mortem: Orders are wrong
  Date       2026-11-23 02:10:00Z
  Commander  @ana
  Status     merged into INC-9
  Why        the same release
It is the same event as INC-9. What was recorded here stands in the timeline of the post-mortem of
        INC-9, which is written there.
""")


def _duplicate() -> list[Entry]:
    """Return what was recorded in an incident of the same event: a note, and a run."""
    story = restoring()
    own = story.in_incident(19, NoteAdded(text="declines began at 02:08"))
    assert own.stream == "incident/INC-1"
    return story.entries


def test_the_post_mortem_of_the_other_holds_its_timeline_and_its_runs() -> None:
    other = Story()
    other.tell("incident/INC-9", at(2), "bo", DECLARED)
    incident = incidents.fold(other.entries)
    assert incident
    text = plain(postmortem(incident, other.entries, (), (), now=at(60), beside=_duplicate()))
    timeline = text.partition("Timeline")[2]
    assert "declines began at 02:08" in timeline
    assert "INC-1#" in timeline
    assert "RUN-1" in text.partition("Timeline")[0]
    assert "RUN-1#" in timeline
