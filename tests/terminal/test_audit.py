"""The audit trail as a file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.core.events import IncidentDeclared, NoteAdded, Severity
from bot.terminal.audit import _since
from bot.timeline import Change, Timeline
from tests.terminal.shell import Shell

DECLARED = IncidentDeclared(
    title="Orders are wrong",
    severity=Severity.SEV1,
    service="checkout",
    environment="production",
    commander="ana",
)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
async def lived(shell: Shell) -> Shell:
    """Return a shell whose timeline has an entry of noon and one of an hour later."""
    moments = iter((NOON, NOON.replace(hour=13)))
    now = next(moments)
    timeline = await Timeline.open(f"sqlite+aiosqlite:///{shell.home}/backstop.db", now=lambda: now)
    await timeline.append({"incident/INC-1": Change(0, (DECLARED,))}, by="ana", via="slack")
    now = next(moments)
    await timeline.append({"incident/INC-1": Change(1, (NoteAdded(text="done"),))}, by="bo", via="slack")
    await timeline.close()
    return shell


def events(text: str) -> Iterator[dict[str, Any]]:
    yield from (json.loads(line) for line in text.splitlines())


def change(shell: Shell, statement: str) -> None:
    with closing(sqlite3.connect(shell.home / "backstop.db")) as connection:
        connection.execute(statement)
        connection.commit()


async def test_every_entry_is_a_line_on_standard_output(lived: Shell) -> None:
    ran = await lived.run("audit", "export", "-")
    assert (ran.code, ran.err) == (0, "")
    assert [found["metadata"]["uid"] for found in events(ran.out)] == ["incident/INC-1#1", "incident/INC-1#2"]
    assert {found["metadata"]["correlation_uid"] for found in events(ran.out)} == {"INC-1"}


async def test_a_file_is_written_for_its_owner_alone_and_said_to_be_there(
    lived: Shell, tmp_path: Path
) -> None:
    file = tmp_path / "trail.jsonl"
    ran = await lived.run("audit", "export", "--format", "cloudevents", str(file))
    assert (ran.code, ran.out) == (0, f"2 entries in {file}.\n")
    assert [found["type"] for found in events(file.read_text())] == [
        "dev.backstop.incident-declared",
        "dev.backstop.note-added",
    ]
    assert file.stat().st_mode & 0o777 == 0o600
    assert not file.with_name("trail.jsonl.new").is_file()


async def test_syslog_has_one_message_a_line(lived: Shell) -> None:
    ran = await lived.run(
        "audit", "export", "--format", "syslog", "-", BACKSTOP_AUDIT_ENTERPRISE_NUMBER="4711"
    )
    assert ran.code == 0
    assert [line.split(" ")[5] for line in ran.out.splitlines()] == ["incident-declared", "note-added"]
    assert "[backstop@4711 " in ran.out


@pytest.mark.parametrize(
    ("since", "count"),
    [("2026-11-23T12:30Z", 1), ("2026-11-23T13:30+01:00", 1), ("2026-11-23T14:00Z", 0)],
)
async def test_only_what_was_recorded_since_a_moment_is_written(lived: Shell, since: str, count: int) -> None:
    ran = await lived.run("audit", "export", "--since", since, "-")
    assert ran.code == 0
    assert len(ran.out.splitlines()) == count


def test_a_length_of_time_is_counted_back_from_now() -> None:
    assert _since("7d")(NOON) == NOON - timedelta(days=7)


@pytest.mark.parametrize("since", ["yesterday", "2026-11-23T12:30", "2026-13-01T00:00Z"])
async def test_a_moment_that_is_none_writes_nothing(lived: Shell, since: str, tmp_path: Path) -> None:
    ran = await lived.run("audit", "export", "--since", since, str(tmp_path / "trail"))
    assert ran.code == 2
    assert "say 7d, or a time with its zone as 2026-11-23T02:10Z" in ran.err
    assert not (tmp_path / "trail").exists()


async def test_a_broken_timeline_is_not_written_unless_somebody_wants_it_marked(
    lived: Shell, tmp_path: Path
) -> None:
    change(lived, "UPDATE entry SET event = replace(event, 'wrong', 'fine')")
    file = tmp_path / "trail.jsonl"

    ran = await lived.run("audit", "export", str(file))
    assert ran.code == 1
    assert "incident/INC-1 entry 1: its text was changed" in ran.err
    assert "The timeline is broken, so nothing was written." in ran.err
    assert not file.exists()

    ran = await lived.run("audit", "export", "--even-broken", str(file))
    assert ran.code == 1
    first, second = events(file.read_text())
    assert first["status_detail"] == "incident/INC-1 entry 1: its text was changed"
    assert first["severity"] == "Critical"
    assert "status_detail" not in second


async def test_an_entry_whose_moment_is_spoilt_is_told_in_a_sentence(lived: Shell, tmp_path: Path) -> None:
    change(lived, "UPDATE entry SET recorded_at = 'no moment' WHERE seq = 2")
    file = tmp_path / "trail.jsonl"
    ran = await lived.run("audit", "export", "--even-broken", str(file))
    assert ran.code == 1
    assert "changed into what cannot be read" in ran.err
    assert "Traceback" not in ran.err
    assert not file.exists()


async def test_without_a_timeline_or_a_place_to_write_nothing_is_made(shell: Shell, tmp_path: Path) -> None:
    ran = await shell.run("audit", "export", "-")
    assert ran.code == 2
    assert "There is no timeline" in ran.err
    assert not (shell.home / "backstop.db").exists()


async def test_a_folder_that_is_not_there_is_named(lived: Shell, tmp_path: Path) -> None:
    ran = await lived.run("audit", "export", str(tmp_path / "nowhere" / "trail"))
    assert ran.code == 1
    assert "nowhere/trail.new" in ran.err
    assert "Traceback" not in ran.err


async def test_doctor_says_how_many_entries_wait_for_a_receiver_and_why(lived: Shell) -> None:
    given = {"BACKSTOP_AUDIT_WEBHOOK_URL": "https://audit.example/?token=canary-word"}
    ran = await lived.run("doctor", BACKSTOP_SLACK_MODE="off", **given)
    assert "ok     audit      webhook: 2 entries wait\n" in ran.out

    change(
        lived,
        "INSERT INTO effect (key, kind, subject, lane, rank, born, not_before, since, wanted, tries, error,"
        " given_up) VALUES ('audit:webhook', 'audit', 'webhook', 'audit/webhook', 5, 1,"
        " '2026-11-23 12:00:00', '2026-11-23 12:00:00', 1, 3, 'audit.example cannot be reached.', 0)",
    )
    ran = await lived.run("doctor", BACKSTOP_SLACK_MODE="off", **given)
    assert "wrong  audit      webhook: 2 entries wait: audit.example cannot be reached. Look at" in ran.out
    assert "canary-word" not in ran.out + ran.err
