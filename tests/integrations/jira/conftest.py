from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from pydantic import SecretStr

from bot.core.document import Document, Paragraph
from bot.core.written import Written
from bot.sandbox.jira import JiraStandIn
from integrations import adf
from integrations.contract import IntegrationError
from integrations.jira import JiraSite, JiraTracker
from integrations.parts import DESCRIPTION, Part
from integrations.tracker import Tracker
from tests.clock import Clock

PROGRESS = Part.named("progress", "INC-42")
REF = "01JDB0M6Z4T1V7"
LABEL = f"backstop-{REF}"


def written(*paragraphs: str) -> Written:
    """Return a text of ours, a paragraph for each of these."""
    blocks = [Paragraph([text]) for text in paragraphs]
    return Written(Document("", blocks, whole=""), ("The rest is at https://backstop.example.",))


def document(*paragraphs: str) -> dict[str, Any]:
    """Return a text that a person might have written."""
    return dict(written(*paragraphs).adf(60_000))


def stored(
    text: Written, around: dict[str, Any] | None = None, *, part: Part = DESCRIPTION
) -> dict[str, Any]:
    """Return what Jira stores of a text of ours, with what people wrote around it."""
    return adf.spliced(around, text.adf(60_000), part)


TEXT = written("The orders are back.")


def site(jira: JiraStandIn) -> JiraSite:
    email = jira.email if jira.site.cloud else ""
    return JiraSite(jira.url, email, SecretStr(jira.token), jira.project)


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
    issue = await tracker.ensure_issue(REF, summary="INC-42 checkout", text=TEXT, attempt=attempt)
    return issue.key, list(issue.duplicates)


async def error_of(asking: Callable[[], Any]) -> IntegrationError:
    with pytest.raises(IntegrationError) as caught:
        await asking()
    assert "\n" not in str(caught.value)
    return caught.value
