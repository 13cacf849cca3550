"""Somebody before the page without a browser: reads its HTML, fills in its forms and follows its news."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import aiohttp

VOID = frozenset({"input", "br", "hr", "meta", "link"})


@dataclass
class Element:
    """An element of a document, with the text below it."""

    name: str
    attributes: Mapping[str, str | None]
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def __getitem__(self, attribute: str) -> str:
        return self.attributes[attribute] or ""

    def all(self, name: str = "", **wanted: str) -> list[Element]:
        """Return the elements below with a name and attributes, in the order of the document."""
        found = []
        for child in self.children:
            fits = all(child.attributes.get(key.strip("_")) == value for key, value in wanted.items())
            found += [child] if fits and name in ("", child.name) else []
            found += child.all(name, **wanted)
        return found

    def one(self, name: str = "", **wanted: str) -> Element:
        """Return the only such element."""
        [found] = self.all(name, **wanted)
        return found


class _Reader(HTMLParser):
    """Builds elements, and fails where one is not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        closed = self.open.pop()
        assert closed.name == tag, f"<{closed.name}> is closed by </{tag}>"

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data


def read(html: str) -> Element:
    """Return a document or a part of one, every element of which is closed."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    [document] = reader.open
    return document


class Visitor:
    """Opens the page and sends its forms, as its own script does."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session
        self.at = "/"

    async def look(self, address: str = "") -> Element:
        """Return the page as it is where one is, or somewhere else."""
        self.at = address or self.at
        async with self.session.get(self.at) as answer:
            assert answer.status == 200, await answer.text()
            return read(await answer.text())

    async def send(self, form: Element, *, button: Element | None = None, **typed: Any) -> str:
        """Send a form with what is typed, and return the note; one is where it leads afterwards."""
        values = {each["name"]: each["value"] for each in form.all("input", type="hidden")}
        action = form["action"]
        if button is not None:
            action = button.attributes.get("formaction") or action
            if button.attributes.get("name"):
                values[button["name"]] = button["value"]
        headers = {"Accept": "application/json"}
        async with self.session.post(action, data={**values, **typed}, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            told = await answer.json()
        self.at = told["go"]
        note: str = told["note"]
        return note

    async def say(self, line: str) -> str:
        """Type a line into the box and send it."""
        return await self.send((await self.look()).one("form", class_="composer"), line=line)

    async def press(self, label: str) -> str:
        """Press a button of the page, by what is written on it."""
        document = await self.look()
        for form in document.all("form"):
            for button in form.all("button"):
                if button.text.strip() == label:
                    return await self.send(form, button=button)
        raise AssertionError(f"There is no {label!r} to press.")

    @asynccontextmanager
    async def news(self) -> AsyncIterator[AsyncIterator[list[dict[str, Any]]]]:
        """Follow what changes since one looked."""
        house = (await self.look()).one("div", id="house")
        async with self.session.get(f"/live?{house['data-seat']}&mark={house['data-mark']}") as answer:
            assert answer.content_type == "text/event-stream"
            yield _events(answer)


async def _events(answer: aiohttp.ClientResponse) -> AsyncIterator[list[dict[str, Any]]]:
    async for line in answer.content:
        if line.startswith(b"data: "):
            yield json.loads(line.removeprefix(b"data: "))
