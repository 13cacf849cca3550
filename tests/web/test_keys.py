"""Who gets in, as whom, and for what."""

from __future__ import annotations

from base64 import b64encode

import pytest

from bot.core.events import IncidentDeclared
from bot.web.routes import GUARDED
from tests.clock import Clock
from tests.web.door import CATALOG, DECLARED, Door

READ = "/v1/freezes"
GUARDED_PATHS = [(one.method, one.path.replace("{id}", "INC-1")) for one in GUARDED]


def basic(password: str, user: str = "anybody") -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


@pytest.mark.parametrize(("method", "path"), GUARDED_PATHS)
@pytest.mark.parametrize(
    "header", ["", "Bearer nobody", "Bearer ", "Basic bm9ib2R5", "Basic !!", "bst_x", "Bearer bst_\udce9"]
)
async def test_nothing_is_told_or_changed_without_a_token(
    door: Door, method: str, path: str, header: str
) -> None:
    await door.write("incident/INC-1", DECLARED)

    reply = await door.ask(method, path, headers={"Authorization": header} if header else {})

    assert reply.status == 401
    assert set(reply.json) == {"error", "what_next"}
    assert reply.headers["WWW-Authenticate"].startswith("Bearer")
    assert DECLARED.title not in reply.text
    assert len(await door.timeline.read("incident/INC-1")) == 1


async def test_every_address_but_the_named_ones_wants_a_token(door: Door) -> None:
    resources = {str(route.resource.canonical) for route in _routes(door) if route.resource}
    open_to_all = resources - {one.path for one in GUARDED}

    assert open_to_all == {"/healthz", "/readyz", "/openapi.json", "/metrics"}


def _routes(door: Door) -> list:  # type: ignore[type-arg]
    from bot.settings import Settings
    from bot.web import application

    app = application(door.desk, Settings(home=door.folder), slack=None, health=dict)
    return list(app.router.routes())


async def test_an_expired_token_is_as_good_as_an_unknown_one(door: Door, clock: Clock) -> None:
    token = await door.token("ana", "read", days=1)
    assert (await door.get(READ, token)).status == 200

    clock.advance(24 * 3600)

    expired, unknown = await door.get(READ, token), await door.get(READ, "bst_unknown")
    assert (expired.status, expired.text) == (unknown.status, unknown.text)


async def test_a_revoked_token_is_as_good_as_an_unknown_one(door: Door) -> None:
    token = await door.token("ana", "read", name="laptop")
    await door.timeline.records.revoke("laptop")

    revoked, unknown = await door.get(READ, token), await door.get(READ, "bst_unknown")
    assert revoked.status == 401
    assert revoked.text == unknown.text


@pytest.mark.parametrize(
    ("scope", "statuses"),
    [
        ("say", (200, 200, 403)),
        ("read", (200, 403, 403)),
        ("gate", (403, 403, 200)),
        ("gate:check*", (403, 403, 200)),
        ("gate:search", (403, 403, 403)),
        ("gated", (403, 403, 403)),
    ],
)
async def test_a_token_does_for_its_scopes_only(
    door: Door, scope: str, statuses: tuple[int, int, int]
) -> None:
    token = await door.token("ana", scope)

    read = await door.get(READ, token)
    said = await door.post("/v1/say", {"line": "help"}, token)
    asked = await door.get("/v1/gate?service=checkout&environment=production", token)

    assert (read.status, said.status, asked.status) == statuses


async def test_the_token_of_somebody_who_left_the_catalog_opens_nothing(door: Door) -> None:
    token = await door.token("cy", "say")
    catalog = CATALOG.replace("  cy: {name: Cy, slack: U0CY, email: cy@example.com}\n", "")
    (door.folder / "catalog.yaml").write_text(catalog.replace("[cy]", "[bo]"))

    reply = await door.get(READ, token)

    assert reply.status == 403
    assert "cy" in str(reply.json["error"])
    assert "catalog" in str(reply.json["error"])


async def test_a_name_that_is_a_person_and_a_pipeline_is_nobody(door: Door) -> None:
    token = await door.token("ci", "say")
    (door.folder / "catalog.yaml").write_text(
        CATALOG.replace("people:\n  ana", "people:\n  ci: {name: Ci, email: ci@example.com}\n  ana")
    )

    assert (await door.get(READ, token)).status == 403


async def test_a_token_as_password_reads_but_never_acts(door: Door) -> None:
    await door.write("incident/INC-1", DECLARED)
    token = await door.token("ana", "say", "gate")

    page = await door.get("/incidents/INC-1", headers=basic(token))
    said = await door.post("/v1/say", {"line": "help"}, headers=basic(token))
    asked = await door.get("/v1/gate?service=checkout&environment=production", headers=basic(token))

    assert page.status == 200
    assert (said.status, asked.status) == (401, 401)
    assert "Basic" not in said.headers["WWW-Authenticate"]


async def test_a_pipeline_may_read_and_not_act(door: Door) -> None:
    token = await door.token("ci", "say")

    declared = await door.post("/v1/say", {"line": 'declare "x"'}, token)

    assert (await door.get(READ, token)).status == 200
    assert declared.status == 200
    assert declared.json["ok"] is False
    assert "The pipeline ci" in str(declared.json["text"])


async def test_who_speaks_by_token_is_the_person_of_the_catalog(door: Door) -> None:
    token = await door.token("bo", "say")

    await door.post("/v1/say", {"line": 'declare "Orders are wrong" svc:checkout'}, token)

    [declared] = await door.timeline.read("incident/INC-1")
    assert (declared.by, declared.via) == ("bo", "http")
    assert isinstance(declared.event, IncidentDeclared)
    assert declared.event.commander == "bo"
