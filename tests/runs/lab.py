"""A stage with a recovery lab: stand-ins of everything the playbook acts on."""

from __future__ import annotations

from pathlib import Path

from bot.core import drill as drills
from bot.core.drill import Drill
from bot.jobs import Again
from bot.runs.book import Book
from bot.runs.drills import Drills
from tests.runs.stage import CATALOG, PLAYBOOK, Crash, Stage

LAB = CATALOG.replace(
    "sources:\n",
    """\
  orders-db-drill: {kind: stage, environment: lab, isolated: true}
  shop-drill: {kind: stage, environment: lab, isolated: true}
sources:
""",
)
_TARGETS = """\
  shop: {kind: stage, environment: production}
  orders-db-drill: {kind: stage, environment: lab, isolated: true}
  shop-drill: {kind: stage, environment: lab, isolated: true}
"""
DRILL = """\
drill:
  targets: {orders-db: orders-db-drill, shop: shop-drill}
  isolation:
    - {id: no-egress, uses: stage.rows, with: {target: shop-drill}}
  cleanup:
    - {id: empty, title: Empty the stand-in, uses: stage.empty, with: {target: orders-db-drill}}
"""
REHEARSED = PLAYBOOK.replace("  shop: {kind: stage, environment: production}\n", _TARGETS) + DRILL


class Lab:
    """Lets drills and their runs go on until they wait, through any crash of the process that drives them."""

    def __init__(self, stage: Stage, folder: Path, playbook: str = REHEARSED, catalog: str = LAB) -> None:
        self.stage = stage
        (folder / "catalog.yaml").write_text(catalog)
        (folder / "playbooks" / "restore.yaml").write_text(playbook)

    async def carry(self, id: str = "DRL-1") -> Again | None:
        """Let everything of a drill go on until nothing of it moves by itself."""
        stage = self.stage
        before = -1
        again: Again | None = None
        while (seen := len(await stage.timeline.story(id))) != before:
            before = seen
            drill = await self.drill(id)
            for run in drill.runs:
                again = await stage.carry(run)
            found = await Drills(Book(stage.timeline, stage.shelf, dict), stage.engines).handle(id)
            again = found or again
        return again

    async def survive(self, id: str = "DRL-1") -> int:
        """Carry a drill on like `carry`, in a new process after each crash; return how many there were."""
        crashes = 0
        while True:
            try:
                await self.carry(id)
            except Crash:
                crashes += 1
            else:
                return crashes

    async def drill(self, id: str = "DRL-1") -> Drill:
        """Return a drill as it stands."""
        found = drills.fold(await self.stage.timeline.read(f"drill/{id}"))
        assert found
        return found

    @property
    def acts(self) -> list[str]:
        """Return what was done to which stand-in, in order."""
        return [f"{self.stage.world.operations[key]} {key}" for key in self.stage.world.acts]
