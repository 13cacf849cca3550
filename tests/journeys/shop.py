"""The shop of the demonstration as a place of journeys: the real engines, their runner, and real time."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bot.core.events import StepStarted
from bot.demo.narrator import Narrator
from bot.demo.pipeline import Pipeline
from bot.demo.sandbox import Sandbox
from bot.sandbox.jira import JiraStandIn
from bot.sandbox.runner import lab_of
from bot.sandbox.shop.home import Home
from bot.sandbox.shop.verify import verify
from bot.sandbox.shop.writer import Journal
from bot.sandbox.slack import SlackStandIn
from bot.sandbox.surroundings import Surroundings, Transport, surroundings, utc_now
from tests.journeys.directions import Scene, sentence
from tests.journeys.places import Bot, WithBot
from tests.journeys.real import MASKS, SOON

_ORDERS_A_SECOND = 4.0
FIRST_ORDER_S = 20
_HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "have-a-copy-ready.md"
_PREPARE = _HOW_TO.read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
_WARM = {
    "steps:\n": f"{_PREPARE}\n",
    "replicas: 0}\n    by: app\n": "replicas: 0}\n    needs: []\n    by: app\n",
    "    uses: sqlite.keep\n": "    uses: sqlite.keep\n    needs: [prepare, stop-writers]\n",
    "at_most: 2h\n": "at_most: 2h\nwarm: true\n",
}
"""What makes the library's restore warm, as the how-to says it."""


@dataclass
class ShopPlace(WithBot):
    """The shop of the demonstration with everything around it."""

    around: Surroundings
    bot: Bot
    pipeline: Pipeline | None = None
    before: datetime | None = None
    death: asyncio.Task[None] | None = None
    customers: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def slack(self) -> SlackStandIn:
        """Return the workspace."""
        return self.around.slack

    @property
    def jira(self) -> JiraStandIn | None:
        """Return the tracker."""
        return self.around.jira

    @property
    def names(self) -> Mapping[str, str]:
        """Return a name for each address."""
        return {
            self.around.settings.door: "http://backstop",
            self.slack.url: "http://slack",
            self.around.jira.url: "http://jira",
            self.around.keeper.url: "http://shop",
        }

    @property
    def masks(self) -> Mapping[str, str]:
        """Return masks for real times, lengths and sizes."""
        return MASKS

    async def settle(self) -> None:
        """Wait until nothing more happens soon, or until the bot is to die."""
        settled = asyncio.create_task(self.bot.at_rest(SOON))
        awaited = {settled, self.death} if self.death else {settled}
        await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
        settled.cancel()
        await asyncio.gather(settled, return_exceptions=True)
        if self.death and self.death.done():
            self.death = None
            await self.down()


@asynccontextmanager
async def shop_place(home: Path, transport: Transport) -> AsyncIterator[ShopPlace]:
    """Open the shop."""
    async with surroundings(home, transport=transport, environ={}) as around:
        place = ShopPlace(around, Bot(around.settings, around.slack, utc_now))
        try:
            yield place
        finally:
            await place.customers.aclose()
            await place.bot.down()


def _shop(scene: Scene) -> ShopPlace:
    assert isinstance(scene.place, ShopPlace), "this happens at the shop only"
    return scene.place


async def _pipeline(place: ShopPlace) -> Pipeline:
    await place.up()
    tell = Narrator(place.slack, io.StringIO(), utc_now)
    return Pipeline(Sandbox(place.around, place.app), tell, utc_now)


@sentence("customers order all the time")
async def _customers(scene: Scene) -> None:
    place = _shop(scene)
    await place.customers.enter_async_context(place.around.keeper.customers(rate=_ORDERS_A_SECOND))


@sentence(r"release (\S+) of commit (\w+) is put out")
async def _release(scene: Scene, version: str, sha: str) -> None:
    place = _shop(scene)
    place.pipeline = place.pipeline or await _pipeline(place)
    ran = await place.pipeline.deploy(version, sha)
    assert ran.code == 0, ran.text


@sentence(r"the backup of release (\S+), commit (\w+), is taken")
async def _backup(scene: Scene, version: str, sha: str) -> None:
    place = _shop(scene)
    await _ordered(place.around.shop)
    place.before = utc_now()
    place.pipeline = place.pipeline or await _pipeline(place)
    await place.pipeline.back_up(version, sha)


async def _ordered(shop: Home) -> None:
    """Wait for the first order that a customer was promised: without one a backup proves nothing."""
    async with asyncio.timeout(FIRST_ORDER_S):
        while not Journal(shop.journal).orders():  # noqa: ASYNC110 - another process writes the journal
            await asyncio.sleep(0.02)


@sentence("checkout-restore makes its copy ready beforehand")
async def _warm(scene: Scene) -> None:
    await asyncio.to_thread(_made_warm, _shop(scene).around.settings.home / "playbooks")


def _made_warm(playbooks: Path) -> None:
    """Change the playbook as the how-to says."""
    file = playbooks / "checkout-restore.yaml"
    text = file.read_text(encoding="utf-8")
    for old, new in _WARM.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")


@sentence("(a|no) copy of orders lies ready")
async def _ready(scene: Scene, which: str) -> None:
    await scene.place.settle()
    database = _shop(scene).around.shop.database
    copy = database.with_name(f".{database.name}.prepared")
    assert await asyncio.to_thread(copy.exists) is (which == "a")


@sentence("every order is right again")
async def _right(scene: Scene) -> None:
    place = _shop(scene)
    assert place.before
    verdict = await asyncio.to_thread(verify, place.around.shop, at=place.before)
    assert verdict.right, str(verdict)
    assert verdict.promised, "no order was confirmed before the backup, so nothing is proved"


@sentence(r"the bot dies as soon as (\w+)(?: of (RUN-\d+))? begins")
async def _dies(scene: Scene, step: str, run: str | None) -> None:
    place = _shop(scene)
    timeline, news = place.app.timeline, asyncio.Event()
    timeline.listen(news.set)

    async def begun() -> None:
        while True:
            news.clear()
            entries = await timeline.read(f"run/{run or 'RUN-1'}")
            if any(isinstance(entry.event, StepStarted) and entry.event.step == step for entry in entries):
                return
            await news.wait()

    place.death = asyncio.create_task(begun())


ORDERS_ALONE = """\
schema: backstop/playbook/1
metadata: {name: orders-restore, title: Put the orders database back, owner: dba, reviewed: "2026-11-02"}
options: [restore_full]
applies_to: {services: [checkout], environments: [production]}
roles:
  dba: {group: dba}
  app: {group: checkout-owners}
inputs:
  before: {type: instant, ask: To before which moment?, suggest: incident.damage_start}
sources:
  - {id: orders-points, engine: sqlite, select: {strategy: latest_before, before: inputs.before}}
targets:
  orders-db: {kind: sqlite, environment: production}
  orders-db-drill: {kind: sqlite, environment: recovery-lab, isolated: true}
approvals:
  overwrite: {require: [{role: dba}, {role: app}]}
steps:
  - id: restore
    title: Restore the orders
    uses: sqlite.restore
    source: orders-points
    by: dba
    approval: overwrite
    effect: destructive
    touches: [orders-db]
    keep: none
    because: the restore itself keeps the replaced database
    estimate: 1m
    timeout: 5m
    verify:
      - {id: same-as-point, uses: sqlite.restored}
verify:
  - id: totals-right
    uses: sql.check
    with:
      target: orders-db
      query: SELECT count(*) FROM orders WHERE total_cents IS NULL
      equals: 0
drill:
  targets: {orders-db: orders-db-drill}
  cleanup:
    - id: empty
      title: Empty the stand-in
      uses: command.run
      with: {target: orders-db-drill, name: lab-empty}
"""


@sentence("there is a playbook for the orders alone")
async def _orders_alone(scene: Scene) -> None:
    home = _shop(scene).around.settings.home
    (home / "playbooks" / "orders-restore.yaml").write_text(ORDERS_ALONE, encoding="utf-8")


@sentence("nothing of the orders is left in the lab")
async def _emptied(scene: Scene) -> None:
    lab = lab_of(_shop(scene).around.settings.home)
    left = [path.name for path in lab.parent.rglob("*") if path.is_file()]
    assert left == [], f"{left} is left"
