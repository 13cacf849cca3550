"""What pipelines hear when they ask whether they may deploy."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.core.events import (
    DeploymentExcepted,
    DeploymentRefused,
    ExceptionAsked,
    ExceptionGranted,
    FreezeLifted,
    FreezePlaced,
    Scope,
)
from bot.timeline import Change
from tests.clock import Clock
from tests.web.door import DECLARED, FROZEN, Door, Reply

ASK = "/v1/gate?service=checkout&environment=production&sha=ab12&actor=deployer"


async def gate(door: Door, query: str = ASK, *scopes: str) -> Reply:
    return await door.get(query, await door.token("ci", *(scopes or ("gate",))))


async def sql(door: Door, *statements: str) -> list[tuple[object, ...]]:
    async with door.timeline._engine.begin() as connection:
        results = [await connection.execute(text(statement)) for statement in statements]
        return [tuple(row) for row in results[-1]] if results[-1].returns_rows else []


async def freeze(door: Door) -> None:
    await door.write("incident/INC-1", DECLARED)
    await door.write("freeze/FRZ-1", FROZEN)


async def excepted(door: Door) -> None:
    expires = door.timeline.now() + timedelta(hours=1)
    asked = ExceptionAsked(service="checkout", sha="ab12", why="the fix", expires=expires)
    await door.write("freeze/FRZ-1", asked, by="bo")
    await door.write("freeze/FRZ-1", ExceptionGranted(service="checkout", sha="ab12"), by="cy")


async def told(door: Door, kind: type) -> list[object]:
    return [e.event for e in await door.timeline.read("freeze/FRZ-1") if isinstance(e.event, kind)]


async def test_a_change_that_nothing_stops_is_allowed_and_the_answer_is_kept(any_door: Door) -> None:
    reply = await gate(any_door)

    assert reply.status == 200
    assert reply.json == {
        "decision": "allow",
        "checked_at": "2026-11-23T02:10:00Z",
        "good_for_s": 30,
        "passed": [],
    }
    kept = await sql(any_door, "SELECT service, environment, change, sha, actor, verdict FROM gate_answer")
    assert kept == [("checkout", "production", "deploy", "ab12", "deployer", "allow")]


async def test_a_frozen_change_is_denied_with_everything_one_needs_to_know(any_door: Door) -> None:
    await freeze(any_door)

    reply = await gate(any_door)

    assert reply.status == 409
    assert reply.headers["Retry-After"] == "60"
    say = 'freeze allow FRZ-1 checkout@ab12 "why"'
    assert reply.json == {
        "decision": "deny",
        "checked_at": "2026-11-23T02:10:00Z",
        "next_transition": None,
        "retry_after_s": 60,
        "freezes": [
            {
                "id": "FRZ-1",
                "cause": "incident",
                "reason": "INC-1: orders is being restored",
                "placed_by": "ana",
                "since": "2026-11-23T02:10:00Z",
                "until": None,
                "incident_url": "https://backstop.example/incidents/INC-1",
            }
        ],
        "ask": {
            "slack": f"/backstop {say}",
            "cli": f"backstop {say}",
            "url": "https://backstop.example/freezes",
        },
    }
    assert await sql(any_door, "SELECT verdict, freezes FROM gate_answer") == [("deny", "FRZ-1")]


async def test_the_first_refusal_of_a_sha_is_an_event_and_later_ones_are_not(any_door: Door) -> None:
    await freeze(any_door)

    for _ in range(3):
        assert (await gate(any_door)).status == 409
    assert (await gate(any_door, ASK.replace("ab12", "cd34"))).status == 409

    refused = await told(any_door, DeploymentRefused)
    assert [event.sha for event in refused] == ["ab12", "cd34"]  # type: ignore[attr-defined]
    assert refused[0] == DeploymentRefused(
        service="checkout", environment="production", change="deploy", sha="ab12", actor="deployer"
    )


async def test_pipelines_that_ask_at_once_are_all_denied_and_each_sha_is_told_once(any_door: Door) -> None:
    await freeze(any_door)
    token = await any_door.token("ci", "gate")

    asked = [ASK.replace("ab12", f"sha{number % 4}") for number in range(12)]
    replies = await asyncio.gather(*(any_door.get(path, token) for path in asked))

    assert {reply.status for reply in replies} == {409}
    shas = [event.sha for event in await told(any_door, DeploymentRefused)]  # type: ignore[attr-defined]
    assert sorted(shas) == ["sha0", "sha1", "sha2", "sha3"]
    assert await any_door.timeline.verify() == []


async def test_a_caller_that_reads_bodies_may_have_a_no_with_status_200(door: Door) -> None:
    await freeze(door)

    reply = await gate(door, f"{ASK}&deny_as=200")

    assert (reply.status, reply.json["decision"]) == (200, "deny")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("service=checkout&environment=staging", 200),
        ("service=search&environment=production", 200),
        ("service=shop&environment=production", 409),
        ("service=CHECKOUT&environment=PRODUCTION", 409),
    ],
)
async def test_a_freeze_stops_what_it_covers_by_whatever_name(door: Door, query: str, status: int) -> None:
    await freeze(door)

    assert (await gate(door, f"/v1/gate?{query}")).status == status


async def test_a_granted_exception_lets_exactly_its_sha_through_and_is_told_once(any_door: Door) -> None:
    await freeze(any_door)
    expires = any_door.timeline.now() + timedelta(hours=1)
    asked = ExceptionAsked(service="checkout", sha="ab12", why="the fix", expires=expires)
    await any_door.write("freeze/FRZ-1", asked, by="bo")
    assert (await gate(any_door)).status == 409

    await any_door.write("freeze/FRZ-1", ExceptionGranted(service="checkout", sha="ab12"), by="cy")
    first, again = await gate(any_door), await gate(any_door)

    assert (first.status, first.json["passed"]) == (200, ["FRZ-1"])
    assert again.status == 200
    assert (await gate(any_door, ASK.replace("ab12", "ab123"))).status == 409
    assert (await gate(any_door, ASK.replace("&sha=ab12", ""))).status == 409
    assert len(await told(any_door, DeploymentExcepted)) == 1


async def test_an_exception_ends_by_itself(door: Door, clock: Clock) -> None:
    await freeze(door)
    await excepted(door)
    assert (await gate(door)).status == 200

    clock.advance(3600)

    assert (await gate(door)).status == 409


async def test_a_change_that_several_freezes_stop_needs_an_exception_of_each(door: Door) -> None:
    await freeze(door)
    await door.write("freeze/FRZ-2", FROZEN)

    assert (await gate(door)).json["ask"] == {
        "slack": '/backstop freeze allow FRZ-1 checkout@ab12 "why" '
        'and /backstop freeze allow FRZ-2 checkout@ab12 "why"',
        "cli": 'backstop freeze allow FRZ-1 checkout@ab12 "why" '
        '&& backstop freeze allow FRZ-2 checkout@ab12 "why"',
        "url": "https://backstop.example/freezes",
    }


async def test_an_exception_of_one_freeze_does_not_pass_another(door: Door) -> None:
    await freeze(door)
    await door.write("freeze/FRZ-2", FROZEN)
    await excepted(door)

    reply = await gate(door)

    assert reply.status == 409
    assert [found["id"] for found in reply.json["freezes"]] == ["FRZ-2"]  # type: ignore[attr-defined]
    assert await told(door, DeploymentExcepted) == []


async def test_a_lifted_freeze_stops_nothing(door: Door) -> None:
    await freeze(door)
    await door.write("freeze/FRZ-1", FreezeLifted(why="over"))

    assert (await gate(door)).status == 200


async def test_a_freeze_with_an_end_says_when_to_ask_again(door: Door, clock: Clock) -> None:
    until = clock() + timedelta(seconds=20)
    await door.write(
        "freeze/FRZ-1",
        FreezePlaced(scope=Scope(), why="the sale", cause="calendar", lift="at_until", until=until),
    )

    reply = await gate(door)

    assert reply.json["next_transition"] == "2026-11-23T02:10:20Z"
    assert reply.headers["Retry-After"] == "21"
    clock.advance(20)
    assert (await gate(door)).status == 200


@pytest.mark.parametrize(
    ("query", "code", "hint"),
    [
        ("service=chekout&environment=production", "unknown_service", "Did you mean checkout?"),
        ("service=zzz&environment=production", "unknown_service", "Services are listed in catalog.yaml."),
        ("service=checkout&environment=prduction", "unknown_environment", "Did you mean production?"),
        ("service=checkout&environment=moon", "unknown_environment", "It has production, staging."),
    ],
)
async def test_what_is_not_in_the_catalog_is_unknown(door: Door, query: str, code: str, hint: str) -> None:
    reply = await gate(door, f"/v1/gate?{query}")

    assert reply.status == 404
    assert (reply.json["decision"], reply.json["code"]) == ("unknown", code)
    assert reply.json["what_next"] == hint
    assert await sql(door, "SELECT verdict FROM gate_answer") == [("unknown",)]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "service=checkout",
        "service=&environment=production",
        "service=checkout&environment=production&service=search",
        "service=checkout&environment=production&kind=everything",
        "service=checkout&environment=production&deny_as=201",
        "service=checkout&environment=production&sha=%27%3B--",
        "service=checkout&environment=production&actor=%00",
        "service=checkout&environment=production&actor=%ff",
        "service=checkout&environment=production&run_url=javascript:alert(1)",
        "service=checkout&environment=production&at=2026-11-23T02:10:00Z",
        f"service=checkout&environment=production&sha={'a' * 201}",
    ],
)
async def test_a_question_that_cannot_be_read_is_neither_yes_nor_no(door: Door, query: str) -> None:
    reply = await gate(door, f"/v1/gate?{query}")

    if "%ff" in query:
        assert reply.status in {200, 400}
    else:
        assert reply.status == 400
        assert set(reply.json) == {"error", "what_next"}


async def test_a_token_for_some_services_asks_about_those_only(door: Door) -> None:
    assert (await gate(door, ASK, "gate:check*")).status == 200
    assert (await gate(door, ASK.replace("checkout", "shop"), "gate:checkout")).status == 200
    assert (await gate(door, ASK, "gate:search")).status == 403
    assert (await gate(door, ASK, "read", "say")).status == 403


BREAKS = {
    "the freezes are not listed": ('ALTER TABLE "freeze" RENAME TO lost',),
    "the entries are gone": ("DELETE FROM entry WHERE stream = 'freeze/FRZ-1'",),
    "a freeze was redacted": ("UPDATE entry SET event = NULL WHERE stream = 'freeze/FRZ-1'",),
    "an event is of a later version": (
        "UPDATE entry SET event = '{\"kind\": \"new\"}' WHERE stream = 'freeze/FRZ-1'",
    ),
}


@pytest.mark.parametrize("what", BREAKS)
@pytest.mark.parametrize("service", ["checkout", "search"])
async def test_what_cannot_be_read_is_never_a_yes(any_door: Door, what: str, service: str) -> None:
    await freeze(any_door)
    await sql(any_door, *BREAKS[what])

    reply = await gate(any_door, ASK.replace("checkout", service))

    assert reply.status == 503
    assert (reply.json["decision"], reply.json["code"]) == ("unknown", "unreadable")
    assert reply.headers["Retry-After"] == "5"


async def test_a_yes_that_cannot_be_recorded_is_no_yes(any_door: Door) -> None:
    await sql(any_door, "ALTER TABLE gate_answer RENAME TO lost")

    assert (await gate(any_door)).status == 503


async def test_a_no_that_cannot_be_recorded_stays_a_no(any_door: Door) -> None:
    await freeze(any_door)
    await sql(any_door, "ALTER TABLE gate_answer RENAME TO lost")

    assert (await gate(any_door)).status == 409


async def test_a_no_whose_event_cannot_be_written_stays_a_no(any_door: Door) -> None:
    await freeze(any_door)
    await sql(any_door, "ALTER TABLE effect RENAME TO lost", "ALTER TABLE stream RENAME TO gone")

    assert (await gate(any_door)).status == 409


async def test_an_exception_whose_use_cannot_be_recorded_lets_nothing_through(any_door: Door) -> None:
    await freeze(any_door)
    await excepted(any_door)
    await sql(any_door, "ALTER TABLE stream RENAME TO gone")

    assert (await gate(any_door)).status == 503


async def test_while_somebody_else_holds_the_database_everybody_is_answered_before_a_pipeline_gives_up(
    door: Door, sqlite_url: str
) -> None:
    await door.write(
        "freeze/FRZ-1", FreezePlaced(scope=Scope(services=("search",), kinds=("*",)), why="x", cause="manual")
    )
    token = await door.token("ci", "gate")
    asked = [ASK, ASK, ASK.replace("checkout", "search"), ASK.replace("checkout", "nothing")]
    begun = time.monotonic()
    with closing(sqlite3.connect(sqlite_url.partition(":///")[2], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        replies = await asyncio.gather(*(door.get(path, token) for path in asked))
        other.execute("ROLLBACK")

    assert time.monotonic() - begun < 8
    assert [reply.status for reply in replies] == [503, 503, 409, 404]
    assert replies[0].json["what_next"] == (
        "This is no yes. Ask again in a moment; `backstop doctor` on Backstop's host tells more."
    )
    assert (await door.get(ASK, token)).status == 200


async def test_a_catalog_that_cannot_be_read_is_no_yes(door: Door) -> None:
    token = await door.token("ci", "gate")
    (door.folder / "catalog.yaml").write_text("schema: [")
    door.desk.shelf._kept.clear()

    reply = await door.get(ASK, token)

    assert reply.status == 503


@pytest.mark.real
async def test_a_database_that_is_gone_is_no_yes(
    postgresql_server: object, tmp_path: object, clock: Clock
) -> None:
    from pathlib import Path

    from tests.postgres import Server
    from tests.web.door import open_door

    assert isinstance(postgresql_server, Server)
    assert isinstance(tmp_path, Path)
    with postgresql_server.database() as url:
        door_is_open = open_door(url, tmp_path / "home", clock)
        door = await door_is_open.__aenter__()
        token = await door.token("ci", "gate")
        assert (await door.get(ASK, token)).status == 200
    try:
        reply = await door.get(ASK, token)
        assert reply.status == 503
        assert (await door.get("/readyz")).status == 503
        assert (await door.get("/healthz")).status == 200
        for secret in (postgresql_server.password, "tests", token):
            assert secret not in reply.text
    finally:
        await door_is_open.__aexit__(None, None, None)


async def test_a_thousand_freezes_are_judged(any_door: Door) -> None:
    changes = {
        f"freeze/FRZ-{number}": Change(
            0, (FreezePlaced(scope=Scope(services=(f"service-{number}",)), why=f"reason {number}"),)
        )
        for number in range(1, 1001)
    }
    await any_door.timeline.append(changes, by="ana", via="test")
    token = await any_door.token("ci", "gate")

    allowed = await any_door.get(ASK, token)
    await any_door.write("freeze/FRZ-1001", FROZEN)

    assert allowed.status == 200
    assert (await any_door.get(ASK, token)).status == 409
