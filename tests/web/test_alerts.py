"""What tells of alerts is known by its token, bounded, and declares nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import jsonschema_rs
import pytest

from tests.clock import Clock
from tests.official import contract
from tests.web.door import Door, open_door

LABELS = {"alertname": "OrdersWrong", "service": "checkout", "severity": "critical"}


def told(status: str = "firing", *, key: str = "{}:{}", count: int = 1, **more: object) -> dict[str, object]:
    """Return a body as Alertmanager sends it."""
    alert = {
        "status": status,
        "labels": LABELS,
        "annotations": {},
        "startsAt": "2026-11-23T02:08:00.123Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": "c0ffee",
    }
    return {
        "version": "4",
        "groupKey": key,
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "backstop",
        "groupLabels": {"alertname": "OrdersWrong"},
        "commonLabels": LABELS,
        "commonAnnotations": {"summary": "Orders have wrong totals"},
        "externalURL": "http://alertmanager",
        "alerts": [alert] * count,
        **more,
    }


GRAFANA = told(version="1", orgId=1, title="[FIRING:1]", state="alerting", message="**Firing**")


@pytest.fixture
async def door(sqlite_url: str, tmp_path: Path, clock: Clock) -> AsyncIterator[Door]:
    async with open_door(sqlite_url, tmp_path, clock) as door:
        yield door


async def kept(door: Door, group: object) -> dict[str, str]:
    found = await door.timeline.records.remote(f"alert:{group}")
    assert found
    return dict(found)


@pytest.mark.parametrize("body", [told(), GRAFANA], ids=["alertmanager", "grafana"])
async def test_a_group_is_kept_and_its_message_asked_for(door: Door, body: dict[str, object]) -> None:
    jsonschema_rs.Draft202012Validator(contract("alertmanager/webhook-v4.schema.json")).validate(body)
    token = await door.token("ci", "alerts")
    reply = await door.post("/v1/alerts", body, token)
    assert reply.status == 200
    found = await kept(door, reply.json["group"])
    assert (found["turn"], found["firing"]) == ("1", "1")
    assert found["since"].startswith("2026-11-23T02:08:00")
    heads = await door.timeline.effects.heads()
    assert [head.key for head in heads if head.kind == "alert"] == [f"alert:{reply.json['group']}"]
    assert await door.timeline.lookup.incidents(only_open=False) == []


async def test_the_same_again_is_the_same_and_what_fires_anew_is_a_new_turn(door: Door) -> None:
    token = await door.token("ci", "alerts")
    turns = []
    for status in ("firing", "firing", "resolved", "resolved", "firing"):
        reply = await door.post("/v1/alerts", told(status), token)
        found = await kept(door, reply.json["group"])
        turns.append((found["turn"], found["firing"]))
    assert turns == [("1", "1"), ("1", "1"), ("1", "0"), ("1", "0"), ("2", "1")]


async def test_what_ended_before_it_was_heard_of_is_no_news(door: Door) -> None:
    reply = await door.post("/v1/alerts", told("resolved"), await door.token("ci", "alerts"))
    assert reply.status == 200
    assert await door.timeline.records.remote(f"alert:{reply.json['group']}") is None


async def test_groups_of_another_teller_are_others(door: Door) -> None:
    first = await door.post("/v1/alerts", told(), await door.token("ci", "alerts"))
    second = await door.post("/v1/alerts", told(), await door.token("bo", "alerts"))
    assert first.json["group"] != second.json["group"]


@pytest.mark.parametrize(("scopes", "status"), [((), 401), (("say",), 403), (("gate", "read"), 403)])
async def test_only_a_token_for_it_may_tell_of_alerts(
    door: Door, scopes: tuple[str, ...], status: int
) -> None:
    token = await door.token("ana", *scopes) if scopes else "bst_guessed"
    assert (await door.post("/v1/alerts", told(), token)).status == status


async def test_a_token_for_alerts_is_good_for_nothing_else(door: Door) -> None:
    token = await door.token("ana", "alerts")
    assert (await door.post("/v1/say", {"line": "help"}, token)).status == 403
    assert (await door.get("/v1/freezes", token)).status == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        (told(key=""), 400),
        (told(alerts=[{"status": "on fire"}]), 400),
        (told(alerts=[{"status": "firing", "startsAt": "yesterday"}]), 400),
        (told(commonLabels={"service": 3}), 400),
        (told(alerts=[{"status": "firing"}] * 2_001), 400),
        (told(externalURL="x" * 300_000), 413),
        (told(alerts=[{"status": "firing", "startsAt": "0001-01-01T00:00:00Z"}]), 200),
        (told(commonLabels={f"l{n}": "x" * 5_000 for n in range(40)}), 200),
    ],
)
async def test_what_is_told_is_bounded(door: Door, body: object, status: int) -> None:
    reply = await door.post("/v1/alerts", body, await door.token("ci", "alerts"))
    assert reply.status == status
    if status == 200:
        assert len((await kept(door, reply.json["group"]))["labels"]) < 6_000
