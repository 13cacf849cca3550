"""Which alerts a run keeps silent, as its timeline says, and what people read of it."""

from __future__ import annotations

from datetime import timedelta

from inline_snapshot import snapshot

from bot.core import events
from bot.core.cards import said
from bot.core.cards.lines.silences import silence_line
from bot.core.cards.plan import plan_card
from bot.core.cards.progress import progress_card
from bot.core.document import say
from bot.core.effects import follow
from bot.core.plan import hashed
from bot.core.silence import AT_MOST, LEASE, Silence, alerts_of, mark, matchers
from playbooks.catalog import load_catalog
from tests.core.story import PLAN, Story, at, planned, shown, started
from tests.runs.stage import CATALOG

ORDERS, WEB = {"service": "orders", "environment": "production"}, {"instance": "web-1"}
QUIET = PLAN.model_copy(update={"silences": (ORDERS, WEB)})
ASKED = events.SilenceAsked(alerts=(ORDERS,), until=at(60), why="it is stopped")


def acting() -> Story:
    """Return a run whose first act began at 02:20Z."""
    story = started(QUIET)
    story.in_run(10, events.StepStarted(step="stop-writers", attempt=1, key="k"))
    return story


def states(story: Story) -> list[str]:
    """Return how each silence of the run stands."""
    words = {None: "placed", "run": "run", "person": "person", "time": "time", "elsewhere": "elsewhere"}
    known = story.run.silences.known.items()
    return [
        f"{name} {'asked' if not one.placed and not one.ended else words[one.ended]}" for name, one in known
    ]


def test_the_first_act_that_changes_something_makes_the_alerts_of_the_plan_silent() -> None:
    story = started(QUIET)
    assert story.run.silences.open == ()
    reading = QUIET.steps[2].model_copy(update={"id": "look"})
    story.in_run(
        9, events.Planned(plan=QUIET.model_copy(update={"steps": (*QUIET.steps, reading)}), hash="h")
    )
    story.in_run(9, events.StepStarted(step="look", attempt=1, key="k"))
    story.in_run(9, events.StepStarted(step="nowhere", attempt=1, key="k"))
    assert story.run.silences.open == ()
    story.in_run(10, events.StepStarted(step="stop-writers", attempt=1, key="k"))
    found = story.run.silences.open
    assert [each.labels for each in found] == [ORDERS, WEB]
    assert {each.until for each in found} == {at(10) + AT_MOST}
    story.in_run(20, events.StepStarted(step="restore", attempt=1, key="k"))
    assert story.run.silences.open == found


def test_without_a_plan_of_silence_nothing_is_silent() -> None:
    story = started()
    story.in_run(10, events.StepStarted(step="stop-writers", attempt=1, key="k"))
    assert story.run.silences.open == ()
    assert "silences" not in hashed(PLAN)
    assert hashed(QUIET)["silences"] == [ORDERS, WEB]


def test_what_a_person_lifted_stays_heard_until_somebody_asks_anew() -> None:
    story = started(QUIET)
    story.in_run(9, events.SilenceLifted(), by="bo")
    story.in_run(10, events.StepStarted(step="stop-writers", attempt=1, key="k"))
    assert story.run.silences.open == ()
    asked = story.in_run(11, ASKED, by="cy")
    [one] = story.run.silences.open
    assert (one.labels, one.number, one.until, one.by) == (ORDERS, asked.seq, at(60), "cy")
    story.in_run(12, events.SilenceLifted(), by="bo")
    again = story.in_run(13, ASKED, by="cy")
    [one] = story.run.silences.open
    assert (one.number, one.lifted) == (again.seq, False)


def test_who_asks_for_more_moves_the_end_of_what_is_silent_already() -> None:
    story = acting()
    first = story.run.silences.open[0]
    story.in_run(12, events.SilencePlaced(labels=ORDERS, until=first.until))
    story.in_run(13, ASKED.model_copy(update={"until": at(600)}), by="cy")
    now = story.run.silences.open[0]
    assert (now.number, now.placed, now.until, now.by) == (first.number, True, at(600), "cy")


def test_what_ended_in_alertmanager_does_not_begin_again_by_itself() -> None:
    story = acting()
    story.in_run(11, events.SilencePlaced(labels=ORDERS, until=at(100)))
    story.in_run(12, events.SilenceEnded(labels=ORDERS, because="elsewhere"))
    story.in_run(20, events.StepStarted(step="restore", attempt=1, key="k"))
    assert states(story) == [
        '{environment="production", service="orders"} elsewhere',
        '{instance="web-1"} asked',
    ]
    story.in_run(21, events.SilenceEnded(labels={"nobody": "knows"}, because="run"))
    assert len(states(story)) == 2


def test_a_silence_is_wanted_until_its_time_or_its_run_or_somebody_ends_it() -> None:
    one = Silence(ORDERS, 7, until=at(60), by="cy")
    assert one.over(at(59), run_over=False) is None
    assert one.over(at(60), run_over=False) == "time"
    assert one.over(at(1), run_over=True) == "run"
    assert Silence(ORDERS, 7, until=at(60), by="cy", lifted=True).over(at(1), run_over=True) == "person"
    assert one.lasts(at(0)) == at(0) + LEASE
    assert one.lasts(at(50) + timedelta(microseconds=7)) == at(60)


def test_alerts_that_others_among_them_cover_need_no_silence_of_their_own() -> None:
    kind = "{kind: stage, environment: production"
    text = CATALOG.replace(f"orders-db: {kind}", f"orders-db: {kind}, alerts: {{service: orders, part: db}}")
    catalog = load_catalog(text.replace(f"shop: {kind}", f"shop: {kind}, alerts: {{service: orders}}"), "c")
    assert alerts_of(catalog, ["orders-db", "shop", "nowhere"]) == ({"service": "orders"},)
    assert alerts_of(catalog, ["shop", "shop"]) == ({"service": "orders"},)
    assert alerts_of(load_catalog(CATALOG, "c"), ["orders-db"]) == ()


def test_a_mark_is_of_one_silence_of_one_run() -> None:
    one, later = Silence(ORDERS, 7, at(60), "cy"), Silence(ORDERS, 9, at(60), "cy")
    assert matchers(ORDERS) == '{environment="production", service="orders"}'
    marks = {
        mark("RUN-1", at(0), one), mark("RUN-1", at(0), later), mark("RUN-1", at(1), one),
        mark("RUN-1", at(0), Silence(WEB, 7, at(60), "cy")),
    }  # fmt: skip
    assert len(marks) == 4
    assert all(each.startswith("backstop RUN-1 ") for each in marks)


def test_the_end_of_a_run_and_what_people_say_of_its_silence_are_acted_on() -> None:
    story = acting()
    wanted = (ASKED, events.SilenceLifted(), events.RunRecovered(), events.RunAborted(leaves="x"))
    for event in (*wanted, events.SilencePlaced(labels=ORDERS, until=at(60))):
        kinds = {effect.kind for effect in follow(story.in_run(20, event), "INC-1")}
        assert ("silence" in kinds) == (event in wanted)


def test_the_plan_and_the_run_say_which_alerts_are_silent() -> None:
    before = planned(QUIET)
    told = shown(plan_card(before.run, before.incident, now=at(7)))
    assert (
        'alerts with {environment="production", service="orders"} or {instance="web-1"}, from its first act '
        "until the run ends, for 4 h at most"
    ) in " ".join(told.split())
    story = acting()
    story.in_run(11, events.SilencePlaced(labels=ORDERS, until=at(250)))
    story.in_run(11, events.SilenceTroubled(why="Alertmanager cannot be reached."))

    def card() -> list[str]:
        lines = shown(progress_card(story.run, story.incident, latest={}, now=at(12))).split("\n")
        seen = [
            line.strip() for line in lines if "ilent" in line or "Alertmanager" in line or "alerts" in line
        ]
        return [line.replace("2026-11-23 ", "") for line in seen]

    assert card() == snapshot(
        [
            '• Silent: alerts with {environment="production", service="orders"} until 06:20:00Z at',
            '• To be silent: alerts with {instance="web-1"} until 06:20:00Z at the latest, as the',
            "• Alertmanager does not do what it is asked: Alertmanager cannot be reached.",
            "[Let alerts be heard]  silence end RUN-1",
        ]
    )
    story.in_run(13, events.SilenceLifted(), by="bo")
    assert card() == snapshot(
        [
            '• Silent: alerts with {environment="production", service="orders"} for now: somebody wants them',
            '• To be silent: alerts with {instance="web-1"} for now: somebody wants them heard',
            "• Alertmanager does not do what it is asked: Alertmanager cannot be reached.",
        ]
    )


def test_who_asked_for_silence_is_named() -> None:
    assert say(silence_line(Silence(WEB, 7, at(60), "cy", placed=True))) == snapshot(
        'Silent: alerts with {instance="web-1"} until 2026-11-23 03:10:00Z at the latest, said @cy'
    )


def test_what_the_thread_of_the_run_reads() -> None:
    story = acting()
    told = [
        (ASKED, "cy"),
        (events.SilencePlaced(labels=ORDERS, until=at(60)), "backstop"),
        (events.SilenceTroubled(why="Alertmanager cannot be reached."), "backstop"),
        (events.SilenceTroubled(), "backstop"),
        (events.SilenceEnded(labels=WEB, because="elsewhere"), "backstop"),
        (events.SilenceLifted(why="it is over"), "bo"),
        (events.SilencePlaced(labels=WEB, until=at(60)), "backstop"),
        (events.RunAborted(leaves="x"), "ana"),
        (events.SilenceTroubled(why="Alertmanager answered 503 to DELETE."), "backstop"),
    ]
    read = []
    for event, by in told:
        entry = story.in_run(20, event, by=by)
        if not isinstance(event, events.RunAborted):
            read.append(shown(said(entry, incident=story.incident, run=story.run, freeze=None)))
    assert "\n".join(read) == snapshot("""\
@cy: Alerts with {environment="production", service="orders"} are to be silent until 2026-11-23
        03:10:00Z: it is stopped

Alerts with {environment="production", service="orders"} are silent until 2026-11-23 03:10:00Z at
        the latest
  [Let alerts be heard]  silence end RUN-1

Alertmanager does not do what it is asked: Alertmanager cannot be reached.
A silence that is in force ends by itself within 15 min. It is tried again by itself, and RUN-1 goes
        on all the same.

Alertmanager does what it is asked again

Alerts with {instance="web-1"} are no longer silent: somebody ended it in Alertmanager
It is not put back. `silence RUN-1 for:1h why:"…"` does that.

@bo: Its alerts are to be heard again: it is over

Alerts with {instance="web-1"} are silent until 2026-11-23 03:10:00Z at the latest

Alertmanager does not do what it is asked: Alertmanager answered 503 to DELETE.
A silence that is in force ends by itself within 15 min. It is tried again by itself.
""")
