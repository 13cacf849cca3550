"""The runner tells when a job moves, to whoever waits for it, and holds nobody else up meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time

import pytest

from integrations.contract import IntegrationError, Phase
from integrations.process import RunnerJobs, Status
from tests.integrations.host import Host, until

_REPORTS = """#!/bin/sh
echo '::progress {{"phase": "copying", "done": 1}}'
while [ ! -e "{home}/next" ]; do sleep 0.02; done
echo '::progress {{"phase": "replaying", "done": 1}}'
while [ ! -e "{home}/go" ]; do sleep 0.02; done
"""


async def _listening(host: Host, key: str, *, seen: str = "") -> asyncio.Task[Status]:
    """Return a wait that was sent before something else was asked and answered."""
    waiting = asyncio.create_task(host.runner.wait(key, seen=seen, within_s=30))
    await asyncio.sleep(0)
    await host.runner.hello()
    return waiting


async def test_the_end_of_a_job_and_each_of_its_phases_are_told_as_they_come(host: Host) -> None:
    (host.home / "act").write_text(_REPORTS.format(home=host.home))
    await host.start("k", "act", who="ana")
    assert (await host.runner.wait("k", seen="", within_s=30)).told.phase == "copying"
    waiting = await _listening(host, "k", seen="copying")
    (host.home / "next").touch()
    assert (await waiting).told.phase == "replaying"
    waiting = await _listening(host, "k", seen="replaying")
    assert not waiting.done()
    host.go()
    assert (await waiting).code == 0


async def test_what_is_over_or_was_never_asked_for_is_told_at_once(host: Host) -> None:
    host.go()
    await host.start("k", "act", who="ana")
    await host.ended("k")
    assert (await host.runner.wait("k", seen="", within_s=30)).code == 0
    assert (await host.runner.wait("never", seen="", within_s=30)).state == "unknown"


async def test_a_supervisor_that_is_killed_is_told_though_nothing_is_written(host: Host) -> None:
    await host.start("k", "act", who="ana")
    await host.begun("ana")
    waiting = await _listening(host, "k")
    os.kill(host.supervisor("k"), signal.SIGKILL)
    assert (await waiting).state == "lost"


async def test_a_wait_ends_after_its_time_with_the_job_as_it_is(host: Host) -> None:
    await host.start("k", "act", who="ana")
    await host.begun("ana")
    begun = time.monotonic()
    assert (await host.runner.wait("k", seen="", within_s=0.2)).state == "running"
    assert 0.2 <= time.monotonic() - begun < 10
    with pytest.raises(IntegrationError, match="number of seconds above 0"):
        await host.runner.wait("k", seen="", within_s=-1)


async def test_on_one_connection_a_wait_holds_no_other_request_up(host: Host) -> None:
    await host.start("k", "act", who="ana")
    reader, writer = await asyncio.open_unix_connection(host.socket)
    for number, request in enumerate(({"do": "wait", "key": "k", "within_s": 30}, {"do": "hello"})):
        writer.write(json.dumps({"id": number, **request}).encode() + b"\n")
    assert json.loads(await reader.readline())["id"] == 1
    host.go()
    assert json.loads(await reader.readline())["id"] == 0
    writer.close()


async def test_a_job_moved_when_it_ended_or_is_in_another_phase_than_was_seen(host: Host) -> None:
    (host.home / "act").write_text(_REPORTS.format(home=host.home))
    jobs = RunnerJobs("command", host.connections.runners)
    await host.start("k", "act", who="ana")
    await host.runner.wait("k", seen="", within_s=30)
    ref = await jobs.find("k")
    assert ref
    seen = await jobs.poll(ref, now=host.connections.now())
    assert not await jobs.moved(ref, seen=seen, within_s=0.1)
    (host.home / "next").touch()
    assert await jobs.moved(ref, seen=seen, within_s=30)
    seen = await jobs.poll(ref, now=host.connections.now())
    host.go()
    assert await jobs.moved(ref, seen=seen, within_s=30)
    assert (await jobs.poll(ref, now=host.connections.now())).phase is Phase.SUCCEEDED


async def test_a_report_that_makes_no_sense_is_no_move(host: Host) -> None:
    script = _REPORTS.format(home=host.home).replace('"done": 1', '"done": "many"')
    (host.home / "act").write_text(script)
    jobs = RunnerJobs("command", host.connections.runners)
    await host.start("k", "act", who="ana")

    async def said() -> bool:
        return (await host.runner.status("k")).progress is not None

    await until(said)
    ref = await jobs.find("k")
    assert ref
    seen = await jobs.poll(ref, now=host.connections.now())
    assert seen.progress is None
    assert not await jobs.moved(ref, seen=seen, within_s=30)
