"""What a step does to the world is the heavier of what its playbook and its engine say."""

from __future__ import annotations

from pathlib import Path

from bot.core.cards import abort_leaves
from bot.core.document import plain
from integrations.connections import Connections
from integrations.contract import Effect
from integrations.person import Person
from tests.runs.stage import PLAYBOOK, Stage
from tests.runs.test_carry import started

BY_HAND = PLAYBOOK.replace(
    "    uses: stage.stop\n    by: app\n",
    "    uses: person\n    person: {do: [Point the name shop to the maintenance page]}\n    by: app\n",
).replace(
    "    undo: {uses: stage.go, with: {target: shop}}\n  - id: restore",
    "    undo: {uses: stage.go}\n  - id: restore",
)


async def test_what_a_person_changed_by_hand_is_not_called_untouched(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "home" / "playbooks" / "restore.yaml").write_text(BY_HAND)
    stage.engines["person"] = Person(Connections())
    await started(stage)
    await stage.told("cy", 'done RUN-1.stop evidence:"the page is up"')

    run = await stage.run()

    assert run.plan
    assert run.plan.steps[0].call.effect is Effect.REVERSIBLE
    assert "shop: changed, last by S1 Stop the shop" in plain(abort_leaves(run))
