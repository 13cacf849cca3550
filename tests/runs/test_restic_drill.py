"""A whole drill with the real restic: from its plan to a stand-in that is empty again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.core.estimate import NEVER
from bot.core.events import DrillEnded
from bot.sandbox.surroundings import utc_now
from bot.timeline import Timeline
from integrations.contract import Call, Phase
from integrations.registry import open_engines
from tests.integrations.host import Host, a_host, until
from tests.integrations.uploads import Uploads
from tests.runs.lab import Lab
from tests.runs.stage import CATALOG, PLAYBOOK, Stage, World

pytestmark = pytest.mark.real

# What empties a stand-in is the host's own; the folder stays where it is looked for.
EMPTY = """
[commands.empty-uploads]
argv = ["/usr/bin/find", "{home}/lab", "-mindepth", "1", "-delete"]
target = "uploads-drill"
effect = "destructive"
"""
KNOWN = """\
  uploads: {kind: restic, environment: production}
  uploads-drill: {kind: restic, environment: recovery-lab, isolated: true}
"""
HEAD, _ = PLAYBOOK.split("inputs:", 1)
REHEARSED = f"""{HEAD}sources:
  - {{id: uploads, engine: restic, select: {{strategy: latest_verified}}}}
targets:
{KNOWN}approvals:
  overwrite: {{require: [{{role: dba, min: 1}}, {{role: app, min: 1}}], expires: 20m, valid_for: 1h}}
steps:
  - id: restore
    title: Put the uploads back
    uses: restic.restore
    source: uploads
    by: dba
    approval: overwrite
    effect: destructive
    keep: none
    because: the engine keeps the damaged folder itself
    touches: [uploads]
    estimate: 1m
    timeout: 5m
    verify:
      - {{id: same, uses: restic.restored}}
verify:
  - {{id: still-same, uses: restic.restored, with: {{target: uploads}}, within: 1m}}
drill:
  targets: {{uploads: uploads-drill}}
  cleanup:
    - id: empty
      title: Empty the stand-in
      uses: command.run
      with: {{target: uploads-drill, name: empty-uploads}}
"""


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    home = tmp_path / "host"
    (home / "lab").mkdir(parents=True)
    async with a_host(home, EMPTY.format(home=home)) as made:
        yield made


@pytest.fixture
async def lab(host: Host, tmp_path: Path) -> AsyncIterator[Lab]:
    timeline = await Timeline.open(f"sqlite+aiosqlite:///{tmp_path / 'backstop.db'}", now=utc_now)
    stage = Stage(timeline, tmp_path / "home", World())
    engines = open_engines(host.connections)
    stage.engines.update({name: engines[name] for name in ("restic", "command")})
    known = CATALOG.replace("  shop: {kind", f"{KNOWN}  shop: {{kind", 1)
    known = known.replace("sources:\n", "sources:\n  uploads: {engine: restic}\n", 1)
    yield Lab(stage, tmp_path / "home", REHEARSED, known)
    await timeline.close()


async def _ended(lab: Lab, id: str) -> DrillEnded:
    async def over() -> DrillEnded | None:
        await lab.carry(id)
        return (await lab.drill(id)).ended

    return await until(over, seconds=120)


async def test_a_folder_is_rehearsed_on_its_stand_in_which_is_empty_afterwards(lab: Lab, host: Host) -> None:
    uploads, restic = Uploads(host), lab.stage.engines["restic"]
    ref = await restic.start(Call("backup", target=uploads.target), key="B-1")

    async def taken() -> bool:
        return (await restic.poll(ref)).phase is Phase.SUCCEEDED

    await until(taken)
    (point,) = await restic.points(uploads.source)
    assert (await restic.verify_point(uploads.source, point)).ok
    uploads.damage()

    for number, measured in ((1, False), (2, True)):
        await lab.stage.told("cy", "drill restore-orders")
        ended = await _ended(lab, f"DRL-{number}")

        assert (ended.outcome, ended.because, ended.gaps) == ("passed", "", ())
        assert [each.point for each in ended.restored] == [point.id]
        drill = await lab.drill(f"DRL-{number}")
        rehearsal, cleaned = [await lab.stage.run(run) for run in drill.runs]
        assert rehearsal.plan
        (step,) = rehearsal.plan.steps
        assert (step.call.target, step.basis != NEVER) == ("uploads-drill", measured)
        state = rehearsal.step("restore")
        assert [(check.check, check.ok) for check in (*state.checks, *rehearsal.checks)] == [
            ("same", True),
            ("still-same", True),
        ]
        assert state.evidence["point"] == point.id
        assert cleaned.step("empty").status.value == "succeeded"
        assert list((host.home / "lab").iterdir()) == []

    assert await lab.stage.timeline.lookup.drilled() == {("restic", point.id, point.digest)}
    # A drill holds no snapshot and leaves the real folder as it is, also where that is damaged.
    assert (await restic.points(uploads.source))[0].held_until is None
    assert (uploads.path / "readme").read_text() == "damaged"
    assert not (uploads.path / "2026").exists()
