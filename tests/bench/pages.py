"""How long the sandbox's page takes to come, with the entries and messages of a very long incident."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import aiohttp

from bot.core import incident as incidents
from bot.core.events import NoteAdded
from bot.demo.browse import page
from bot.demo.sandbox import Sandbox, sandbox
from bot.sandbox.slack import Message
from bot.timeline import Change

LOADS = 9


@dataclass(frozen=True, slots=True)
class Pages:
    """Seconds until the whole page is there: at first, then, and in a sandbox where nothing happened."""

    entries: int
    first_s: float
    then_s: float
    empty_s: float


async def pages(folder: Path, *, entries: int) -> Pages:
    """Return how long the page takes before and after an incident has so many entries and messages."""
    async with sandbox(folder, environ={}) as box, page(box) as (shown, guided):
        guided.release_badly()
        while guided.busy:
            await box.slack.wait(lambda: not guided.busy)
        empty = [await _load(shown.url) for _ in range(LOADS)]
        room = await _a_long_incident(box, entries)
        address = f"{shown.url}?as=ana&in={room}"
        first = await _load(address)
        return Pages(entries, first, median([await _load(address) for _ in range(LOADS)]), median(empty))


async def _a_long_incident(box: Sandbox, entries: int) -> str:
    """Declare an incident, write entries to its timeline and say as much in its room; return the room."""
    await box.slack.slash("ana", '/backstop declare "Totals are wrong" sev:1 svc:checkout')
    card: Message = await box.slack.wait(lambda: box.slack.find("INC-1 SEV1"))
    stream = "incident/INC-1"
    while True:
        found = incidents.fold(await box.app.timeline.read(stream))
        if found and found.room:
            break
        await asyncio.sleep(0.1)
    notes = tuple(NoteAdded(text=f"Line {number} of a very long night") for number in range(entries))
    await box.app.timeline.append({stream: Change(found.seq, notes)}, by="ana", via="bench")
    # What was said long ago stands there; Backstop was told of each line when it came.
    workspace, ana = box.slack.workspace, box.slack.person("ana").id
    for number in range(entries):
        workspace.put(Message(card.channel, workspace.new_ts(), ana, f"line {number}"))
    box.slack.ring()
    return card.channel


async def _load(address: str) -> float:
    async with aiohttp.ClientSession() as session:
        began = time.perf_counter()
        async with session.get(address) as answer:
            await answer.read()
        return time.perf_counter() - began
