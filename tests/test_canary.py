"""Secrets that are put everywhere come out nowhere: not in what is stored, said, logged, shown or refused.

The bot, the runner and the shop are processes of their own, as in production. The secrets are the tokens of
the settings, a key that an HTTP step sends and that its service echoes, a file that commands print, and the
token of a person. A playbook uses them, fails in between, and is carried to its end.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp import web

from bot.core import run as runs
from bot.core.run import Run
from bot.sandbox import runner as sandbox_runner
from bot.sandbox.surroundings import Surroundings, surroundings, utc_now
from bot.timeline import Timeline
from bot.timeline.database import open_engine
from integrations.process import Runner
from tests.integrations.host import until

ROOT = Path(__file__).parents[1]
SENT, PRINTED = "canary-that-is-sent-7f3a91", "canary-that-is-printed-c20b64"
PATIENCE_S = 30.0

PLAYBOOK = """\
schema: backstop/playbook/1
metadata: {name: canary, title: Use every secret, owner: checkout-owners, reviewed: "2026-11-02"}
options: [code_rollback]
applies_to: {services: [checkout], environments: [production]}
roles: {app: {group: checkout-owners}}
inputs:
  key: {type: secret-ref, ask: "Which key?"}
targets: {checkout: {kind: command, environment: production}}
steps:
  - id: tell
    title: Print the secret
    uses: command.run
    with: {name: canary-tell}
    by: app
    effect: reversible
    touches: [checkout]
    estimate: 10s
    timeout: 1m
    undo: {uses: command.run, with: {name: canary-tell}}
  - id: send
    title: Send the key to somebody who echoes it
    uses: http.call
    with:
      method: POST
      url: ECHO
      headers: {Authorization: "Bearer {secret:echo-key}"}
      body: {key: inputs.key, again: "{secret:echo-key}"}
    by: app
    effect: reversible
    touches: [checkout]
    estimate: 10s
    timeout: 1m
    undo: {uses: http.call, with: {method: POST, url: ECHO}}
  - id: fail
    title: Print the secret and fail
    uses: command.run
    with: {name: canary-fail}
    by: app
    effect: reversible
    touches: [checkout]
    estimate: 10s
    timeout: 1m
    undo: {uses: command.run, with: {name: canary-tell}}
verify:
  - id: echoes
    uses: http.check
    severity: warn
    with:
      url: ECHO
      headers: {Authorization: "Bearer {secret:echo-key}"}
      json_at: {authorization: something else}
  - id: answers
    uses: http.check
    with: {url: ECHO}
"""

PROGRAM = """\
import json, os, sys
secret = os.environ["CANARY"]
print("the secret is", secret, flush=True)
print("::progress", json.dumps({"phase": secret, "done": 1, "total": 4, "unit": "items"}), flush=True)
print("::evidence", json.dumps({"seen": secret, secret: [secret]}), flush=True)
print(f"{secret}{secret} said twice", file=sys.stderr, flush=True)
sys.exit(int(sys.argv[1]))
"""

COMMAND = """
[commands.{name}]
argv = {argv}
target = "checkout"
effect = "reversible"
timeout = 30
secret_env = {{ CANARY = {secret} }}
"""


async def _echo(request: web.Request) -> web.Response:
    told = {"authorization": request.headers.get("Authorization", ""), "body": await request.text()}
    return web.json_response(told)


@asynccontextmanager
async def _echoing() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/", _echo)
    served = web.AppRunner(app)
    await served.setup()
    await web.TCPSite(served, "127.0.0.1", 0).start()
    try:
        yield "http://{}:{}/".format(*served.addresses[0][:2])
    finally:
        await served.cleanup()


@dataclass
class Aviary:
    """Backstop with secrets in every place, and everything that anybody can read of it."""

    around: Surroundings
    timeline: Timeline
    log: Path
    token: str

    @property
    def secrets(self) -> Mapping[str, str]:
        """Return the secrets by name."""
        settings = self.around.settings
        found = {name: getattr(settings, name) for name in ("slack_bot_token", "slack_app_token")}
        found |= {name: getattr(settings, name) for name in ("slack_signing_secret", "jira_token")}
        given = {name: value.get_secret_value() for name, value in found.items()}
        return {**given, "http key": SENT, "printed": PRINTED, "token of ana": self.token}

    async def say(self, line: str) -> str:
        """Say a line over HTTP and return the whole answer."""
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"{self.around.settings.door}/v1/say"
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, json={"line": line}, headers=headers) as answer,
        ):
            return await answer.text()

    async def run(self) -> Run | None:
        """Return the run as it stands."""
        return runs.fold(await self.timeline.read("run/RUN-1"))

    async def became(self, state: str) -> Run:
        """Wait until the run is in a state."""

        async def look() -> Run | None:
            found = await self.run()
            return found if found and found.state == state else None

        return await until(look, seconds=PATIENCE_S)

    async def pages(self) -> AsyncIterator[tuple[str, str]]:
        """Yield every answer of the HTTP door: pages, JSON, figures and errors."""
        ids = ("/v1/incidents/INC-1", "/v1/incidents/INC-1/timeline", "/v1/incidents/INC-1/postmortem")
        more = ("/v1/runs/RUN-1", "/v1/freezes", "/incidents", "/incidents/INC-1", "/runs/RUN-1", "/freezes")
        plain = ("/metrics", "/healthz", "/readyz", "/openapi.json", "/nowhere", "/v1/gate?service=checkout")
        async with aiohttp.ClientSession() as session:
            for path in (*ids, *more, *plain):
                for token in (self.token, f"{self.token}x"):
                    headers = {"Authorization": f"Bearer {token}"}
                    url = f"{self.around.settings.door}{path}"
                    async with session.get(url, headers=headers) as answer:
                        yield f"GET {path}", f"{answer.headers} {await answer.text()}"

    async def jobs(self) -> AsyncIterator[tuple[str, str]]:
        """Yield what the runner shows of each job."""
        assert self.around.settings.runner_socket
        runner = Runner(self.around.settings.runner_socket)
        for key in ("RUN-1.tell.1", "RUN-1.fail.1"):
            yield f"log of {key}", (await runner.log(key)).text
            yield f"status of {key}", repr(await runner.status(key))

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Yield every file of the home but those that hold the secrets, and the raw output beside them."""
        kept_there = {"canary", "echo-key", "out.log"}
        for file in sorted(self.around.home.rglob("*")):
            if file.is_file() and file.name not in kept_there:
                yield str(file.relative_to(self.around.home)), file.read_bytes()

    def told(self) -> Iterator[tuple[str, str]]:
        """Yield what Slack and Jira were told, and what Slack told the bot back."""
        yield "Slack's journal", json.dumps(self.around.slack.journal(), ensure_ascii=False)
        for number, reply in enumerate(self.around.slack.deliveries):
            yield f"answer {number} to Slack", repr(reply.body)
        for exchange in self.around.jira.journal:
            asked = f"{exchange.path_qs} {exchange.request!r} {exchange.response!r}"
            yield f"Jira {exchange.operation}", asked
        for key, issue in self.around.jira.issues.items():
            yield f"Jira {key}", f"{issue.description} {[each.content for each in issue.attachments]}"


@asynccontextmanager
async def _bot(around: Surroundings, log: Path) -> AsyncIterator[Process]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("BACKSTOP_")}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "serve"),
            env={**own, **around.environment(), "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            stdin=DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.terminate()
        await process.wait()


def _hide_secrets(around: Surroundings, echo: str) -> None:
    home = around.home
    (home / "secrets" / "echo-key").write_text(f"{SENT}\n")
    (home / "canary").write_text(f"{PRINTED}\n")
    (home / "program.py").write_text(PROGRAM)
    (home / "playbooks" / "canary.yaml").write_text(PLAYBOOK.replace("ECHO", echo))
    commands = "".join(
        COMMAND.format(
            name=name,
            argv=json.dumps([sys.executable, str(home / "program.py"), code]),
            secret=json.dumps(str(home / "canary")),
        )
        for name, code in (("canary-tell", "0"), ("canary-fail", "3"))
    )
    config = home / "runner.toml"
    config.write_text(config.read_text() + commands)


@pytest.fixture
async def aviary(tmp_path: Path) -> AsyncIterator[Aviary]:
    """Yield a Backstop whose playbook has used every secret and is over."""
    home = tmp_path / "home"
    async with _echoing() as echo, surroundings(home, environ={}) as around:
        _hide_secrets(around, echo)
        address = around.settings.runner_socket
        assert address
        pid = sandbox_runner.answering(address)
        assert pid
        await sandbox_runner.end(pid)  # the bot starts one anew, with the commands that print
        async with _bot(around, home / "bot.log"):
            await around.slack.connected(2)
            timeline = Timeline(open_engine(around.settings.database), now=utc_now)
            try:
                expires = utc_now() + timedelta(days=1)
                token = await timeline.records.issue_token(
                    "ana", scopes=["say"], name="ana", expires_at=expires
                )
                found = Aviary(around, timeline, home / "bot.log", token)
                await _play(found)
                yield found
            finally:
                await timeline.close()


async def _play(aviary: Aviary) -> None:
    await aviary.around.slack.slash("ana", '/backstop declare "Canaries" sev:1 svc:checkout')
    await until(lambda: aviary.timeline.read("incident/INC-1"))
    await aviary.say("plan canary key:team/echo-key inc:INC-1")
    await aviary.became("planned")
    await aviary.say("start RUN-1")
    paused = await aviary.became("paused")
    assert paused.step("tell").status == paused.step("send").status == "succeeded"
    assert "•••" in paused.step("fail").tail
    await aviary.say('skip RUN-1.fail why:"It only prints"')
    await aviary.became("recovered")
    await aviary.say('resolve "Done" data:"none" inc:INC-1')
    await aviary.around.jira.wait(
        lambda jira: any("incident-resolved" in str(each.attachments) for each in jira.issues.values()),
        within_s=PATIENCE_S,
    )


def _shapes(secret: str) -> set[str]:
    """Return a secret as it is, as an address holds it, and as a header of basic authentication does."""
    basic = {b64encode(f"{email}:{secret}".encode()).decode() for email in ("", "backstop@example.org")}
    return {secret, quote(secret, safe=""), *basic}


def _found(aviary: Aviary, where: str, text: str | bytes) -> list[str]:
    content = text.encode() if isinstance(text, str) else text
    return [
        f"{name} is in {where}"
        for name, secret in aviary.secrets.items()
        if any(shape.encode() in content for shape in _shapes(secret))
    ]


async def _were_really_there(aviary: Aviary) -> None:
    """A secret that was never used could not come out."""
    raw = (aviary.around.runner_state / "jobs").rglob("out.log")
    assert any(PRINTED in file.read_text() for file in raw)
    run = await aviary.run()
    assert run
    assert "•••" in str(run.step("send").evidence)


async def test_no_secret_comes_out_anywhere(aviary: Aviary) -> None:
    await _were_really_there(aviary)
    seen = [(where, text) async for where, text in aviary.pages()]
    seen += [(where, text) async for where, text in aviary.jobs()]
    seen += aviary.told()
    found = [sentence for where, text in seen for sentence in _found(aviary, where, text)]
    found += [sentence for where, content in aviary.files() for sentence in _found(aviary, where, content)]
    assert found == []
    everything = "\n".join(text for _, text in seen)
    assert "RUN-1.fail" in everything
    assert everything.count("•••") > 10


@pytest.mark.parametrize("words", [["serve"], ["doctor"]])
async def test_wrong_settings_are_named_without_their_secrets(tmp_path: Path, words: list[str]) -> None:
    secret = "xoxb-canary-that-is-set-91c7"
    given = {
        "HOME": str(tmp_path),
        "PORT": "none",
        "SLACK_BOT_TOKEN": secret,
        "SLACK_SIGNING_SECRET": secret,
        "JIRA_TOKEN": secret,
        "AUDIT_WEBHOOK_URL": f"https://audit.example/{secret}",
        "AUDIT_WEBHOOK_SECRET": secret,
        "STATUSPAGE_PAGE": "a-page",
        "STATUSPAGE_KEY": secret,
        "STATUSPAGE_URL": "http://127.0.0.1:1",
        "STATUS_WEBHOOK_URL": f"https://status.example/{secret}",
        "STATUS_WEBHOOK_SECRET": secret,
        "ALERTMANAGER_URL": "http://127.0.0.1:1",
        "ALERTMANAGER_SECRET": secret,
        "DATABASE_URL": f"postgresql+psycopg://backstop:{secret}@127.0.0.1:1/backstop",
    }
    own = {name: value for name, value in os.environ.items() if not name.startswith("BACKSTOP_")}
    for port in ("none", "0"):
        settings = {f"BACKSTOP_{name}": value for name, value in {**given, "PORT": port}.items()}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", *words),
            env={**own, **settings, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
        assert process.returncode != 0
        assert output.strip()
        assert secret.encode() not in output
