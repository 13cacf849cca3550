"""Verbs on the command line: they are said over HTTP and answered in text."""

from __future__ import annotations

import pytest

from bot.core.events import IncidentDeclared, NoteAdded
from tests.terminal.shell import Shell, scripted, serving_once
from tests.web.door import DECLARED, Door

SAID = {"ok": True, "text": "RUN-1 is being planned.\n", "document": {}, "data": {"run": "RUN-1"}}


async def keys(door: Door, who: str = "ana", scope: str = "say") -> dict[str, str]:
    return {"BACKSTOP_URL": door.url, "BACKSTOP_TOKEN": await door.token(who, scope)}


async def test_a_verb_is_carried_out_as_whose_token_it_is(door: Door, shell: Shell) -> None:
    ran = await shell.run("declare", "Orders are wrong", "sev:1", "svc:checkout", **await keys(door, "bo"))

    assert ran.code == 0
    assert "INC-1 is open: Orders are wrong. SEV1, checkout in production, commander @bo." in ran.out
    [entry] = await door.timeline.read("incident/INC-1")
    assert entry.by == "bo"
    assert isinstance(entry.event, IncidentDeclared)


@pytest.mark.parametrize(
    "text",
    ['he said "no" \\ yes', "“smart” ’quotes’", "line\nbreak", "-rf", "$(reboot)", "😀 " + "x" * 30_000],
)
async def test_a_text_arrives_as_the_shell_passed_it(door: Door, shell: Shell, text: str) -> None:
    await door.write("incident/INC-1", DECLARED)

    ran = await shell.run("note", text, "inc:INC-1", **await keys(door))

    assert ran.code == 0, ran
    [*_, last] = await door.timeline.read("incident/INC-1")
    assert last.event == NoteAdded(text=text)


async def test_a_refusal_ends_with_1_and_says_why(door: Door, shell: Shell) -> None:
    ran = await shell.run("declre", "x", **await keys(door))

    assert ran.code == 1
    assert "Did you mean `declare`?" in ran.out


async def test_help_for_a_verb_is_the_servers(door: Door, shell: Shell) -> None:
    ran = await shell.run("declare", "--help", **await keys(door))

    assert ran.code == 0
    assert 'declare "title"' in ran.out


async def test_nobody_answers_ends_with_20(shell: Shell) -> None:
    ran = await shell.run("declare", "x", BACKSTOP_URL="http://127.0.0.1:9", BACKSTOP_TOKEN="bst_canary")

    assert ran.code == 20
    assert ran.err == (
        "No Backstop answers at http://127.0.0.1:9: nothing listens there. Start it with `backstop serve` on "
        "its host, or set BACKSTOP_URL to where it runs. Nothing was done.\n"
    )
    assert "bst_canary" not in ran.out + ran.err


async def test_an_answer_that_is_lost_for_good_leaves_open_whether_it_was_done(shell: Shell) -> None:
    with scripted([(0, "")]) as script:
        ran = await shell.run("hold", "RUN-1", BACKSTOP_URL=script.url, BACKSTOP_TOKEN="t")

    assert ran.code == 20
    assert "Nobody can say whether it was done" in ran.err


async def test_a_server_that_ends_after_the_line_was_sent_leaves_open_whether_it_was_done(
    shell: Shell,
) -> None:
    with serving_once() as url:
        ran = await shell.run("hold", "RUN-1", BACKSTOP_URL=url, BACKSTOP_TOKEN="t")

    assert ran.code == 20
    assert "Nobody can say whether it was done" in ran.err
    assert "Nothing was done" not in ran.err


async def test_a_plan_whose_server_ends_is_said_to_be_asked_for(shell: Shell) -> None:
    with scripted([(200, SAID), (0, "")]) as script:
        ran = await shell.run("plan", "restore-orders", BACKSTOP_URL=script.url, BACKSTOP_TOKEN="t")

    assert ran.code == 20
    assert "The plan of RUN-1 was asked for: `backstop status RUN-1` shows it later." in ran.err


@pytest.mark.parametrize("words", [("list",), ("--help",)])
async def test_a_reader_that_went_away_ends_the_command_quietly(
    door: Door, shell: Shell, words: tuple[str, ...]
) -> None:
    ran = await shell.run_unread(*words, **await keys(door))

    assert (ran.code, ran.err) == (141, "")


async def test_a_verb_whose_answer_nobody_reads_is_carried_out(door: Door, shell: Shell) -> None:
    ran = await shell.run_unread("declare", "Orders are wrong", "svc:checkout", **await keys(door))

    assert (ran.code, ran.err) == (141, "")
    assert await door.timeline.read("incident/INC-1")


@pytest.mark.parametrize(
    ("owner", "scope", "code"), [("ana", "say", 0), ("ana", "read", 1), ("ci", "gate", 1), ("gone", "say", 1)]
)
async def test_a_token_does_for_its_scopes(
    door: Door, shell: Shell, owner: str, scope: str, code: int
) -> None:
    assert (await shell.run("help", **await keys(door, owner, scope))).code == code


async def test_an_unknown_token_ends_with_2(door: Door, shell: Shell) -> None:
    ran = await shell.run("help", BACKSTOP_URL=door.url, BACKSTOP_TOKEN="bst_unknown")

    assert ran.code == 2
    assert "backstop token issue" in ran.err


async def test_the_token_file_and_the_address_of_the_home_are_used(door: Door, shell: Shell) -> None:
    (shell.home / "cli-token").write_text(await door.token("ana", "say") + "\n")
    (shell.home / "url").write_text(door.url + "\n")

    assert (await shell.run("help")).code == 0


async def test_a_lost_answer_is_asked_for_again_under_the_same_key(shell: Shell) -> None:
    with scripted([(0, ""), (200, {**SAID, "data": {}})]) as script:
        ran = await shell.run("hold", "RUN-1", BACKSTOP_URL=script.url, BACKSTOP_TOKEN="t")

    assert ran.code == 0
    assert len({headers["Idempotency-Key"] for _, _, headers in script.asked}) == 1
    assert len(script.asked) == 2


async def test_a_plan_is_waited_for_and_shown(shell: Shell) -> None:
    drawing, drawn = {"state": "planning", "text": ""}, {"state": "planned", "text": "The plan\n"}
    with scripted([(200, SAID), (200, drawing), (200, drawn)]) as script:
        ran = await shell.run("plan", "restore-orders", BACKSTOP_URL=script.url, BACKSTOP_TOKEN="t")

    assert (ran.code, ran.out) == (0, "RUN-1 is being planned.\nThe plan\n")
    assert [path for _, path, _ in script.asked] == ["/v1/say", "/v1/runs/RUN-1", "/v1/runs/RUN-1"]


async def test_a_plan_that_cannot_be_made_ends_with_1(shell: Shell) -> None:
    with scripted([(200, SAID), (200, {"state": "not planned", "text": "There is no playbook\n"})]) as script:
        ran = await shell.run("plan", "x", BACKSTOP_URL=script.url, BACKSTOP_TOKEN="t")

    assert ran.code == 1
    assert "There is no playbook" in ran.out


async def test_without_a_command_it_says_what_there_is(shell: Shell) -> None:
    bare, helped = await shell.run(), await shell.run("--help")

    assert (bare.code, helped.code) == (2, 0)
    assert bare.out == helped.out
    assert "verify-timeline" in helped.out


async def test_a_timeline_as_a_file_is_written_raw(door: Door, shell: Shell) -> None:
    await door.write("incident/INC-1", DECLARED)

    as_json = await shell.run("timeline", "INC-1", "json", **await keys(door))
    as_markdown = await shell.run("timeline", "INC-1", "md", **await keys(door))

    assert as_json.out.startswith(("[", "{"))
    assert as_markdown.out.startswith("#")
