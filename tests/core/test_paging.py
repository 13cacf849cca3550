"""What should be known of an incident where people are paged, at each point of its story."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.core import events, incident
from bot.core.effects import follow
from bot.core.events import Entry, Event, Phase, Severity
from bot.core.paging import Wanted, wanted
from playbooks.catalog import Paging
from tests.core.everything import entry
from tests.core.story import at

PAGING = Paging(service="PSHOP01", from_severity=2, page=("dba",))
LINKED = events.PagerLinked(system="pagerduty", key="Q1", number=1, url="https://pd.example/1")
STARTED = events.RunStarted(hash="0" * 64)
IDENTIFIED = events.PhaseChanged(phase=Phase.IDENTIFIED)
RESOLVED = events.IncidentResolved(statement="Totals are right.", data_statement="none lost")
REOPENED = events.IncidentReopened(why="again")
ASKED = events.PageAsked(groups=("owners",), people=("bo",), why="stop the shop")


def declared(severity: int = 1) -> events.IncidentDeclared:
    return events.IncidentDeclared(
        title="Orders are wrong",
        severity=Severity(severity),
        service="checkout",
        environment="production",
        commander="ana",
    )


def after(*told: Event | None, paging: Paging | None = PAGING, severity: int = 1) -> Wanted:
    """Return what is wanted after these events of the incident and its run, one a minute."""
    story: list[Entry] = []
    seqs: dict[str, int] = {}
    for minute, event in enumerate((declared(severity), *told)):
        stream = "run/RUN-1" if isinstance(event, events.RunEvent) else "incident/INC-1"
        seqs[stream] = seqs.get(stream, 0) + 1
        moment = at(0) + timedelta(minutes=minute)
        story.append(Entry(stream, seqs[stream], moment, moment, "ana", "slack", event))
    found = incident.fold(each for each in story if each.stream == "incident/INC-1")
    assert found
    return wanted(found, story, paging)


def test_what_is_bad_enough_is_opened_and_the_groups_of_the_service_are_paged_once() -> None:
    want = after()
    assert (want.open, want.urgency, want.status) == (True, "high", "triggered")
    assert want.title == "INC-1: Orders are wrong"
    assert want.details.startswith("SEV1, checkout in production. Declared by ana at ")
    [page] = want.pages
    assert page.whole == "[INC-1 page 1] INC-1: Orders are wrong"
    assert (page.groups, page.people, page.sent) == (("dba",), (), False)
    [sent] = after(events.Paged(page="INC-1 page 1", groups=("dba",))).pages
    assert sent.sent


def test_what_is_not_bad_or_has_no_service_there_pages_nobody_until_somebody_asks() -> None:
    assert not after(severity=3).open
    assert after(severity=3).pages == ()
    assert not after(paging=None).open
    assert after(paging=Paging(service="PSHOP01")).pages == ()
    asked = after(ASKED, severity=3)
    assert (asked.open, asked.urgency) == (True, "high")
    [page] = asked.pages
    assert page.whole == "[INC-1 page 2] INC-1: stop the shop (ana)"
    assert (page.groups, page.people) == (("owners",), ("bo",))


def test_an_incident_that_is_less_bad_is_not_urgent_there() -> None:
    assert after(paging=Paging(service="PSHOP01", from_severity=3), severity=3).urgency == "low"


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ((), "triggered"),
        ((LINKED, STARTED), "acknowledged"),
        ((LINKED, IDENTIFIED), "acknowledged"),
        ((LINKED, IDENTIFIED, events.PhaseChanged(phase=Phase.INVESTIGATING)), "triggered"),
        ((STARTED, IDENTIFIED, LINKED), "triggered"),
        ((LINKED, STARTED, RESOLVED), "resolved"),
        ((LINKED, STARTED, RESOLVED, REOPENED), "triggered"),
        ((LINKED, None), "triggered"),
    ],
)
def test_who_is_on_call_is_needed_until_somebody_acts_after_they_were_called(
    told: tuple[Event | None, ...], status: str
) -> None:
    assert after(*told).status == status


def test_an_update_calms_nobody() -> None:
    update = events.UpdatePosted(
        number=1, conditions="Wrong", actions="Looking.", needs="none", next_by=at(31)
    )
    want = after(LINKED, update)
    assert want.status == "triggered"
    [note] = want.notes
    assert note.whole.startswith("[INC-1 update 1] Conditions: Wrong. Actions: Looking. Needs: none. Next ")
    assert not note.published
    for_others = update.model_copy(update={"audience": "exec", "next_by": None})
    [note] = after(LINKED, for_others).notes
    assert note.published
    assert note.whole.endswith("Needs: none.")


def test_each_turn_of_a_run_is_a_note_of_its_own() -> None:
    want = after(
        STARTED,
        events.RunPaused(why="held by ana"),
        events.RunRecovered(),
        events.RunRecovered(left_out=("restore",)),
        events.RunAborted(leaves=""),
        events.UpdateOverdue(number=1, promised=at(31)),
        events.NoteAdded(text="disk is fine"),
    )
    assert [note.text for note in want.notes][:5] == [
        "RUN-1 was started by ana.",
        "RUN-1 is on hold: held by ana",
        "RUN-1 recovered: its checks passed.",
        "RUN-1 ended without its restore.",
        "RUN-1 was aborted.",
    ]
    assert want.notes[5].text.endswith("did not come.")
    assert len({note.mark for note in want.notes}) == 6


def test_the_resolution_is_what_people_said() -> None:
    assert after().resolution == ""
    assert after(RESOLVED).resolution == "Totals are right."


def test_the_pager_hears_what_concerns_it_and_nothing_of_a_drill() -> None:
    def asks(stream: str, event: Event, of: str | None) -> bool:
        return "pager" in {effect.kind for effect in follow(entry(stream, event), of)}

    assert asks("incident/INC-1", declared(), None)
    assert asks("incident/INC-1", ASKED, None)
    assert asks("run/RUN-1", STARTED, "INC-1")
    assert not asks("incident/INC-1", LINKED, None)
    assert not asks("run/RUN-1", STARTED, "DRL-1")
