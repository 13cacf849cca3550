"""What runs out one day is told before it does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.terminal.doctor.lasting import ending, room
from bot.timeline import Timeline
from bot.timeline.records import Token
from tests.terminal.shell import Shell

NOW = datetime(2026, 11, 23, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("free", "state"), [(5 * 10**9, None), (999_999_999, "unwise"), (99_999_999, "wrong")]
)
def test_little_room_is_told_and_hardly_any_is_wrong(free: int, state: str | None) -> None:
    found = list(room(Path("/var/lib/backstop"), free))
    assert [each.state for each in found] == ([state] if state else [])


def test_a_token_that_ends_within_two_weeks_is_told_with_the_way_to_another() -> None:
    scopes = frozenset({"gate"})
    soon = Token("ci", scopes, "pipeline", NOW + timedelta(days=13))
    late = Token("ana", scopes, "laptop", NOW + timedelta(days=15))
    assert [str(found) for found in ending([soon, late], NOW)] == [
        "unwise token      pipeline of ci ends 2026-12-06 02:10Z. "
        "Issue another: backstop token issue --for ci"
    ]


async def test_doctor_tells_of_tokens_in_force_alone(shell: Shell) -> None:
    now = datetime.now(UTC)
    timeline = await Timeline.open(f"sqlite+aiosqlite:///{shell.home}/backstop.db", now=lambda: now)
    for name, days in (("pipeline", 3), ("long-over", -3), ("revoked", 3), ("far-off", 60)):
        at = now + timedelta(days=days)
        await timeline.records.issue_token("ci", scopes=["gate"], name=name, expires_at=at)
    await timeline.records.revoke("revoked")
    await timeline.close()

    ran = await shell.run("doctor", BACKSTOP_SLACK_MODE="off")

    told = [line for line in ran.out.splitlines() if line.startswith("unwise token")]
    assert len(told) == 1
    assert "pipeline of ci ends" in told[0]
    assert "Traceback" not in ran.err
