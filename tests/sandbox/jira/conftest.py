import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bot.sandbox.jira import JiraStandIn
from tests.clock import Clock

API = "/rest/api/3"


def text(words: str, *marks: str) -> dict[str, Any]:
    return {"type": "text", "text": words, **({"marks": [{"type": mark} for mark in marks]} if marks else {})}


def node(kind: str, *content: Any, **attrs: Any) -> dict[str, Any]:
    return {"type": kind, **({"attrs": attrs} if attrs else {}), "content": list(content)}


def doc(*content: Any) -> dict[str, Any]:
    return {"version": 1, **node("doc", *content)}


SAID = doc(node("paragraph", text("said")))


@pytest.fixture
async def jira(clock: Clock) -> AsyncIterator[JiraStandIn]:
    async with JiraStandIn(now=clock) as stand_in:
        yield stand_in


@pytest.fixture
async def client(jira: JiraStandIn) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": aiohttp.encode_basic_auth(jira.email, jira.token)}
    async with aiohttp.ClientSession(jira.url, headers=headers) as session:
        yield session


async def ask(client: aiohttp.ClientSession, method: str, path: str, body: object = None) -> tuple[int, Any]:
    async with client.request(method, path, json=body) as answer:
        content = await answer.read()
        return answer.status, json.loads(content) if content else None


def fields(**changed: object) -> dict[str, Any]:
    plain = {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": "INC-42"}
    return {"fields": plain | changed}


async def create(client: aiohttp.ClientSession, **changed: object) -> str:
    status, answer = await ask(client, "POST", f"{API}/issue", fields(**changed))
    assert status == 201, answer
    return str(answer["key"])
