"""A browser before the page of a whole sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.demo.browse import page
from bot.demo.guided import Guided
from bot.demo.sandbox import Sandbox, sandbox
from tests.browser.driver import ABSENT, Browser, browser, programs
from tests.required import missing


@dataclass(frozen=True)
class Shown:
    """A sandbox whose page is open in a window."""

    box: Sandbox
    guided: Guided
    browser: Browser


@pytest.fixture
async def shown(tmp_path: Path) -> AsyncIterator[Shown]:
    """Open the page of a sandbox of this test's own."""
    found = programs()
    if found is None:
        missing("chromium", ABSENT)
    async with (
        sandbox(tmp_path / "home", environ={}) as box,
        box.keeper.customers(rate=5.0),
        page(box) as (served, guided),
        browser(*found, tmp_path / "profile") as window,
    ):
        await window.size(1280, 900)
        await window.open(served.url)
        yield Shown(box, guided, window)
