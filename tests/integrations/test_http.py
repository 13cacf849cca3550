from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from integrations.connections import Connections
from integrations.contract import Call, CheckResult, IntegrationError, JobRef, JobState, Json, Phase
from integrations.http import Http
from tests.integrations.host import until

SECRET = "canary-http-91"


@dataclass
class Shop:
    """A shop that takes orders on loopback."""

    url: str = ""
    orders: dict[str, Json] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    hold: asyncio.Event = field(default_factory=asyncio.Event)

    async def place(self, request: web.Request) -> web.Response:
        self.keys.append(request.headers.get("Idempotency-Key", ""))
        number = f"o-{len(self.orders) + 1}"
        self.orders[number] = await request.json()
        return web.json_response({"id": number, "items": [{"sku": "grinder"}]}, status=201)

    async def show(self, request: web.Request) -> web.Response:
        return web.json_response({"id": request.match_info["id"], "by": request.headers.get("X-Token")})

    async def wait(self, request: web.Request) -> web.Response:
        self.keys.append(request.headers.get("Idempotency-Key", ""))
        await self.hold.wait()
        return web.Response()

    async def elsewhere(self, request: web.Request) -> web.Response:
        raise web.HTTPFound("http://example.invalid/stolen")

    async def large(self, request: web.Request) -> web.Response:
        return web.Response(text="x" * 1_000_000)


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    served = Shop()
    app = web.Application()
    app.router.add_post("/orders", served.place)
    app.router.add_get("/orders/{id}", served.show)
    app.router.add_post("/wait", served.wait)
    app.router.add_get("/elsewhere", served.elsewhere)
    app.router.add_get("/large", served.large)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    served.url = "http://{}:{}".format(*runner.addresses[0][:2])
    yield served
    served.hold.set()
    await runner.cleanup()


@pytest.fixture
def http(tmp_path: Path) -> Http:
    (tmp_path / "token").write_text(SECRET + "\n")
    return Http(Connections(session=aiohttp.ClientSession, secrets=tmp_path))


async def _checked(http: Http, **params: Json) -> CheckResult:
    return await http.check(Call("check", params=params))


async def _ended(http: Http, ref: JobRef) -> JobState:
    async def look() -> JobState | None:
        state = await http.poll(ref)
        return None if state.phase is Phase.RUNNING else state

    return await until(look)


def _order(shop: Shop, **other: Json) -> dict[str, Json]:
    body: Json = {"sku": "grinder"}
    return {"method": "POST", "url": f"{shop.url}/orders", "body": body, "status": 201, **other}


async def test_a_scenario_carries_captured_values_on(http: Http, shop: Shop) -> None:
    requests: Json = [
        _order(shop, capture={"order": "id"}, json_at={"items.0.sku": "grinder"}),
        {"url": f"{shop.url}/orders/{{order}}", "json_at": {"id": "o-1"}},
    ]
    found = await http.check(Call("scenario", params={"requests": requests}))
    assert found.ok
    assert list(shop.orders) == ["o-1"]


async def test_a_scenario_stops_at_the_first_wrong_answer(http: Http, shop: Shop) -> None:
    requests: Json = [{"url": f"{shop.url}/nothing"}, _order(shop)]
    found = await http.check(Call("scenario", params={"requests": requests}))
    assert not found.ok
    assert "answered 404, expected 200" in found.found
    assert shop.orders == {}


async def test_a_secret_is_sent_and_shown_nowhere(http: Http, shop: Shop) -> None:
    params: dict[str, Json] = {
        "url": f"{shop.url}/orders/o-7",
        "headers": {"X-Token": "{secret:token}"},
        "json_at": {"by": "•••"},
    }
    found = await _checked(http, **params)
    plan = await http.plan(Call("check", params=params))
    assert found.ok
    assert "{secret:token}" in plan.by_hand
    assert SECRET not in f"{found}{plan}"


@pytest.mark.parametrize("name", ["missing", "..", "a..b"])
async def test_a_secret_that_is_not_there_is_named_and_nothing_is_sent(
    http: Http, shop: Shop, name: str
) -> None:
    with pytest.raises(IntegrationError) as refusal:
        await _checked(http, url=f"{shop.url}/orders/1", headers={"X-Token": f"{{secret:s{name}}}"})
    assert refusal.value.permanent
    ref = await http.start(Call("call", params=_order(shop, headers={"X": f"{{secret:s{name}}}"})), key="k")
    assert (await _ended(http, ref)).phase is Phase.FAILED
    assert shop.orders == {}


async def test_a_redirect_is_not_followed(http: Http, shop: Shop) -> None:
    found = await _checked(http, url=f"{shop.url}/elsewhere")
    assert "answered 302, expected 200" in found.found


async def test_a_large_answer_is_cut(http: Http, shop: Shop) -> None:
    found = await _checked(http, url=f"{shop.url}/large")
    assert found.ok
    assert len(str(found.evidence)) < 1000


async def test_a_call_that_is_not_answered_in_time_is_lost_and_not_failed(http: Http, shop: Shop) -> None:
    call = Call("call", params={"method": "POST", "url": f"{shop.url}/wait", "timeout": 0.2})
    ref = await http.start(call, key="RUN-1/pay/1")
    state = await _ended(http, ref)
    assert (state.phase, state.alive) == (Phase.LOST, None)
    assert shop.keys == ["RUN-1/pay/1"]


async def test_a_call_to_nobody_is_failed_because_it_was_never_sent(http: Http, unused_tcp_port: int) -> None:
    ref = await http.start(Call("call", params={"url": f"http://127.0.0.1:{unused_tcp_port}/"}), key="k")
    state = await _ended(http, ref)
    assert (state.phase, state.alive) == (Phase.FAILED, False)


async def test_a_call_given_up_under_way_and_one_of_an_earlier_process_are_lost(
    http: Http, shop: Shop
) -> None:
    ref = await http.start(Call("call", params={"method": "POST", "url": f"{shop.url}/wait"}), key="k")
    await http.cancel(ref)
    assert (await http.poll(ref)).phase is Phase.LOST
    assert (await http.poll(JobRef("earlier", "http"))).phase is Phase.LOST


async def test_a_wrong_answer_to_a_call_is_a_failure_with_its_status(http: Http, shop: Shop) -> None:
    ref = await http.start(Call("call", params=_order(shop, status=200)), key="k")
    state = await _ended(http, ref)
    assert (state.phase, state.code) == (Phase.FAILED, 201)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x", "http://a b", "http://x\ny"])
async def test_only_http_addresses_are_taken(http: Http, url: str) -> None:
    with pytest.raises(IntegrationError) as refusal:
        await http.plan(Call("check", params={"url": url}))
    assert refusal.value.permanent


async def test_the_same_body_in_another_order_is_shown_as_the_same(http: Http) -> None:
    one: dict[str, Json] = {"customer": "cy", "items": [{"sku": "espresso", "quantity": 2}]}
    two: dict[str, Json] = {"items": [{"quantity": 2, "sku": "espresso"}], "customer": "cy"}
    plans = [
        await http.plan(
            Call("call", params={"method": "POST", "url": "http://shop/", "body": body, "headers": headers})
        )
        for body, headers in ((one, {"A": "1", "B": "2"}), (two, {"B": "2", "A": "1"}))
    ]

    assert plans[0] == plans[1]
