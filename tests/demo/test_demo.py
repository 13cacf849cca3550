"""The demonstration must tell the whole story, prove its end, and fail when the end is wrong."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from bot.sandbox.jira.format import refusals
from integrations.runner.files import digest
from tests.demo.played import Played, Playing, played_once
from tests.sandbox.remains import processes_in

pytestmark = pytest.mark.timeout(240)

SECTIONS = (
    *("Summary", "Impact", "Trigger", "Detection", "Response", "Recovery", "Decisions", "Restores"),
    *("Approvals", "Objectives", "Steps", "Freezes", "Deviations from the plan", "Verification"),
    *("Backups and the outcome", "Updates", "What went well", "What went badly", "Where there was luck"),
    *("Action items", "Metrics", "Timeline"),
)
SAYS_NOTHING = re.compile(r"\bunknown\b|\bnot known\b|\bcannot be said\b|\bNone\b(?!: every run)|\|[ \t]*\|")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Return the one demonstration of this run of the tests, whichever worker asks."""
    own = tmp_path_factory.getbasetemp()
    return played_once(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)


def sections(text: str) -> dict[str, str]:
    """Return the text under each heading of a post-mortem."""
    parts = re.split(r"^#{2,3} (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_story_ends_well(played: Played) -> None:
    assert (played.code, played.complained) == (0, "")
    assert "Right: " in played.said
    assert "NOT PROVED" not in played.said
    assert "stands in Jira as OPS-1" in played.said


def test_it_leaves_no_process_behind(played: Played) -> None:
    assert processes_in(played.home) == []


def test_it_is_told_as_the_conversation_people_see(played: Played) -> None:
    transcript = played.read("transcript.md")
    for line in (
        r'ana +/backstop declare "Customers are told wrong order totals" sev:1',
        r"bo +@backstop decide data_corruption:ongoing",
        r"checkout 2\.4\.0 \(b77c0de\) was not deployed: production is frozen\.",
        r"To ask for an exception: /backstop freeze allow FRZ-1 checkout@b77c0de",
        r"You started RUN-1, so your own approval does not count",
        r"RUN-1\.overwrite-orders approved as dba\.",
        r"RUN-1\.overwrite-orders approved as app\.",
        r"SEV1 INC-1 update #1",
        r"✓ RUN-1 recovered .* the RTO of 30 min is met",
        r"Freeze lifted: 2\.3\.0 runs and every total is right",
        r"INC-1 is closed",
    ):
        assert re.search(line, transcript), line
    at = re.findall(r"^(\d\d:\d\d:\d\d)  \w", transcript, re.MULTILINE)
    assert len(at) > 30


def test_every_section_of_the_post_mortem_says_something(played: Played) -> None:
    found = sections(played.read("postmortem.md"))
    assert tuple(found) == SECTIONS
    for name, text in found.items():
        assert text.strip() or name == "Recovery", name
        assert not SAYS_NOTHING.search(text), (name, SAYS_NOTHING.search(text))


def test_the_post_mortem_says_what_was_put_out_what_was_ruled_out_and_what_came_of_it(
    played: Played,
) -> None:
    found = sections(played.read("postmortem.md"))
    released = (
        r"2\.4\.0 was put into production by @ci, commit `9d41e7f`, rolling, migrations orders-schema-2"
    )
    assert re.search(released, found["Trigger"])
    assert re.search(
        r"\*\*Vetoes hit\*\*: V1 rules out code\\_rollback: \w+ .*; V6 rules out ", found["Decisions"]
    )
    assert re.search(r"\*\*Recovery\*\*: RUN-1 recovered \d+ s after it", found["Decisions"])


def test_objectives_are_judged_against_their_targets(played: Played) -> None:
    found = sections(played.read("postmortem.md"))
    assert re.search(r"recovered \d+ s after the impact began; RTO 30 min: met\.", found["Objectives"])
    assert re.search(r"of good data lost from orders-points\. Within the RPO of 5 min\.", found["Objectives"])
    for metric in ("RTO achieved", "RPO achieved", "Writes discarded", "Backup age at use"):
        assert re.search(rf"^\| {metric}.*\| .*\d+ s.*\|$", found["Metrics"], re.MULTILINE), metric


def test_lengths_are_the_differences_of_the_times_beside_them(played: Played) -> None:
    rows = [line.split(" | ") for line in sections(played.read("postmortem.md"))["Approvals"].splitlines()]
    waits = [(asked, said, waited) for _, _, _, asked, said, waited, _ in rows[2:-1] if asked.startswith("2")]
    assert len(waits) == 2
    for asked, said, waited in waits:
        start, end = (datetime.fromisoformat(at) for at in (asked, said))
        assert waited == f"{(end - start).total_seconds():.0f} s"


def test_times_are_those_of_the_timeline_to_the_second(played: Played) -> None:
    entries = json.loads(played.read("timeline.json"))
    at = {
        entry["event"]["kind"]: f"{datetime.fromisoformat(entry['occurred_at']):%Y-%m-%d %H:%M:%SZ}"
        for entry in entries
    }
    found = sections(played.read("postmortem.md"))
    assert f"@ana declared it at {at['incident-declared']}" in found["Detection"]
    assert f"**Ended**: {at['incident-resolved']}" in found["Impact"]
    assert f"decided {at['decided']}" in found["Decisions"]
    assert f"**From**: {at['freeze-placed']} by @ana" in found["Freezes"]
    assert f"**To**: {at['freeze-lifted']} by @ana" in found["Freezes"]
    assert f"{at['deployment-refused']} @ci" in found["Freezes"]
    rows = [line for line in found["Timeline"].splitlines() if line.startswith("| 2")]
    # The release was told before there was an incident, in a stream of its own.
    assert len([row for row in rows if "| checkout\\#" not in row]) == len(entries)
    assert all(re.match(r"\| \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ \|", row) for row in rows)


def test_the_damage_began_when_people_said_it_did(played: Played) -> None:
    typed = re.search(r"damage:(\d\d:\d\d:\d\dZ)", played.read("transcript.md"))
    assert typed
    impact = sections(played.read("postmortem.md"))["Impact"]
    assert re.search(rf"\*\*Damage began\*\*: \d{{4}}-\d\d-\d\d {typed[1]}", impact)


def test_jira_takes_the_post_mortem(played: Played) -> None:
    assert list(refusals(json.loads(played.read("postmortem.adf.json")))) == []


def test_wrong_rows_are_a_failure_whatever_backstop_says(tmp_path: Path) -> None:
    playing = Playing(tmp_path)
    playing.until(lambda: any(_verified(note) for note in (tmp_path / "home/points").glob("*.json")))
    swap(tmp_path / "home/points")
    played = playing.ended()
    assert "✓ RUN-1 recovered" in played.said
    assert "The recovered orders are not the right ones. WRONG" in played.said
    assert played.code == 1


def _verified(note: Path) -> bool:
    return bool(json.loads(note.read_text())["verified_at"])


def swap(points: Path) -> None:
    """Put another sound database in place of the recovery point, with a note that fits."""
    [note] = points.glob("*.json")
    content = note.with_suffix(".db")
    with closing(sqlite3.connect(content)) as connection, connection:
        three = "(SELECT id FROM orders ORDER BY id LIMIT 3)"
        connection.execute(f"DELETE FROM order_lines WHERE order_id IN {three}")
        connection.execute(f"DELETE FROM orders WHERE id IN {three}")
    said = json.loads(note.read_text())
    note.write_text(json.dumps({**said, "digest": digest(content), "size": content.stat().st_size}))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_interrupts_it_finds_nothing_running(tmp_path: Path, number: signal.Signals) -> None:
    playing = Playing(tmp_path)
    playing.until(lambda: any((tmp_path / "home/points").glob("*.json")))
    playing.process.send_signal(number)
    played = playing.ended()
    assert (played.code, played.complained) == (
        130,
        "\nInterrupted. Everything that was started is ended.\n",
    )
    assert processes_in(tmp_path / "home") == []


def test_beside_a_real_account_it_says_why_it_does_not_begin(tmp_path: Path) -> None:
    played = Playing(tmp_path, SLACK_BOT_TOKEN="xoxb-real").ended()
    assert played.code == 1
    assert played.said == ""
    assert "SLACK_BOT_TOKEN is set, so real people could be reached from a sandbox." in played.complained
    assert "xoxb-real" not in played.complained + (played.out / "backstop.log").read_text()
