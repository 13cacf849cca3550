"""A shell, and a door it can reach."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.terminal.shell import Shell
from tests.web.door import Door, open_door


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Return a shell with a home of its own."""
    return Shell(tmp_path / "home")


@pytest.fixture
async def door(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Door]:
    """Yield a door whose clock goes, as processes of their own see it."""
    async with open_door(sqlite_url, tmp_path / "server", lambda: datetime.now(UTC)) as door:
        yield door
