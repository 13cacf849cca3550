from __future__ import annotations

import asyncio
import json
import stat
import sys
from typing import Any

import pytest

from integrations.contract import IntegrationError, Json
from integrations.detached import start_detached
from integrations.runner import processes
from integrations.runner.jobs import Job
from tests.integrations.host import SECRET, Host, until


async def _sent(host: Host, line: bytes) -> dict[str, Any]:
    reader, writer = await asyncio.open_unix_connection(host.socket)
    writer.write(line + b"\n")
    answer = await reader.readline()
    writer.close()
    return dict(json.loads(answer)) if answer else {}


async def test_only_the_owner_may_connect(host: Host) -> None:
    assert stat.S_IMODE(host.socket.stat().st_mode) == 0o600


_REFUSED = [
    (b"not json", "not JSON"),
    (b"[1]", "one JSON object"),
    (b'{"do": "shell"}', "no request"),
    (b'{"do": "start"}', "needs a `key`"),
    (b'{"do": "start", "key": "k"}', "`op` and `target`"),
    (b'{"do": "start", "key": "k", "op": "sqlite.shell", "params": {}}', "no operation"),
    (b'{"do": "start", "key": "k", "op": "sqlite.health", "target": "orders-db"}', "no operation"),
    (b'{"do": "start", "key": "k", "op": "sqlite.keep", "target": "payroll"}', "no sqlite target"),
    (b'{"do": "start", "key": "k", "op": "sqlite.keep", "target": "readings"}', "not allowed"),
    (b'{"do": "start", "key": "k", "op": "sqlite.keep", "target": "orders-db", "params": []}', "object"),
    (b'{"do": "start", "key": "k", "op": "command.run", "params": {"name": "rm"}}', "no command"),
    (b'{"do": "start", "key": "k", "op": "command.run", "params": {"name": ["act"]}}', "no command"),
    (
        b'{"do": "start", "key": "k", "op": "command.run", "target": "orders-db", '
        b'"params": {"name": "act", "who": "bo"}}',
        "acts on checkout",
    ),
    (
        b'{"do": "start", "key": "k", "op": "command.run", "token": true, '
        b'"params": {"name": "act", "who": "bo"}}',
        "token is a whole number",
    ),
    (
        b'{"do": "start", "key": "k", "op": "command.run", "timeout_s": -1, '
        b'"params": {"name": "act", "who": "bo"}}',
        "number of seconds",
    ),
    (
        b'{"do": "ask", "op": "command.check", "params": {"name": "wipe", "who": "bo"}}',
        "cannot be a check",
    ),
    (b'{"do": "status", "key": "a\\u0000b"}', "printable"),
    (b'{"do": "status", "key": ""}', "printable"),
    (b'{"do": "wait", "key": "k", "within_s": 1' + b"0" * 400 + b"}", "number of seconds"),
    (b'{"do": "log", "key": "k", "offset": -1}', "0 or more"),
]


async def test_what_cannot_be_done_is_refused_with_a_sentence_and_nothing_begins(host: Host) -> None:
    for line, says in _REFUSED:
        answer = await _sent(host, line)
        assert (answer["ok"], answer["permanent"]) == (False, True), line
        assert says in answer["error"]
    assert host.acts() == []
    assert list((host.state / "jobs").iterdir()) == []


async def test_a_line_longer_than_any_request_ends_the_connection_and_not_the_runner(host: Host) -> None:
    assert await _sent(host, b"x" * 300_000) == {}
    assert (await host.runner.hello()).targets == (
        *("orders-db", "readings", "uploads", "uploads-drill"),
        "checkout",
    )


async def test_a_key_never_leaves_the_directory_of_jobs(host: Host) -> None:
    host.go()
    keys = [".", "..", "../../escape", "a/b", "RUN-1/restore/1", "ключ"]
    for key in keys:
        await host.start(key, "act", who="bo")
        assert (await host.ended(key)).code == 0
    found = {path.name for path in (host.state / "jobs").iterdir()}
    assert found == {Job(host.state, key).path.name for key in keys}
    assert len(found) == len(keys)


async def test_a_preview_is_the_program_that_runs(host: Host) -> None:
    params: dict[str, Json] = {"name": "scale", "replicas": 3, "mode": "slow"}
    preview = await host.runner.preview("command.run", None, params, how="job")
    assert preview.argv == ("/bin/echo", "--replicas=3", "slow")
    await host.start("k", "scale", replicas=3, mode="slow")
    await host.ended("k")
    assert (await host.runner.log("k")).text == "--replicas=3 slow\n"


async def test_a_program_sees_the_listed_environment_and_nothing_else(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.kill_serve()
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-canary")
    await host.serve()
    await host.start("k", "env")
    await host.ended("k")
    text = (await host.runner.log("k")).text
    assert "COLOUR=blue" in text
    assert "BACKSTOP_KEY=k" in text
    assert "canary" not in text


async def test_a_secret_of_the_host_is_shown_nowhere(host: Host) -> None:
    await host.start("k", "leak")
    status = await host.ended("k")
    assert status.code == 3
    log = (await host.runner.log("k")).text
    assert "token is •••" in log
    assert "auth: Basic YW5hOn•••Q=" in log
    found = await host.runner.ask("command.check", None, {"name": "leak"})
    assert found["code"] == 3
    listed = await _sent(host, b'{"do": "list"}')
    assert SECRET not in f"{status}{log}{found}{listed}"
    assert SECRET not in "".join(path.read_text() for path in (host.state / "jobs").rglob("*.json"))


async def test_questions_to_a_database_only_read(host: Host) -> None:
    async def asked(query: str, **values: Json) -> Any:
        return await host.runner.ask("sqlite.select", "orders-db", {"query": query, "values": values})

    assert (await asked("SELECT count(*) FROM orders WHERE id <= :last", last=7))["rows"] == [[7]]
    for query in (
        "DELETE FROM orders",
        "ATTACH 'x.db' AS x",
        "PRAGMA journal_mode = DELETE",
        "SELECT 1; DELETE FROM orders",
        "SELECT load_extension('x')",
        "SELECT nothing FROM nowhere",
    ):
        with pytest.raises(IntegrationError):
            await asked(query)
    assert (await asked("SELECT count(*) FROM orders"))["rows"] == [[500]]


async def test_standard_input_and_output_carry_the_same_protocol(host: Host) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "integrations.runner", "serve", "--stdio"),
        *(f"--config={host.config}", f"--state={host.state}"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    host.go()
    start = {"do": "start", "key": "k", "op": "command.run", "params": {"name": "act", "who": "bo"}}
    lines = [{"id": 1, "do": "hello"}, {"id": 2, **start}]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    output, _ = await process.communicate(text.encode())
    answers = [json.loads(line) for line in output.splitlines()]
    assert [answer["id"] for answer in answers] == [1, 2]
    assert answers[1]["state"] == "running"
    assert (await host.ended("k")).code == 0


async def test_a_second_runner_on_one_socket_is_refused_and_a_detached_start_attaches(host: Host) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "integrations.runner", "serve"),
        *(f"--config={host.config}", f"--state={host.state}", f"--socket={host.socket}"),
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert b"Another runner answers" in errors
    await start_detached(host.config, host.state, host.socket)
    assert len(processes.using(host.socket.with_name("runner.sock.lock"))) == 1


async def test_a_runner_that_cannot_begin_says_why(host: Host) -> None:
    host.kill_serve()
    host.config.write_text("[targets.x]\nkind = 'oracle'\n")
    with pytest.raises(IntegrationError, match=r"targets\.x\.kind: write one of"):
        await start_detached(host.config, host.state, host.socket, timeout_s=1)


async def test_a_flood_of_output_is_cut_and_its_end_is_kept(host: Host) -> None:
    script = host.home / "act"
    script.write_text(
        "#!/bin/sh\nhead -c 9000000 /dev/zero | tr '\\0' 'x'\n"
        f'while [ ! -e "{host.home}/go" ]; do sleep 0.02; done\necho the end\n'
    )
    await host.start("k", "act", who="bo")
    log = Job(host.state, "k").log

    async def cut() -> bool:
        return log.exists() and b"left out" in log.read_bytes()[-200:]

    await until(cut)
    host.go()
    await host.ended("k")
    assert log.stat().st_size < 5_000_000
    assert (await host.runner.status("k")).said == "the end"


async def test_a_configuration_that_was_changed_later_is_named_until_the_runner_begins_again(
    host: Host,
) -> None:
    before = host.config.read_text()
    assert (await host.runner.hello()).problems == ()

    host.config.write_text(before + '\n[targets.more]\nkind = "commands"\n')
    hello = await host.runner.hello()

    assert "more" not in hello.targets
    assert hello.problems == (
        f"{host.config} was changed after the runner had read it, and the old text is in force: end the "
        f"runner (process {host.served}; its jobs go on) and have it started again.",
    )
    host.config.unlink()
    assert (await host.runner.hello()).problems == (
        f"{host.config} cannot be read any more; what the runner had read of it is in force.",
    )
    host.config.write_text(before)
    assert (await host.runner.hello()).problems == ()
    host.config.write_text(before + '\n[targets.more]\nkind = "commands"\n')
    host.kill_serve()
    await host.serve()
    hello = await host.runner.hello()
    assert (hello.problems, hello.targets[-1]) == ((), "more")
