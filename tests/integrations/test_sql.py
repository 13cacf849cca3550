from __future__ import annotations

import pytest

from integrations.contract import Call, IntegrationError, Json
from integrations.sql import Check, Sql
from tests.integrations.host import Host


@pytest.mark.parametrize(
    ("expected", "value", "fits"),
    [
        ({"equals": 3}, 3, True),
        ({"equals": 3}, 4, False),
        ({"equals": "3"}, 3, False),
        ({"equals": 1}, True, False),
        ({"equals": 0}, False, False),
        ({"equals": 1.0}, True, False),
        ({"equals": True}, True, True),
        ({"equals": True}, 1, False),
        ({"equals": True}, "true", False),
        ({"equals": 3}, 3.0, True),
        ({"at_least": 1}, True, False),
        ({"at_least": 3}, 3, True),
        ({"at_least": 3}, 2.9, False),
        ({"at_least": 3}, "9", False),
        ({"at_most": 3}, 3, True),
        ({"at_most": 3}, None, False),
        ({"at_least": 1, "at_most": 3}, 2, True),
        ({"at_least": 1, "at_most": 3}, 4, False),
        ({"matches": "o-[0-9]+"}, "o-12", True),
        ({"matches": "o-[0-9]+"}, "xo-12", False),
        ({"matches": "o"}, None, False),
    ],
)
def test_a_value_is_compared_with_what_is_expected(
    expected: dict[str, Json], value: Json, fits: bool
) -> None:
    assert Check.model_validate({"query": "SELECT 1", **expected}).fits(value) is fits


async def test_no_row_is_no_value_and_passes_nothing(host: Host) -> None:
    params: dict[str, Json] = {"query": "SELECT total FROM orders WHERE id < :id", "values": {"id": 0}}
    found = await Sql(host.connections).check(
        Call("check", target=host.target, params={**params, "at_least": 0})
    )
    assert not found.ok
    assert found.found == "no row, expected at least 0"


@pytest.mark.parametrize(
    "params", [{"query": "SELECT 1"}, {"query": "SELECT 1", "matches": "("}, {"query": "", "equals": 1}]
)
async def test_a_check_that_compares_nothing_or_wrongly_is_refused(
    host: Host, params: dict[str, Json]
) -> None:
    with pytest.raises(IntegrationError) as refusal:
        await Sql(host.connections).plan(Call("check", target=host.target, params=params))
    assert refusal.value.permanent


async def test_a_target_of_another_kind_is_unhealthy_and_refused(host: Host) -> None:
    with pytest.raises(IntegrationError, match="sqlite and postgres; checkout is of the kind commands"):
        await Sql(host.connections).plan(
            Call("check", target=host.checkout, params={"query": "SELECT 1", "equals": 1})
        )
