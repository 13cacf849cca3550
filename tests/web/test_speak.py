"""What changes something over HTTP."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from bot.commands import say
from bot.core.events import IncidentDeclared, NoteAdded, ReleaseRecorded
from bot.core.may import Actor
from tests.clock import Clock
from tests.web.door import DECLARED, Door

DECLARE = {"line": 'declare "Orders are wrong" svc:checkout sev:1'}
RELEASE = {"service": "checkout", "environment": "production", "version": "2.4.0", "commit": "ab12"}


async def test_a_line_is_carried_out_and_answered_as_text_document_and_data(any_door: Door) -> None:
    reply = await any_door.post("/v1/say", DECLARE, await any_door.token("ana", "say"))

    assert reply.status == 200
    assert reply.json["ok"] is True
    assert "INC-1 is open: Orders are wrong." in str(reply.json["text"])
    assert reply.json["data"] == {
        "incident": "INC-1",
        "url": "https://backstop.example/incidents/INC-1",
    }
    [declared] = await any_door.timeline.read("incident/INC-1")
    assert isinstance(declared.event, IncidentDeclared)


async def test_a_refusal_is_an_answer_that_says_why(door: Door) -> None:
    reply = await door.post("/v1/say", {"line": "declre x"}, await door.token("ana", "say"))

    assert (reply.status, reply.json["ok"]) == (200, False)
    assert "Did you mean `declare`?" in str(reply.json["text"])


@pytest.mark.parametrize("how", ["header", "body"])
async def test_the_same_key_gets_the_first_answer_and_changes_nothing(any_door: Door, how: str) -> None:
    token = await any_door.token("ana", "say")
    body = {**DECLARE, "delivery": "k1"} if how == "body" else DECLARE
    headers = {"Idempotency-Key": "k1"} if how == "header" else {}

    replies = [await any_door.post("/v1/say", body, token, headers=headers) for _ in range(3)]

    assert len({reply.text for reply in replies}) == 1
    assert len(await any_door.timeline.lookup.incidents(only_open=True)) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"line": 'note "another line"'},
        {**DECLARE, "channel": "C1"},
        {"line": "declre x"},
    ],
)
async def test_a_key_that_stood_for_another_line_is_refused_and_the_line_is_not_carried_out(
    any_door: Door, other: dict[str, str]
) -> None:
    token, headers = await any_door.token("ana", "say"), {"Idempotency-Key": "k1"}
    first = await any_door.post("/v1/say", DECLARE, token, headers=headers)

    reply = await any_door.post("/v1/say", other, token, headers=headers)

    assert reply.status == 409
    assert reply.json["error"] == "This key came before with something else: nothing was done."
    assert "key of its own" in str(reply.json["what_next"])
    assert len(await any_door.timeline.read("incident/INC-1")) == 1
    again = await any_door.post("/v1/say", DECLARE, token, headers=headers)
    assert (again.status, again.text) == (200, first.text)


async def test_a_key_whose_line_was_refused_stands_for_that_line_too(door: Door) -> None:
    token, headers = await door.token("ana", "say"), {"Idempotency-Key": "k1"}
    refused = await door.post("/v1/say", {"line": "sev 1 why:x"}, token, headers=headers)
    assert refused.json["ok"] is False

    assert (await door.post("/v1/say", DECLARE, token, headers=headers)).status == 409


async def test_two_lines_under_one_key_at_once_are_one_line(any_door: Door) -> None:
    token, headers = await any_door.token("ana", "say"), {"Idempotency-Key": "k1"}
    lines = [{"line": f'declare "Title {number}"'} for number in range(4)]
    bodies = [{"line": f"{body['line']} svc:checkout"} for body in lines]

    replies = await asyncio.gather(
        *(any_door.post("/v1/say", body, token, headers=headers) for body in bodies)
    )

    assert sorted(reply.status for reply in replies) == [200, 409, 409, 409]
    assert len(await any_door.timeline.lookup.incidents(only_open=True)) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/say", '{"line": "help", "line": "ping"}'),
        ("/v1/say", '{"line": [[1]], "line": "ping"}'),
        ("/v1/say", '{"line": "help", "l\\u0069ne": "ping"}'),
        (
            "/v1/releases",
            '{"service": "checkout", "environment": "production", "version": "1", "version": "2"}',
        ),
    ],
)
async def test_a_name_that_is_there_twice_in_a_body_is_refused(door: Door, path: str, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    reply = await door.ask("POST", path, await door.token("ana", "say", "gate"), data=body, headers=headers)

    assert reply.status == 400
    assert "is there twice" in str(reply.json["error"])
    assert await door.timeline.read("service/checkout") == []


async def test_a_release_under_the_key_of_another_release_is_refused(any_door: Door, clock: Clock) -> None:
    token, headers = await any_door.token("ci", "gate"), {"Idempotency-Key": "k1"}
    assert (await any_door.post("/v1/releases", RELEASE, token, headers=headers)).status == 201
    other = {**RELEASE, "version": "2.5.0"}
    clock.advance(60)

    assert (await any_door.post("/v1/releases", other, token, headers=headers)).status == 409
    assert (await any_door.post("/v1/releases", other, token)).status == 201
    assert (await any_door.post("/v1/releases", other, token, headers=headers)).status == 409
    again = await any_door.post("/v1/releases", RELEASE, token, headers=headers)
    assert (again.status, again.json["recorded"]) == (200, False)


async def test_the_same_key_sent_many_times_at_once_is_carried_out_once(any_door: Door) -> None:
    token = await any_door.token("ana", "say")
    headers = {"Idempotency-Key": "k1"}

    replies = await asyncio.gather(
        *(any_door.post("/v1/say", DECLARE, token, headers=headers) for _ in range(8))
    )

    assert {reply.json["ok"] for reply in replies} == {True}
    assert len({reply.text for reply in replies}) == 1
    assert len(await any_door.timeline.lookup.incidents(only_open=True)) == 1


async def test_a_key_of_one_caller_tells_nothing_to_another(door: Door) -> None:
    headers = {"Idempotency-Key": "k1"}
    await door.post("/v1/say", DECLARE, await door.token("ana", "say"), headers=headers)

    reply = await door.post("/v1/say", {"line": "help"}, await door.token("bo", "say"), headers=headers)

    assert "What you can say" in str(reply.json["text"])


async def test_a_key_of_one_address_is_another_at_another(door: Door) -> None:
    token, headers = await door.token("ana", "say", "gate"), {"Idempotency-Key": "k1"}

    assert (await door.post("/v1/say", DECLARE, token, headers=headers)).status == 200
    assert (await door.post("/v1/releases", RELEASE, token, headers=headers)).status == 201


async def test_without_a_key_every_line_is_said_anew(door: Door) -> None:
    token = await door.token("ana", "say")

    for _ in range(2):
        await door.post("/v1/say", DECLARE, token)

    assert len(await door.timeline.lookup.incidents(only_open=True)) == 2


async def test_one_human_by_slack_and_by_token_is_one_actor(door: Door) -> None:
    catalog = door.desk.shelf.catalog()
    by_slack = catalog.person("<@U0ANA>")
    assert by_slack
    in_slack = Actor(by_slack, groups=frozenset(catalog.groups_of(by_slack)))
    await say(door.desk, DECLARE["line"], who=in_slack, via="slack", delivery="Ev1")

    await door.post("/v1/say", {"line": 'note "by token" inc:INC-1'}, await door.token("ana", "say"))

    entries = await door.timeline.read("incident/INC-1")
    assert {entry.by for entry in entries} == {"ana"}
    assert [entry.via for entry in entries] == ["slack", "http"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'{"line": 7}', 400),
        (b'{"line": "help", "who": "ana"}', 400),
        (b'{"line": "help", "delivery": "with blank"}', 400),
        (b'{"line": "help", "channel": "general"}', 400),
        (b'{"line": "\\ud800"}', 400),
        (b'{"line": "\xff"}', 400),
        (b'{"line": "' + b"a" * 250_000 + b'"}', 400),
        (b'{"line": "' + b"a" * 300_000 + b'"}', 413),
    ],
)
async def test_a_body_that_cannot_be_read_changes_nothing(door: Door, body: bytes, status: int) -> None:
    token = await door.token("ana", "say")

    reply = await door.ask("POST", "/v1/say", token, data=body, headers={"Content-Type": "application/json"})

    assert reply.status == status
    assert set(reply.json) == {"error", "what_next"}
    assert len(reply.text) < 1000


async def test_a_body_in_pieces_is_bounded_as_well(door: Door) -> None:
    async def pieces():  # type: ignore[no-untyped-def]
        for _ in range(40):
            yield b"a" * 10_000

    token = await door.token("ana", "say")
    reply = await door.ask(
        "POST", "/v1/say", token, data=pieces(), headers={"Content-Type": "application/json"}
    )

    assert reply.status == 413


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_a_body_that_a_foreign_page_could_send_is_refused(door: Door, kind: str) -> None:
    token = await door.token("ana", "say")

    reply = await door.ask("POST", "/v1/say", token, data=b'{"line": "help"}', headers={"Content-Type": kind})

    assert reply.status == 415


@pytest.mark.parametrize("key", ["", "with blank", "ä", "a" * 129])
async def test_a_key_that_is_none_is_refused(door: Door, key: str) -> None:
    token = await door.token("ana", "say")

    reply = await door.post("/v1/say", DECLARE, token, headers={"Idempotency-Key": key})

    assert reply.status == 400
    assert await door.timeline.lookup.incidents(only_open=True) == []


async def test_a_channel_says_which_incident_is_meant(door: Door) -> None:
    from bot.core.events import RoomOpened

    await door.write("incident/INC-1", DECLARED, RoomOpened(channel="C1", name="inc-1"))
    await door.write("incident/INC-2", DECLARED, RoomOpened(channel="C2", name="inc-2"))
    token = await door.token("ana", "say")

    reply = await door.post("/v1/say", {"line": 'note "here"', "channel": "C2"}, token)

    assert reply.json["ok"] is True, reply.text
    assert [e.event for e in await door.timeline.read("incident/INC-2")][-1] == NoteAdded(text="here")


async def test_a_release_is_recorded_once(any_door: Door) -> None:
    token = await any_door.token("ci", "gate")

    first = await any_door.post("/v1/releases", RELEASE, token)
    again = await any_door.post("/v1/releases", {**RELEASE, "service": "shop"}, token)

    assert (first.status, first.json["recorded"]) == (201, True)
    assert (again.status, again.json["recorded"]) == (200, False)
    [entry] = await any_door.timeline.read("service/checkout")
    assert entry.event == ReleaseRecorded(
        version="2.4.0", environment="production", commit="ab12", change="code"
    )
    assert entry.by == "ci"


async def test_a_release_is_kept_with_its_migrations_and_where_it_can_be_had(
    any_door: Door, clock: Clock
) -> None:
    token, went_out = await any_door.token("ci", "gate"), clock() - timedelta(minutes=3)
    more = {
        "change": "schema",
        "migrations": ["m7", {"name": "m8", "reversible": False}, {"name": "m9", "reversible": True}],
        "components": ["api"],
        "artifact": "registry.example/checkout:2.4.0",
        "previous": "2.3.0",
        "at": went_out.isoformat(),
        "out_of_pipeline": True,
    }

    assert (await any_door.post("/v1/releases", {**RELEASE, **more}, token)).status == 201

    [entry] = await any_door.timeline.read("service/checkout")
    assert entry.event == ReleaseRecorded(
        version="2.4.0",
        environment="production",
        commit="ab12",
        migrations=("m7", "m8", "m9"),
        change="schema",
        reversible={"m8": False, "m9": True},
        components=("api",),
        artifact="registry.example/checkout:2.4.0",
        previous="2.3.0",
        out_of_pipeline=True,
    )
    assert entry.occurred_at == went_out


async def test_no_migrations_are_told_from_migrations_nobody_named(door: Door, clock: Clock) -> None:
    token = await door.token("ci", "gate")
    for version, more in (("1", {}), ("2", {"migrations": []})):
        clock.advance(60)
        await door.post("/v1/releases", {**RELEASE, **more, "version": version}, token)

    unsaid, none = [entry.event for entry in await door.timeline.read("service/checkout")]
    assert isinstance(unsaid, ReleaseRecorded)
    assert isinstance(none, ReleaseRecorded)
    assert (unsaid.reversible, none.reversible) == (None, {})


async def test_a_release_told_late_and_again_is_known_by_its_moment(door: Door, clock: Clock) -> None:
    token = await door.token("ci", "gate")
    late = {**RELEASE, "version": "2.3.0", "at": (clock() - timedelta(hours=1)).isoformat()}
    await door.post("/v1/releases", RELEASE, token)

    statuses = [(await door.post("/v1/releases", late, token)).status for _ in range(2)]

    assert statuses == [201, 200]
    assert len(await door.timeline.read("service/checkout")) == 2


async def test_a_clock_that_is_a_little_fast_records_no_future(door: Door, clock: Clock) -> None:
    token = await door.token("ci", "gate")
    soon, far = ((clock() + timedelta(minutes=n)).isoformat() for n in (4, 6))

    assert (await door.post("/v1/releases", {**RELEASE, "at": far}, token)).status == 400
    assert (await door.post("/v1/releases", {**RELEASE, "at": soon}, token)).status == 201

    [entry] = await door.timeline.read("service/checkout")
    assert entry.occurred_at == clock()


async def test_a_moment_from_a_fast_clock_is_told_as_taken_and_known_again_under_another_key(
    door: Door, clock: Clock
) -> None:
    token = await door.token("ci", "gate")
    at = clock() + timedelta(minutes=4)
    said = {**RELEASE, "at": at.isoformat()}
    notes: list[object] = []
    for key, minutes in (("one", 2), ("two", 10), ("three", 0)):
        answer = await door.post("/v1/releases", said, token, headers={"Idempotency-Key": key})
        notes.append((answer.status, answer.json["note"]))
        clock.advance(minutes * 60)

    note = (
        "It was said to go out 2026-11-23 02:14:00Z, which lay ahead of the clock here, "
        "and was taken as 2026-11-23 02:10:00Z."
    )
    assert notes == [(201, note), (200, note), (200, note)]
    [entry] = await door.timeline.read("service/checkout")
    assert entry.event
    assert entry.event.model_dump()["said_at"] == at

    line = f"release record checkout version:{RELEASE['version']} env:production commit:ab12 at:02:14"
    reply = await door.post("/v1/say", {"line": line}, await door.token("ana", "say"))
    assert note in str(reply.json["text"])


async def test_a_retry_from_a_fast_clock_adds_nothing_and_another_moment_does(
    door: Door, clock: Clock
) -> None:
    token = await door.token("ci", "gate")
    soon, before = ((clock() + timedelta(minutes=n)).isoformat() for n in (4, -120))
    statuses: list[int] = []
    for at in (soon, soon, before, before):
        statuses.append((await door.post("/v1/releases", {**RELEASE, "at": at}, token)).status)
        clock.advance(2)

    assert statuses == [201, 200, 201, 200]


async def test_a_release_sent_many_times_at_once_is_recorded_once(any_door: Door) -> None:
    token = await any_door.token("ci", "gate")

    replies = await asyncio.gather(*(any_door.post("/v1/releases", RELEASE, token) for _ in range(8)))

    assert sorted(reply.status for reply in replies) == [200] * 7 + [201]
    assert len(await any_door.timeline.read("service/checkout")) == 1


async def test_going_back_to_an_older_release_is_a_release(door: Door, clock: object) -> None:
    token = await door.token("ci", "gate")
    for version in ("2.3.0", "2.4.0", "2.3.0"):
        clock.advance(60)  # type: ignore[attr-defined]
        assert (await door.post("/v1/releases", {**RELEASE, "version": version}, token)).status == 201

    assert len(await door.timeline.read("service/checkout")) == 3


async def test_a_late_repetition_of_an_older_release_is_known_by_its_key(door: Door, clock: object) -> None:
    token = await door.token("ci", "gate")
    old = {**RELEASE, "version": "2.3.0"}
    await door.post("/v1/releases", old, token, headers={"Idempotency-Key": "deploy-1"})
    clock.advance(60)  # type: ignore[attr-defined]
    await door.post("/v1/releases", RELEASE, token, headers={"Idempotency-Key": "deploy-2"})

    late = await door.post("/v1/releases", old, token, headers={"Idempotency-Key": "deploy-1"})

    assert (late.status, late.json["recorded"]) == (200, False)
    assert len(await door.timeline.read("service/checkout")) == 2


@pytest.mark.parametrize(
    ("change", "scope", "status"),
    [
        ({"service": "chekout"}, "gate", 404),
        ({"environment": "moon"}, "gate", 404),
        ({"version": ""}, "gate", 400),
        ({"version": "a\nb"}, "gate", 400),
        ({"version": "   "}, "gate", 400),
        ({"version": "   ", "change": "config"}, "gate", 400),
        ({"version": "https://u:pw@x/y"}, "gate", 400),
        ({"previous": "https://u:pw@x/y"}, "gate", 400),
        ({"version": "u:pw@x"}, "gate", 400),
        ({"migrations": [{"name": "u:pw@x"}]}, "gate", 400),
        ({"strategy": "yolo"}, "gate", 400),
        ({"migrations": ["m"] * 201}, "gate", 400),
        ({"migrations": [{"name": "m", "reversible": "perhaps"}]}, "gate", 400),
        ({"change": "magic"}, "gate", 400),
        ({"artifact": "https://bo:secret@files.example/x"}, "gate", 400),
        ({"artifact": "two words"}, "gate", 400),
        ({"at": "2026-11-23T02:10:00"}, "gate", 400),
        ({"at": "0001-01-01T00:00:00+14:00"}, "gate", 400),
        ({"at": "9999-12-31T23:59:59-14:00"}, "gate", 400),
        ({}, "gate:search", 403),
        ({}, "say", 403),
    ],
)
async def test_a_release_that_makes_no_sense_is_refused(
    door: Door, change: dict[str, object], scope: str, status: int
) -> None:
    reply = await door.post("/v1/releases", {**RELEASE, **change}, await door.token("ci", scope))

    assert reply.status == status
    assert set(reply.json) == {"error", "what_next"}
    assert await door.timeline.read("service/checkout") == []


async def test_two_releases_at_one_instant_are_both_recorded(any_door: Door) -> None:
    token = await any_door.token("ci", "gate")

    for version in ("2.4.0", "2.4.1"):
        reply = await any_door.post("/v1/releases", {**RELEASE, "version": version}, token)
        assert reply.status == 201

    assert len(await any_door.timeline.read("service/checkout")) == 2
    await any_door.timeline.rebuild()


async def test_a_line_that_waits_for_a_busy_database_is_answered_in_time(door: Door, sqlite_url: str) -> None:
    token = await door.token("ana", "say")
    with closing(sqlite3.connect(sqlite_url.partition(":///")[2], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        reply = await door.post("/v1/say", DECLARE, token, headers={"Idempotency-Key": "k1"})
        other.execute("ROLLBACK")

    assert reply.status == 503
    assert "database is busy" in str(reply.json["error"])
    again = await door.post("/v1/say", DECLARE, token, headers={"Idempotency-Key": "k1"})
    assert again.json["ok"] is True
    assert len(await door.timeline.lookup.incidents(only_open=False)) == 1


async def test_a_corrected_migration_is_not_dropped(any_door: Door) -> None:
    token, first, second = (
        await any_door.token("ci", "gate"),
        {"Idempotency-Key": "a"},
        {"Idempotency-Key": "b"},
    )
    said, corrected = (
        {**RELEASE, "migrations": [{"name": "m9", "reversible": tag}]} for tag in (True, False)
    )
    assert (await any_door.post("/v1/releases", said, token, headers=first)).status == 201
    assert (await any_door.post("/v1/releases", corrected, token, headers=first)).status == 409

    reply = await any_door.post("/v1/releases", corrected, token, headers=second)
    assert (reply.status, reply.json["recorded"], reply.json["corrected"]) == (201, True, True)
    late = await any_door.post("/v1/releases", said, token, headers=first)
    again = await any_door.post("/v1/releases", corrected, token)
    assert [(each.status, each.json["recorded"]) for each in (late, again)] == [(200, False)] * 2

    events = [entry.event for entry in await any_door.timeline.read("service/checkout")]
    assert [each.reversible for each in events if isinstance(each, ReleaseRecorded)] == [
        {"m9": True},
        {"m9": False},
    ]


async def test_a_release_that_is_told_again_late_does_not_undo_what_was_corrected(any_door: Door) -> None:
    token = await any_door.token("ci", "gate")
    said, corrected = (
        {**RELEASE, "migrations": [{"name": "m9", "reversible": tag}]} for tag in (True, False)
    )
    for body, status in ((said, 201), (corrected, 201), (said, 200), (corrected, 200)):
        assert (await any_door.post("/v1/releases", body, token)).status == status
    back = await any_door.post("/v1/releases", said, token, headers={"Idempotency-Key": "corrected-back"})

    assert (back.status, back.json["corrected"]) == (201, True)
    events = [entry.event for entry in await any_door.timeline.read("service/checkout")]
    tags = [each.reversible for each in events if isinstance(each, ReleaseRecorded)]
    assert tags == [{"m9": True}, {"m9": False}, {"m9": True}]
