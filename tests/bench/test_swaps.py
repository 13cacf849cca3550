"""The longest of the benchmarks goes through: its playbook can start, and the orders come back both ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import postgres
from tests.bench.swaps import swaps


@pytest.mark.real
async def test_a_swap_is_measured_by_hand_and_with_a_copy_ready(
    postgresql_server: postgres.Server, tmp_path: Path
) -> None:
    found = await swaps(tmp_path, postgresql_server, rows=1000, pairs=1)

    assert (found.rows, len(found.by_hand_s), len(found.warm_s)) == (1000, 1, 1)
