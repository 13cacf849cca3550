"""What customers would read, and what becomes of each draft."""

from __future__ import annotations

from datetime import timedelta

from inline_snapshot import snapshot

from bot.core import incident as incidents
from bot.core.cards import said
from bot.core.customers import promise, words
from bot.core.document import plain
from bot.core.effects import follow
from bot.core.events import (
    Event,
    ExternalDrafted,
    ExternalDropped,
    ExternalSent,
    ExternalTold,
    FalseAlarm,
    ImpactStated,
    IncidentResolved,
    Phase,
    PhaseChanged,
    Severity,
)
from bot.core.external import STATUS, state_of
from bot.core.incident import Incident
from bot.core.postmortem import postmortem
from tests.core.story import DECLARED, Story, at

STREAM = "incident/INC-1"
DRAFT = ExternalDrafted(status="investigating", impact="critical", title="Problem", text="We look at it.")
RESOLVED = IncidentResolved(statement="Prices are right again", data_statement="Nothing was lost.")


def told(*events: Event) -> Story:
    story = Story()
    story.tell(STREAM, at(0), "ana", DECLARED)
    for minute, event in enumerate(events, 1):
        story.tell(STREAM, at(minute), "ana", event)
    return story


def incident_of(story: Story) -> Incident:
    found = incidents.fold(story.entries)
    assert found
    return found


def incident(*events: Event) -> Incident:
    return incident_of(told(*events))


def drawn(story: Story) -> str:
    now = incidents.fold(story.entries)
    documents = [said(entry, incident=now, run=None, freeze=None) for entry in story.entries]
    return "\n\n".join(plain(document) for document in documents if document)


def test_every_phase_has_a_word_outside_and_nothing_is_good_before_it_was_seen() -> None:
    assert {phase.value: STATUS[phase] for phase in Phase} == snapshot(
        {
            "investigating": "investigating",
            "identified": "identified",
            "recovering": "identified",
            "verifying": "identified",
            "monitoring": "monitoring",
            "resolved": "resolved",
            "closed": "resolved",
        }
    )


def test_a_component_is_as_bad_as_the_incident_until_it_is_resolved() -> None:
    assert [state_of(severity, "monitoring") for severity in Severity] == [
        "major_outage",
        "partial_outage",
        "degraded_performance",
        "operational",
    ]
    assert {state_of(severity, "resolved") for severity in Severity} == {"operational"}


def test_words_are_drafted_of_what_is_known() -> None:
    impact = ImpactStated(statement="wrong prices", impact_start=at(-10))
    worse = incident(impact)
    assert words(worse, "Checkout", "investigating", at(30), at(0)) == snapshot(
        "We are investigating a problem with Checkout. What you may notice: wrong prices. It began at "
        "2026-11-23 02:00 UTC. We will say more by 02:40 UTC."
    )
    assert "We will say more by 2026-11-24 03:10 UTC." in words(
        worse, "Checkout", "investigating", at(25 * 60), at(0)
    )
    assert words(incident(), "Checkout", "identified", None, at(0)) == snapshot(
        "We know what is wrong with Checkout and are working on it. It began at 2026-11-23 02:00 UTC."
    )
    assert words(incident(), "Checkout", "monitoring", None, at(0)) == snapshot(
        "Checkout has been put right, and we are watching whether it stays so. "
        "It began at 2026-11-23 02:00 UTC."
    )
    assert words(incident(impact, RESOLVED), "Checkout", "resolved", None, at(0)) == snapshot(
        "The problem with Checkout is resolved. What you may have noticed: wrong prices. "
        "Prices are right again."
    )
    assert words(incident(FalseAlarm(why="a test")), "Checkout", "resolved", None, at(0)) == snapshot(
        "What we reported of Checkout was a false alarm."
    )


def test_more_is_promised_for_when_it_is_promised_inside_and_never_for_the_past() -> None:
    waits = incident()
    assert waits.next_update_by
    assert promise(waits, at(1)) == waits.next_update_by
    late = waits.next_update_by + timedelta(minutes=1)
    assert promise(waits, late) == late + timedelta(minutes=15)
    assert promise(incident(RESOLVED), at(5)) is None


def test_only_the_newest_draft_waits_and_an_end_is_an_end() -> None:
    later = DRAFT.model_copy(update={"replaces": 2})
    external = incident(DRAFT, later, ExternalSent(draft=3, systems=("webhook", "statuspage"))).external
    assert [(each.name, each.state) for each in external.drafts] == [("E2", "replaced"), ("E3", "sent")]
    assert external.waiting is None
    assert external.due("statuspage") == external.draft(3)
    assert external.due("elsewhere") is None
    again = incident(DRAFT, ExternalSent(draft=2, systems=("webhook",)), ExternalDropped(draft=2), DRAFT)
    assert [each.state for each in again.external.drafts] == ["dropped", "waiting"]
    assert again.external.drafts[0].open == ()
    assert incident(DRAFT, ExternalDropped(draft=9)).external.waiting


def test_a_system_that_still_tries_is_told_and_one_that_refused_is_not() -> None:
    sent = ExternalSent(draft=2, systems=("webhook", "statuspage"))
    trying = ExternalTold(draft=2, system="webhook", status="investigating", why="It is down.", trying=True)
    refused = ExternalTold(draft=2, system="statuspage", status="investigating", why="No.")
    known = incident(DRAFT, sent, trying, refused).external
    assert known.draft(2) == known.due("webhook")
    assert known.due("statuspage") is None
    assert known.pages == {}


def test_what_was_resolved_outside_is_begun_anew() -> None:
    sent = ExternalSent(draft=2, systems=("statuspage",))
    there = ExternalTold(draft=2, system="statuspage", status="investigating", key="p1")
    assert incident(DRAFT, sent, there).external.pages == {"statuspage": "p1"}
    over = there.model_copy(update={"status": "resolved"})
    assert incident(DRAFT, sent, there, over).external.pages == {"statuspage": ""}


def test_a_draft_is_shown_as_it_would_be_read_and_what_became_of_it() -> None:
    component = DRAFT.model_copy(update={"component": "k7730b5v92bv", "state": "major_outage"})
    assert drawn(told(component)) == snapshot("""\
INC-1 E2, words for customers
  Title      Problem
  Status     investigating
  Impact     critical
  Component  k7730b5v92bv is shown as major_outage
    We look at it.
@ana: nobody outside has read this. It is sent as it stands here.
  [Send to the status page]  publish send E2 inc:INC-1
  [Other words]  publish of:E2 inc:INC-1 …
  [Do not send]  publish drop E2 inc:INC-1
""")
    sent = ExternalSent(draft=3, systems=("statuspage",))
    trying = ExternalTold(
        draft=3, system="statuspage", status="investigating", why="Statuspage answered 503.", trying=True
    )
    there = ExternalTold(
        draft=3, system="statuspage", status="investigating", key="p1", url="https://s.example/p1"
    )
    refused = ExternalTold(draft=3, system="webhook", status="investigating", why="It answered 410")
    assert drawn(told(DRAFT, DRAFT, sent, trying, there, refused)) == snapshot("""\
INC-1 E2, words for customers
  Title   Problem
  Status  investigating
  Impact  critical
    We look at it.
A later draft replaced this one; it cannot be sent.


INC-1 E3, words for customers
  Title   Problem
  Status  investigating
  Impact  critical
    We look at it.
Sent by @ana at 2026-11-23 02:13:00Z


E3 has not reached Statuspage yet: Statuspage answered 503.
It is tried again by itself. To post it yourself instead, say `publish drop E3` first.


Customers are told E3 (https://s.example/p1) (investigating) by Statuspage.


E3 did not reach the webhook of the status page: It answered 410.
It is not tried again. Mend that and `publish` anew, or post it there yourself.
""")
    assert drawn(told(PhaseChanged(phase=Phase.IDENTIFIED), DRAFT, ExternalDropped(draft=3))) == snapshot("""\
@ana: Phase is now identified


INC-1 E3, words for customers
  Title   Problem
  Status  investigating
  Impact  critical
    We look at it.
Not to be sent, said @ana at 2026-11-23 02:13:00Z
""")


def test_what_is_sent_follows_and_a_draft_is_drawn_anew_once_it_cannot_be() -> None:
    def effects(event: Event) -> set[tuple[str, str]]:
        story = told(event)
        found = follow(story.entries[-1], None)
        return {(each.kind, each.subject) for each in found if each.kind in ("status-page", "resay", "say")}

    assert effects(DRAFT) == {("say", "incident/INC-1#2")}
    resaid = ("resay", "incident/INC-1#7")
    assert effects(DRAFT.model_copy(update={"replaces": 7})) == {("say", "incident/INC-1#2"), resaid}
    assert effects(ExternalSent(draft=7, systems=("webhook",))) == {("status-page", "INC-1"), resaid}
    assert effects(ExternalDropped(draft=7)) == {resaid}


def test_the_post_mortem_says_when_customers_were_first_told() -> None:
    refused = ExternalTold(draft=2, system="statuspage", status="investigating", why="No.")
    there = refused.model_copy(update={"why": "", "key": "p1"})
    noticed = ImpactStated(detected=at(0))
    unread, story = told(DRAFT, refused, noticed), told(DRAFT, refused, there, noticed)
    for each, figure in ((unread, "customers were told nothing"), (story, "3 min")):
        document = postmortem(incident_of(each), each.entries, [], [], now=at(20))
        [line] = [line for line in plain(document).splitlines() if "Time to public notice" in line]
        assert figure in line


def test_a_service_whose_title_begins_with_the_is_called_so_inside_a_sentence() -> None:
    title = "The checkout of the shop"
    assert words(incident(), title, "investigating", None, at(0)).startswith(
        "We are investigating a problem with the checkout of the shop."
    )
    assert words(incident(), title, "monitoring", None, at(0)).startswith("The checkout of the shop has been")
    assert "of the checkout of the shop was" in words(
        incident(FalseAlarm(why="a test")), title, "resolved", None, at(0)
    )
