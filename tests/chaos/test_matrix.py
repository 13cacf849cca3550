"""Whoever is struck at whatever moment of a real restore: one writer, a known end, and it asks or is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.chaos.__main__ import Playing, shortest
from tests.chaos.blows import STRUCK
from tests.chaos.play import Stage, stage, victim

KIND = "beside"
MOMENTS = 4
_UNHURRIED_S = 1200

pytestmark = [pytest.mark.real, pytest.mark.timeout(_UNHURRIED_S)]


@pytest.fixture
def on() -> Iterator[Stage]:
    with stage() as made:
        yield made


async def test_a_blow_at_any_moment_of_a_restore_breaks_no_promise(on: Stage) -> None:
    playing = Playing(on, 2, None)
    sized = await playing.undisturbed(KIND, 2)
    assert [(result.outcome, *result.wrong) for result in sized] == [("recovered",)] * 2

    played = await playing.landings(KIND, range(MOMENTS * len(STRUCK)), shortest(sized))

    assert [result.line for result in played if result.wrong] == []
    assert {result.outcome for result in played} == {"recovered"}
    landed = Counter(victim(result.seed) for result in played if result.landed)
    assert landed == dict.fromkeys(STRUCK, MOMENTS)
