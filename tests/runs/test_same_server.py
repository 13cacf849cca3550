"""Two targets that are of one server: parts of it are acted on side by side, a part and the whole are not."""

from __future__ import annotations

import pytest

from bot.core.events import NoteAdded, TargetHeld
from tests.clock import Clock
from tests.runs.stage import CATALOG, PLAYBOOK, Stage, World, point

ANOTHER = CATALOG.replace(
    "  shop: {kind", "  cluster: {kind: stage, environment: production}\n  shop: {kind"
).replace("targets: [orders-db]", "targets: [orders-db, cluster]")
FREE = PLAYBOOK.replace("freeze: {services: [checkout], environments: [production], lift: with_run}\n", "")
WHOLE = FREE.replace("orders-db", "cluster").replace("name: restore-orders", "name: restore-cluster")
HELD = (
    "RUN-1 acts on postgresql:7345, and cluster is the whole of it: one of them would undo the other. "
    "RUN-1 must end or be aborted first."
)


@pytest.fixture
def one_server(stage: Stage, world: World) -> Stage:
    """A stage where orders-db is a database of the server that cluster restores as a whole."""
    world.server, world.whole = "postgresql:7345", {"cluster"}
    stage.shelf.catalog_file.write_text(ANOTHER)
    (stage.shelf.catalog_file.parent / "playbooks" / "restore.yaml").write_text(FREE)
    (stage.shelf.catalog_file.parent / "playbooks" / "cluster.yaml").write_text(WHOLE)
    return stage


async def planned(stage: Stage, playbook: str, id: str, incident: str = "INC-1") -> None:
    if id == "RUN-1" or incident != "INC-1":
        await stage.told("ana", 'declare "Orders are wrong" svc:checkout env:production sev:1')
        await stage.told("ana", f"impact damage:2026-11-23T02:12:00Z inc:{incident}")
    await stage.told("ana", f"plan {playbook} inc:{incident}")
    await stage.carry(id)


async def approved(stage: Stage, id: str) -> None:
    await stage.told("bo", f"approve {id}.overwrite")
    await stage.told("cy", f"approve {id}.overwrite")
    await stage.carry(id)


async def begun(stage: Stage, id: str) -> None:
    await stage.told("ana", f"start {id}")
    await stage.carry(id)


async def over(stage: Stage, playbook: str, id: str, incident: str = "INC-1") -> None:
    await planned(stage, playbook, id, incident)
    await begun(stage, id)
    await approved(stage, id)


async def warned(stage: Stage, id: str) -> list[str]:
    plan = (await stage.run(id)).plan
    assert plan is not None
    return [said for said in plan.warnings if "acted on" in said]


async def paused(stage: Stage, id: str) -> str:
    run = await stage.run(id)
    assert run.paused is not None, run.state
    return run.paused.why


async def test_a_whole_server_is_not_restored_while_a_database_of_it_is(
    one_server: Stage, world: World, clock: Clock
) -> None:
    await planned(one_server, "restore-orders", "RUN-1")
    await planned(one_server, "restore-cluster", "RUN-2")
    clock.advance(1)
    await begun(one_server, "RUN-1")
    await begun(one_server, "RUN-2")
    world.held = True
    await approved(one_server, "RUN-1")

    await approved(one_server, "RUN-2")

    assert await paused(one_server, "RUN-2") == HELD
    assert "RUN-2.restore.1" not in world.acts

    world.held = False
    world.end("RUN-1.restore.1")
    await one_server.carry("RUN-1")
    assert (await one_server.run("RUN-1")).state == "recovered"
    await one_server.told("ana", "resume RUN-2")
    await one_server.carry("RUN-2")

    assert await paused(one_server, "RUN-2") == (
        "RUN-1 has changed postgresql:7345 since RUN-2 was planned, and cluster is the whole of it. Abort "
        "and plan again."
    )
    assert "RUN-2.restore.1" not in world.acts


async def test_a_run_for_a_database_is_not_started_while_its_server_is_restored(
    one_server: Stage, world: World
) -> None:
    await planned(one_server, "restore-cluster", "RUN-1")
    await begun(one_server, "RUN-1")
    world.held = True
    await approved(one_server, "RUN-1")
    await planned(one_server, "restore-orders", "RUN-2")

    refused = await one_server.say("ana", "start RUN-2")

    assert refused.text == (
        "RUN-1 acts on postgresql:7345, and orders-db is a part of it: one of them would undo the other. "
        "RUN-1 must end or be aborted first. Nothing was started.\n"
    )


async def test_what_is_planned_after_the_other_run_ended_is_carried_out(
    one_server: Stage, clock: Clock
) -> None:
    await over(one_server, "restore-orders", "RUN-1")
    clock.advance(60)
    await planned(one_server, "restore-cluster", "RUN-2")
    await begun(one_server, "RUN-2")

    await approved(one_server, "RUN-2")

    assert (await one_server.run("RUN-2")).state == "recovered"
    assert not await one_server.timeline.lookup.held_by("RUN-1")
    held = [entry.event for entry in await one_server.timeline.read("target/postgresql:7345@production")]
    assert [event.part for event in held if isinstance(event, TargetHeld)] == ["orders-db:orders-1", ""]


async def test_a_plan_says_which_restore_of_the_same_server_it_undoes(
    one_server: Stage, clock: Clock
) -> None:
    await over(one_server, "restore-orders", "RUN-1")
    clock.advance(60)
    await planned(one_server, "restore-cluster", "RUN-2")

    assert await warned(one_server, "RUN-2") == [
        "RUN-1 acted on postgresql:7345 until 2026-11-23 02:25:00Z, and cluster, the whole of it, goes back "
        "to 2026-11-23 02:05:00Z: what RUN-1 did there since, and what was written after it, is undone as "
        "well."
    ]


async def test_a_plan_that_goes_back_to_after_the_other_restore_or_to_another_part_undoes_nothing(
    one_server: Stage, world: World, clock: Clock
) -> None:
    await over(one_server, "restore-orders", "RUN-1")
    clock.advance(600)
    await one_server.told("ana", "impact damage:2026-11-23T02:33:00Z inc:INC-1")
    world.points.append(point("LATER", 31))
    await planned(one_server, "restore-cluster", "RUN-2")
    assert await warned(one_server, "RUN-2") == []

    world.points.pop()
    world.whole = set()
    await planned(one_server, "restore-cluster", "RUN-3")
    assert await warned(one_server, "RUN-3") == []


async def test_two_databases_of_one_server_are_restored_side_by_side(one_server: Stage, world: World) -> None:
    world.whole = set()
    await planned(one_server, "restore-orders", "RUN-1")
    await planned(one_server, "restore-cluster", "RUN-2")
    await begun(one_server, "RUN-1")
    await begun(one_server, "RUN-2")
    world.held = True
    await approved(one_server, "RUN-1")

    await approved(one_server, "RUN-2")

    assert "RUN-2.restore.1" in world.acts


async def test_two_names_of_one_database_are_one_thing(one_server: Stage, world: World) -> None:
    world.whole, world.same = set(), {"cluster": "orders-db"}
    await planned(one_server, "restore-orders", "RUN-1")
    await planned(one_server, "restore-cluster", "RUN-2")
    await begun(one_server, "RUN-1")
    await begun(one_server, "RUN-2")
    world.held = True
    await approved(one_server, "RUN-1")

    await approved(one_server, "RUN-2")

    assert (await paused(one_server, "RUN-2")).startswith("RUN-1 acts on postgresql:7345, and cluster is a")


@pytest.mark.parametrize(
    ("playbook", "what"),
    [
        ("restore-orders", "orders-db"),
        ("restore-cluster", "postgresql:7345"),
    ],
)
async def test_a_run_is_not_started_once_another_has_changed_what_it_would_overwrite(
    one_server: Stage, clock: Clock, playbook: str, what: str
) -> None:
    await planned(one_server, "restore-orders", "RUN-1")
    await planned(one_server, playbook, "RUN-2")
    clock.advance(1)
    await begun(one_server, "RUN-1")
    await approved(one_server, "RUN-1")

    refused = await one_server.say("ana", "start RUN-2")

    assert f"RUN-1 has changed {what} since RUN-2 was planned" in refused.text
    assert refused.text.endswith("Abort and plan again. Nothing was started.\n")


@pytest.mark.parametrize("incident", ["INC-1", "INC-2"])
async def test_the_incident_of_a_run_that_was_undone_is_told(
    one_server: Stage, clock: Clock, incident: str
) -> None:
    await over(one_server, "restore-orders", "RUN-1")
    clock.advance(60)
    await over(one_server, "restore-cluster", "RUN-2", incident)

    assert (await one_server.run("RUN-2")).state == "recovered"
    notes = [entry.event for entry in await one_server.timeline.read("incident/INC-1")]
    told = [event.text for event in notes if isinstance(event, NoteAdded)]
    undone = (
        "RUN-2 put cluster, the whole of postgresql:7345, back to 2026-11-23 02:05:00Z: what RUN-1 did there "
        "until 2026-11-23 02:25:00Z, and what was written after it, is undone. Look at the data again."
    )
    # The people of its own incident have read it on the plan.
    assert told == ([undone] if incident == "INC-2" else [])
