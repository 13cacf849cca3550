"""The first estimate of a restore that was carried out before is near what it takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import postgres
from tests.bench.estimates import guess


@pytest.mark.real
async def test_a_repeated_restore_is_estimated_by_what_it_took_before(
    postgresql_server: postgres.Server, tmp_path: Path
) -> None:
    """The exact figure, at most a quarter off, is measured by `make bench` on a quiet machine."""
    found = await guess(tmp_path, postgresql_server, rows=60_000)
    assert found.basis.startswith("measured in 1 run, last on ")
    assert 1 / 3 < found.ratio < 3, found
