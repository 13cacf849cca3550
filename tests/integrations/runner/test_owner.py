"""A runner belongs to one Backstop: tokens of two say nothing about each other."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from integrations.connections import Connections
from integrations.contract import Fence, IntegrationError, NotOurs
from integrations.process import Runner, Status
from integrations.registry import open_engines
from integrations.runner import owner
from integrations.runner.obstacles import account
from integrations.runner.params import Refused
from tests.integrations.accounts import a_home, of_another
from tests.integrations.host import Host

FIRST = {"id": "1" * 32, "host": "ops1", "home": "/srv/first", "database": "/srv/first/backstop.db"}
SECOND = {"id": "2" * 32, "host": "ops2", "home": "/srv/second", "database": "db2:5432/backstop"}
PLACE = "home /srv/first, database /srv/first/backstop.db, host ops1"
BELONGS = f"This runner belongs to another Backstop ({PLACE}, since "


def _of(host: Host, whose: dict[str, str]) -> Runner:
    return Runner(host.socket, backstop=whose)


async def _wipe(runner: Runner, key: str, token: int) -> Status:
    act = {"name": "wipe", "who": "ana"}
    return await runner.start(key, "command.run", None, act, token=token, timeout_s=60)


def _adopt(host: Host, whose: str) -> subprocess.CompletedProcess[str]:
    words = ("adopt", "--state", str(host.state), "--backstop", whose)
    return subprocess.run(
        [sys.executable, "-m", "integrations.runner", *words], capture_output=True, text=True, check=False
    )


async def test_another_backstop_never_gets_past_the_fence_however_often_it_tries(host: Host) -> None:
    host.go()
    await _wipe(_of(host, FIRST), "RUN-7.restore", 4)
    await host.ended("RUN-7.restore")

    for token in range(1, 8):
        with pytest.raises(NotOurs) as refused:
            await _wipe(_of(host, SECOND), f"RUN-1.restore#{token}", token)
        assert refused.value.permanent

    assert host.acts() == ["begin ana", "end ana"]
    said = str(refused.value)
    assert said.startswith(BELONGS)
    assert "not to this one (home /srv/second, database db2:5432/backstop, host ops2)" in said
    assert "so nothing is started, however often it is tried" in said
    assert "state folder of its own is only for other data" in said
    assert said.endswith(f"`backstop-runner adopt --state {host.state} --backstop {'2' * 32}`.")


async def test_of_two_that_come_at_once_one_is_its_owner(host: Host) -> None:
    host.go()
    both = (_wipe(_of(host, FIRST), "a", 1), _wipe(_of(host, SECOND), "b", 2))

    refused = [
        each for each in await asyncio.gather(*both, return_exceptions=True) if isinstance(each, Exception)
    ]

    assert len(refused) == 1
    assert "belongs to another Backstop" in str(refused[0])


async def test_what_a_runner_with_another_state_folder_restores_is_not_restored_a_second_time(
    host: Host, tmp_path: Path
) -> None:
    other = tmp_path / "other-state"
    other.mkdir()
    (other / "identity.json").write_text('{"id": "other"}')
    settings = {"database": str(host.database), "kept": str(host.kept)}
    owner.alone_with(other, settings)
    restore = ("sqlite.restore", "orders-db", {"point": "P-1"})

    with pytest.raises(IntegrationError) as refused:
        await _of(host, FIRST).start("RUN-1.restore.1", *restore, token=1, timeout_s=60)

    (marker,) = host.kept.glob(".runner-*.json")
    assert str(refused.value) == (
        f"{host.database.resolve()} is restored by another runner of this host, with the state folder "
        f"{other}: neither would know of the other's restores, so nothing was started. "
        f"Restore it through that runner. Once that one has ended for good, remove {marker}, and try again."
    )
    assert (await host.runner.status("RUN-1.restore.1")).state == "unknown"

    # A state folder that is gone acts for nobody.
    (other / "identity.json").unlink()
    await _of(host, FIRST).start("RUN-1.restore.2", *restore, token=2, timeout_s=60)

    with pytest.raises(Refused, match="with the state folder"):
        owner.alone_with(other, settings)


def test_a_runner_of_another_account_is_named_though_its_state_folder_may_not_be_entered() -> None:
    with a_home() as closed:
        (closed / "identity.json").write_text('{"id": "other"}')
        kept = closed.parent / "kept"
        kept.mkdir()
        kept.chmod(0o755)
        settings = {"data": "/srv/cluster", "kept": str(kept)}
        owner.alone_with(closed, settings)
        (marker,) = kept.glob(".runner-*.json")
        name = account()

        with of_another(closed):
            whose = f" that runs as {name}" if account() != name else ""
            with pytest.raises(Refused) as refused:
                owner.alone_with(closed.parent / "own", settings)
        assert str(refused.value) == (
            f"/srv/cluster is restored by another runner of this host{whose}, with the state folder "
            f"{closed}: neither would know of the other's restores, so nothing was started. Restore it "
            f"through that runner. Once that one has ended for good, remove {marker}, and try again."
        )

        # An earlier version wrote what only its own account may read.
        marker.chmod(0o600 if os.geteuid() == 0 else 0)
        with of_another(closed), pytest.raises(Refused) as refused:
            owner.alone_with(closed.parent / "own", settings)
        assert f"the state folder that {marker} names, which " in str(refused.value)
        if os.geteuid() == 0:
            owner.alone_with(closed, settings)
            assert marker.stat().st_mode & 0o777 == 0o644


def test_other_data_with_the_same_folder_for_what_is_kept_is_nobody_elses(tmp_path: Path) -> None:
    for each in ("a", "b"):
        owner.alone_with(tmp_path / each, {"database": f"/data/{each}.db", "kept": str(tmp_path / "kept")})
    owner.alone_with(tmp_path / "a", {"database": "/data/a.db", "kept": str(tmp_path / "kept")})
    owner.alone_with(tmp_path / "a", {"database": "/data/a.db", "kept": str(tmp_path / "no" / "kept")})
    owner.alone_with(tmp_path / "a", {"command": "wipe"})
    assert len(list((tmp_path / "kept").glob(".runner-*.json"))) == 2


async def test_what_destroys_nothing_makes_nobody_the_owner(host: Host) -> None:
    host.go()
    act = {"name": "act", "who": "bo"}
    await _of(host, SECOND).start("k", "command.run", None, act, token=None, timeout_s=60)

    assert (await host.runner.hello()).owner == ""


async def test_a_job_of_the_other_with_the_same_key_is_neither_shown_nor_ended(host: Host) -> None:
    host.go()
    first, second = _of(host, FIRST), _of(host, SECOND)
    await _wipe(first, "RUN-1.restore", 4)
    await host.ended("RUN-1.restore")

    assert (await second.status("RUN-1.restore")).state == "unknown"
    for settle in (second.forbid, second.cancel):
        with pytest.raises(IntegrationError, match="belongs to another Backstop"):
            await settle("RUN-1.restore")
    assert (await first.status("RUN-1.restore")).state == "done"


async def test_one_of_an_older_version_is_told_to_be_brought_up_to_date(host: Host) -> None:
    host.go()
    await _wipe(host.runner, "older", 1)
    await _wipe(_of(host, FIRST), "newer", 2)
    await host.ended("newer")

    with pytest.raises(
        IntegrationError, match="does not say which it comes from, as an older version does not"
    ):
        await _wipe(host.runner, "older again", 3)


async def test_the_target_and_doctor_say_beforehand_whose_it_is(host: Host) -> None:
    host.go()
    await _wipe(_of(host, FIRST), "k", 1)
    engines = open_engines(Connections(runners={"local": _of(host, SECOND)}))

    health = await engines["sqlite"].health(host.target)
    commands = await engines["command"].health(host.checkout)

    for found in (health, commands):
        assert not found.ok
        assert any(problem.startswith(BELONGS) for problem in found.problems)
    assert (await _of(host, FIRST).hello()).problems == ()
    assert (await host.runner.hello()).owner.startswith(
        "home /srv/first, database /srv/first/backstop.db, host ops1"
    )


async def test_an_operator_hands_it_over_on_purpose_and_the_old_tokens_and_keys_are_no_ones(
    host: Host,
) -> None:
    host.go()
    first, second = _of(host, FIRST), _of(host, SECOND)
    await _wipe(first, "RUN-1.restore", 4)
    await host.ended("RUN-1.restore")

    handed = _adopt(host, SECOND["id"])

    assert handed.returncode == 0, handed.stderr
    assert handed.stdout.startswith("This runner belonged to home /srv/first, database")
    with pytest.raises(IntegrationError, match="was used by another Backstop, which had this runner before"):
        await _wipe(second, "RUN-1.restore", 1)
    await _wipe(second, "RUN-1.restore#2", 1)
    assert (await host.ended("RUN-1.restore#2")).code == 0
    with pytest.raises(IntegrationError, match="home /srv/second"):
        await _wipe(first, "RUN-2.restore", 9)


async def test_it_is_not_handed_over_while_something_acts(host: Host) -> None:
    await _wipe(_of(host, FIRST), "RUN-1.restore", 4)

    refused = _adopt(host, SECOND["id"])

    assert refused.returncode == 2
    assert "RUN-1.restore still run here; nothing was handed over" in refused.stderr
    assert "`--backstop` is the id" in _adopt(host, "second").stderr


async def test_a_database_that_moved_stays_the_owner_and_is_told_where_it_is(host: Host) -> None:
    host.go()
    await _wipe(_of(host, FIRST), "a", 1)
    await _wipe(_of(host, {**FIRST, "home": "/srv/moved"}), "b", 2)

    assert (await host.runner.hello()).owner.startswith("home /srv/moved,")


async def test_a_note_of_the_owner_that_cannot_be_read_lets_nobody_act(host: Host) -> None:
    (host.state / "backstop.json").write_text("{")

    with pytest.raises(IntegrationError, match="cannot be read, so nobody knows whose this runner is"):
        await _wipe(_of(host, FIRST), "a", 1)
    assert _adopt(host, FIRST["id"]).returncode == 0
    assert json.loads((host.state / "backstop.json").read_text())["id"] == FIRST["id"]


async def test_a_target_tells_the_highest_token_it_has_seen_and_its_own_backstop_can_have_it_forgotten(
    host: Host,
) -> None:
    host.go()
    first = _of(host, FIRST)
    engines = open_engines(Connections(runners={"local": first}))
    assert (await engines["command"].health(host.checkout)).fence is None
    await _wipe(first, "RUN-1.restore", 4)
    await host.ended("RUN-1.restore")
    command = f"backstop-runner adopt --state {host.state} --backstop {FIRST['id']}"
    assert (await engines["command"].health(host.checkout)).fence == Fence(4, "RUN-1.restore", command)
    assert (await engines["sqlite"].health(host.target)).fence is None

    said = _adopt(host, FIRST["id"])

    assert said.stdout.startswith(f"This runner stays that of {PLACE}, since ")
    assert said.stdout.endswith("which tokens its targets have seen is forgotten.\n")
    assert (await engines["command"].health(host.checkout)).fence is None
    assert (await first.status("RUN-1.restore")).state == "done"
    assert (await first.hello()).owner.startswith(PLACE)
