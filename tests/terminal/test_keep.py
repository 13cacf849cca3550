"""What is done on Backstop's host."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.core import run as runs
from bot.core.events import PlanAsked, RunStarted, StepStarted
from bot.core.run import Status
from bot.terminal.lock import alone
from bot.timeline import Change, Timeline
from tests.terminal.shell import Ran, Shell
from tests.web.door import CATALOG, DECLARED

ASKED = PlanAsked(incident="INC-1", playbook="p", service="checkout", environment="production")


async def lived(shell: Shell) -> None:
    """Leave a timeline with one incident, and the catalog, in the shell's home."""
    (shell.home / "catalog.yaml").write_text(CATALOG)
    timeline = await Timeline.open(url(shell), now=lambda: datetime.now(UTC))
    await timeline.append({"incident/INC-1": Change(0, (DECLARED,))}, by="ana", via="test")
    await timeline.close()


def url(shell: Shell) -> str:
    return f"sqlite+aiosqlite:///{shell.home / 'backstop.db'}"


def sql(shell: Shell, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(shell.home / "backstop.db")) as connection, connection:
        return connection.execute(statement).fetchall()


async def test_a_whole_timeline_is_whole(shell: Shell) -> None:
    await lived(shell)

    assert await shell.run("verify-timeline") == Ran(0, "The timeline is whole.\n", "")


async def test_a_list_that_is_not_what_the_entries_say_is_named_with_the_way_to_mend_it(shell: Shell) -> None:
    await lived(shell)
    sql(shell, "DELETE FROM incident")

    assert (await shell.run("verify-timeline")).out == (
        "the table incident is not what the entries say of INC-1\n"
        "The timeline is whole, but what is looked up quickly is not what it says: the gate may be wrong. "
        "Stop the server and run `backstop rebuild`.\n"
    )
    ran = await shell.run("doctor")
    assert "the table incident is not what the entries say of INC-1." in ran.out
    assert "until then the gate may be wrong" in ran.out
    assert (await shell.run("rebuild")).code == 0
    assert (await shell.run("verify-timeline")).code == 0


async def test_a_changed_entry_is_named(shell: Shell) -> None:
    await lived(shell)
    sql(shell, "UPDATE entry SET event = replace(event, 'wrong', 'fine')")

    ran = await shell.run("verify-timeline")

    assert ran.code == 1
    assert "incident/INC-1 entry 1: its text was changed" in ran.out


async def test_a_timeline_that_is_not_there_is_not_made(shell: Shell) -> None:
    ran = await shell.run("verify-timeline")

    assert ran.code == 2
    assert not (shell.home / "backstop.db").exists()


async def test_rebuild_draws_what_was_lost(shell: Shell) -> None:
    await lived(shell)
    sql(shell, "DELETE FROM incident")

    ran = await shell.run("rebuild")

    assert (ran.code, ran.out) == (0, "Rebuilt from 1 entries.\n")
    assert sql(shell, "SELECT id FROM incident") == [("INC-1",)]


async def test_hold_all_lets_no_run_of_an_older_copy_go_on_or_start_anything_again(shell: Shell) -> None:
    await lived(shell)
    timeline = await Timeline.open(url(shell), now=lambda: datetime.now(UTC))
    await timeline.append({"run/RUN-1": Change(0, (ASKED,))}, by="ana", via="test")
    begun = (RunStarted(hash="h"), StepStarted(step="stop", attempt=1, key="RUN-2.stop.1"))
    await timeline.append({"run/RUN-2": Change(0, (ASKED, *begun))}, by="ana", via="test")

    ran = await shell.run("hold-all", "an older copy was put back")

    assert (ran.code, ran.out) == (0, "On hold: RUN-2.\n")
    run = runs.fold(await timeline.read("run/RUN-2"))
    assert run is not None
    assert run.step("stop").status is Status.IN_DOUBT
    assert run.acting == ()
    because = "Backstop was stopped and its runs were put on hold: an older copy was put back"
    assert run.why_paused == f"{because}. {because}."
    assert [pause.reason for pause in run.pauses] == ["step:stop", "hold:backstop"]
    await timeline.close()


async def test_hold_all_without_a_run_says_so(shell: Shell) -> None:
    await lived(shell)

    assert await shell.run("hold-all", "to be sure") == Ran(
        0, "No run is under way: nothing was recorded.\n", ""
    )


async def test_rebuild_does_nothing_while_a_server_runs(shell: Shell) -> None:
    await lived(shell)
    sql(shell, "DELETE FROM incident")

    with alone(shell.home):
        ran = await shell.run("rebuild")

    assert ran.code == 1
    assert "Stop it first" in ran.err
    assert sql(shell, "SELECT id FROM incident") == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE entry SET recorded_at = 'no moment'",
        "UPDATE entry SET event = 'no JSON'",
        "UPDATE entry SET event = replace(event, 'wrong', 'fine')",
    ],
)
async def test_rebuild_of_a_broken_timeline_says_so_and_changes_nothing(shell: Shell, change: str) -> None:
    await lived(shell)
    sql(shell, change)
    before = sql(shell, "SELECT * FROM incident"), sql(shell, "SELECT * FROM stream")

    ran = await shell.run("rebuild")

    assert ran.code == 1
    assert ran.err.startswith("The timeline is broken: ")
    assert "Nothing was rebuilt" in ran.err
    assert "Traceback" not in ran.err
    assert (sql(shell, "SELECT * FROM incident"), sql(shell, "SELECT * FROM stream")) == before


@pytest.mark.parametrize(
    "words",
    [("rebuild",), ("verify-timeline",), ("token", "issue", "--for", "ana"), ("doctor",), ("serve",)],
)
async def test_a_file_that_is_no_database_is_named_in_a_sentence(
    shell: Shell, words: tuple[str, ...]
) -> None:
    (shell.home / "catalog.yaml").write_text(CATALOG)
    file = shell.home / "backstop.db"
    file.write_text("no database " * 100)

    ran = await shell.run(*words, BACKSTOP_SLACK_MODE="off", BACKSTOP_PORT="0")

    assert ran.code in {1, 20}
    assert "file is not a database" in ran.out + ran.err
    assert "Traceback" not in ran.err
    assert file.read_text() == "no database " * 100


@pytest.mark.parametrize("words", [("rebuild",), ("serve",)])
async def test_tables_of_a_newer_version_are_left_alone(shell: Shell, words: tuple[str, ...]) -> None:
    await lived(shell)
    sql(shell, "UPDATE alembic_version SET version_num = '9999'")

    ran = await shell.run(*words, BACKSTOP_SLACK_MODE="off", BACKSTOP_PORT="0")

    assert ran.code in {1, 20}
    assert "Start the version of Backstop that made them, or a newer one." in ran.err
    assert "Traceback" not in ran.err
    assert sql(shell, "SELECT count(*) FROM entry") == [(1,)]


@pytest.mark.parametrize(
    ("words", "setting", "value", "code"),
    [
        (("rebuild",), "BACKSTOP_HOME", "/proc/x", 1),
        (("verify-timeline",), "BACKSTOP_HOME", "/proc/x", 2),
        (("rebuild", "--stopped"), "BACKSTOP_DATABASE_URL", "foo", 20),
        (("verify-timeline",), "BACKSTOP_DATABASE_URL", "foo", 20),
        (("token", "issue", "--for", "ana"), "BACKSTOP_DATABASE_URL", "foo", 20),
        (("rebuild",), "BACKSTOP_PORT", "canary-word", 2),
        (("token", "revoke", "laptop"), "BACKSTOP_PORT", "canary-word", 2),
    ],
)
async def test_settings_that_cannot_be_used_are_named_in_a_sentence(
    shell: Shell, words: tuple[str, ...], setting: str, value: str, code: int
) -> None:
    (shell.home / "catalog.yaml").write_text(CATALOG)

    ran = await shell.run(*words, **{setting: value})

    assert ran.code == code
    assert setting in ran.err
    assert "Traceback" not in ran.err
    assert "canary-word" not in ran.err


async def test_rebuild_of_a_shared_database_wants_to_hear_that_all_are_stopped(shell: Shell) -> None:
    ran = await shell.run("rebuild", BACKSTOP_DATABASE_URL="postgresql+psycopg://x@127.0.0.1:9/x")

    assert ran.code == 2
    assert "--stopped" in ran.err


async def test_a_database_that_does_not_answer_ends_with_20_and_tells_no_password(shell: Shell) -> None:
    address = "postgresql+psycopg://someone:canary-word@127.0.0.1:9/x?connect_timeout=2"
    for verb in ("verify-timeline", "doctor"):
        ran = await shell.run(verb, BACKSTOP_DATABASE_URL=address)
        assert ran.code == (20 if verb == "verify-timeline" else 1)
        assert "canary-word" not in ran.out + ran.err
        assert "Traceback" not in ran.err


async def issued(shell: Shell, *words: str) -> Ran:
    return await shell.run("token", "issue", *words)


@pytest.mark.parametrize("name", ["bo", "U0BO", "bo@example.com", "@bo"])
async def test_a_token_is_for_one_person_by_whatever_name(shell: Shell, name: str) -> None:
    await lived(shell)

    ran = await issued(shell, "--for", name, "--scope", "say,read", "--expires", "7d", "--name", "laptop")

    assert ran.code == 0
    assert ran.out.startswith("bst_")
    assert "Token laptop of bo, say,read, until" in ran.err
    assert sql(shell, "SELECT owner, scopes, name FROM token") == [("bo", "say read", "laptop")]
    assert ran.out.strip() not in str(sql(shell, "SELECT * FROM token"))


async def test_a_pipeline_gets_a_token_for_some_services(shell: Shell) -> None:
    await lived(shell)

    assert (await issued(shell, "--for", "ci", "--scope", "gate:check*")).code == 0
    assert sql(shell, "SELECT owner, scopes FROM token") == [("ci", "gate:check*")]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--for", "dan"), "neither a person nor a pipeline"),
        (("--for", "an"), "Did you mean ana?"),
        (("--for", "ana", "--scope", "everything"), "scopes are"),
        (("--for", "ana", "--scope", "gate:"), "scopes are"),
        (("--for", "ci", "--scope", "gate:chekout"), "gate:chekout is for no service of the catalog"),
        (("--for", "ci", "--scope", "gate:chekout"), "Did you mean gate:checkout?"),
        (("--for", "ci", "--scope", "read,gate:xyz*"), "There are: checkout, search."),
        (("--for", "ana", "--expires", "2000d"), "at most 366d"),
        (("--for", "ana", "--expires", "0d"), "longer than 0s"),
        (("--for", "ana", "--expires", "forever"), "is not a duration"),
        (("--for", "ana", "--name", "a\nb"), "printable"),
        ((), "--for"),
    ],
)
async def test_a_token_that_makes_no_sense_is_not_issued(
    shell: Shell, words: tuple[str, ...], says: str
) -> None:
    await lived(shell)

    ran = await issued(shell, *words)

    assert ran.code == 2
    assert says in ran.err
    assert sql(shell, "SELECT * FROM token") == []


async def test_a_saved_token_is_for_its_owner_alone_and_not_shown(shell: Shell) -> None:
    await lived(shell)
    file = shell.home / "cli-token"
    file.write_text("old")
    file.chmod(0o644)

    ran = await issued(shell, "--for", "ana", "--save")

    secret = file.read_text().strip()
    assert ran.code == 0
    assert secret.startswith("bst_")
    assert secret not in ran.out + ran.err
    assert file.stat().st_mode & 0o777 == 0o600


async def test_a_revoked_token_is_revoked_once(shell: Shell) -> None:
    await lived(shell)
    await issued(shell, "--for", "ana", "--name", "laptop")

    first, again = await shell.run("token", "revoke", "laptop"), await shell.run("token", "revoke", "laptop")

    assert (first.code, first.out) == (0, "Revoked 1 token named laptop.\n")
    assert again.code == 1
    assert sql(shell, "SELECT count(*) FROM token WHERE revoked_at IS NOT NULL") == [(1,)]


async def test_a_catalog_with_mistakes_issues_nothing(shell: Shell, tmp_path: Path) -> None:
    await lived(shell)
    (shell.home / "catalog.yaml").write_text(CATALOG.replace("tier: critical", "tier: crtical"))

    ran = await issued(shell, "--for", "ana")

    assert ran.code == 1
    assert "catalog.yaml:" in ran.err
