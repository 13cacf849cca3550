"""A real incident is decided again in a terminal, by a file, and by itself."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from playbooks.corpus import corpus
from tests.small_criteria import TEXT
from tests.terminal.shell import ROOT, Shell

ID = "gitlab-2017-01-31"


@pytest.fixture
def small(tmp_path: Path) -> str:
    """Return a file of criteria that stay as they are."""
    file = tmp_path / "small.yaml"
    file.write_text(TEXT)
    return str(file)


async def test_all_incidents_are_listed_one_a_line(shell: Shell) -> None:
    ran = await shell.run("replay")

    lines = ran.out.splitlines()
    assert (ran.code, ran.err) == (0, "")
    assert len(lines) == len(corpus()) + 1
    assert lines[0].startswith("  • gitlab-2017-01-31 GitLab, 2017-01-31: Repairing lagging replication")
    assert lines[-1] == "backstop replay <id> decides one of them again."


async def test_a_word_lists_those_that_tell_of_it(shell: Shell) -> None:
    ran = await shell.run("replay", "knight")

    assert [line.split()[1] for line in ran.out.splitlines()[:-1]] == ["knight-2012-08-01"]


async def test_an_incident_that_is_not_there_names_the_nearest(shell: Shell) -> None:
    ran = await shell.run("replay", "gitlab-2017-01-30")

    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "There is no incident 'gitlab-2017-01-30' to replay. Did you mean gitlab-2017-01-31? "
        "`replay` alone lists them.\n"
    )


async def test_a_file_of_answers_is_played_line_by_line(shell: Shell, small: str, tmp_path: Path) -> None:
    file = tmp_path / "answers"
    file.write_text("\nrows\nshow\ncause_known:?\nrestore-full\nnever read\n")

    ran = await shell.run("replay", ID, "--answers", str(file), "--criteria", small)

    assert (ran.code, ran.err) == (0, "")
    played, _, ended = ran.out.partition("How it was: GitLab, 2017-01-31\n")
    assert played == snapshot("""\
Replay of gitlab-2017-01-31: GitLab, 2017-01-31
Repairing lagging replication, an operator removed the primary's data directory instead of the replica's.
Looked up: backup_available yes.
Looked up, and nobody knows: previous_artifact_available.
Enter lets the record answer, as the people there would have; `?` is nobody knows. An option
chooses at any time, `fact:ask` asks for another fact, `show` says what stands, `quit` ends.
1. dba: Is data wrong or missing? (data_corruption: none|suspected|confirmed|ongoing|?)
So far it is between restore_partial, restore_full, hotfix, mitigate.
>
  data_corruption: confirmed
2. dba: How much data is damaged? (data_scope: none|rows|tables|tenants|database|estate|?)
So far it is between restore_partial, restore_full, mitigate.
> rows
  data_scope: rows
Proposal: restore_partial. Only a part is damaged.
Enter takes it.
> show
Answered: data_corruption confirmed, data_scope rows.
Proposal: restore_partial. Only a part is damaged.
  • First: Stop the writers.
  • V1 rules out code_rollback, hotfix: No code brings data back.
  • V2 rules out restore_full: Most of it is good.
Proposal: restore_partial. Only a part is damaged.
Enter takes it.
> cause_known:?
  cause_known: nobody knows
Proposal: restore_partial. Only a part is damaged.
Enter takes it.
> restore-full
""")
    assert ended.startswith("You chose restore_full: the best there was.\n")


async def test_what_stands_on_standard_input_is_played_and_its_end_ends_it(shell: Shell, small: str) -> None:
    ran = await shell.run("replay", ID, "--criteria", small, stdin="confirmed\n")

    assert ran.code == 0
    assert "> confirmed\n  data_corruption: confirmed\n2. dba: How much data is damaged?" in ran.out
    assert "You chose nothing.\n" in ran.out


async def test_a_session_can_be_left_at_any_time(shell: Shell, small: str) -> None:
    ran = await shell.run("replay", ID, "--answers", "-", "--criteria", small, stdin="quit\nwait\n")

    assert "You chose nothing.\n" in ran.out


async def test_a_wrong_line_of_a_file_ends_it_with_its_place(
    shell: Shell, small: str, tmp_path: Path
) -> None:
    file = tmp_path / "answers"
    file.write_text("confirmed\nperhaps\n")

    ran = await shell.run("replay", ID, "--answers", str(file), "--criteria", small)

    assert ran.code == 2
    assert ran.err == (
        f"{file}:2: data_scope cannot be 'perhaps'. Valid are: none, rows, tables, tenants, database, "
        "estate, or unknown. `ask` lets the record answer.\n"
    )
    assert "How it was" not in ran.out


async def test_the_record_can_answer_everything(shell: Shell, small: str) -> None:
    ran = await shell.run("replay", ID, "--auto", "--criteria", small)

    assert ran.code == 0
    assert "Answered: data_corruption confirmed, data_scope database.\n" in ran.out
    assert "You chose restore_full: the best there was.\n" in ran.out


async def test_what_is_said_after_the_incident_comes_first(shell: Shell, small: str) -> None:
    ended = await shell.run("replay", ID, "data_corruption:ask", "rows", "wait", "--criteria", small)
    goes_on = await shell.run("replay", ID, "confirmed", "--auto", "--criteria", small)
    wrong = await shell.run("replay", ID, "pray", "--criteria", small)

    assert ended.out.startswith("How it was: GitLab, 2017-01-31\nYou chose wait: not acceptable;")
    assert "Answered: data_corruption confirmed, data_scope database.\n" in goes_on.out
    assert (wrong.code, wrong.out) == (1, "")
    assert wrong.err.startswith("data_corruption cannot be 'pray'.")


async def test_with_json_the_end_stands_alone_on_standard_output(shell: Shell, small: str) -> None:
    ran = await shell.run("replay", ID, "--format", "json", "--criteria", small, stdin="\n\n\n")

    [line] = ran.out.splitlines()
    told = json.loads(line)
    assert (told["choice"], told["verdict"], told["questions"]) == ("restore_full", "best", 2)
    assert ran.err.startswith("Replay of gitlab-2017-01-31: GitLab, 2017-01-31\n")


async def test_the_criteria_that_come_with_backstop_decide_unless_others_are_named(shell: Shell) -> None:
    ran = await shell.run("replay", ID, "--auto", "--format", "json")

    assert json.loads(ran.out)["verdict"] == "best"


async def test_what_cannot_be_read_is_said(shell: Shell, tmp_path: Path) -> None:
    answers = await shell.run("replay", ID, "--answers", str(tmp_path / "none"))
    criteria = await shell.run("replay", ID, "--criteria", str(tmp_path / "none.yaml"))
    both = await shell.run("replay", ID, "--auto", "--answers", "-")
    setting = await shell.run("replay", ID, BACKSTOP_PORT="none")

    assert (answers.code, answers.err) == (2, f"{tmp_path / 'none'} cannot be read.\n")
    assert criteria.code == 1
    assert criteria.err == f"{tmp_path / 'none.yaml'}:1: the file cannot be read, no such file or directory\n"
    assert both.code == setting.code == 2
    assert "BACKSTOP_PORT" in setting.err


async def test_in_a_terminal_a_wrong_line_is_asked_again_and_ctrl_c_ends_it(shell: Shell, small: str) -> None:
    keys, terminal = os.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "replay", ID, "--criteria", small),
        cwd=ROOT,
        env={**os.environ, "BACKSTOP_HOME": str(shell.home)},
        stdin=terminal,
        stdout=asyncio.subprocess.PIPE,
        # Tests that run in the background of a shell ignore it, and would hand that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    os.close(terminal)
    assert process.stdout
    os.write(keys, b"perhaps\nconfirmed\n")
    read = await asyncio.wait_for(process.stdout.readuntil(b"2. dba: "), 60)
    process.send_signal(signal.SIGINT)
    rest, _ = await asyncio.wait_for(process.communicate(), 60)
    os.close(keys)

    assert b"data_corruption cannot be 'perhaps'" in read
    assert b"You chose nothing." in rest
    assert process.returncode == 0
