"""The timeline keeps every acknowledged event, in order, once, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from importlib import import_module

import pytest
from sqlalchemy import text

from bot.core.effects import Effect
from bot.core.errors import Conflict
from bot.core.estimate import Act, Measurement, Took
from bot.core.events import (
    Event,
    FalseAlarm,
    FreezePlaced,
    IncidentClosed,
    IncidentDeclared,
    IncidentReopened,
    IncidentResolved,
    Merged,
    NoteAdded,
    PlanAsked,
    PlanAttached,
    ReleaseRecorded,
    Scope,
    Severity,
    StepSucceeded,
    TargetHeld,
)
from bot.timeline import AlreadyAnswered, Change, Delivery, Timeline
from integrations.contract import Measured
from tests.clock import Clock

REVIEWED = import_module("bot.migrations.versions.0009_what_was_reviewed").CLOSED
DECLARED = IncidentDeclared(
    title="Orders are wrong",
    severity=Severity.SEV1,
    service="checkout",
    environment="production",
    commander="ana",
)


async def declare(timeline: Timeline, id: str = "INC-1") -> None:
    await timeline.append({f"incident/{id}": Change(0, (DECLARED,))}, by="ana", via="test")


async def test_events_come_back_in_the_order_they_were_appended(timeline: Timeline) -> None:
    await declare(timeline)
    await timeline.append(
        {"incident/INC-1": Change(1, (NoteAdded(text="one"), NoteAdded(text="two")))}, by="bo", via="test"
    )

    entries = await timeline.read("incident/INC-1")

    assert [entry.seq for entry in entries] == [1, 2, 3]
    assert entries[0].event == DECLARED
    assert entries[2].event == NoteAdded(text="two")
    assert entries[2].by == "bo"


async def test_of_concurrent_appends_at_the_same_place_exactly_one_succeeds(timeline: Timeline) -> None:
    await declare(timeline)

    async def note(number: int) -> bool:
        try:
            change = {"incident/INC-1": Change(1, (NoteAdded(text=str(number)),))}
            await timeline.append(change, by="bo", via="test")
        except Conflict:
            return False
        return True

    outcomes = await asyncio.gather(*(note(number) for number in range(8)))

    assert outcomes.count(True) == 1
    assert len(await timeline.read("incident/INC-1")) == 2


async def test_several_streams_are_appended_together_or_not_at_all(timeline: Timeline) -> None:
    await declare(timeline)
    asked = PlanAsked(incident="INC-1", playbook="p", service="checkout", environment="production")

    with pytest.raises(Conflict):
        await timeline.append(
            {"run/RUN-1": Change(0, (asked,)), "incident/INC-1": Change(7, (NoteAdded(text="late"),))},
            by="ana",
            via="test",
        )

    assert await timeline.read("run/RUN-1") == []
    assert await timeline.lookup.runs(only_open=True) == []


async def test_a_delivery_that_comes_again_is_answered_as_the_first_time(timeline: Timeline) -> None:
    first = Delivery("Ev1", {"text": "INC-1 is open"})
    await timeline.append({"incident/INC-1": Change(0, (DECLARED,))}, by="ana", via="slack", delivery=first)

    with pytest.raises(AlreadyAnswered) as again:
        await timeline.append(
            {"incident/INC-2": Change(0, (DECLARED,))},
            by="ana",
            via="slack",
            delivery=Delivery("Ev1", {"text": "INC-2 is open"}),
        )

    assert again.value.answer == {"text": "INC-1 is open"}
    assert await timeline.read("incident/INC-2") == []


async def test_effects_are_written_with_the_events_they_follow_from(timeline: Timeline, clock: Clock) -> None:
    await declare(timeline)

    due = {effect.key for effect in await timeline.effects.heads() if effect.not_before <= clock()}

    own = {f"{kind}:INC-1" for kind in ("ahead", "room", "card", "tracker", "probe", "pager")}
    assert due == {*own, "homes:people"}


async def test_an_effect_asked_for_again_while_it_is_done_is_done_again(timeline: Timeline) -> None:
    await declare(timeline)
    card = next(e for e in await timeline.effects.heads() if e.kind == "card")
    await timeline.append({"incident/INC-1": Change(1, (NoteAdded(text="more"),))}, by="bo", via="test")

    await timeline.effects.done(card)

    assert "card:INC-1" in {effect.key for effect in await timeline.effects.heads()}


async def test_verify_names_the_entry_whose_text_was_changed(timeline: Timeline) -> None:
    await declare(timeline)
    assert await timeline.verify() == []

    async with timeline._engine.begin() as connection:
        await connection.execute(text("UPDATE entry SET event = replace(event, 'wrong', 'fine')"))

    assert await timeline.verify() == ["incident/INC-1 entry 1: its text was changed"]


@pytest.mark.parametrize(
    ("column", "spoilt", "says"),
    [
        ("event", "{nope", "incident/INC-1 entry 1: its text was changed"),
        ("event", "[]", "incident/INC-1 entry 1: its text was changed"),
        ("event", "", "incident/INC-1 entry 1: its text was changed"),
        ("kind", "note-added", "incident/INC-1 entry 1: its kind was changed"),
    ],
)
async def test_verify_names_an_entry_that_was_spoilt(
    timeline: Timeline, column: str, spoilt: str, says: str
) -> None:
    await declare(timeline)
    async with timeline._engine.begin() as connection:
        await connection.execute(text(f"UPDATE entry SET {column} = :spoilt"), {"spoilt": spoilt})
    assert await timeline.verify() == [says]


async def test_verify_notices_that_the_last_entries_are_gone(timeline: Timeline) -> None:
    await declare(timeline)
    await timeline.append({"incident/INC-1": Change(1, (NoteAdded(text="more"),))}, by="bo", via="test")

    async with timeline._engine.begin() as connection:
        await connection.execute(text("DELETE FROM entry WHERE seq = 2"))

    assert await timeline.verify() == ["incident/INC-1: the last entries are missing"]


async def test_a_redacted_payload_does_not_break_the_chain(timeline: Timeline) -> None:
    await declare(timeline)
    async with timeline._engine.begin() as connection:
        await connection.execute(text("UPDATE entry SET event = NULL, salt = NULL"))

    assert await timeline.verify() == []
    assert (await timeline.read("incident/INC-1"))[0].event is None


async def test_rebuild_draws_the_same_projections(timeline: Timeline) -> None:
    await declare(timeline)
    await declare(timeline, "INC-2")
    before = await timeline.lookup.incidents(only_open=True)

    async with timeline._engine.begin() as connection:
        await connection.execute(text("DELETE FROM incident"))
        await connection.execute(text("DELETE FROM stream"))
    replayed = await timeline.rebuild()

    assert replayed == 2
    assert await timeline.lookup.incidents(only_open=True) == before
    assert await timeline.verify() == []


CLOSED = IncidentClosed(backup_availability="helped", recovery_speed="helped")
RESOLVED = IncidentResolved(statement="Right again.", data_statement="nothing")
REOPENED = IncidentReopened(why="It is back")


@pytest.mark.parametrize(
    ("events", "waits"),
    [
        ((), []),
        ((RESOLVED,), ["INC-1"]),
        ((RESOLVED, CLOSED), []),
        ((FalseAlarm(why="A test"),), []),
        ((Merged(into="INC-2", why="The same event"),), []),
        ((RESOLVED, CLOSED, REOPENED), []),
        ((RESOLVED, CLOSED, REOPENED, RESOLVED), ["INC-1"]),
    ],
)
async def test_what_is_resolved_waits_for_its_review_until_it_is_closed(
    timeline: Timeline, events: tuple[Event, ...], waits: list[str]
) -> None:
    await declare(timeline)
    await timeline.append({"incident/INC-1": Change(1, events)} if events else {}, by="ana", via="test")
    assert await timeline.lookup.unreviewed(5) == waits
    assert await timeline.lookup.unreviewed(0) == []
    # What was recorded before the column was there is told from the entries, as the migration does.
    async with timeline._engine.begin() as connection:
        await connection.execute(text("UPDATE incident SET reviewed = false"))
        await connection.execute(text(REVIEWED))
    assert await timeline.lookup.unreviewed(5) == waits
    assert await timeline.drift() == []


async def succeeded(
    timeline: Timeline, run: str = "RUN-1", target: str = "orders-db", amount: int = 5
) -> Took:
    """Let a step of a run end that took two phases, and return how long it took."""
    act = Act("sqlite.restore", "", target)
    took = Took(act, drill=False, phases=(Measured("copying", 2.125, amount), Measured("swapped", 0.1)))
    done = StepSucceeded(step="restore", attempt=1, took=took)
    asked = PlanAsked(incident="INC-1", playbook="p", service="checkout", environment="production")
    await timeline.append({f"run/{run}": Change(0, (asked, done))}, by="backstop", via="run")
    return took


async def test_how_long_operations_took_is_found_newest_first(timeline: Timeline, clock: Clock) -> None:
    await declare(timeline)
    first = Measurement(clock(), await succeeded(timeline), "RUN-1")
    clock.advance(60)
    second = Measurement(clock(), await succeeded(timeline, "RUN-2", "archive", 7 * 2**40), "RUN-2")

    assert await timeline.lookup.measurements({"sqlite.restore", "sqlite.backup"}) == [second, first]
    assert await timeline.lookup.measurements({"sqlite.backup"}) == []
    assert await timeline.lookup.measurements(()) == []
    await timeline.rebuild()
    assert await timeline.lookup.measurements({"sqlite.restore"}) == [second, first]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ('DELETE FROM "freeze"', "the table freeze is not what the entries say of FRZ-1"),
        ('UPDATE "freeze" SET in_force = :no', "the table freeze is not what the entries say of FRZ-1"),
        ("UPDATE incident SET open = :no", "the table incident is not what the entries say of INC-1"),
        ("INSERT INTO held VALUES ('db', 'RUN-9')", "the table held is not what the entries say of db"),
        ("UPDATE measurement SET seconds = 1", "the table measurement is not what the entries say of RUN-1"),
        (
            "UPDATE release SET version = '0'",
            "the table release is not what the entries say of checkout",
        ),
    ],
)
async def test_a_projection_that_says_something_else_is_noticed_and_mended_by_rebuild(
    timeline: Timeline, spoil: str, says: str
) -> None:
    await declare(timeline)
    placed = FreezePlaced(scope=Scope(services=("checkout",)), why="calm", incident="INC-1", lift="by_hand")
    shipped = ReleaseRecorded(version="2.3.0", environment="production")
    changes = {"freeze/FRZ-1": Change(0, (placed,)), "service/checkout": Change(0, (shipped,))}
    await timeline.append(changes, by="ana", via="test")
    await succeeded(timeline)
    assert await timeline.drift() == []

    async with timeline._engine.begin() as connection:
        await connection.execute(text(spoil), {"no": False} if ":no" in spoil else {})

    assert await timeline.drift() == [says]
    await timeline.rebuild()
    assert await timeline.drift() == []


async def erase(timeline: Timeline, stream: str, *tables: str) -> None:
    """Remove the entries of a stream, and every row that names it from some tables."""
    id = stream.partition("/")[2]
    async with timeline._engine.begin() as connection:
        await connection.execute(text("DELETE FROM entry WHERE stream = :it"), {"it": stream})
        if "stream" in tables:
            await connection.execute(text("DELETE FROM stream WHERE name = :it"), {"it": stream})
        if "effect" in tables:
            await connection.execute(text("DELETE FROM effect WHERE subject LIKE :it"), {"it": f"%{id}%"})
        if "incident" in tables:
            await connection.execute(text("DELETE FROM incident WHERE id = :it"), {"it": id})
        if "run" in tables:
            await connection.execute(text("DELETE FROM run WHERE id = :it"), {"it": id})


async def test_verify_notices_a_number_that_was_skipped(timeline: Timeline) -> None:
    for id in ("INC-1", "INC-2", "INC-3"):
        await declare(timeline, id)
    await erase(timeline, "incident/INC-2", "stream", "effect", "incident")

    assert await timeline.verify() == ["incident/INC-2: every entry is missing, yet INC-3 came after it"]


@pytest.mark.parametrize(
    ("erased", "sign"),
    [
        (("effect", "incident"), "the list of streams"),
        (("stream", "effect"), "the table incident"),
        (("stream", "incident"), "an effect"),
    ],
)
async def test_verify_notices_what_speaks_of_a_stream_without_entries(
    timeline: Timeline, erased: tuple[str, ...], sign: str
) -> None:
    await declare(timeline)
    await erase(timeline, "incident/INC-1", *erased)

    assert await timeline.verify() == [f"incident/INC-1: every entry is missing, yet {sign} speaks of it"]


async def test_verify_notices_an_entry_that_speaks_of_a_stream_without_entries(timeline: Timeline) -> None:
    await declare(timeline)
    asked = PlanAsked(incident="INC-1", playbook="p", service="checkout", environment="production")
    attached = PlanAttached(run="RUN-1", playbook="p")
    changes = {"run/RUN-1": Change(0, (asked,)), "incident/INC-1": Change(1, (attached,))}
    await timeline.append(changes, by="ana", via="test")
    assert await timeline.verify() == []

    await erase(timeline, "run/RUN-1", "stream", "effect", "run")

    sign = "incident/INC-1 entry 2 speaks of it"
    assert await timeline.verify() == [f"run/RUN-1: every entry is missing, yet {sign}"]


async def test_verify_of_a_timeline_that_grows_meanwhile_finds_nothing(timeline: Timeline) -> None:
    await declare(timeline)

    async def grow() -> None:
        for seq in range(1, 20):
            note = Change(seq, (NoteAdded(text="more"),))
            await timeline.append({"incident/INC-1": note}, by="bo", via="test")

    growing = asyncio.create_task(grow())
    while not growing.done():
        assert await timeline.verify() == []
    await growing


async def test_verify_looks_at_targets_and_services_too(timeline: Timeline) -> None:
    held = TargetHeld(run="RUN-1", step="restore", attempt=1)
    await timeline.append({"target/orders-db": Change(0, (held,))}, by="backstop", via="run")
    await erase(timeline, "target/orders-db", "stream")

    assert await timeline.verify() == [
        "run/RUN-1: every entry is missing, yet the table held speaks of it",
        "target/orders-db: every entry is missing, yet the table held speaks of it",
    ]


async def test_whoever_listens_is_told_of_effects_that_follow_from_no_event(timeline: Timeline) -> None:
    told: list[None] = []
    timeline.listen(lambda: told.append(None))
    await timeline.effects.ask(Effect("home", "U0ANA", "home/U0ANA"))
    assert len(told) == 1
