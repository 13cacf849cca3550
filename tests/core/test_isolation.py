"""What is apart from production, by what is known of both."""

from __future__ import annotations

import pytest

from bot.core.isolation import Known, addresses, entangled, straying
from bot.core.plan import PlannedCheck, PlannedTarget
from integrations.contract import Effect, Json, Target
from tests.core.plans import call, plan, step


def target(name: str, environment: str = "lab", *, isolated: bool = True, **settings: Json) -> Target:
    return Target(name, "postgres", environment, isolated, settings)


def real(**settings: Json) -> Target:
    return target("orders-db", "production", isolated=False, **settings)


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({"url": "https://shop.example/orders"}, "shop.example:443"),
        ({"url": "http://127.0.0.1:8099"}, "127.0.0.1:8099"),
        ({"url": "gopher://old.example/"}, "old.example:0"),
        ({"host": "db-1", "port": 5433}, "db-1:5433"),
        ({"runner": "db-1", "data": "/srv/pg/"}, "/srv/pg on the runner db-1"),
        ({"many": ["/srv/a", 3]}, "/srv/a on the runner local"),
        ({"target": "orders"}, "postgres orders on the runner local"),
    ],
)
def test_a_target_is_reached_by(settings: dict[str, Json], address: str) -> None:
    assert address in addresses(target("one", **settings))


def test_two_targets_that_share_nothing_are_apart() -> None:
    here = Known(target("lab", url="http://127.0.0.1:8097", data="/srv/lab"), "lab:1")
    there = Known(real(url="http://127.0.0.1:8099", data="/srv/pg", zone="eu"), "prod:1")
    assert [*entangled(here, [there])] == []


def test_an_address_that_two_targets_share_is_told() -> None:
    here, there = Known(target("lab", data="/srv/pg")), Known(real(data="/srv/pg"))
    assert [*entangled(here, [there])] == [
        "lab has the address of orders-db: /srv/pg on the runner local. Give the stand-in another in the "
        "catalog."
    ]


def test_a_call_that_names_the_address_of_production_is_told_wherever_it_stands() -> None:
    url = "https://shop.example"
    asks = call("rows", Effect.READ).model_copy(update={"params": {"requests": [{"url": f"{url}/orders"}]}})
    check = PlannedCheck(id="place-order", call=asks)
    drill = plan(
        drill=True,
        steps=(step("stop", call=asks, undo=asks, checks=(check,)),),
        checks=(check,),
        isolation=(check,),
        cleanup=(step("empty", call=asks),),
    )
    named = "names https://shop.example, which is orders-db: "
    skip = "leave the step out with `drill: {skip: true}`."
    catalog = "write what the catalog says of its target, as `target.url`"
    assert [*straying(drill, [real(url=url + "/")])] == [
        f"Stop {named}give it something else in the step's `drill.with`, or {skip}",
        f"The undo of Stop {named}`drill.with` does not reach an undo, so {catalog}, or {skip}",
        f"The check place-order {named}`drill.with` does not reach a check, so {catalog}.",
        f"The check place-order {named}`drill.with` does not reach a check, so {catalog}.",
        f"The check place-order {named}name what is the stand-in's own.",
        f"Empty {named}name what is the stand-in's own.",
    ]
    assert [*straying(drill, [real(url="https://other.example")])] == []


def test_a_step_is_apart_when_all_it_changes_is_isolated() -> None:
    lab = PlannedTarget(name="lab", kind="stage", environment="lab", identity="l", isolated=True)
    shop = PlannedTarget(name="shop", kind="stage", environment="production", identity="s")
    drill = plan(drill=True, targets=(lab, shop))
    assert drill.apart(step("a", call=call("restore", Effect.DESTRUCTIVE, "lab"), touches=("lab",)))
    assert not drill.apart(step("b", call=call("restore", Effect.DESTRUCTIVE, "lab"), touches=("shop",)))
    assert not drill.apart(step("c", call=call("restore", Effect.DESTRUCTIVE, "unknown")))
    aimless = call("go").model_copy(update={"target": None})
    assert not drill.apart(step("d", call=aimless))
    assert drill.apart(step("e", call=aimless.model_copy(update={"effect": Effect.READ})))
