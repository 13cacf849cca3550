"""What people say becomes evidence, and is changed and deleted, by keys alone."""

from __future__ import annotations

import asyncio

import pytest

from tests.browser.conftest import Shown
from tests.browser.driver import PATIENCE_S, Browser

RECORDED = ["message-captured", "message-edited", "message-deleted"]

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


async def talk(shown: Shown) -> str:
    """Say something in the channel of a new incident, and return the id of what opens its menu."""
    window, slack = shown.browser, shown.box.slack
    await slack.slash("ana", '/backstop declare "Totals are wrong" sev:2 svc:checkout')
    card = await slack.wait(lambda: slack.find("INC-1 SEV2"))
    await window.go_to(f"in-{card.channel}")
    await window.keys("enter")
    await window.go_to("line")
    await window.write("The replica lags")
    await window.keys("enter")
    said = await slack.wait(lambda: slack.find("The replica lags", by="ana"))
    menu = f"m{said.ts}-more"
    await window.until("return document.getElementById(arguments[0]) !== null", menu)
    return menu


async def choose(window: Browser, menu: str, label: str) -> None:
    """Open a menu and press what is in it."""
    await window.go_to(menu)
    await window.keys("enter")
    await window.go_to_text(label)
    await window.keys("enter")


async def test_a_message_is_added_to_the_timeline_changed_and_deleted(shown: Shown) -> None:
    window = shown.browser
    menu = await talk(shown)
    await choose(window, menu, ":pushpin:")
    await window.reads("INC-1 has what @ana said", within="#talk")
    assert await window.focused() == menu, "what opened the menu has the focus again"
    await choose(window, menu, "Add to incident timeline")
    await window.reads("INC-1 has this message already", within="#talk")

    await choose(window, menu, "Edit message…")
    await window.write(" by an hour")
    await window.keys("escape")
    assert await window.focused() == menu
    await choose(window, menu, "Edit message…")
    await window.write(" by an hour")
    await window.go_to_text("Save changes")
    await window.keys("enter")
    await window.reads("The replica lags by an hour", within="#talk")
    assert await window.focused() == menu

    await choose(window, menu, "Delete message…")
    await window.go_to_text("Delete")
    await window.keys("enter")
    await window.until("return document.getElementById(arguments[0]) === null", menu)
    assert await window.focused() == "talk"
    assert window.actions == 0

    async def recorded() -> list[str]:
        entries = await shown.box.app.timeline.read("incident/INC-1")
        return [kind for entry in entries if entry.event and (kind := entry.event.kind) in RECORDED]

    async with asyncio.timeout(PATIENCE_S):
        while await recorded() != RECORDED:
            await shown.box.slack.news(shown.box.slack.changes, timeout=1)


async def test_escape_and_going_elsewhere_close_a_menu(shown: Shown) -> None:
    window = shown.browser
    menu = await talk(shown)
    is_open = "return document.getElementById(arguments[0]).parentElement.open"
    await window.go_to(menu)
    await window.keys("enter", "tab", "escape")
    assert not await window.script(is_open, menu)
    assert await window.focused() == menu
    await window.keys("enter")
    await window.go_to("line")
    assert not await window.script(is_open, menu)
