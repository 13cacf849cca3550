"""`backstop gate` in pipelines: what it says and the code it ends with."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from bot.core.events import FreezeLifted
from tests.terminal.shell import ROOT, Shell, scripted
from tests.web.door import DECLARED, FROZEN, Door

ASK = ("gate", "--service", "checkout", "--environment", "production", "--sha", "ab12")
DENIED = {"decision": "deny", "retry_after_s": 1, "freezes": [], "ask": {}}
NOBODY = {"BACKSTOP_URL": "http://127.0.0.1:9", "BACKSTOP_TOKEN": "bst_canary"}


async def keys(door: Door) -> dict[str, str]:
    return {"BACKSTOP_URL": door.url, "BACKSTOP_TOKEN": await door.token("ci", "gate")}


async def test_an_allowed_change_ends_with_0(door: Door, shell: Shell) -> None:
    ran = await shell.run(*ASK, **await keys(door))

    assert ran.code == 0
    assert ran.out == "Allowed: nothing stops a deploy of checkout in production.\n"
    assert ran.err == ""


async def test_a_denied_change_ends_with_10_and_one_paragraph(door: Door, shell: Shell) -> None:
    await door.write("incident/INC-1", DECLARED)
    await door.write("freeze/FRZ-1", FROZEN)

    ran = await shell.run(*ASK, **await keys(door))

    assert ran.code == 10
    assert ran.out.count("\n") == 1
    assert "FRZ-1: INC-1: orders is being restored (placed by ana, since 20" in ran.out
    assert "Follow it at https://backstop.example/incidents/INC-1." in ran.out
    assert '/backstop freeze allow FRZ-1 checkout@ab12 "why" in Slack' in ran.out


async def test_a_wait_that_runs_out_ends_with_11(shell: Shell) -> None:
    with scripted([(409, DENIED)]) as script:
        ran = await shell.run(*ASK, "--wait", "2s", BACKSTOP_URL=script.url, BACKSTOP_TOKEN="t")

    assert ran.code == 11
    assert len(script.asked) >= 2
    assert "Waiting; 2 s are left." in ran.err


async def test_a_wait_ends_with_0_once_the_freeze_is_lifted(shell: Shell) -> None:
    with scripted([(409, DENIED), (503, {}), (200, {"decision": "allow"})]) as script:
        ran = await shell.run(*ASK, "--wait", "30s", BACKSTOP_URL=script.url, BACKSTOP_TOKEN="t")

    assert ran.code == 0
    assert len(script.asked) == 3


@pytest.mark.parametrize(("rule", "code"), [("deny", 20), ("allow", 0)])
async def test_when_nobody_answers_the_rule_of_the_caller_holds_and_is_said(
    shell: Shell, rule: str, code: int
) -> None:
    ran = await shell.run(*ASK, "--on-unreachable", rule, **NOBODY)

    assert ran.code == code
    assert f"--on-unreachable {rule}" in ran.err
    assert "bst_canary" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, {"decision": "unknown", "error": "cannot be read", "what_next": "ask again"}),
        (500, {"error": "unforeseen", "what_next": "look"}),
        (200, "<html>Welcome to the hotel</html>"),
        (200, {"decision": "maybe"}),
        (409, "conflict"),
        (302, ""),
        (0, ""),
    ],
)
async def test_what_is_no_clear_answer_ends_with_20(shell: Shell, status: int, body: object) -> None:
    with scripted([(status, body)]) as script:
        ran = await shell.run(*ASK, BACKSTOP_URL=script.url, BACKSTOP_TOKEN="t")

    assert ran.code == 20
    assert ran.out == ""


async def test_a_door_without_its_database_ends_with_20(door: Door, shell: Shell) -> None:
    from sqlalchemy import text

    access = await keys(door)
    async with door.timeline._engine.begin() as connection:
        await connection.execute(text('ALTER TABLE "freeze" RENAME TO lost'))

    ran = await shell.run(*ASK, **access)

    assert ran.code == 20
    assert "cannot be read" in ran.err


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("--service", "chekout"), "Did you mean checkout?"),
        (("--environment", "moon"), "It has production, staging."),
        (("--sha", "a b"), "sha"),
        (("--kind", "everything"), "invalid choice"),
        (("--wait", "soon"), "is not a duration"),
        (("--surprise",), "unrecognized"),
    ],
)
async def test_a_wrong_question_ends_with_2_whatever_the_rule(
    door: Door, shell: Shell, change: tuple[str, ...], says: str
) -> None:
    ran = await shell.run(*ASK, *change, "--on-unreachable", "allow", **await keys(door))

    assert ran.code == 2
    assert says in ran.err


async def test_a_token_that_does_not_do_ends_with_2_whatever_the_rule(door: Door, shell: Shell) -> None:
    for token in ("bst_unknown", await door.token("ci", "gate:search"), await door.token("ana", "say")):
        ran = await shell.run(*ASK, "--on-unreachable", "allow", BACKSTOP_URL=door.url, BACKSTOP_TOKEN=token)
        assert ran.code == 2
        assert token not in ran.out + ran.err


async def test_without_a_token_it_says_how_to_get_one(shell: Shell) -> None:
    ran = await shell.run(*ASK)

    assert ran.code == 2
    assert "backstop token issue" in ran.err


async def test_a_broken_token_or_address_is_never_repeated(shell: Shell) -> None:
    for access in (
        {"BACKSTOP_URL": "http://127.0.0.1:9", "BACKSTOP_TOKEN": "bst_canary\nX: y"},
        {"BACKSTOP_URL": "ftp://127.0.0.1", "BACKSTOP_TOKEN": "bst_canary"},
        {"BACKSTOP_URL": "http://127.0.0.1:port", "BACKSTOP_TOKEN": "bst_canary"},
    ):
        ran = await shell.run(*ASK, **access)
        assert ran.code == 20
        assert "bst_canary" not in ran.out + ran.err
        assert "Traceback" not in ran.err


async def test_a_reason_cannot_move_the_cursor(shell: Shell) -> None:
    freeze = {"id": "FRZ-1", "reason": "\x1b[2J\u202eevil\r", "placed_by": "ana", "since": "now"}
    with scripted([(409, {**DENIED, "freezes": [freeze]})]) as script:
        ran = await shell.run(*ASK, BACKSTOP_URL=script.url, BACKSTOP_TOKEN="t")

    assert ran.code == 10
    assert not {"\x1b", "\u202e", "\r"} & set(ran.out)
    assert "\\u001b[2J\\u202eevil" in ran.out


async def test_a_lifted_freeze_lets_the_next_question_through(door: Door, shell: Shell) -> None:
    access = await keys(door)
    await door.write("freeze/FRZ-1", FROZEN.model_copy(update={"incident": None}))
    assert (await shell.run(*ASK, **access)).code == 10

    await door.write("freeze/FRZ-1", FreezeLifted(why="over"))

    assert (await shell.run(*ASK, **access)).code == 0


def test_asking_loads_nothing_that_is_slow() -> None:
    code = "import json, sys; import bot.__main__, bot.terminal.gate; print(json.dumps(sorted(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True).stdout

    slow = {"asyncio", "pydantic", "pydantic_settings", "sqlalchemy", "aiohttp", "bot.settings", "slack_sdk"}
    assert slow & set(json.loads(shown)) == set()
