"""A headless Chromium, driven by the wire protocol of WebDriver: what a person sees, clicks and types.

The protocol is a few JSON requests, so it is spoken here; a client library would bring a dozen packages.
"""

from __future__ import annotations

import asyncio
import base64
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

ABSENT = "Chromium is not here: run apt-get install chromium chromium-driver, and run again."
PATIENCE_S = 60.0
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_LOOK_S = 0.05
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
KEYS = {"enter": "\ue007", "escape": "\ue00c", "tab": "\ue004", "shift": "\ue008"}
MOST_TABS = 200


def programs() -> tuple[str, str] | None:
    """Return where Chromium and its driver are, or None."""
    found = shutil.which("chromium"), shutil.which("chromedriver")
    return (found[0], found[1]) if found[0] and found[1] else None


class Browser:
    """One window. `actions` counts what a person did: clicks, and lines sent."""

    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self._session = session
        self._address = address
        self.actions = 0

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        sent = {} if body is None and method == "POST" else body
        async with self._session.request(method, self._address + path, json=sent) as answer:
            value = (await answer.json())["value"]
        if isinstance(value, dict) and "error" in value:
            raise LookupError(f"{value['error']}: {value['message'].splitlines()[0]}")
        return value

    async def open(self, url: str) -> None:
        """Go to an address and wait until it is loaded."""
        await self._ask("POST", "/url", {"url": url})

    async def script(self, source: str, *args: object) -> Any:
        """Return what a function of the page's own language returns."""
        return await self._ask("POST", "/execute/sync", {"script": source, "args": list(args)})

    async def size(self, width: int, height: int) -> None:
        """Make the window so large."""
        await self._ask("POST", "/window/rect", {"width": width, "height": height})

    async def dark(self, *, on: bool) -> None:
        """Let the reader prefer dark or light."""
        media = {"features": [{"name": "prefers-color-scheme", "value": "dark" if on else "light"}]}
        await self.command("Emulation.setEmulatedMedia", media)

    async def phone(self, width: int, height: int) -> None:
        """Make the page as wide as a phone's screen, which a window cannot be."""
        shown = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        await self.command("Emulation.setDeviceMetricsOverride", shown)

    async def wide(self) -> None:
        """Make the page as wide as its window again."""
        await self.command("Emulation.clearDeviceMetricsOverride", {})

    async def command(self, name: str, params: dict[str, Any]) -> None:
        """Say something to Chromium itself."""
        await self._ask("POST", "/goog/cdp/execute", {"cmd": name, "params": params})

    async def find(self, selector: str) -> str:
        """Return the first element of a CSS selector that can be seen, as soon as there is one."""
        source = (
            "const all = [...document.querySelectorAll(arguments[0])];"
            "return all.find((each) => each.checkVisibility()) ?? null"
        )
        element: dict[str, str] = await self.until(source, selector)
        return element[_ELEMENT]

    async def until(self, source: str, *args: object) -> Any:
        """Return the first true value of a function, asked again and again."""
        clock = asyncio.get_running_loop().time
        end = clock() + PATIENCE_S
        while not (found := await self.script(source, *args)):
            if clock() > end:
                shown = await self.script("return document.body.innerText")
                raise TimeoutError(f"{source} {args} did not come in {PATIENCE_S:.0f} s. The page:\n{shown}")
            await asyncio.sleep(_LOOK_S)
        return found

    async def reads(self, text: str, *, within: str = "body") -> None:
        """Wait until a text can be read."""
        read = "document.querySelector(arguments[1])?.innerText.replace(/\\s+/g, ' ')"
        source = f"return {read}?.includes(arguments[0])"
        await self.until(source, text, within)

    async def text(self, selector: str) -> str:
        """Return what can be read in an element."""
        found: str = await self.script(
            "return document.querySelector(arguments[0])?.innerText ?? ''", selector
        )
        return found

    async def click(self, selector: str) -> None:
        """Click on something, which counts as an action."""
        self.actions += 1
        for _ in range(40):
            try:
                await self._ask("POST", f"/element/{await self.find(selector)}/click")
            except LookupError as moved:
                # It was drawn again, or something slid over it, between looking and clicking.
                if "stale" not in str(moved) and "intercepted" not in str(moved):
                    raise
                await asyncio.sleep(_LOOK_S)
            else:
                return
        raise TimeoutError(f"{selector} could not be clicked")

    async def type(self, selector: str, text: str) -> None:
        """Type into a field."""
        await self._ask("POST", f"/element/{await self.find(selector)}/value", {"text": text})

    async def keys(self, *pressed: str) -> None:
        """Press keys one after another, by their names, or as what they write; shift+tab is both."""
        actions: list[dict[str, str]] = []
        for each in pressed:
            held = ["shift", each.removeprefix("shift+")] if each.startswith("shift+") else [each]
            values = [KEYS.get(key, key) for key in held]
            actions += [{"type": "keyDown", "value": value} for value in values]
            actions += [{"type": "keyUp", "value": value} for value in reversed(values)]
        body = {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]}
        await self._ask("POST", "/actions", body)

    async def write(self, text: str) -> None:
        """Type where the focus is."""
        await self.keys(*text)

    async def go_to(self, id: str) -> None:
        """Press Tab until something has the focus, by its id."""
        await self._tab("return document.activeElement?.id === arguments[0]", id)

    async def go_to_text(self, text: str) -> None:
        """Press Tab until something has the focus, by what is written on it."""
        await self._tab("return document.activeElement?.innerText === arguments[0]", text)

    async def go_to_label(self, text: str) -> None:
        """Press Tab until a field has the focus, by the beginning of its label."""
        await self._tab(
            "return document.activeElement?.labels?.[0]?.innerText.startsWith(arguments[0])", text
        )

    async def _tab(self, source: str, wanted: str) -> None:
        for _ in range(MOST_TABS):
            if await self.script(source, wanted):
                return
            await self.keys("tab")
        raise LookupError(f"Tab never comes to {wanted}.")

    async def focused(self) -> str:
        """Return the id of what has the focus, or its text."""
        source = "const on = document.activeElement; return on?.id || on?.textContent.trim() || ''"
        found: str = await self.script(source)
        return found

    async def picture(self, path: Path) -> None:
        """Write what can be seen as PNG."""
        seen = base64.b64decode(await self._ask("GET", "/screenshot"))
        await asyncio.to_thread(path.write_bytes, seen)

    async def close(self) -> None:
        """End the window."""
        await self._ask("DELETE", "")


@asynccontextmanager
async def browser(chromium: str, chromedriver: str, profile: Path) -> AsyncIterator[Browser]:
    """Open a window with a profile of its own, and end everything with the block."""
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        port = place.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        chromedriver, f"--port={port}", stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    options = {"binary": chromium, "args": [*FLAGS, f"--user-data-dir={profile}"]}
    wanted = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}}
    try:
        async with aiohttp.ClientSession() as session:
            await _ready(session, address)
            async with session.post(f"{address}/session", json=wanted) as answer:
                made = (await answer.json())["value"]
            window = Browser(session, f"{address}/session/{made['sessionId']}")
            try:
                yield window
            finally:
                await window.close()
    finally:
        process.terminate()
        await process.wait()


async def _ready(session: aiohttp.ClientSession, address: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                async with session.get(f"{address}/status") as answer:
                    if (await answer.json())["value"]["ready"]:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(_LOOK_S)
