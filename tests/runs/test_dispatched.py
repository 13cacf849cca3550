"""A run whose step is a workflow of GitHub, with the deaths and lost answers between the bot and a server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from bot.core.events import Approved, PlanAsked, RetryAsked, RunStarted
from bot.core.run import Run, Status
from integrations.connections import Connections
from integrations.github import Github
from tests.clock import Clock
from tests.fakes.github import BAD, GOOD, REPO, WORKFLOW, GithubStandIn, github
from tests.runs.stage import CATALOG, Stage
from tests.runs.test_carry import declared, write

TOKEN = "canary-github-62"
PLAYBOOK = """
schema: backstop/playbook/1
metadata: {name: roll-back, title: Roll the shop back, owner: owners, reviewed: "2026-11-01"}
options: [code_rollback]
applies_to: {services: [checkout], environments: [production]}
roles:
  dba: {group: dba}
  app: {group: owners}
sources:
  - {id: deployments, engine: github, select: {strategy: previous}}
targets:
  workflows: {kind: github, environment: production}
approvals:
  overwrite: {require: [{role: dba, min: 1}, {role: app, min: 1}], expires: 20m, valid_for: 1h}
steps:
  - id: back
    title: Roll back
    uses: github.dispatch
    with: {target: workflows, name: rollback, pace: fast}
    source: deployments
    by: app
    effect: destructive
    no_way_back: true
    keep: none
    because: git keeps everything
    approval: overwrite
    touches: [workflows]
    estimate: 2m
    timeout: 10m
    verify:
      - {id: out, uses: github.deployed, within: 1m}
verify:
  - {id: deployed, uses: github.deployed, within: 1m}
"""


class Deployer:
    """A stage whose engine is that of GitHub; every look at it is a new process."""

    def __init__(self, stage: Stage, hub: GithubStandIn, home: Path, clock: Clock) -> None:
        self.stage, self.hub, self.clock = stage, hub, clock
        self._connections = Connections(session=aiohttp.ClientSession, secrets=home, now=clock)

    async def carry(self, *, anew: bool = True) -> Run:
        """Let the run go on in a new process, or in the one that did last."""
        if anew:
            self.stage.engines["github"] = Github(self._connections)
        await self.stage.carry()
        return await self.stage.run()


@pytest.fixture
async def deployer(stage: Stage, clock: Clock, tmp_path: Path) -> AsyncIterator[Deployer]:
    async with github(TOKEN, clock) as hub:
        (tmp_path / "github-token").write_text(TOKEN)
        hub.deploy(GOOD, "success")
        hub.deploy(BAD, "success", ref="v2.4.0")
        settings = f"{{repo: {REPO}, token: github-token, api: '{hub.url}'"
        rollback = "{file: rollback.yml, inputs: {sha: {type: point}, pace: {type: choice, choices: [fast]}}}"
        home = tmp_path / "home"
        listed = f"workflows: {{rollback: {rollback}}}"
        target = f"  workflows: {{kind: github, environment: production, settings: {settings}, {listed}}}}}\n"
        source = f"  deployments: {{engine: github, settings: {settings}, environment: production}}}}\n"
        catalog = CATALOG.replace("sources:\n", f"{target}sources:\n{source}")
        (home / "catalog.yaml").write_text(catalog)
        (home / "playbooks" / "back.yaml").write_text(PLAYBOOK)
        yield Deployer(stage, hub, tmp_path, clock)


async def approved(deployer: Deployer) -> Run:
    """Plan, start and approve; the step begins in the last of these."""
    await declared(deployer.stage)
    asked = PlanAsked(incident="INC-1", playbook="roll-back", service="checkout", environment="production")
    await write(deployer.stage, "ana", asked)
    run = await deployer.carry()
    assert run.plan is not None
    assert run.plan.problems == ()
    assert run.plan.sources[0].point is not None
    assert run.plan.sources[0].point.commit == GOOD
    until = deployer.clock() + timedelta(minutes=20)
    await write(deployer.stage, "ana", RunStarted(hash=run.hash, expires={"overwrite": until}))
    await deployer.carry()
    for who, role in (("bo", "dba"), ("cy", "app")):
        await write(deployer.stage, who, Approved(gate="overwrite", hash=run.hash, role=role))
    return await deployer.carry()


async def finished(deployer: Deployer) -> Run:
    deployer.hub.deploy(GOOD, "success")
    deployer.hub.go()
    deployer.clock.advance(30)
    return await deployer.carry()


async def test_the_previous_deployment_is_dispatched_followed_and_checked(deployer: Deployer) -> None:
    run = await approved(deployer)
    assert run.step("back").status is Status.STARTED
    assert [body["inputs"]["sha"] for body in deployer.hub.dispatched] == [GOOD]
    assert (await finished(deployer)).state == "recovered"
    assert len(deployer.hub.dispatched) == 1


async def test_a_lost_answer_and_a_new_process_dispatch_once(
    deployer: Deployer,
) -> None:
    deployer.hub.faults.lose_answer("POST")
    run = await approved(deployer)
    assert run.step("back").status is Status.STARTED
    await deployer.carry()
    assert (await finished(deployer)).state == "recovered"
    assert len(deployer.hub.dispatched) == 1


async def test_a_dispatch_that_never_arrived_is_made_when_github_has_had_time_to_list_it(
    deployer: Deployer,
) -> None:
    deployer.hub.faults.answer("POST", 502)
    await approved(deployer)
    await deployer.carry()
    assert deployer.hub.dispatched == []
    deployer.clock.advance(21)
    await deployer.carry(anew=False)
    assert len(deployer.hub.dispatched) == 1
    assert (await finished(deployer)).state == "recovered"


async def test_a_run_nobody_could_find_again_is_never_dispatched_twice_without_a_persons_word(
    deployer: Deployer,
) -> None:
    deployer.hub.faults.lose_answer("POST")
    await approved(deployer)
    deployer.hub.workflow = WORKFLOW.replace(" (${{ inputs.backstop_key }})", "")
    deployer.hub.runs[0]["display_title"] = "Roll back"
    await deployer.carry()
    deployer.clock.advance(21)
    run = await deployer.carry(anew=False)
    assert (run.step("back").status, run.state) == (Status.IN_DOUBT, "paused")
    assert run.paused is not None
    assert "nobody can tell whether RUN-1.back.1" in run.paused.why
    assert len(deployer.hub.dispatched) == 1
    await write(deployer.stage, "ana", RetryAsked(step="back", why="GitHub shows that it failed"))
    deployer.clock.advance(21)
    for _ in range(3):
        await deployer.carry(anew=False)
    keys = [body["inputs"]["backstop_key"].rsplit(".", 1)[0] for body in deployer.hub.dispatched]
    assert keys == ["RUN-1.back.1", "RUN-1.back.2"]
