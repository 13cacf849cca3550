"""The surroundings are whole, stay on this machine, and leave nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import requests

from bot.core.errors import Refused
from bot.sandbox.runner import answering
from bot.sandbox.surroundings import Surroundings, surroundings
from bot.settings import Settings
from integrations.connections import Connections
from integrations.contract import Source, Target
from integrations.process import Runner
from integrations.sqlite import Sqlite
from playbooks.catalog import load_catalog
from playbooks.load import load_playbook
from tests.clock import Clock
from tests.integrations.host import until
from tests.sandbox.remains import processes_in

shared = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def around(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Surroundings]:
    """Return surroundings over Socket Mode, for all tests that leave them as they are."""
    async with surroundings(tmp_path_factory.mktemp("sandbox"), environ={}) as found:
        yield found


def runner_of(around: Surroundings) -> Runner:
    assert around.settings.runner_socket
    return Runner(around.settings.runner_socket)


def contents(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@shared
async def test_people_are_the_same_in_the_catalog_and_in_slack(around: Surroundings) -> None:
    catalog = load_catalog((around.home / "catalog.yaml").read_text(), "catalog.yaml")
    assert set(catalog.people) == {"ana", "bo", "cy"}
    for name, person in catalog.people.items():
        there = around.slack.person(name)
        assert (there.id, there.email) == (person.slack, person.email)


@shared
async def test_alerts_about_what_is_restored_can_be_silenced(around: Surroundings) -> None:
    catalog = load_catalog((around.home / "catalog.yaml").read_text(), "catalog.yaml")
    labels = {"service": "checkout", "environment": "production"}
    assert [catalog.targets[name].alerts for name in ("orders-db", "checkout")] == [labels, labels]
    assert around.settings.alertmanager_url == around.alerts.url
    assert around.alerts.in_force == []


@shared
async def test_the_catalog_says_where_the_shop_really_is(around: Surroundings) -> None:
    catalog = load_catalog((around.home / "catalog.yaml").read_text(), "catalog.yaml")
    url = catalog.targets["checkout"].settings["url"]
    answer = await asyncio.to_thread(requests.get, f"{url}/healthz", timeout=5)
    assert answer.json()["version"] == "2.3.0"


@shared
async def test_every_playbook_of_the_library_is_on_the_shelf(around: Surroundings) -> None:
    files = sorted((around.home / "playbooks").glob("*.yaml"))
    loaded = [load_playbook(file.read_text(), file.name).playbook.name for file in files]
    assert "checkout-restore" in loaded
    assert len(loaded) >= 6


@shared
async def test_the_runner_takes_a_recovery_point_of_the_shop(around: Surroundings) -> None:
    engine = Sqlite(Connections(runners={"local": runner_of(around)}))
    source = Source("orders-points", "sqlite", {"target": "orders-db"})
    labels = {"release": "2.3.0", "commit": "3f2a1bc", "environment": "production"}
    await engine.backup(source, key="first", labels=labels)

    async def taken() -> bool:
        return bool(await engine.points(source))

    await until(taken)
    [point] = await engine.points(source)
    assert (point.release, point.commit, point.environment) == ("2.3.0", "3f2a1bc", "production")
    assert (await engine.health(Target("orders-db", "sqlite", "production"))).ok


@shared
async def test_a_bot_in_another_process_gets_the_same_settings(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in around.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings().model_dump() == around.settings.model_dump()


async def test_nothing_of_the_machine_gets_into_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKSTOP_SLACK_COMMAND", "/somebody-elses")
    async with surroundings(tmp_path, environ={}) as around:
        assert around.settings.slack_command == "/backstop"


@pytest.mark.parametrize("name", ["SLACK_BOT_TOKEN", "BACKSTOP_SLACK_APP_TOKEN", "JIRA_API_TOKEN"])
async def test_beside_a_real_token_nothing_is_started(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused, match=f"{name} is set, so real people could be reached") as refusal:
        async with surroundings(tmp_path, environ={name: "xoxb-real"}):
            pass
    assert "xoxb-real" not in str(refusal.value)
    assert contents(tmp_path) == []


@shared
async def test_everything_listens_on_loopback_only(around: Surroundings) -> None:
    settings = around.settings
    for url in (settings.slack_api_url, settings.jira_url, settings.door, around.keeper.url):
        assert url.startswith("http://127.0.0.1:")
    assert settings.host == "127.0.0.1"


async def test_over_http_slack_delivers_to_the_door_of_the_bot(tmp_path: Path, clock: Clock) -> None:
    async with surroundings(tmp_path, transport="http", now=clock, environ={}) as around:
        assert around.settings.slack_mode == "http"
        reply = await around.slack.slash("ana", "/backstop help")
        assert not reply.answered  # nothing listens there yet
        assert around.slack.workspace.now() == clock()


async def test_no_process_outlives_the_surroundings(tmp_path: Path) -> None:
    async with surroundings(tmp_path, environ={}) as around, around.keeper.customers():
        address = around.settings.runner_socket
        assert address
        assert answering(address)
        assert len(processes_in(tmp_path)) >= 4  # a runner, a controller, a shop and its customers
    assert processes_in(tmp_path) == []
    assert answering(address) is None
    assert not address.parent.exists()


async def test_jobs_and_stopped_processes_are_ended_too(tmp_path: Path) -> None:
    async with surroundings(tmp_path, environ={}) as around:
        runner = runner_of(around)
        await around.keeper.run("scale", "--replicas", "0")
        controller = [line for line in processes_in(tmp_path) if " up " in line]
        assert len(controller) == 1
        actual = around.shop.actual()
        assert actual
        # The controller cannot bring the replica up while it is stopped, so this job goes on and on.
        pid = _pid_of(" up ", tmp_path)
        os.kill(pid, signal.SIGSTOP)
        params = {"name": "checkout-scale", "replicas": 1}
        await runner.start("k1", "command.run", "checkout", params, token=None, timeout_s=60)

        async def begun() -> bool:
            return bool([line for line in processes_in(tmp_path) if " scale " in line])

        await until(begun)
        address = around.settings.runner_socket
        assert address
        runner_pid = answering(address)
        assert runner_pid
        os.kill(runner_pid, signal.SIGKILL)
    assert processes_in(tmp_path) == []


def _pid_of(word: str, home: Path) -> int:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().decode("utf-8", "replace").replace("\0", " ")
            except OSError:
                continue
            if word in line and str(home) in line:
                return int(entry.name)
    raise AssertionError(word)


async def test_a_runner_that_was_only_begun_is_ended_too(tmp_path: Path) -> None:
    opening = asyncio.create_task(surroundings(tmp_path, environ={}).__aenter__())

    async def begun() -> bool:
        return bool([line for line in processes_in(tmp_path) if "integrations.runner serve" in line])

    await until(begun)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert processes_in(tmp_path) == []
