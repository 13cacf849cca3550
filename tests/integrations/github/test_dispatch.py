from __future__ import annotations

from dataclasses import replace

import pytest

from integrations.connections import Connections
from integrations.contract import Call, Effect, IntegrationError, JobRef, Json, Phase
from integrations.github import Github
from tests.clock import Clock
from tests.fakes.github import GOOD, WORKFLOW, GithubStandIn
from tests.integrations.github.conftest import KEY, SECRET


async def test_a_workflow_is_dispatched_once_and_followed_step_by_step(
    engine: Github, hub: GithubStandIn, back: Call, clock: Clock
) -> None:
    ref = await engine.start(back, key=KEY)
    assert await engine.start(back, key=KEY) == ref
    assert [body["inputs"] for body in hub.dispatched] == [{"sha": GOOD, "pace": "fast", "backstop_key": KEY}]
    assert hub.dispatched[0]["ref"] == "main"
    queued = await engine.poll(ref)
    assert (queued.phase, queued.alive) == (Phase.RUNNING, True)

    hub.go(steps=2)
    clock.advance(4)
    running = await engine.poll(ref)
    assert running.progress is not None
    assert (running.progress.phase, running.progress.done, running.progress.total) == (
        "deploy › Deploy",
        2,
        4,
    )
    clock.advance(4)
    hub.go()
    ended = await engine.poll(ref)
    assert (ended.phase, ended.alive, ended.ended_at) == (Phase.SUCCEEDED, False, clock())
    assert ended.evidence["url"] == "https://github.com/acme/shop/actions/runs/30000000"


async def test_a_plan_shows_the_dispatch_and_what_earlier_runs_took(
    engine: Github, hub: GithubStandIn, back: Call, clock: Clock
) -> None:
    begun = "2026-11-20T10:00:00Z"
    for minute in (2, 4, 9):
        over = f"2026-11-20T10:0{minute}:00Z"
        hub.run("earlier", status="completed", conclusion="success", run_started_at=begun, updated_at=over)
    plan = await engine.plan(back)
    assert plan == await engine.plan(back)
    assert list(plan.preview) == [
        f"POST {hub.root}/actions/workflows/rollback.yml/dispatches "
        f'{{"inputs": {{"backstop_key": "KEY", "pace": "fast", "sha": "{GOOD}"}}, "ref": "main", '
        '"return_run_details": true}'
    ]
    assert plan.by_hand == (
        f"gh workflow run rollback.yml -R acme/shop --ref main -f sha={GOOD} -f pace=fast "
        "-f backstop_key=by-hand"
    )
    assert plan.effect is Effect.DESTRUCTIVE
    assert plan.estimate is not None
    assert (plan.estimate.likely_s, plan.estimate.samples) == (240, 3)
    assert SECRET not in repr(plan)
    assert hub.dispatched == []


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"name": "deploy"}, "shop lists no such workflow; it has: rollback."),
        ({"name": "rollback", "pace": "reckless"}, "`pace` must be one of slow, fast."),
        (
            {"name": "rollback", "pace": "slow", "sha": GOOD},
            "`sha` is not a parameter here; there are: pace.",
        ),
        (
            {"name": "rollback", "pace": "slow", "ref": "evil"},
            "`ref` is not a parameter here; there are: pace.",
        ),
        ({"name": "rollback"}, "`pace` is missing."),
    ],
)
async def test_a_playbook_can_dispatch_nothing_that_is_not_listed(
    engine: Github, hub: GithubStandIn, back: Call, params: dict[str, Json], words: str
) -> None:
    wrong = replace(back, params=params)
    for asked in (engine.plan(wrong), engine.start(wrong, key=KEY), engine.find(wrong, key=KEY)):
        with pytest.raises(IntegrationError) as refusal:
            await asked
        assert str(refusal.value) == words
        assert refusal.value.permanent
    assert hub.dispatched == []


async def test_the_commit_comes_from_the_approved_deployment_and_from_nowhere_else(
    engine: Github, back: Call
) -> None:
    with pytest.raises(IntegrationError, match="`sha` comes from a recovery point: name a `source`"):
        await engine.plan(replace(back, point=None))


async def test_a_run_whose_answer_was_lost_is_found_and_not_started_again(
    engine: Github, hub: GithubStandIn, back: Call, reached: Connections
) -> None:
    hub.faults.lose_answer("POST")
    with pytest.raises(IntegrationError) as lost:
        await engine.start(back, key=KEY)
    assert not lost.value.permanent
    for asked in (engine, Github(reached)):
        found = await asked.find(back, key=KEY)
        assert found is not None
        assert found.locator["run"] == "30000000"
        assert await asked.start(back, key=KEY) == found
    assert len(hub.dispatched) == 1


async def test_what_github_does_not_list_yet_may_still_be_there(
    engine: Github, hub: GithubStandIn, back: Call, reached: Connections, clock: Clock
) -> None:
    hub.lists = False
    hub.faults.lose_answer("POST")
    with pytest.raises(IntegrationError):
        await engine.start(back, key=KEY)
    later = Github(reached)
    for asked in (engine, later):
        with pytest.raises(
            IntegrationError, match="some seconds after its start; looking again until"
        ) as doubt:
            await asked.find(back, key=KEY)
        assert not doubt.value.permanent
    hub.lists = True
    assert await later.find(back, key=KEY) is not None
    assert len(hub.dispatched) == 1


async def test_a_key_that_was_never_sent_is_known_to_be_so_after_a_while(
    engine: Github, hub: GithubStandIn, back: Call, clock: Clock
) -> None:
    await engine.start(back, key=f"{KEY}.undo")
    with pytest.raises(IntegrationError):
        await engine.find(back, key=KEY)
    clock.advance(21)
    assert await engine.find(back, key=KEY) is None
    await engine.start(back, key=KEY)
    assert len(hub.dispatched) == 2


@pytest.mark.parametrize(
    "workflow",
    [
        WORKFLOW.replace(" (${{ inputs.backstop_key }})", ""),
        WORKFLOW.replace("run-name:", "# run-name:"),
        WORKFLOW.replace("inputs.backstop_key", "inputs.backstop_key_of_old"),
    ],
)
async def test_a_workflow_whose_runs_do_not_carry_the_key_is_refused_and_nobody_guesses(
    engine: Github, hub: GithubStandIn, back: Call, clock: Clock, workflow: str
) -> None:
    hub.workflow = workflow
    with pytest.raises(
        IntegrationError, match="does not put its input `backstop_key` into `run-name`"
    ) as refusal:
        await engine.plan(back)
    assert refusal.value.permanent
    with pytest.raises(IntegrationError):
        await engine.find(back, key=KEY)
    clock.advance(21)
    with pytest.raises(IntegrationError, match="nobody can tell whether RUN-1") as doubt:
        await engine.find(back, key=KEY)
    assert doubt.value.permanent


async def test_a_title_over_several_lines_carries_the_key_too(
    engine: Github, hub: GithubStandIn, back: Call
) -> None:
    hub.workflow = WORKFLOW.replace("run-name: Roll", "run-name: >-\n  Roll")
    assert (await engine.plan(back)).preview


async def test_a_workflow_that_is_turned_off_is_refused(
    engine: Github, hub: GithubStandIn, back: Call
) -> None:
    hub.state = "disabled_inactivity"
    with pytest.raises(
        IntegrationError, match=r"rollback.yml of acme/shop is disabled_inactivity on GitHub\."
    ):
        await engine.plan(back)


async def test_a_list_that_cannot_be_read_to_its_end_proves_nothing(
    engine: Github, hub: GithubStandIn, back: Call
) -> None:
    for _ in range(1001):
        hub.run("of others")
    with pytest.raises(IntegrationError, match="more runs than can be read, so nobody can tell") as doubt:
        await engine.find(back, key=KEY)
    assert doubt.value.permanent


async def test_two_runs_of_one_key_are_named_and_neither_is_followed(
    engine: Github, hub: GithubStandIn, back: Call
) -> None:
    for _ in range(2):
        hub.run(f"Roll back ({KEY})")
    with pytest.raises(IntegrationError, match=f"GitHub has 2 runs of {KEY}: 30000010, 30000000") as doubt:
        await engine.find(back, key=KEY)
    assert doubt.value.permanent


async def test_an_older_server_starts_the_run_without_saying_which_it_is(
    engine: Github, hub: GithubStandIn, back: Call, clock: Clock
) -> None:
    hub.old, hub.lists = True, False
    ref = await engine.start(back, key=KEY)
    state = await engine.poll(ref)
    assert (state.phase, state.because) == (Phase.RUNNING, "GitHub took it and does not list it yet.")
    with pytest.raises(IntegrationError, match="cannot be cancelled before GitHub lists it"):
        await engine.cancel(ref)
    hub.lists = True
    hub.go()
    assert (await engine.poll(ref)).phase is Phase.SUCCEEDED
    assert len(hub.dispatched) == 1


async def test_a_run_that_is_never_listed_is_lost(
    engine: Github, hub: GithubStandIn, back: Call, clock: Clock
) -> None:
    hub.old, hub.lists = True, False
    ref = await engine.start(back, key=KEY)
    clock.advance(81)
    state = await engine.poll(ref)
    assert (state.phase, state.alive, state.because) == (
        Phase.LOST,
        None,
        "GitHub took it and never listed it.",
    )


async def test_what_github_refuses_was_not_begun(engine: Github, hub: GithubStandIn, back: Call) -> None:
    hub.workflow = WORKFLOW.replace("      pace: {default: slow}\n", "")
    state = await engine.poll(await engine.start(back, key=KEY))
    assert (state.phase, state.alive) == (Phase.REFUSED, False)
    assert "answered 422" in state.because
    assert state.because.endswith("Unexpected inputs provided: ['pace'].")


@pytest.mark.parametrize(
    ("conclusion", "phase", "because"),
    [
        ("failure", Phase.FAILED, "It ended as failure: deploy › Deploy."),
        ("startup_failure", Phase.FAILED, "It ended as startup failure: deploy."),
        ("skipped", Phase.FAILED, "It ended as skipped."),
        ("cancelled", Phase.CANCELLED, "It ended as cancelled: deploy."),
        ("timed_out", Phase.TIMED_OUT, "It ended as timed out: deploy."),
    ],
)
async def test_only_success_is_success(
    engine: Github, hub: GithubStandIn, back: Call, conclusion: str, phase: Phase, because: str
) -> None:
    ref = await engine.start(back, key=KEY)
    hub.go(conclusion)
    state = await engine.poll(ref)
    assert (state.phase, state.because) == (phase, because)


async def test_a_run_that_waits_for_somebody_on_github_says_so(
    engine: Github, hub: GithubStandIn, back: Call
) -> None:
    ref = await engine.start(back, key=KEY)
    hub.runs[0]["status"] = "waiting"
    assert (await engine.poll(ref)).because == "It waits for somebody to approve it on GitHub."


async def test_the_last_lines_of_what_failed_are_read_where_github_keeps_them(
    engine: Github, hub: GithubStandIn, back: Call
) -> None:
    ref = await engine.start(back, key=KEY)
    hub.go("failure")
    log = await engine.logs(ref)
    assert log.text == "== deploy\n2026-11-23T02:10:00Z ##[error]the canary is sick\n"
    assert (await engine.logs(ref, offset=log.next_offset)).text == ""
    assert (await engine.logs(JobRef("other", "github"))).text == ""


async def test_a_cancel_is_sent_once_and_by_force_when_nothing_comes_of_it(
    engine: Github, hub: GithubStandIn, back: Call, clock: Clock
) -> None:
    hub.stubborn = True
    ref = await engine.start(back, key=KEY)
    for _ in range(3):
        await engine.cancel(ref)
    assert (await engine.poll(ref)).phase is Phase.RUNNING
    clock.advance(61)
    await engine.cancel(ref)
    assert (await engine.poll(ref)).phase is Phase.CANCELLED
    sent = [exchange.path_qs.rpartition("/")[2] for exchange in hub.exchanges if "cancel" in exchange.path_qs]
    assert sent == ["cancel", "force-cancel"]
    clock.advance(61)
    await engine.cancel(ref)


async def test_a_run_that_takes_longer_than_it_may_is_cancelled(
    engine: Github, hub: GithubStandIn, back: Call, clock: Clock
) -> None:
    ref = await engine.start(replace(back, timeout_s=60), key=KEY)
    clock.advance(61)
    assert (await engine.poll(ref)).phase is Phase.RUNNING
    state = await engine.poll(ref)
    assert (state.phase, state.because) == (Phase.TIMED_OUT, "It took longer than 60 s.")


async def test_a_run_is_looked_at_every_three_seconds_and_no_oftener(
    engine: Github, hub: GithubStandIn, back: Call, clock: Clock
) -> None:
    ref = await engine.start(back, key=KEY)
    await engine.poll(ref)
    asked = len(hub.exchanges)
    for _ in range(5):
        await engine.find(back, key=KEY)
        await engine.poll(ref)
    assert len(hub.exchanges) == asked
    clock.advance(3)
    await engine.poll(ref)
    assert len(hub.exchanges) == asked + 2


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (429, {"Retry_After": "30"}),
        (403, {"Retry_After": "30"}),
        (403, {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "1795399830"}),
    ],
)
async def test_a_limit_of_requests_is_waited_for(
    engine: Github, hub: GithubStandIn, back: Call, clock: Clock, status: int, headers: dict[str, str]
) -> None:
    ref = await engine.start(back, key=KEY)
    hub.faults.answer("GET", status, '{"message": "secondary rate limit"}', **headers)
    for _ in range(2):
        with pytest.raises(
            IntegrationError, match="too many requests and asks to wait until 02:10:30Z"
        ) as limit:
            await engine.poll(ref)
        assert not limit.value.permanent
    clock.advance(31)
    assert (await engine.poll(ref)).phase is Phase.RUNNING


async def test_a_token_without_the_right_is_no_limit(engine: Github, hub: GithubStandIn, back: Call) -> None:
    hub.faults.answer("GET", 403, '{"message": "Resource not accessible by personal access token"}')
    with pytest.raises(IntegrationError, match="Resource not accessible by personal access token") as refusal:
        await engine.plan(back)
    assert refusal.value.permanent


async def test_forbidding_ends_a_run_and_a_key_that_was_never_sent(
    engine: Github, hub: GithubStandIn, back: Call, clock: Clock
) -> None:
    ref = await engine.start(back, key=KEY)
    assert await engine.forbid(back, key=KEY) == ref
    assert (await engine.poll(ref)).phase is Phase.CANCELLED
    with pytest.raises(IntegrationError):
        await engine.forbid(back, key="RUN-2.back.1.0a1b2c3d")
    clock.advance(21)
    never = await engine.forbid(back, key="RUN-2.back.1.0a1b2c3d")
    assert (await engine.poll(never)).phase is Phase.CANCELLED
    with pytest.raises(IntegrationError, match="was settled and can never start"):
        await engine.start(back, key="RUN-2.back.1.0a1b2c3d")
    assert len(hub.dispatched) == 1


async def test_the_identity_is_the_number_of_the_repository(engine: Github, hub: GithubStandIn) -> None:
    health = await engine.health(hub.target())
    assert (health.ok, health.identity) == (True, f"github:{hub.url}:4711")
    hub.faults.answer("GET", 200, '{"id": 4711, "full_name": "acme/shop", "archived": true}')
    assert list((await engine.health(hub.target())).problems) == ["acme/shop is archived."]
