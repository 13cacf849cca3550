"""Files are checked and the set-up examined, all without a server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from playbooks import library
from tests.terminal.shell import ROOT, Shell, scripted
from tests.web.door import CATALOG

LIBRARY = ROOT / "playbooks" / "library"


async def test_the_library_has_no_problem(shell: Shell) -> None:
    ran = await shell.run("playbook", "check", str(LIBRARY))

    assert ran.code == 0, ran.out
    assert "0 errors" in ran.out


async def test_every_problem_is_printed_with_file_and_line(shell: Shell, tmp_path: Path) -> None:
    for name in ("catalog.yaml", *library.names()[:2]):
        text = library.read(name)
        (tmp_path / name).write_text(text.replace("steps:", "stepz:").replace("owner:", "ownr:"))

    ran = await shell.run("playbook", "check", str(tmp_path))

    assert ran.code == 1
    for name in ("catalog.yaml", *library.names()[:2]):
        assert f"{tmp_path / name}:" in ran.out
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("playbook",), 2),
        (("playbook", "check"), 1),
        (("playbook", "prove"), 2),
        (("playbook", "check", "/nowhere.yaml"), 1),
        (("playbook", "check", "--catalog", "/nowhere.yaml", str(LIBRARY)), 2),
        (("criteria", "check", "/nowhere.yaml"), 1),
        (("criteria", "check", str(LIBRARY / "catalog.yaml")), 1),
        (("criteria", "test"), 0),
        (("decide", "--facts", "/nowhere.json"), 2),
    ],
)
async def test_the_code_says_whether_the_files_can_be_used(
    shell: Shell, words: tuple[str, ...], code: int
) -> None:
    ran = await shell.run(*words)

    assert ran.code == code
    assert "Traceback" not in ran.err


async def test_without_a_path_what_the_settings_put_in_force_is_checked(shell: Shell, tmp_path: Path) -> None:
    (shell.home / "playbooks").mkdir()
    for name in library.names():
        (shell.home / "playbooks" / name).write_text(library.read(name))
    (tmp_path / "people.yaml").write_text(library.read("catalog.yaml").replace("tier:", "teir:"))
    (tmp_path / "rules.yaml").write_text(library.read("criteria.yaml").replace("answer:", "anser:"))

    bare = await shell.run("playbook", "check")
    named = await shell.run(
        *("playbook", "check"),
        BACKSTOP_CATALOG=str(tmp_path / "people.yaml"),
        BACKSTOP_CRITERIA=str(tmp_path / "rules.yaml"),
    )
    wrong = await shell.run("playbook", "check", BACKSTOP_PORT="canary-word")
    (shell.home / "catalog.yaml").write_text(library.read("catalog.yaml"))
    right = await shell.run("playbook", "check")

    assert bare.code == 1
    assert f"{shell.home}/catalog.yaml:1: the file cannot be read, No such file or directory" in bare.out
    assert f"{tmp_path}/people.yaml:" in named.out
    assert f"{tmp_path}/rules.yaml:" in named.out
    assert "0 errors" not in named.out
    assert not [line for line in named.out.splitlines() if "/playbooks/" in line and "warning" not in line]
    assert (
        wrong.code,
        wrong.err.startswith("The settings are wrong: BACKSTOP_PORT is no whole number. "),
    ) == (2, True)
    assert "canary-word" not in wrong.err
    assert (right.code, "0 errors" in right.out) == (0, True)


async def test_the_doctor_names_every_part_and_what_to_do(shell: Shell) -> None:
    ran = await shell.run(
        "doctor", BACKSTOP_SLAK_MODE="off", BACKSTOP_SLACK_BOT_TOKEN="canary-word", BACKSTOP_JIRA_URL="x"
    )

    assert ran.code == 1
    assert (
        "BACKSTOP_SLAK_MODE is no setting, so it does nothing. Did you mean BACKSTOP_SLACK_MODE?" in ran.out
    )
    assert "BACKSTOP_SLACK_APP_TOKEN is missing" in ran.out
    assert "BACKSTOP_JIRA_TOKEN is missing" in ran.out
    assert "wrong  catalog    catalog.yaml:1: the file cannot be read" in ran.out
    assert "Write it: playbooks/library has one to copy." in ran.out
    assert "runner.toml" in ran.out
    assert "canary-word" not in ran.out + ran.err


async def test_the_doctor_names_a_setting_with_an_impossible_value(shell: Shell) -> None:
    ran = await shell.run("doctor", BACKSTOP_PORT="canary-word", BACKSTOP_SLACK_MODE="pigeon")

    assert ran.code == 1
    port, mode = ran.out.splitlines()
    assert port.startswith(
        "wrong  settings   BACKSTOP_PORT is no whole number. What belongs there: The port the"
    )
    assert mode == (
        "wrong  settings   BACKSTOP_SLACK_MODE is none of socket, http, off. "
        "What belongs there: How Slack talks to Backstop. Unset, it is socket."
    )
    assert "canary-word" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((200, {"ok": True, "user": "backstop", "team": "Shop"}), "ok     slack      backstop in Shop"),
        ((200, {"ok": False, "error": "token_revoked"}), "Slack refuses the bot token: token_revoked."),
        ((0, ""), "does not answer"),
    ],
)
async def test_the_doctor_asks_slack_who_we_are(shell: Shell, answer: tuple[int, object], says: str) -> None:
    with scripted([answer]) as slack:
        ran = await shell.run(
            "doctor",
            BACKSTOP_SLACK_API_URL=f"{slack.url}/api/",
            BACKSTOP_SLACK_BOT_TOKEN="xoxb-canary",
            BACKSTOP_SLACK_APP_TOKEN="xapp-canary",
        )

    assert says in ran.out
    assert slack.asked[0][1] == "/api/auth.test"
    assert "canary" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (library.read("criteria.yaml"), "ok     criteria   {file}"),
        ("schema: backstop/criteria/2\n", "wrong  criteria   criteria.yaml:1: "),
        (None, "wrong  criteria   criteria.yaml:1: the file cannot be read"),
    ],
)
async def test_the_doctor_reads_the_criteria_that_are_set(
    shell: Shell, tmp_path: Path, text: str | None, line: str
) -> None:
    file = tmp_path / "criteria.yaml"
    if text is not None:
        file.write_text(text)

    ran = await shell.run("doctor", BACKSTOP_SLACK_MODE="off", BACKSTOP_CRITERIA=str(file))

    assert line.format(file=file) in ran.out
    assert ("wrong  criteria" not in ran.out) or f"`backstop criteria check {file}` says it all." in ran.out


async def test_the_doctor_leaves_a_catalog_and_criteria_among_the_playbooks_alone(shell: Shell) -> None:
    (shell.home / "playbooks").mkdir()
    for name in ("catalog.yaml", "criteria.yaml", *library.names()):
        (shell.home / "playbooks" / name).write_text(library.read(name))

    ran = await shell.run("doctor", BACKSTOP_SLACK_MODE="off")

    assert "ok     criteria   the ones that come with Backstop" in ran.out
    assert "wrong  playbooks" not in ran.out


async def test_the_doctor_reads_the_catalog_and_the_playbooks(shell: Shell) -> None:
    (shell.home / "catalog.yaml").write_text(CATALOG)
    (shell.home / "playbooks").mkdir()
    (shell.home / "playbooks" / "bad.yaml").write_text("schema: backstop/playbook/1\nstepz: []\n")

    ran = await shell.run("doctor", BACKSTOP_SLACK_MODE="off")

    assert "2 services, 3 people" in ran.out
    assert "wrong  playbooks  bad.yaml:" in ran.out


async def test_the_doctor_names_a_playbook_of_which_no_run_can_start(shell: Shell) -> None:
    (shell.home / "playbooks").mkdir()
    text = library.read("checkout-restore.yaml")
    unproven = re.sub(r"\nverify:\n(  .*\n)+", "\n", text)
    assert unproven != text
    (shell.home / "playbooks" / "checkout.yaml").write_text(unproven)

    ran = await shell.run("doctor", BACKSTOP_SLACK_MODE="off")

    assert "wrong  playbooks  checkout.yaml:" in ran.out
    assert "L30 no end check blocks" in ran.out
    assert "Mend it: until then no run of it can start." in ran.out


@pytest.mark.parametrize(
    ("kind", "state", "says"),
    [
        ("sqlite", "wrong", "orders-db cannot be reached without it. `backstop serve` starts it"),
        ("http", "off", "the catalog needs none"),
    ],
)
async def test_a_runner_that_does_not_answer_is_wrong_when_the_catalog_needs_one(
    shell: Shell, kind: str, state: str, says: str
) -> None:
    targets = f"targets:\n  orders-db: {{kind: {kind}, environment: production}}\n"
    (shell.home / "catalog.yaml").write_text(CATALOG + targets)
    (shell.home / "runner.toml").write_text("")

    ran = await shell.run("doctor", BACKSTOP_SLACK_MODE="off")

    line = next(line for line in ran.out.splitlines() if " runner " in line)
    assert line.startswith(state)
    assert says in line
    if state == "wrong":
        assert f"`backstop-runner serve --config {shell.home}/runner.toml" in line


async def test_runners_that_are_no_json_are_a_wrong_setting(shell: Shell) -> None:
    ran = await shell.run("doctor", BACKSTOP_RUNNERS="canary-word")

    assert ran.code == 1
    assert "BACKSTOP_RUNNERS cannot be read: write names and places as JSON" in ran.out
    assert "canary-word" not in ran.out + ran.err


async def test_the_doctor_looks_at_runners_over_ssh_and_repeats_no_password(shell: Shell) -> None:
    (shell.home / "catalog.yaml").write_text(CATALOG)
    named = '{{"db-eu-1": "ssh://backstop{}@db-eu-1"}}'

    reached = await shell.run("doctor", BACKSTOP_SLACK_MODE="off", BACKSTOP_RUNNERS=named.format(""))
    refused = await shell.run("doctor", BACKSTOP_RUNNERS=named.format(":canary"))

    missing = f"There is no known_hosts file {shell.home}/known_hosts to reach ssh://backstop@db-eu-1."
    assert f"db-eu-1: {missing} Look at BACKSTOP_RUNNERS." in reached.out
    assert "BACKSTOP_RUNNERS cannot be read: leave the password out of the address" in refused.out
    assert "canary" not in refused.out + refused.err


async def test_the_doctor_names_runners_that_are_not_connected_or_do_not_answer(shell: Shell) -> None:
    targets = "targets:\n  orders-db: {kind: sqlite, environment: production, runner: db-eu-1}\n"
    (shell.home / "catalog.yaml").write_text(CATALOG + targets)
    (shell.home / "runner.toml").write_text("")
    socket = f'{{"db-eu-1": "{shell.home}/eu.sock"}}'

    unnamed = await shell.run("doctor", BACKSTOP_SLACK_MODE="off")
    silent = await shell.run("doctor", BACKSTOP_SLACK_MODE="off", BACKSTOP_RUNNERS=socket)

    assert "orders-db is reached through the runner db-eu-1, which is not connected." in unnamed.out
    assert "db-eu-1: No runner answers on" in silent.out
    assert "not connected" not in silent.out
    assert "the catalog needs none" in silent.out
