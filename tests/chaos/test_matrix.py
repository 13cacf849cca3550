"""Whoever is struck at whatever moment of a real restore: one writer, a known end, and it asks or is done."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.chaos.__main__ import Playing
from tests.chaos.blows import STRUCK
from tests.chaos.play import Stage, chosen, stage

KIND = "beside"
MOMENTS = 4
_UNHURRIED_S = 900

pytestmark = [pytest.mark.real, pytest.mark.timeout(_UNHURRIED_S)]


@pytest.fixture(scope="module")
def on() -> Iterator[Stage]:
    with stage() as made:
        yield made


@pytest.fixture(scope="module")
def lasts_s(on: Stage) -> float:
    undisturbed = asyncio.run(Playing(on, 1, None).one(KIND, 0, ()))
    assert (undisturbed.wrong, undisturbed.outcome) == ([], "recovered")
    return undisturbed.lasted_s


@pytest.mark.parametrize("victim", STRUCK)
async def test_a_blow_at_any_moment_of_a_restore_breaks_no_promise(
    on: Stage, lasts_s: float, victim: str
) -> None:
    seeds = range(STRUCK.index(victim), MOMENTS * len(STRUCK), len(STRUCK))
    # Those that wait half a minute for another bot to take over do little meanwhile.
    playing = Playing(on, MOMENTS if victim == "frozen" else 1, None)

    played = await asyncio.gather(*(playing.one(KIND, seed, chosen(KIND, seed, lasts_s)) for seed in seeds))

    assert [result.line for result in played if result.wrong] == []
    assert {result.outcome for result in played} == {"recovered"}
