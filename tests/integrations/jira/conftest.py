from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from pydantic import SecretStr

from bot.core.adf import adf
from bot.core.document import Document, Paragraph
from bot.sandbox.jira import JiraStandIn
from integrations.contract import IntegrationError
from integrations.jira import JiraSite, JiraTracker
from integrations.tracker import Tracker
from tests.clock import Clock

REF = "01JDB0M6Z4T1V7"
LABEL = f"backstop-{REF}"


def document(*paragraphs: str) -> dict[str, Any]:
    return adf(Document("", [Paragraph([text]) for text in paragraphs], whole=""))


TEXT = document("The orders are back.")


def site(jira: JiraStandIn) -> JiraSite:
    return JiraSite(jira.url, jira.email, SecretStr(jira.token), jira.project)


@pytest.fixture
async def jira(clock: Clock) -> AsyncIterator[JiraStandIn]:
    async with JiraStandIn(now=clock) as stand_in:
        yield stand_in


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
async def tracker(jira: JiraStandIn, waits: list[float]) -> AsyncIterator[JiraTracker]:
    async def wait(seconds: float) -> None:
        waits.append(seconds)

    tracker = JiraTracker(site(jira), wait=wait, time_limits_s=(3.0, 5.0))
    yield tracker
    await tracker.close()


async def ensure(tracker: Tracker, *, attempt: int = 1) -> tuple[str, list[str]]:
    issue = await tracker.ensure_issue(REF, summary="INC-42 checkout", description_adf=TEXT, attempt=attempt)
    return issue.key, list(issue.duplicates)


async def error_of(asking: Callable[[], Any]) -> IntegrationError:
    with pytest.raises(IntegrationError) as caught:
        await asking()
    assert "\n" not in str(caught.value)
    return caught.value
