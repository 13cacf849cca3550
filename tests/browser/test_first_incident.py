"""A newcomer follows the guide to a recovered database and its post-mortem, by clicking and by keys alone."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from tests.browser.conftest import Shown
from tests.browser.driver import Browser

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

DOCS = Path(__file__).parents[2] / "docs"
MOST_ACTIONS = 6
UNTIL_STARTED = (
    "Let the bad release out",
    "Declare it",
    "Say what Bo knows",
    "Decide to restore",
    "Start the run",
)

_SECTION = re.compile(r"^## 1\. .*?(?=^## 2\. )", re.MULTILINE | re.DOTALL)
_STEP = re.compile(r"Press \*\*(?P<press>[^*]+)\*\*|“(?P<read>[^”]+)”|\(pictures/(?P<picture>[\w-]+)\.png\)")


def tutorial() -> list[tuple[str, str]]:
    """Return what the tutorial tells its reader to press, to read and to look at, in this order."""
    [section] = _SECTION.findall((DOCS / "tutorial.md").read_text(encoding="utf-8"))
    found = [(str(step.lastgroup), str(step[step.lastgroup or 0])) for step in _STEP.finditer(section)]
    steps = [(act, " ".join(what.split())) for act, what in found]
    assert len(steps) > 20
    return steps


async def look(window: Browser, name: str) -> None:
    """Keep a picture for the documentation where PICTURES is set."""
    if not os.environ.get("PICTURES"):
        return
    (DOCS / "pictures").mkdir(exist_ok=True)
    if name == "approve":
        await window.phone(390, 600)
        await window.script("document.querySelector('[data-shows=talk]').click()")
    if name == "decide":
        await window.reads("It would change if", within="#talk")
        cards = "[...document.querySelectorAll('#talk article')]"
        await window.script(f"{cards}.find((each) => each.innerText.includes('It would')).scrollIntoView()")
    await window.picture(DOCS / "pictures" / f"{name}.png")
    await window.wide()


async def offered(window: Browser, button: str) -> None:
    """Wait until the guide offers a button."""
    await window.until("return document.querySelector('#next')?.innerText === arguments[0]", button)


async def test_a_newcomer_follows_the_tutorial_to_a_recovered_shop_and_its_post_mortem(
    shown: Shown, capsys: pytest.CaptureFixture[str]
) -> None:
    window = shown.browser
    shown.guided.release_badly()
    recovered = 0
    for act, what in tutorial():
        match act:
            case "press":
                await offered(window, what)
                await window.click("#next")
            case "read":
                await window.reads(what)
            case _:
                await look(window, what)
        if what == "✓ RUN-1 recovered":
            recovered = window.actions
    with capsys.disabled():
        sys.stdout.write(f"\nFrom the page to a verified restore: {recovered} actions of a person.\n")
    for section in ("Summary", "Impact", "Recovery", "Decisions", "Approvals", "Timeline"):
        await window.reads(section, within="#talk")
    assert await window.script("return document.querySelector('#talk').scrollTop") == 0
    assert 0 < recovered <= MOST_ACTIONS
    assert await shown.box.app.timeline.verify() == []


async def test_nothing_of_it_needs_a_mouse(shown: Shown) -> None:
    window = shown.browser
    await offered(window, "Let the bad release out")
    for button in UNTIL_STARTED:
        await offered(window, button)
        await window.go_to("next")
        await window.keys("enter")
    await offered(window, "Approve as Bo")

    # Bo and cy approve without the guide: one on the home tab, the other in the thread.
    await window.go_to("as-bo")
    await window.keys("enter")
    await window.go_to("open-home")
    await window.keys("enter")
    await window.reads("Waiting for your approval", within="#talk")
    await window.reads("RUN-1 Put", within="#talk")
    await window.go_to_text("Approve")
    await window.keys("enter")
    await offered(window, "Approve as Cy")
    await window.go_to("next")
    await window.keys("enter")
    await offered(window, "Resolve it")
    await window.reads("✓ RUN-1 recovered", within="#thread")
    assert window.actions == 0


async def test_what_is_typed_completes_and_a_form_says_what_is_wrong(shown: Shown) -> None:
    window = shown.browser
    await window.go_to("line")
    await window.write("/b")
    await window.keys("tab")
    await window.write("decl")
    await window.reads("declare", within="#offers [aria-selected=true]")
    await window.keys("tab", "enter")
    await window.find("dialog#view:modal")
    await window.keys("escape")
    await window.until("return !document.querySelector('#view')")
    assert await window.focused() == "line", "what opened the form has the focus again"

    await window.write("/backstop declare")
    await window.keys("escape", "enter")
    await window.find("dialog#view:modal")
    await window.go_to("view-submit")
    await window.keys("enter")
    assert await window.script("return document.activeElement.matches(':invalid')"), "the browser asks for it"
    await window.write("Totals are wrong")
    await window.keys("tab", *"SEV1", "tab", *"che")
    await window.go_to_label("Since when?")
    await window.write("soon")
    await window.go_to("view-submit")
    await window.keys("enter")
    await window.reads("soon", within="dialog#view .wrong")
    assert await window.script("return document.activeElement.getAttribute('aria-invalid')") == "true"
    await window.write("-5m")
    await window.go_to("view-submit")
    await window.keys("enter")
    await window.reads("INC-1 is open", within="#talk")
    assert await window.script("return document.querySelector('#view') === null")


async def test_slack_is_taken_down_and_comes_back(shown: Shown) -> None:
    window = shown.browser
    await window.go_to("switch-slack")
    await window.keys(" ")
    await window.reads("Slack is down", within="#outage")
    assert await window.focused() == "switch-slack", "what was pressed keeps the focus"
    await window.go_to("line")
    await window.write("/backstop ping")
    await window.keys("escape", "enter")
    await window.reads("ana cannot reach Slack", within="#note")
    assert await window.script("return document.querySelector('#line').value") == "/backstop ping"
    await window.go_to("switch-slack")
    await window.keys(" ")
    await window.until("return !document.querySelector('#outage').innerText")
    await shown.box.slack.connected()
    await window.go_to("line")
    await window.keys("enter")
    await window.reads("Backstop is here", within="#talk")


async def test_a_phone_shows_one_part_at_a_time(shown: Shown) -> None:
    window = shown.browser
    await window.phone(390, 844)
    for pane, part in (("places", "#open-home"), ("talk", "#line"), ("guide", "#next")):
        await window.click(f"[data-shows={pane}]")
        await window.find(part)
        parts = "['#open-home', '#line', '#next']"
        seen = f"return {parts}.filter((each) => document.querySelector(each).checkVisibility())"
        assert await window.script(seen) == [part]
        width = "return document.documentElement.scrollWidth <= innerWidth"
        assert await window.script(width), "nothing is wider than the screen"
