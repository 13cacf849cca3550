"""The demo shop, in the processes and over the wire it runs on."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from bot.sandbox.shop.rollout import GateUnknown, ask_gate
from tests.sandbox.shopkeeper import Shopkeeper, gate, gone, kill, shopkeeper, until


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shopkeeper]:
    """Yield an open shop for the tests that leave it as it is, apart from new orders."""
    with shopkeeper(tmp_path_factory.mktemp("standing")) as keeper:
        keeper.open()
        yield keeper


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shopkeeper]:
    """Yield an open shop that runs 2.3.0."""
    with shopkeeper(tmp_path / "shop") as keeper:
        keeper.open()
        yield keeper


def test_an_order_can_be_read_back_as_it_was_confirmed(standing: Shopkeeper) -> None:
    placed = standing.order(sku="flat-white", quantity=3)
    assert placed.status_code == 201
    assert placed.json()["total_cents"] == 3 * 425
    assert standing.get(f"/orders/{placed.json()['id']}").json() == placed.json()
    before = standing.get("/healthz").json()
    standing.order(customer="later")
    assert [order["customer"] for order in standing.get("/orders?limit=1").json()["orders"]] == ["later"]
    assert standing.get("/healthz").json() == {"version": "2.3.0", "orders": before["orders"] + 1}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{", "Invalid JSON"),
        ('{"customer": "", "items": []}', "customer"),
        ('{"customer": "x", "items": [{"sku": "espresso", "quantity": 0}]}', "items.0.quantity"),
        ('{"customer": "x", "items": [{"sku": "tank", "quantity": 1}]}', "no article 'tank'"),
        ('{"customer": "x", "items": [{"sku": "espresso", "quantity": 1}], "free": true}', "free"),
    ],
)
def test_a_bad_order_is_answered_with_what_is_wrong_and_not_kept(
    standing: Shopkeeper, body: str, says: str
) -> None:
    before = standing.get("/healthz").json()
    answer = requests.post(f"{standing.actual.url}/orders", data=body, timeout=5)
    assert answer.status_code == 422
    assert says in answer.json()["error"]
    assert standing.get("/healthz").json() == before


def test_a_hostile_customer_name_is_only_a_name(standing: Shopkeeper) -> None:
    name = "<!channel> '; DROP TABLE orders; -- \u202e\U0001f525"
    assert standing.get(f"/orders/{standing.order(customer=name).json()['id']}").json()["customer"] == name


@pytest.mark.parametrize("limit", ["0", "501", "-1", "x", "²", "9" * 5000])
def test_a_limit_outside_its_range_is_refused(standing: Shopkeeper, limit: str) -> None:
    assert standing.get(f"/orders?limit={limit}").status_code == 422


def test_a_killed_shop_comes_back_at_the_same_address_with_its_orders(shop: Shopkeeper) -> None:
    placed, before = shop.order().json(), shop.actual
    kill(before.pid)
    until(lambda: shop.actual.restarts == 1 and shop.actual.replicas == 1)
    assert shop.actual.url == before.url
    assert shop.get(f"/orders/{placed['id']}").json() == placed


def test_scaling_down_ends_the_shop_before_it_says_so_and_leaves_one_file(shop: Shopkeeper) -> None:
    pid = shop.actual.pid
    assert pid is not None
    done = shop.run("scale", "--replicas", "0")
    assert (done.returncode, done.stdout) == (0, "checkout 2.3.0 now runs no replicas.\n")
    assert gone(pid)
    assert sorted(path.name for path in shop.home.path.glob("orders.db*")) == ["orders.db"]
    with pytest.raises(requests.ConnectionError):
        shop.order()


def test_scaling_to_what_is_so_changes_nothing(standing: Shopkeeper) -> None:
    before = standing.actual
    assert standing.run("scale", "--replicas", "1").stdout == "checkout 2.3.0 already runs 1 replica.\n"
    assert standing.actual == before


def test_without_a_controller_a_command_says_so_instead_of_waiting_for_ever(shop: Shopkeeper) -> None:
    assert shop.close() == 0
    failed = shop.run("scale", "--replicas", "1", "--timeout", "0.3")
    assert failed.returncode == 1
    assert "is `up` running" in failed.stderr


def test_a_controller_told_to_end_ends_its_shop(shop: Shopkeeper) -> None:
    pid = shop.actual.pid
    assert pid is not None
    assert shop.close() == 0
    assert gone(pid)
    assert (shop.actual.replicas, shop.actual.pid) == (0, None)


def test_a_killed_controller_leaves_no_shop_behind(shop: Shopkeeper) -> None:
    pid = shop.actual.pid
    assert pid is not None
    assert shop.controller is not None
    shop.controller.kill()
    until(lambda: gone(pid))


def test_a_second_controller_is_refused(standing: Shopkeeper) -> None:
    second = standing.run("up")
    assert (second.returncode, second.stdout) == (1, "")
    assert "already runs" in second.stderr


def test_a_migration_runs_once_and_the_release_is_the_wanted_one(shop: Shopkeeper) -> None:
    shop.order(sku="flat-white", quantity=1)
    first, second = (shop.run("release", "--version", "2.4.0") for _ in range(2))
    assert first.stdout == "checkout 2.4.0 is running; its migration brought orders.db to schema 2.\n"
    assert second.stdout == "checkout is already at 2.4.0.\n"
    assert shop.sql("SELECT total_cents FROM orders") == [(42,)]
    assert shop.get("/healthz").json()["version"] == "2.4.0"


def test_the_bad_release_confirms_one_total_and_stores_another(shop: Shopkeeper) -> None:
    shop.run("release", "--version", "2.4.0")
    placed = shop.order(sku="flat-white", quantity=1).json()
    assert placed["total_cents"] == 425
    assert shop.get(f"/orders/{placed['id']}").json()["total_cents"] == 42


def test_the_old_release_is_refused_on_the_new_schema_and_the_running_one_stays(shop: Shopkeeper) -> None:
    shop.run("release", "--version", "2.4.0")
    refused = shop.run("release", "--version", "2.3.0")
    assert refused.returncode == 1
    assert "the migration cannot be taken back, restore the database" in refused.stderr
    assert shop.get("/healthz").json()["version"] == "2.4.0"
    assert shop.run("serve", "--version", "2.3.0").stderr == refused.stderr


def test_the_new_release_is_refused_on_the_old_schema(standing: Shopkeeper) -> None:
    refused = standing.run("serve", "--version", "2.4.0")
    assert refused.returncode == 1
    assert "run `release --version 2.4.0`" in refused.stderr


def test_a_missing_database_is_an_error_and_never_an_empty_shop(shop: Shopkeeper) -> None:
    shop.run("scale", "--replicas", "0")
    kept = shop.home.database.rename(shop.home.path / "kept")
    failed = shop.run("scale", "--replicas", "1")
    assert failed.returncode == 1
    assert "restore it before starting checkout" in failed.stderr
    assert not shop.home.database.exists()

    kept.rename(shop.home.database)
    assert shop.run("scale", "--replicas", "1").returncode == 0


def test_a_damaging_release_is_undone_by_the_database_from_before_it(shop: Shopkeeper) -> None:
    with shop.writing():
        until(lambda: shop.confirmed() >= 60)
        before = datetime.now(UTC).isoformat()
        _copy(shop.home.database, shop.home.path / "point.db")
        assert shop.run("release", "--version", "2.4.0").returncode == 0
        seen = shop.confirmed()
        until(lambda: shop.confirmed() >= seen + 10)
        damaged = shop.run("verify", "--at", before)
        assert damaged.returncode == 1
        assert damaged.stdout.startswith("WRONG: ")
        assert " 0 missing" not in damaged.stdout
        assert " 0 wrong" not in damaged.stdout

        shop.run("scale", "--replicas", "0")
        (shop.home.path / "point.db").replace(shop.home.database)
        set_back = shop.run("release", "--version", "2.3.0")
        assert set_back.stdout == "checkout 2.3.0 is set and will run when checkout is scaled up.\n"
        resumed = datetime.now(UTC).isoformat()
        shop.run("scale", "--replicas", "1")
        seen = shop.confirmed()
        until(lambda: shop.confirmed() >= seen + 10)

    right = shop.run("verify", "--at", before, "--resumed", resumed)
    assert (right.returncode, right.stdout[:7]) == (0, "Right: ")
    assert "0 missing, 0 wrong" in right.stdout


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as have, closing(sqlite3.connect(target)) as copy:
        have.backup(copy)


def test_the_writer_outlives_a_closed_shop_and_journals_only_what_was_confirmed(shop: Shopkeeper) -> None:
    with shop.writing():
        until(lambda: shop.confirmed() >= 5)
        kill(shop.actual.pid)
        until(lambda: shop.actual.restarts == 1 and shop.actual.replicas == 1)
        seen = shop.confirmed()
        until(lambda: shop.confirmed() >= seen + 5)
    assert shop.run("verify", "--at", datetime.now(UTC).isoformat()).returncode == 0


_DENIED = {
    "decision": "deny",
    "checked_at": "2026-11-23T02:20:00Z",
    "next_transition": None,
    "retry_after_s": 60,
    "freezes": [
        {
            "id": "FRZ-7",
            "cause": "run",
            "reason": "INC-42: orders is being restored\x1b[2J",
            "placed_by": "ana",
            "since": "2026-11-23T02:12:00Z",
            "until": None,
            "incident_url": "http://127.0.0.1/incidents/INC-42",
        }
    ],
    "ask": {"slack": '/backstop freeze allow FRZ-7 checkout@ab12 "why"', "cli": "", "url": ""},
}
_DEPLOY = ("deploy", "--version", "2.4.0", "--sha", "ab12cd3")
_TOKEN = "gate-token-of-the-pipeline"


def test_a_deployment_the_gate_allows_is_released(shop: Shopkeeper) -> None:
    with gate(200, '{"decision": "allow", "checked_at": "2026-11-23T02:20:00Z", "good_for_s": 30}') as door:
        done = shop.run(*_DEPLOY, BACKSTOP_URL=door.url, BACKSTOP_TOKEN=_TOKEN)
    assert done.returncode == 0
    assert shop.actual.version == "2.4.0"
    [(path, headers)] = door.asked
    assert path == "/v1/gate?service=checkout&environment=production&kind=deploy&sha=ab12cd3&actor=ci"
    assert headers["Authorization"] == f"Bearer {_TOKEN}"


def test_a_denied_deployment_says_why_who_since_and_how_to_ask(standing: Shopkeeper) -> None:
    with gate(409, json.dumps(_DENIED)) as door:
        denied = standing.run(*_DEPLOY, BACKSTOP_URL=door.url, BACKSTOP_TOKEN=_TOKEN)
    assert denied.returncode == 10
    assert denied.stderr.splitlines() == [
        "checkout 2.4.0 (ab12cd3) was not deployed: production is frozen.",
        "  FRZ-7: INC-42: orders is being restored\\x1b[2J (by ana since 2026-11-23T02:12:00Z)",
        "  Follow it at http://127.0.0.1/incidents/INC-42",
        '  To ask for an exception: /backstop freeze allow FRZ-7 checkout@ab12 "why"',
    ]
    assert standing.actual.version == "2.3.0"
    assert standing.sql("PRAGMA user_version") == [(1,)]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, '{"decision": "unknown"}'),
        (404, '{"decision": "unknown", "code": "unknown_service"}'),
        (401, "{}"),
        (200, "<html>a proxy says hello</html>"),
        (200, '{"decision": "deny", "freezes": []}'),
        (409, '{"decision": "allow"}'),
        (302, '{"decision": "allow"}'),
    ],
)
def test_a_gate_without_a_clear_answer_is_not_a_yes(status: int, body: str) -> None:
    with gate(status, body) as door, pytest.raises(GateUnknown, match=str(status)):
        ask_gate(door.url, _TOKEN, version="2.4.0", sha="ab12cd3")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", ""])
def test_an_unreachable_or_unset_gate_keeps_production_shut(standing: Shopkeeper, url: str) -> None:
    stopped = standing.run(*_DEPLOY, BACKSTOP_URL=url, BACKSTOP_TOKEN=_TOKEN)
    _stays_shut(standing, stopped.returncode, stopped.stderr)


def _stays_shut(shop: Shopkeeper, code: int, said: str) -> None:
    assert code == 20
    assert said.endswith("Production stays shut without an answer.\n")
    assert said.count("\n") == 1
    assert _TOKEN not in said
    assert shop.actual.version == "2.3.0"


@pytest.mark.parametrize(
    "options",
    [
        ("scale", "--replicas", "2"),
        ("verify", "--at", "2026-11-23T02:10:00"),
        ("verify", "--at", "soon"),
        ("writer", "--rate", "0"),
        ("dance",),
    ],
)
def test_a_command_that_makes_no_sense_is_a_usage_error(tmp_path: Path, options: tuple[str, ...]) -> None:
    with shopkeeper(tmp_path) as keeper:
        assert keeper.run(*options).returncode == 2


def test_an_unknown_release_is_named_with_the_ones_there_are(tmp_path: Path) -> None:
    with shopkeeper(tmp_path / "shop") as keeper:
        refused = keeper.run("up", "--version", "9.9")
    assert (refused.returncode, refused.stderr) == (
        1,
        "There is no release 9.9 of checkout; there are 2.3.0, 2.4.0.\n",
    )
    assert not keeper.home.path.exists()


def test_serve_alone_runs_until_it_is_told_to_end(shop: Shopkeeper) -> None:
    shop.run("scale", "--replicas", "0")
    with shop.start("serve", "--version", "2.3.0") as alone:
        assert alone.stdout is not None
        url = alone.stdout.readline().split()[1]
        assert requests.get(f"{url}/healthz", timeout=5).json()["version"] == "2.3.0"
        os.kill(alone.pid, signal.SIGTERM)
        assert alone.wait(10) == 0
