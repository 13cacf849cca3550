"""The door under test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clock import Clock
from tests.web.door import Door, open_door


@pytest.fixture
async def door(sqlite_url: str, tmp_path: Path, clock: Clock) -> AsyncIterator[Door]:
    """Yield a door over an SQLite file."""
    async with open_door(sqlite_url, tmp_path / "home", clock) as door:
        yield door


@pytest.fixture
async def any_door(database_url: str, tmp_path: Path, clock: Clock) -> AsyncIterator[Door]:
    """Yield a door: the test runs once over SQLite and once over PostgreSQL."""
    async with open_door(database_url, tmp_path / "home", clock) as door:
        yield door
