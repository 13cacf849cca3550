"""Benchmarks that drive whole runs go through: their playbooks can start, and everything comes to its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import postgres
from tests.bench.pauses import STEPS, pauses
from tests.bench.swaps import swaps


@pytest.mark.real
async def test_a_swap_is_measured_by_hand_and_with_a_copy_ready(
    postgresql_server: postgres.Server, tmp_path: Path
) -> None:
    found = await swaps(tmp_path, postgresql_server, rows=1000, pairs=1)

    assert (found.rows, len(found.by_hand_s), len(found.warm_s)) == (1000, 1, 1)


async def test_the_pauses_between_the_steps_of_a_run_are_measured(tmp_path: Path) -> None:
    found = await pauses(tmp_path, runs=1)

    assert found.steps == STEPS
    assert found.between_s > 0
