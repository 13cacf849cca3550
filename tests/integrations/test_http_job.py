from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from integrations.connections import Connections
from integrations.contract import Call, Effect, IntegrationError, JobRef, JobState, Json, Phase, Repeat
from integrations.http_job import HttpJob
from tests.clock import Clock
from tests.fakes.pipelines import Pipelines, pipelines
from tests.integrations.host import until

SECRET = "canary-gate-55"
KEY = "RUN-1.back.1.0a1b2c3d"
GIVEN: dict[str, Json] = {"name": "rollback", "release": "v2.3.0", "canaries": 2}
NAMED_BY_US: dict[str, Json] = {
    "params": {},
    "start": {"method": "PUT", "path": "/jobs/{key}"},
    "poll": {"path": "/jobs/{id}", "state": "status"},
    "find": None,
    "cancel": None,
}


@pytest.fixture
async def gate() -> AsyncIterator[Pipelines]:
    async with pipelines(SECRET) as served:
        yield served


@pytest.fixture
def anew(tmp_path: Path, clock: Clock) -> Connections:
    (tmp_path / "gate-token").write_text(SECRET + "\n")
    return Connections(session=aiohttp.ClientSession, secrets=tmp_path, now=clock)


@pytest.fixture
def engine(anew: Connections) -> HttpJob:
    return HttpJob(anew)


def call(gate: Pipelines, *, given: dict[str, Json] = GIVEN, **changed: Json) -> Call:
    return Call("run", target=gate.target(**changed), params=given)


async def ended(engine: HttpJob, ref: JobRef) -> JobState:
    async def look() -> JobState | None:
        state = await engine.poll(ref)
        return None if state.phase is Phase.RUNNING else state

    return await until(look)


async def test_a_pipeline_is_started_followed_and_found_by_its_key(
    engine: HttpJob, gate: Pipelines, anew: Connections
) -> None:
    ref = await engine.start(call(gate), key=KEY)
    running = await engine.poll(ref)
    assert (running.phase, running.alive) == (Phase.RUNNING, True)
    assert running.progress is not None
    assert (running.progress.phase, running.progress.done, running.progress.total) == ("RUNNING", 1, 4)
    assert gate.keys == [KEY]
    assert gate.runs["P1"]["parameters"] == {"canaries": 2, "backstop_key": KEY, "note": "to v2.3.0"}

    later = HttpJob(anew)
    found = await later.find(call(gate), key=KEY)
    assert found == ref
    gate.go()
    state = await ended(later, found)
    assert (state.phase, state.alive) == (Phase.SUCCEEDED, False)
    assert state.evidence == {"state": "SUCCEEDED", "release": "v2.3.0"}


async def test_a_plan_shows_the_request_and_what_the_owner_says_of_it(
    engine: HttpJob, gate: Pipelines
) -> None:
    plan = await engine.plan(call(gate))
    assert list(plan.preview) == [
        f"POST {gate.url}/pipelines/shop/v2.3.0 "
        '{"parameters": {"backstop_key": "KEY", "canaries": 2, "note": "to v2.3.0"}}'
    ]
    assert "-H 'Authorization: Bearer {secret:gate-token}' -H 'Idempotency-Key: KEY'" in plan.by_hand
    assert (plan.effect, plan.repeat) == (Effect.DESTRUCTIVE, Repeat.ONCE)
    assert SECRET not in repr(plan)
    assert gate.runs == {}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": "deploy"}, "gate has no such job; it has: rollback."),
        ({**GIVEN, "release": "v2/../../admin"}, r"`release` must be text like `v\d+(\.\d+)*`."),
        ({**GIVEN, "release": "{secret:gate-token}"}, r"`release` must be text like `v\d+(\.\d+)*`."),
        ({**GIVEN, "canaries": 6}, "`canaries` must be a whole number from 0 to 5."),
        ({**GIVEN, "canaries": True}, "`canaries` must be a whole number from 0 to 5."),
        (
            {**GIVEN, "url": "http://elsewhere"},
            "`url` is not a parameter here; there are: release, canaries.",
        ),
        ({"name": "rollback", "canaries": 1}, "`release` is missing."),
    ],
)
async def test_only_what_the_owner_lists_can_be_asked(
    engine: HttpJob, gate: Pipelines, given: dict[str, Json], words: str
) -> None:
    for asked in (engine.plan(call(gate, given=given)), engine.start(call(gate, given=given), key=KEY)):
        with pytest.raises(IntegrationError) as refusal:
            await asked
        assert str(refusal.value) == words
        assert refusal.value.permanent
    assert gate.runs == {}


async def test_what_callers_give_is_one_part_of_the_path_and_fills_in_no_secret(
    engine: HttpJob, gate: Pipelines
) -> None:
    free: Json = {
        "release": {"type": "text", "pattern": ".*"},
        "canaries": {"type": "choice", "choices": ["{key}"]},
    }
    given: dict[str, Json] = {
        "name": "rollback",
        "release": "../{secret:gate-token}?x=1",
        "canaries": "{key}",
    }
    await engine.start(call(gate, given=given, params=free), key=KEY)
    assert gate.runs["P1"]["release"] == "../{secret:gate-token}?x=1"
    assert gate.runs["P1"]["parameters"]["canaries"] == "{key}"
    assert gate.runs["P1"]["parameters"]["note"] == "to ../{secret:gate-token}?x=1"
    with pytest.raises(IntegrationError, match=r"`\.\.` cannot be a part of a path"):
        await engine.plan(call(gate, given={**given, "release": ".."}, params=free))


async def test_an_answer_that_was_lost_is_found_and_not_sent_again(
    engine: HttpJob, gate: Pipelines, anew: Connections
) -> None:
    gate.faults.lose_answer("POST")
    with pytest.raises(IntegrationError) as lost:
        await engine.start(call(gate), key=KEY)
    assert not lost.value.permanent
    later = HttpJob(anew)
    assert await later.find(call(gate), key=KEY) is not None
    await later.start(call(gate), key=KEY)
    assert gate.keys == [KEY]


async def test_a_job_that_cannot_be_looked_for_is_a_matter_for_people(
    engine: HttpJob, gate: Pipelines, anew: Connections
) -> None:
    blind = call(gate, find=None)
    ref = await engine.start(blind, key=KEY)
    assert await engine.start(blind, key=KEY) == ref
    assert len(gate.runs) == 1
    with pytest.raises(IntegrationError, match="nobody can tell whether RUN-1") as doubt:
        await HttpJob(anew).find(blind, key=KEY)
    assert doubt.value.permanent


async def test_a_server_that_takes_our_name_for_a_job_is_asked_for_it(
    engine: HttpJob, gate: Pipelines, anew: Connections
) -> None:
    ours = call(gate, given={"name": "rollback"}, **NAMED_BY_US)
    assert await engine.find(ours, key=KEY) is None
    ref = await engine.start(ours, key=KEY)
    assert await HttpJob(anew).find(ours, key=KEY) == ref
    assert list(gate.runs) == [KEY]


async def test_two_jobs_of_one_key_are_named_and_never_followed(
    engine: HttpJob, gate: Pipelines, anew: Connections
) -> None:
    await engine.start(call(gate), key=KEY)
    gate.runs["P2"] = {**gate.runs["P1"], "id": "P2"}
    with pytest.raises(IntegrationError, match=r"has 2 jobs of RUN-1\..*: P1, P2"):
        await HttpJob(anew).find(call(gate), key=KEY)


async def test_a_server_that_says_no_has_not_begun(engine: HttpJob, gate: Pipelines) -> None:
    gate.faults.answer("POST", 422, '{"message": "v2.3.0 was never deployed"}')
    state = await engine.poll(await engine.start(call(gate), key=KEY))
    assert (state.phase, state.alive) == (Phase.REFUSED, False)
    assert state.because.endswith("answered 422 to POST /pipelines/shop/v2.3.0: v2.3.0 was never deployed.")
    assert gate.runs == {}


async def test_an_answer_without_an_id_leaves_a_person_to_look(engine: HttpJob, gate: Pipelines) -> None:
    gate.faults.answer("POST", 202, "{}")
    with pytest.raises(IntegrationError, match="was started and its answer has no id at `ref`") as doubt:
        await engine.start(call(gate), key=KEY)
    assert doubt.value.permanent


@pytest.mark.parametrize(
    ("status", "text", "kind", "words"),
    [
        (200, "<h1>Sign in</h1>", "text/html", "answered GET with text/html and not with JSON"),
        (502, "", "text/html", "answered 502 to GET /pipelines/P1."),
        (200, '{"status": "SUSPENDED"}', "application/json", "says `SUSPENDED`, and its settings do not say"),
    ],
)
async def test_an_answer_that_makes_no_sense_says_nothing_of_the_job(
    engine: HttpJob, gate: Pipelines, status: int, text: str, kind: str, words: str
) -> None:
    ref = await engine.start(call(gate), key=KEY)
    gate.faults.answer("GET", status, text, kind)
    with pytest.raises(IntegrationError) as doubt:
        await engine.poll(ref)
    assert words in str(doubt.value)
    assert not doubt.value.permanent
    assert (await engine.poll(ref)).phase is Phase.RUNNING


async def test_a_server_that_wants_rest_is_left_alone_until_then(
    engine: HttpJob, gate: Pipelines, clock: Clock
) -> None:
    ref = await engine.start(call(gate), key=KEY)
    gate.faults.answer("GET", 429, "", Retry_After="30")
    for _ in range(2):
        with pytest.raises(IntegrationError, match="asks to wait until"):
            await engine.poll(ref)
    clock.advance(31)
    assert (await engine.poll(ref)).phase is Phase.RUNNING


async def test_a_job_its_server_forgot_is_lost(engine: HttpJob, gate: Pipelines) -> None:
    ref = await engine.start(call(gate), key=KEY)
    gate.runs.clear()
    state = await engine.poll(ref)
    assert (state.phase, state.alive) == (Phase.LOST, None)
    assert state.because == "rollback of gate does not know the job P1."


async def test_a_job_that_takes_too_long_is_ended(engine: HttpJob, gate: Pipelines, clock: Clock) -> None:
    ref = await engine.start(replace(call(gate), timeout_s=60), key=KEY)
    clock.advance(61)
    state = await ended(engine, ref)
    assert (state.phase, state.because) == (Phase.TIMED_OUT, "It took longer than 60 s.")
    assert gate.runs["P1"]["status"] == "CANCELED"


async def test_what_cannot_be_cancelled_says_so_and_goes_on(
    engine: HttpJob, gate: Pipelines, clock: Clock
) -> None:
    stubborn = call(gate, cancel=None)
    assert (await engine.plan(stubborn)).cancel.value == "none"
    ref = await engine.start(replace(stubborn, timeout_s=60), key=KEY)
    with pytest.raises(IntegrationError, match="its settings do not say how"):
        await engine.cancel(ref)
    clock.advance(61)
    state = await engine.poll(ref)
    assert state.phase is Phase.RUNNING
    assert state.because.startswith("It takes longer than it may, and goes on: http_job cannot cancel")


async def test_the_reason_of_a_failure_is_the_servers(engine: HttpJob, gate: Pipelines) -> None:
    ref = await engine.start(call(gate), key=KEY)
    gate.runs["P1"]["error"] = {"message": "the canary failed"}
    gate.go("TERMINAL")
    state = await engine.poll(ref)
    assert (state.phase, state.because) == (Phase.FAILED, "the canary failed")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"running": []}, "`jobs.rollback.running`"),
        ({"running": ["SUCCEEDED"]}, "a word cannot mean both"),
        ({"params": {"key": {"type": "boolean"}}}, "`key` and `id` are filled in by themselves"),
        ({"start": {"path": "http://elsewhere/"}}, "`jobs.rollback.start.path`"),
    ],
)
async def test_settings_that_make_no_sense_are_named(
    engine: HttpJob, gate: Pipelines, changed: dict[str, Json], words: str
) -> None:
    with pytest.raises(IntegrationError) as refusal:
        await engine.plan(call(gate, **changed))
    assert words in str(refusal.value)
    assert refusal.value.permanent


async def test_an_api_that_does_not_know_our_token_says_so(engine: HttpJob, gate: Pipelines) -> None:
    gate.token = "another"
    with pytest.raises(IntegrationError, match=r"answered 401 to GET /version: who are you\?"):
        await engine.health(gate.target())
