"""What operators see: health, readiness, figures; and what happens when something unforeseen does."""

from __future__ import annotations

import asyncio
import logging
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text
from yarl import URL

from bot.commands import say
from bot.core.may import Actor
from bot.settings import Settings
from bot.timeline import Timeline
from tests.clock import Clock
from tests.web.door import DECLARED, FROZEN, Door, Reply, open_door

STATES = {
    "dispatcher": "ok",
    "slack": "degraded: the token xoxb-secret was revoked",
    "jira": "down, nobody answers at jira.example",
}


def figures(reply: Reply) -> Mapping[str, float]:
    return {
        sample.name + "".join(f"{{{value}}}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(reply.text)
        for sample in family.samples
    }


async def test_a_door_whose_slack_and_jira_are_down_is_ready_and_names_them(
    sqlite_url: str, tmp_path: Path, clock: Clock
) -> None:
    async with open_door(sqlite_url, tmp_path, clock, health=lambda: STATES) as door:
        ready, alive = await door.get("/readyz"), await door.get("/healthz")

    assert (ready.status, alive.status) == (200, 200)
    assert ready.json == {
        "ok": True,
        "parts": {"dispatcher": "ok", "slack": "degraded", "jira": "down", "database": "ok"},
    }


async def test_health_tells_strangers_nothing_of_incidents(
    sqlite_url: str, tmp_path: Path, clock: Clock
) -> None:
    async with open_door(sqlite_url, tmp_path, clock, health=lambda: STATES) as door:
        await door.write("incident/INC-1", DECLARED)
        told = (await door.get("/readyz")).text + (await door.get("/healthz")).text

    for secret in ("INC-1", "checkout", "xoxb-secret", "jira.example", DECLARED.title):
        assert secret not in told


async def test_a_process_whose_dispatcher_stands_still_is_not_alive(
    sqlite_url: str, tmp_path: Path, clock: Clock
) -> None:
    states = {"dispatcher": "stuck: 93 s since the last round"}
    async with open_door(sqlite_url, tmp_path, clock, health=lambda: states) as door:
        reply = await door.get("/healthz")

    assert (reply.status, reply.json["parts"]) == (503, {"dispatcher": "stuck"})


async def test_a_process_that_stands_by_is_alive_and_says_so_everywhere(
    sqlite_url: str, tmp_path: Path, clock: Clock
) -> None:
    carries = await Timeline.open(sqlite_url, now=clock)
    assert await carries.duty.take()
    states = {"dispatcher": "standing-by: another process carries effects out"}
    async with open_door(sqlite_url, tmp_path, clock, health=lambda: states) as door:
        assert not await door.timeline.duty.take()
        alive, ready = await door.get("/healthz"), await door.get("/readyz")
        dispatching = figures(await door.get("/metrics"))["backstop_dispatching"]
        said = await say(door.desk, "ping", who=Actor("ana", groups=frozenset()), via="test", delivery="d1")

    assert (alive.status, ready.status) == (200, 200)
    assert ready.json["parts"] == {"dispatcher": "standing-by", "database": "ok"}
    assert dispatching == 0
    assert "This process stands by: another one carries effects out." in said.text
    await carries.duty.release()
    await carries.close()


async def test_where_nobody_works_because_one_does_not_move_no_door_says_all_is_well(
    sqlite_url: str, tmp_path: Path, clock: Clock
) -> None:
    frozen = await Timeline.open(sqlite_url, now=clock)
    assert await frozen.duty.take()
    await frozen.pulse.beat()
    clock.advance(60)
    states = {"dispatcher": "silent: …"}
    async with open_door(sqlite_url, tmp_path, clock, health=lambda: states) as door:
        assert not await door.timeline.duty.take()
        alive, ready = await door.get("/healthz"), await door.get("/readyz")
        said = await say(door.desk, "ping", who=Actor("ana", groups=frozenset()), via="test", delivery="d1")
        await frozen.duty.release()
        gone = await door.get("/healthz")

    told = (
        "silent: the bot that holds the database has not moved since 2026-11-23 02:10:00Z; "
        "`backstop doctor` on its host says what to do"
    )
    assert (alive.status, alive.json["ok"], alive.json["parts"]) == (503, False, {"dispatcher": told})
    assert (ready.status, ready.json["parts"]) == (200, {"dispatcher": told, "database": "ok"})
    assert "has not moved since 2026-11-23 02:10:00Z: no run, timer or message goes on." in said.text
    assert (gone.status, gone.json["parts"]) == (503, {"dispatcher": "silent"})
    await frozen.close()


async def test_without_its_database_it_lives_and_is_not_ready(any_door: Door) -> None:
    async with any_door.timeline._engine.begin() as connection:
        await connection.execute(text('ALTER TABLE "freeze" RENAME TO lost'))

    ready, alive = await any_door.get("/readyz"), await any_door.get("/healthz")

    assert (ready.status, ready.json["parts"]) == (503, {"database": "down"})
    assert alive.status == 200


async def test_the_figures_count_what_is_there(any_door: Door) -> None:
    await any_door.write("incident/INC-1", DECLARED)
    await any_door.write("freeze/FRZ-1", FROZEN)
    token = await any_door.token("ci", "gate")
    for service in ("checkout", "search", "nothing"):
        await any_door.get(f"/v1/gate?service={service}&environment=production", token)

    found = figures(await any_door.get("/metrics"))

    assert found["backstop_database_up"] == 1
    assert found["backstop_incidents_open"] == 1
    assert found["backstop_freezes_in_force"] == 1
    assert found["backstop_effects{waiting}"] >= 3
    assert found["backstop_effects{troubled}"] == 0
    assert found["backstop_gate_answers_total{allow}"] == 1
    assert found["backstop_gate_answers_total{deny}"] == 1
    assert found["backstop_gate_answers_total{unknown}"] == 1
    assert found["backstop_http_requests_total{GET}{/v1/gate}{409}"] == 1


async def test_figures_have_the_shape_of_an_address_and_never_its_ids(door: Door) -> None:
    token = await door.token("ana", "read")
    for path in ("/v1/incidents/INC-7", "/nowhere/SECRET-PATH", "/runs/RUN-SECRET"):
        await door.get(path, token)
    await door.ask("BREW", "/healthz")

    shown = (await door.get("/metrics")).text

    assert 'route="/v1/incidents/{id}"' in shown
    assert 'route="unmatched"' in shown
    for id in ("INC-7", "SECRET", "BREW"):
        assert id not in shown


async def test_figures_of_a_database_that_is_gone_are_left_out(any_door: Door) -> None:
    async with any_door.timeline._engine.begin() as connection:
        await connection.execute(text("ALTER TABLE incident RENAME TO lost"))

    reply = await any_door.get("/metrics")

    assert reply.status == 200
    found = figures(reply)
    assert found["backstop_database_up"] == 0
    assert "backstop_effects{waiting}" not in found


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1", 200), ("::1", 200), ("localhost", 200), ("0.0.0.0", 401), ("backstop.example", 401)],
)
async def test_figures_need_a_token_unless_only_this_machine_can_ask(
    sqlite_url: str, tmp_path: Path, clock: Clock, host: str, status: int
) -> None:
    async with open_door(sqlite_url, tmp_path, clock, settings=Settings(home=tmp_path, host=host)) as door:
        assert (await door.get("/metrics")).status == status
        assert (await door.get("/metrics", await door.token("ana", "read"))).status == 200
        password = b64encode(f":{await door.token('ana', 'read')}".encode()).decode()
        assert (await door.get("/metrics", headers={"Authorization": f"Basic {password}"})).status == 200


async def test_an_unforeseen_error_is_named_by_an_id_and_tells_nothing_else(
    sqlite_url: str, tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_request: web.Request) -> web.Response:
        raise RuntimeError("inside: the password is hunter2")

    async with open_door(sqlite_url, tmp_path, clock, slack=broken) as door:
        for accept in ("application/json", "text/html"):
            reply = await door.post("/slack/events", {}, headers={"Accept": accept})
            assert reply.status == 500
            assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
            assert "hunter2" not in reply.text
            id = str(reply.json["error"]).partition("(request ")[2].partition(")")[0]
            assert len(id) == 12
            assert f"id={id}" in caplog.text
            assert f"request {id}" in caplog.text
    assert "RuntimeError" in caplog.text


async def test_whoever_hangs_up_before_the_answer_is_nothing_unforeseen(
    sqlite_url: str, tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    began, ended = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        began.set()
        try:
            return web.Response(text=await request.text())
        finally:
            ended.set()

    async with open_door(sqlite_url, tmp_path, clock, slack=slow) as door:
        url = URL(door.url)
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(b"POST /slack/events HTTP/1.1\r\nHost: backstop\r\nContent-Length: 10\r\n\r\nhalf")
        await began.wait()
        writer.close()
        await ended.wait()
        assert (await door.get("/readyz")).status == 200
        figures_now = (await door.get("/metrics")).text

    assert "disconnected id=" in caplog.text
    assert "unforeseen" not in caplog.text
    assert 'status="499"' in figures_now


async def test_an_error_of_a_connection_of_our_own_is_unforeseen(
    sqlite_url: str, tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_request: web.Request) -> web.Response:
        raise ConnectionResetError("by what we asked ourselves")

    async with open_door(sqlite_url, tmp_path, clock, slack=broken) as door:
        assert (await door.post("/slack/events", {})).status == 500
    assert "unforeseen id=" in caplog.text


async def test_slack_reaches_its_own_door_without_a_token_of_ours(
    sqlite_url: str, tmp_path: Path, clock: Clock
) -> None:
    async def slack(request: web.Request) -> web.Response:
        return web.Response(text=f"slack had {await request.text()}")

    async with open_door(sqlite_url, tmp_path, clock, slack=slack) as door:
        reply = await door.ask("POST", "/slack/events", data=b"challenge")

    assert (reply.status, reply.text) == (200, "slack had challenge")


async def test_without_slack_there_is_no_door_for_it(door: Door) -> None:
    reply = await door.post("/slack/events", {})

    assert (reply.status, set(reply.json)) == (404, {"error", "what_next"})


async def test_a_method_an_address_does_not_take_is_named(door: Door) -> None:
    reply = await door.post("/v1/gate", {}, await door.token("ci", "gate"))

    assert (reply.status, set(reply.json)) == (405, {"error", "what_next"})
    assert "GET" in reply.headers["Allow"]


async def test_secrets_appear_in_no_answer_no_log_and_no_figure(
    sqlite_url: str, tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    canary = "canary-3f9c"
    settings = Settings.model_validate(
        {"home": tmp_path, "slack_bot_token": canary, "jira_token": canary, "token": canary}
    )
    async with open_door(sqlite_url, tmp_path, clock, settings=settings) as door:
        token = await door.token("ana", "say", "gate")
        caplog.clear()
        await door.write("incident/INC-1", DECLARED)
        replies = [
            await door.get(path, who)
            for who in (token, canary, None)
            for path in (
                "/v1/gate?service=checkout&environment=production",
                *("/v1/incidents/INC-1", "/incidents/INC-1", "/v1/freezes", "/nowhere"),
                *("/readyz", "/healthz", "/metrics", "/openapi.json"),
            )
        ]
        replies.append(await door.post("/v1/say", {"line": "help"}, token))
        replies.append(await door.post("/v1/say", {"line": 7}, token))
        async with door.timeline._engine.begin() as connection:
            await connection.execute(text('ALTER TABLE "freeze" RENAME TO lost'))
        replies += [await door.get("/v1/freezes", token), await door.get("/metrics")]

    said = "".join(f"{reply.text}{dict(reply.headers)}" for reply in replies) + caplog.text
    assert {503, 401, 404, 400, 200} <= {reply.status for reply in replies}
    for secret in (canary, token):
        assert secret not in said
