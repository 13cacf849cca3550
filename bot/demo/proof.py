"""What the demonstration must show before it counts as a success, asked of the data and not of the bot."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.demo.sandbox import Sandbox
from bot.sandbox.jira import Issue
from bot.sandbox.shop.home import Home
from bot.sandbox.shop.verify import Verdict, verify
from bot.sandbox.shop.writer import Journal

SYNCED_S = 20.0
SECTIONS = ("Summary", "Impact", "Recovery", "Timeline")


@dataclass(frozen=True, slots=True)
class Record:
    """The post-mortem as it stands in the tracker: its page and the files beside it."""

    key: str
    url: str
    adf: dict[str, Any]
    markdown: str
    timeline: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found; `problems` are sentences, and none of them means success."""

    verdict: Verdict
    record: Record | None
    problems: tuple[str, ...]


async def prove(box: Sandbox, incident: str, *, at: datetime, resumed: datetime) -> Proof:
    """Compare the shop with its customers' receipts, look into Jira, and check the timeline's chain.

    `at` is the moment before the recovery point was begun, `resumed` when the shop took orders again.
    """
    verdict = await asyncio.to_thread(verify, box.shop, at=at, resumed=resumed)
    record = await _record(box, incident)
    problems = [
        *_data(verdict, box.shop, resumed),
        *_written(record, incident),
        *(f"The timeline is not whole: {problem}." for problem in await box.app.timeline.verify()),
    ]
    return Proof(verdict, record, tuple(problems))


def _data(verdict: Verdict, shop: Home, resumed: datetime) -> Iterator[str]:
    if not verdict.right:
        yield f"The recovered orders are not the right ones. {verdict}"
    if not verdict.promised:
        yield "No order was confirmed before the recovery point, so nothing is proved."
    if not any(order.at >= resumed for order in Journal(shop.journal).orders()):
        yield "No customer could order after the restore."


async def _record(box: Sandbox, incident: str) -> Record | None:
    """Return the record once the tracker has heard of the incident's end."""

    def whole(_jira: object) -> bool:
        issue = _issue(box, incident)
        return issue is not None and "incident-closed" in _file(issue, "timeline.json")

    try:
        await box.jira.wait(whole, within_s=SYNCED_S)
    except TimeoutError:
        return None
    issue = _issue(box, incident)
    assert issue is not None
    files = {name: _file(issue, name) for name in ("postmortem.md", "timeline.json")}
    url = f"{box.jira.url}/browse/{issue.key}"
    return Record(issue.key, url, issue.description or {}, files["postmortem.md"], files["timeline.json"])


def _issue(box: Sandbox, incident: str) -> Issue | None:
    found = (issue for issue in box.jira.issues.values() if issue.summary.startswith(f"{incident}:"))
    return next(found, None)


def _file(issue: Issue, name: str) -> str:
    newest = next((each for each in reversed(issue.attachments) if each.filename == name), None)
    return newest.content.decode() if newest else ""


def _written(record: Record | None, incident: str) -> Iterator[str]:
    if record is None:
        yield f"The post-mortem of {incident} did not get into Jira in {SYNCED_S:.0f} s."
        return
    text = json.dumps(record.adf, ensure_ascii=False)
    for section in SECTIONS:
        if section not in text or section not in record.markdown:
            yield f"The post-mortem in {record.key} has no section {section}."
