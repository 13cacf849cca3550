"""Whatever is killed or frozen, an act happens once and its end is known, or it is said that it is not."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from integrations.contract import IntegrationError
from integrations.process import Runner
from integrations.runner import files, processes
from integrations.runner.jobs import Job, Spec
from tests.integrations.host import Host, a_host, until

_BOT = """
import asyncio, sys
from pathlib import Path
from integrations.detached import start_detached

async def main(config, state, socket):
    runner = await start_detached(Path(config), Path(state), Path(socket))
    await runner.start("k", "command.run", None, {"name": "act", "who": "ana"}, token=None, timeout_s=60)
    print("started", flush=True)
    await asyncio.sleep(60)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_job_goes_on_when_the_bot_that_started_runner_and_job_is_killed(host: Host) -> None:
    host.kill_serve()
    places = (str(host.config), str(host.state), str(host.socket))
    bot = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _BOT, *places, stdout=asyncio.subprocess.PIPE
    )
    assert bot.stdout is not None
    assert await bot.stdout.readline() == b"started\n"
    bot.kill()
    await bot.communicate()
    assert (await host.runner.status("k")).state == "running"
    host.go()
    status = await host.ended("k")
    assert (status.state, status.code) == ("done", 0)
    assert host.acts() == ["begin ana", "end ana"]
    for pid in processes.using(host.socket.with_name("runner.sock.lock")):
        os.kill(pid, signal.SIGTERM)


async def test_a_job_goes_on_when_the_runner_is_killed_and_the_next_runner_knows_it(host: Host) -> None:
    await host.start("k", "act", who="ana")
    await host.begun("ana")
    host.kill_serve()
    with pytest.raises(IntegrationError, match="backstop-runner serve") as silent:
        await host.runner.status("k")
    assert not silent.value.permanent
    await host.serve()
    assert (await host.runner.status("k")).state == "running"
    assert (await host.start("k", "act", who="ana")).state == "running"
    host.go()
    assert (await host.ended("k")).code == 0
    assert host.acts() == ["begin ana", "end ana"]


async def test_a_job_that_ends_while_no_runner_answers_is_known_to_the_next_one(host: Host) -> None:
    await host.start("k", "act", who="ana")
    await host.begun("ana")
    host.kill_serve()
    host.go()

    async def written() -> bool:
        return Job(host.state, "k").outcome() is not None

    await until(written)
    await host.serve()
    assert (await host.runner.status("k")).code == 0


async def test_the_nursery_may_be_killed_between_two_jobs_and_during_one(host: Host) -> None:
    await host.start("one", "act", who="ana")
    await host.begun("ana")
    _end_nursery(host)
    assert (await host.runner.status("one")).state == "running"
    host.go()
    assert (await host.ended("one")).code == 0
    _end_nursery(host)
    await host.start("two", "act", who="bo")
    assert (await host.ended("two")).code == 0
    assert host.acts() == ["begin ana", "end ana", "begin bo", "end bo"]


async def test_a_job_without_supervisor_is_lost_and_its_target_refused_until_nothing_of_it_lives(
    host: Host,
) -> None:
    await host.start("one", "wipe", who="ana", token=1)
    await host.begun("ana")
    os.kill(host.supervisor("one"), signal.SIGKILL)
    lost = await host.reached("one", lambda status: status.state == "lost")
    assert lost.alive
    await host.start("two", "wipe", who="bo", token=2)
    refused = await host.ended("two")
    assert refused.state == "refused"
    assert "one" in refused.because
    host.go()
    gone = await host.reached("one", lambda status: status.alive is False)
    assert gone.state == "lost"
    await host.start("three", "wipe", who="cy", token=3)
    assert (await host.ended("three")).code == 0
    assert host.acts() == ["begin ana", "end ana", "begin cy", "end cy"]


async def test_what_is_left_of_a_lost_job_can_be_cancelled(host: Host) -> None:
    await host.start("k", "act", who="ana")
    await host.begun("ana")
    os.kill(host.supervisor("k"), signal.SIGKILL)
    await host.reached("k", lambda status: status.state == "lost")
    await host.runner.cancel("k")
    assert (await host.reached("k", lambda status: status.alive is False)).state == "lost"
    assert host.acts() == ["begin ana"]


async def test_a_job_of_the_same_key_on_another_runner_of_the_host_is_left_alone(
    host: Host, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    async with a_host(tmp_path / "other") as other:
        for each in (host, other):
            await each.start("k", "act", who="ana")
            await each.begun("ana")
        os.kill(host.supervisor("k"), signal.SIGKILL)
        await host.reached("k", lambda status: status.state == "lost")
        await host.runner.cancel("k")
        await host.reached("k", lambda status: status.alive is False)
        assert (await other.runner.status("k")).state == "running"
        other.go()
        assert (await other.ended("k")).code == 0


@pytest.mark.parametrize("name", ["workers", "lets-go", "forgets"])
async def test_a_wandering_worker_of_a_lost_job_keeps_its_target_from_others(host: Host, name: str) -> None:
    await host.start("k", name)
    worker = host.home / "worker"

    async def working() -> bool:
        return worker.exists() and bool(worker.read_text().strip())

    await until(working)
    child = await host.child("k")
    os.kill(host.supervisor("k"), signal.SIGKILL)
    os.kill(child, signal.SIGKILL)
    assert (await host.reached("k", lambda status: status.state == "lost")).alive
    await host.start("next", "act", who="bo")
    assert (await host.ended("next")).state == "refused"
    host.go()
    assert not (await host.reached("k", lambda status: status.alive is False)).alive


async def test_workers_are_ended_when_their_program_is_killed(host: Host) -> None:
    await host.start("k", "workers")
    worker = host.home / "worker"

    async def working() -> bool:
        return worker.exists() and bool(worker.read_text().strip())

    await until(working)
    os.kill(await host.child("k"), signal.SIGKILL)
    status = await host.ended("k")
    assert (status.state, status.code, status.reason) == ("done", 137, "orphans")
    assert not _lives(int(worker.read_text()))


async def test_a_cancel_leaves_no_process_behind(host: Host) -> None:
    await host.start("k", "workers")
    worker = host.home / "worker"

    async def working() -> bool:
        return worker.exists() and bool(worker.read_text().strip())

    await until(working)
    await host.runner.cancel("k")
    status = await host.ended("k")
    assert (status.state, status.reason, status.alive) == ("done", "cancelled", False)
    assert not _lives(int(worker.read_text()))


async def test_a_job_that_takes_too_long_is_ended_even_while_no_runner_answers(host: Host) -> None:
    await host.runner.start(
        "k", "command.run", None, {"name": "act", "who": "ana"}, token=None, timeout_s=0.3
    )
    host.kill_serve()

    async def written() -> bool:
        return Job(host.state, "k").outcome() is not None

    await until(written)
    await host.serve()
    assert (await host.runner.status("k")).reason == "timeout"


async def test_a_frozen_supervisor_keeps_newer_attempts_out_until_it_is_dead(host: Host) -> None:
    await host.start("old", "wipe", who="ana", token=1)
    await host.begun("ana")
    os.kill(host.supervisor("old"), signal.SIGSTOP)
    await host.start("new", "wipe", who="bo", token=2)
    assert (await host.ended("new")).state == "refused"
    os.kill(host.supervisor("old"), signal.SIGCONT)
    await host.runner.cancel("old")
    assert (await host.ended("old")).reason == "cancelled"
    host.go()
    await host.start("newer", "wipe", who="cy", token=3)
    assert (await host.ended("newer")).code == 0
    assert host.acts() == ["begin ana", "begin cy", "end cy"]


async def test_a_program_that_works_is_not_silent_and_a_frozen_one_is(host: Host) -> None:
    await host.start("k", "act", who="ana")
    await host.begun("ana")
    child = await host.child("k")

    async def looked_at() -> bool:
        return Job(host.state, "k").pulse.exists()

    await until(looked_at)
    os.kill(child, signal.SIGSTOP)
    frozen = await host.reached("k", lambda status: (status.silent_s or 0) > 2.5)
    assert frozen.state == "running"
    os.kill(child, signal.SIGCONT)
    await host.reached("k", lambda status: status.silent_s is not None and status.silent_s < 1.5)
    host.go()
    assert (await host.ended("k")).silent_s is None


@pytest.mark.parametrize(("mark", "silent"), [({"by_figures": True}, True), ({}, False)])
async def test_who_only_asks_for_figures_is_silent_while_none_of_them_moves(
    host: Host, mark: dict[str, bool], *, silent: bool
) -> None:
    await host.start("k", "act", who="ana")
    await host.begun("ana")
    job = Job(host.state, "k")
    line = json.dumps({"phase": "replaying", "done": 1, "total": 9, **mark})
    with job.log.open("a") as log:
        log.write(f"::progress {line}\n")
    before = time.time() - 60
    for path in (job.log, job.path / "pid.json"):
        os.utime(path, (before, before))
    job.pulse.touch()

    said = (await host.runner.status("k")).silent_s

    assert said is not None
    assert (said > 30) is silent
    host.go()
    await host.ended("k")


@pytest.mark.parametrize("name", ["workers", "forgets", "lets-go"])
async def test_a_cancel_asked_for_before_the_runner_died_ends_every_wandering_worker(
    host: Host, name: str
) -> None:
    await host.start("k", name)
    worker = host.home / "worker"

    async def working() -> bool:
        return worker.exists() and bool(worker.read_text().strip())

    await until(working)
    await host.runner.cancel("k")
    host.kill_serve()

    async def written() -> bool:
        return Job(host.state, "k").outcome() is not None

    await until(written)
    assert not _lives(int(worker.read_text()))
    await host.serve()
    assert (await host.runner.status("k")).reason == "cancelled"


async def test_a_step_that_leaves_a_daemon_has_its_target_for_as_long_as_the_step_itself_lives(
    host: Host,
) -> None:
    await _slow_daemon(host, "k")
    await host.start("meanwhile", "act", who="bo")
    assert "busy with k" in (await host.ended("meanwhile")).because
    child = await host.child("k")
    os.kill(host.supervisor("k"), signal.SIGKILL)
    assert (await host.reached("k", lambda status: status.state == "lost")).alive
    await host.start("next", "act", who="bo")
    assert "Processes of k still run" in (await host.ended("next")).because
    await host.runner.cancel("k")
    assert (await host.reached("k", lambda status: status.alive is False)).state == "lost"
    assert not _lives(child)
    host.go()
    await host.start("last", "act", who="cy")
    assert (await host.ended("last")).code == 0
    assert host.acts() == ["begin cy", "end cy"]


async def _slow_daemon(host: Host, key: str) -> None:
    """Start a step that leaves a daemon and is not over yet."""
    (host.home / "daemon").write_text(
        f'#!/bin/sh\ntouch "{host.home}/begun"\nwhile [ ! -e "{host.home}/go" ]; do sleep 0.02; done\n'
    )
    await host.start(key, "daemon")

    async def begun() -> bool:
        return (host.home / "begun").exists()

    await until(begun)


async def test_a_frozen_program_keeps_newer_attempts_out_and_can_be_cancelled(host: Host) -> None:
    await host.start("old", "wipe", who="ana", token=1)
    await host.begun("ana")
    os.kill(await host.child("old"), signal.SIGSTOP)
    await host.start("new", "wipe", who="bo", token=2)
    assert (await host.ended("new")).state == "refused"
    await host.runner.cancel("old")
    assert (await host.ended("old")).reason == "cancelled"


async def test_an_attempt_that_wakes_after_a_newer_one_acted_is_refused_at_the_target(host: Host) -> None:
    old = await _asked_and_frozen(host, "old", token=1)
    host.go()
    await host.start("new", "wipe", who="bo", token=2)
    assert (await host.ended("new")).code == 0
    _supervise(old)
    status = await host.ended("old")
    assert status.state == "refused"
    assert "newer attempt" in status.because
    assert host.acts() == ["begin bo", "end bo"]


async def test_an_older_token_and_one_used_by_another_key_are_refused(host: Host) -> None:
    host.go()
    await host.start("one", "wipe", who="ana", token=5)
    assert (await host.ended("one")).code == 0
    for key, token in (("two", 5), ("three", 4)):
        await host.start(key, "wipe", who="bo", token=token)
        assert (await host.ended(key)).state == "refused"
    with pytest.raises(IntegrationError, match="token"):
        await host.start("four", "wipe", who="bo")
    assert host.acts() == ["begin ana", "end ana"]


async def test_a_half_made_job_counts_as_never_asked_and_can_be_started(host: Host) -> None:
    host.go()
    Job(host.state, "empty").path.mkdir(parents=True)
    await _asked_and_frozen(host, "unlaunched", token=None)
    for key in ("empty", "unlaunched"):
        assert (await host.runner.status(key)).state == "unknown"
        await host.start(key, "act", who="bo")
        assert (await host.ended(key)).code == 0
    assert host.acts() == ["begin bo", "end bo"] * 2


async def test_a_second_supervisor_of_a_job_does_nothing(host: Host) -> None:
    await host.start("k", "act", who="ana")
    await host.begun("ana")
    _supervise(Job(host.state, "k"))
    host.go()
    assert (await host.ended("k")).code == 0
    _supervise(Job(host.state, "k"))
    assert host.acts() == ["begin ana", "end ana"]


async def test_many_starts_of_one_key_at_once_are_one_act(host: Host) -> None:
    starts = [host.start("k", "act", who="ana") for _ in range(10)]
    assert {status.state for status in await asyncio.gather(*starts)} == {"running"}
    host.go()
    await host.ended("k")
    assert host.acts() == ["begin ana", "end ana"]


async def test_a_key_is_refused_for_another_act(host: Host) -> None:
    await host.start("k", "act", who="ana")
    with pytest.raises(IntegrationError, match="another act needs another key") as refusal:
        await host.start("k", "act", who="bo")
    assert refusal.value.permanent


async def test_a_restart_of_the_host_is_told_from_a_running_job(host: Host) -> None:
    await host.start("k", "act", who="ana")
    await host.begun("ana")
    os.kill(host.supervisor("k"), signal.SIGKILL)
    claim = Job(host.state, "k").path / "pid.json"
    files.replace(claim, {**(files.read(claim) or {}), "boot": "another boot"})
    status = await host.reached("k", lambda status: status.state == "lost")
    assert status.alive is False
    assert "restarted" in status.because


async def test_a_job_cancelled_before_its_program_began_never_acts(host: Host) -> None:
    job = await _asked_and_frozen(host, "k", token=1)
    job.cancelled.touch()
    _supervise(job)
    assert (await host.runner.status("k")).reason == "cancelled"
    assert host.acts() == []


async def test_a_forbidden_job_ends_or_never_begins_whatever_became_of_its_supervisor(host: Host) -> None:
    unlaunched = await _asked_and_frozen(host, "unlaunched", token=1)
    await host.runner.forbid("unlaunched")
    _supervise(unlaunched)
    assert (await host.runner.status("unlaunched")).reason == "cancelled"
    held_up = Job(host.state, "held-up")
    held_up.path.mkdir()
    lock = files.acquire(held_up.supervised)
    assert lock is not None
    await host.runner.forbid("held-up")
    assert (await host.runner.status("held-up")).state == "running"
    os.close(lock)
    await host.runner.forbid("held-up")
    assert (await host.start("held-up", "act", who="bo")).reason == "cancelled"
    await host.start("running", "act", who="cy")
    await host.begun("cy")
    await host.runner.forbid("running")
    assert (await host.ended("running")).reason == "cancelled"
    await host.start("lost", "workers")
    await host.reached("lost", lambda status: status.started_at is not None)
    os.kill(host.supervisor("lost"), signal.SIGKILL)
    await host.reached("lost", lambda status: status.state == "lost")
    await host.runner.forbid("lost")
    await host.reached("lost", lambda status: status.alive is False)
    assert host.acts() == ["begin cy"]


async def test_what_a_command_may_leave_running_lives_on_and_holds_nobody_up(host: Host) -> None:
    await host.start("k", "daemon")
    assert (await host.ended("k")).code == 0
    daemon = int((host.home / "worker").read_text())
    assert _lives(daemon)
    host.go()
    await host.start("next", "act", who="bo")
    assert (await host.ended("next")).code == 0


async def test_a_program_that_cannot_be_started_is_a_failed_job_that_says_so(host: Host) -> None:
    await host.start("k", "missing")
    status = await host.ended("k")
    assert (status.state, status.code) == ("done", 127)
    assert "no-such-program" in status.said


async def _asked_and_frozen(host: Host, key: str, *, token: int | None) -> Job:
    """Return a job whose supervisor has not come to do anything yet."""
    job = Job(host.state, key)
    job.path.mkdir(parents=True)
    name, who = ("act", "bo") if token is None else ("wipe", "ana")
    job.ask(
        Spec(
            key=key,
            operation="command.run",
            target="checkout",
            params={"name": name, "who": who},
            argv=(str(host.home / "act"), who),
            timeout_s=60,
            token=token,
            env={},
            secret_env={},
            leaves_daemon=False,
            asked_at="2026-11-23T02:00:00+00:00",
        )
    )
    return job


def _supervise(job: Job) -> None:
    subprocess.run([sys.executable, "-m", "integrations.runner", "supervise", job.path], check=True)


def _end_nursery(host: Host) -> None:
    children = Path(f"/proc/{host.served}/task/{host.served}/children").read_text().split()
    for pid in map(int, children):
        if Path(f"/proc/{pid}/cmdline").read_bytes().endswith(b"nursery\0"):
            os.kill(pid, signal.SIGKILL)


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


async def test_a_runner_that_never_was_says_what_to_do(host: Host) -> None:
    with pytest.raises(IntegrationError, match="start it with"):
        await Runner(host.home / "nowhere.sock").hello()
