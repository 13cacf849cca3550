"""The client believes no answer that makes no sense, and waits for none for ever."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from integrations.contract import IntegrationError, JobRef, Measured, Phase
from integrations.process import Runner, RunnerJobs, Status, job_state
from integrations.runner.report import Course, Step

NOW = datetime(2026, 11, 23, 2, 10, tzinfo=UTC)


@pytest.fixture
async def answering() -> AsyncIterator[Callable[[bytes | None], Runner]]:
    place = Path(tempfile.mkdtemp(prefix="bs-"))
    said: list[bytes | None] = [None]
    silence = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        if said[0] is None:
            await silence.wait()
        else:
            writer.write(said[0])
        writer.close()

    server = await asyncio.start_unix_server(talk, place / "s")

    def answers(line: bytes | None) -> Runner:
        said[0] = line
        return Runner(place / "s")

    yield answers
    silence.set()
    server.close()
    shutil.rmtree(place)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"nonsense\n",
        b"[]\n",
        b'{"ok": true}\n',
        b'{"ok": true, "key": "k", "state": "fine"}\n',
        b'{"ok": true, "key": "k", "state": "done", "started_at": "2026-11-23T02:10:00"}\n',
    ],
)
async def test_nonsense_is_an_error_and_never_a_state(
    answering: Callable[[bytes | None], Runner], line: bytes
) -> None:
    with pytest.raises(IntegrationError) as error:
        await answering(line).status("k")
    assert not error.value.permanent


async def test_a_runner_that_says_nothing_is_given_up(answering: Callable[[bytes | None], Runner]) -> None:
    with pytest.raises(IntegrationError, match=r"did not answer in 0\.1 s"):
        await answering(None).ask("sqlite.points", "orders-db", {}, timeout_s=0.1)


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ({"state": "running"}, Phase.RUNNING),
        ({"state": "done", "code": 0}, Phase.SUCCEEDED),
        ({"state": "done", "code": 1}, Phase.FAILED),
        ({"state": "done", "code": 4, "said": "still open"}, Phase.PARTIAL),
        ({"state": "done", "code": 137, "reason": "killed"}, Phase.FAILED),
        ({"state": "done", "code": 0, "reason": "orphans"}, Phase.FAILED),
        ({"state": "done", "code": 143, "reason": "cancelled"}, Phase.CANCELLED),
        ({"state": "done", "code": 143, "reason": "timeout"}, Phase.TIMED_OUT),
        ({"state": "refused", "because": "busy"}, Phase.REFUSED),
        ({"state": "lost", "alive": True}, Phase.LOST),
        ({"state": "unknown"}, Phase.LOST),
    ],
)
def test_every_state_of_a_runner_has_its_phase(status: dict[str, object], phase: Phase) -> None:
    state = job_state(Status.model_validate({"key": "k", **status}), now=NOW)
    assert state.phase is phase
    assert state.alive is status.get("alive")


def test_progress_that_makes_no_sense_is_no_progress() -> None:
    reported = {"phase": "copying", "done": 5, "total": 10, "unit": "bytes"}
    for report, known in (
        (reported, True),
        ({"done": "many"}, False),
        ({**reported, "unit": "miles"}, False),
    ):
        status = Status.model_validate({"key": "k", "state": "running", "progress": report})
        assert (job_state(status, now=NOW).progress is not None) is known


REPORT = {
    "phase": "proved",
    "done": 7,
    "phases": {"beginning": [0.1, 0], "copying": [2, 7], "proved": [0.5, 7]},
}
SPENT = (Measured("beginning", 0.1), Measured("copying", 2.0, 7))


@pytest.mark.parametrize(
    ("report", "lasted", "phases"),
    [
        (REPORT, None, (*SPENT, Measured("proved", 0.5, 7))),
        (REPORT, 3.0, (*SPENT, Measured("proved", 0.9, 7))),
        (REPORT, 1.0, (*SPENT, Measured("proved", 0.5, 7))),
        ({"phase": "copying"}, 3.0, ()),
        (None, 3.0, ()),
        ({"phases": {"copying": [-1, 0]}}, 3.0, ()),
        ({"phases": {"copying": ["long", 0]}}, 3.0, ()),
        ({"phases": {"x" * 61: [1, 0]}}, 3.0, ()),
        ({"phases": {str(n): [1, 0] for n in range(41)}}, 3.0, ()),
    ],
)
def test_the_last_phase_lasts_until_the_end_and_phases_that_make_no_sense_are_none(
    report: object, lasted: float | None, phases: tuple[Measured, ...]
) -> None:
    said = {"key": "k", "state": "done", "code": 0, "progress": report, "lasted_s": lasted}
    assert job_state(Status.model_validate(said), now=NOW).phases == phases


def test_a_program_reports_how_long_it_was_in_each_phase_so_far() -> None:
    ticks = iter((10.0, 10.5, 12.5, 13.0, 13.25))
    course = Course(lambda: next(ticks))
    reported = (("copying", 0, 9), ("copying", 8, 9), ("swapped", 0, None), ("copying", 3, 9))
    lines = [course.report(Step(*step)) for step in reported]
    assert json.loads(lines[-1].removeprefix("::progress ")) == {
        "phase": "copying",
        "done": 3,
        "total": 9,
        "unit": "bytes",
        "phases": {"beginning": [0.5, 0], "copying": [2.5, 9], "swapped": [0.25, 0]},
    }


async def test_when_one_of_two_runners_is_silent_nobody_can_say_that_a_job_is_not_there(
    answering: Callable[[bytes | None], Runner], tmp_path: Path
) -> None:
    silent = Runner(tmp_path / "nobody.sock")
    unknown = answering(b'{"ok": true, "key": "k", "state": "unknown"}\n')
    with pytest.raises(IntegrationError):
        await RunnerJobs("sqlite", {"a": silent, "b": unknown}).find("k")
    known = answering(b'{"ok": true, "key": "k", "state": "running", "operation": "sqlite.keep"}\n')
    found = await RunnerJobs("sqlite", {"a": silent, "b": known}).find("k")
    assert found == JobRef("k", "sqlite", {"runner": "b", "target": ""})
    assert await RunnerJobs("command", {"b": known}).find("k") is None
