"""What a timeline says of deployments that a freeze stopped or let through."""

from __future__ import annotations

import pytest

from bot.core.cards.lines.freezes import describe_freeze
from bot.core.document import Document, Paragraph, plain
from bot.core.events import DeploymentRefused


@pytest.mark.parametrize(
    ("sha", "said"),
    [
        ("ab12", "Refused a deployment of checkout to production by ci at ab12"),
        ("", "Refused a deployment of checkout to production by ci"),
    ],
)
def test_a_refused_deployment_is_named_by_its_sha_if_it_has_one(sha: str, said: str) -> None:
    refused = DeploymentRefused(
        service="checkout", environment="production", change="deploy", sha=sha, actor="ci"
    )
    assert plain(Document("", (Paragraph(describe_freeze(refused)),))).strip() == said
