"""The runner of another host, over a real SSH server: the same answers, nothing else, and no job lost."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from integrations.connections import Connections
from integrations.contract import Call, Engine, IntegrationError, JobRef, Phase, Source
from integrations.process import Runner
from integrations.registry import open_engines
from integrations.ssh import Address
from tests.integrations.host import Host, stdio_command, until
from tests.sshd import Sshd, make_key


async def test_a_runner_answers_over_ssh_as_it_does_on_its_socket(host: Host, remote: Runner) -> None:
    assert await remote.hello() == await host.runner.hello()
    assert (await remote.ask("sqlite.select", "orders-db", {"query": "SELECT 1"}))["rows"] == [[1]]
    with pytest.raises(IntegrationError, match='no sqlite target "payroll"') as refused:
        await remote.ask("sqlite.points", "payroll", {})
    assert refused.value.permanent


async def test_many_requests_share_one_session_and_a_slow_one_holds_nobody_up(
    server: Sshd, host: Host, remote: Runner
) -> None:
    (host.home / "env").write_text(f'#!/bin/sh\nwhile [ ! -e "{host.home}/go" ]; do sleep 0.02; done\n')
    slow = asyncio.create_task(remote.ask("command.check", None, {"name": "env"}))
    await remote.start("k", "command.run", None, {"name": "act", "who": "bo"}, token=None, timeout_s=60)
    moved = asyncio.create_task(remote.wait("k", seen="", within_s=30))
    answers = await asyncio.gather(*(remote.status(f"k-{number}") for number in range(30)))
    assert [answer.key for answer in answers] == [f"k-{number}" for number in range(30)]
    assert not slow.done()
    assert not moved.done()
    assert len(server.sessions()) == 1
    host.go()
    assert (await slow)["code"] == 0
    assert (await moved).code == 0


async def test_the_command_line_of_the_client_is_ignored(server: Sshd, host: Host) -> None:
    server.let_in(stdio_command(host))
    canary = host.home / "canary"
    canary.touch()
    known_hosts, keys = str(server.known_hosts), [str(server.key)]
    async with (
        asyncssh.connect(
            *("127.0.0.1", server.port),
            known_hosts=known_hosts,
            client_keys=keys,
            config=None,
        ) as connection,
        connection.create_process(f"rm -rf {canary}; evil") as process,
    ):
        process.stdin.write('{"id": 1, "do": "hello"}\n{"id": 2, "do": "shell", "key": "rm -rf /"}\n')
        hello, refused = sorted(
            [json.loads(await process.stdout.readline()) for _ in range(2)], key=lambda answer: answer["id"]
        )
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_connection("127.0.0.1", server.port)
    assert hello["targets"] == list((await host.runner.hello()).targets)
    assert (refused["ok"], refused["error"]) == (False, 'There is no request "shell".')
    assert canary.exists()


async def test_a_job_goes_on_when_the_session_is_killed_and_the_next_request_opens_another(
    server: Sshd, host: Host, remote: Runner
) -> None:
    given = {"name": "act", "who": "ana"}
    await remote.start("k", "command.run", None, given, token=None, timeout_s=60)
    await host.begun("ana")
    server.cut()

    async def running() -> bool:
        return (await remote.status("k")).state == "running"

    await until(running)
    assert (await remote.start("k", "command.run", None, given, token=None, timeout_s=60)).state == "running"
    server.cut()
    host.go()

    async def ended() -> bool:
        return (await remote.status("k")).code == 0

    await until(ended)
    assert host.acts() == ["begin ana", "end ana"]


async def test_a_restore_is_carried_out_once_however_often_the_session_breaks(
    server: Sshd, host: Host, remote: Runner
) -> None:
    engine = open_engines(Connections(runners={"local": remote}))["sqlite"]
    source = Source("orders-db", "sqlite")
    backup = await engine.backup(source, key="B-1", labels={})
    await until(lambda: _phase(engine, backup))
    (point,) = await engine.points(source)
    with closing(sqlite3.connect(host.database)) as connection, connection:
        connection.execute("DELETE FROM orders")
    call = Call("restore", target=host.target, point=point, source=source)
    ref = await engine.start(call, key="R-1", token=1)
    for _ in range(3):
        server.cut()
        with suppress(IntegrationError):
            assert await engine.start(call, key="R-1", token=1) == ref
    assert await until(lambda: _phase(engine, ref)) is Phase.SUCCEEDED
    assert (await engine.check(replace(call, operation="restored"))).ok
    assert len(list(host.kept.glob("*/restore.json"))) == 1


async def _phase(engine: Engine, ref: JobRef) -> Phase | None:
    state = await engine.poll(ref)
    return None if state.phase is Phase.RUNNING else state.phase


async def test_a_request_that_was_under_way_when_the_session_broke_is_an_error_that_may_pass(
    server: Sshd, host: Host, remote: Runner
) -> None:
    await remote.hello()
    (host.home / "env").write_text(f'#!/bin/sh\ntouch "{host.home}/asked"\nsleep 60\n')
    asked = asyncio.create_task(remote.ask("command.check", None, {"name": "env"}))

    async def begun() -> bool:
        return (host.home / "asked").exists()

    await until(begun)
    server.cut()
    with pytest.raises(IntegrationError, match="broke off; the next request opens another one") as broken:
        await asked
    assert not broken.value.permanent


async def test_a_server_that_is_gone_is_named_and_found_again_when_it_is_back(
    server: Sshd, host: Host, remote: Runner
) -> None:
    known = await remote.hello()
    server.stop()
    with pytest.raises(IntegrationError):
        await remote.hello()
    refused = f"{server.address} cannot be reached: connection refused"
    with pytest.raises(IntegrationError, match=refused) as gone:
        await remote.hello()
    assert not gone.value.permanent
    server.start()

    async def back() -> bool:
        return await remote.hello() == known

    await until(back)


async def test_a_session_on_which_nothing_comes_any_more_is_given_up_for_another(
    server: Sshd, host: Host, remote: Runner
) -> None:
    await remote.hello()
    frozen = server.sessions()
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(IntegrationError, match=r"did not answer in 0\.3 s"):
            await remote.ask("sqlite.points", "orders-db", {}, timeout_s=0.3)
        assert (await remote.hello()).targets
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)


async def test_a_host_with_another_key_is_not_spoken_to(server: Sshd, host: Host, tmp_path: Path) -> None:
    server.let_in(stdio_command(host))
    make_key(tmp_path / "other")
    others = tmp_path / "known_hosts"
    public = (tmp_path / "other.pub").read_text()
    for content in (f"[127.0.0.1]:{server.port} {public}", ""):
        others.write_text(content)
        with pytest.raises(IntegrationError) as stranger:
            await Runner(server.way(known_hosts=others)).hello()
        assert str(stranger.value) == (
            f"The host at {server.address} shows a key that is not in {others}: it is new, or "
            "somebody else answers there. Compare it with the host's own key before you add it."
        )
        assert not stranger.value.permanent


async def test_a_key_that_is_refused_missing_or_locked_is_said(
    server: Sshd, host: Host, tmp_path: Path
) -> None:
    server.let_in(stdio_command(host))
    make_key(tmp_path / "stranger")
    make_key(tmp_path / "locked", phrase="canary-phrase")
    for name, says in (
        ("stranger", "its public half must stand in `authorized_keys`"),
        ("missing", "There is no key"),
        ("locked", "It must be a private key without phrase"),
    ):
        with pytest.raises(IntegrationError, match=says) as refused:
            await Runner(server.way(key=tmp_path / name)).hello()
        assert str(tmp_path / name) in str(refused.value)
        assert "PRIVATE KEY" not in str(refused.value)
    with pytest.raises(IntegrationError, match="There is no known_hosts file"):
        await Runner(server.way(known_hosts=tmp_path / "nowhere")).hello()


async def test_an_account_without_runner_is_said_with_what_it_answered(server: Sshd) -> None:
    for command, says in (
        ("echo there is no program here >&2; exit 127", "ended with code 127 and said: there is no program"),
        ("true", "ended with code 0"),
    ):
        server.let_in(command)
        runner = Runner(server.way())
        with pytest.raises(IntegrationError, match=says) as none:
            await runner.hello()
        assert "must begin with command=" in str(none.value)
        await runner.close()


async def test_a_failed_attempt_is_not_made_again_by_everybody_who_asks(server: Sshd) -> None:
    server.let_in("true")
    runner = Runner(server.way())
    answers = await asyncio.gather(*(runner.hello() for _ in range(5)), return_exceptions=True)
    answers += await asyncio.gather(*(runner.hello() for _ in range(5)), return_exceptions=True)
    await runner.close()
    assert {type(answer) for answer in answers} == {IntegrationError}
    assert (server.folder / "log").read_text().count("Accepted publickey") == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ssh://db-eu-1", "write an address as ssh://user@host"),
        ("ssh://backstop@", "write an address as ssh://user@host"),
        ("ssh://backstop@db-eu-1:none", "write an address as ssh://user@host"),
        ("https://backstop@db-eu-1", "write an address as ssh://user@host"),
        ("ssh://backstop:canary@db-eu-1", "leave the password out"),
        ("ssh://backstop@db-eu-1/run/x.sock", "an address ends with the host"),
    ],
)
def test_what_is_no_address_is_refused_with_a_sentence(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        Address.parse(text)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    "text", ["ssh://backstop@db-eu-1", "ssh://backstop@db-eu-1:2222", "ssh://backstop@[2001:db8::1]:2222"]
)
def test_an_address_is_shown_as_it_is_written(text: str) -> None:
    assert str(Address.parse(text)) == text
