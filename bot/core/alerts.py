"""A group of alerts as Alertmanager and Grafana tell it, and the incident that it suggests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.core.words import one_line
from playbooks.catalog import Catalog

LONGEST_TITLE = 150
USUAL_SEVERITY = 2


@dataclass(frozen=True, slots=True)
class AlertGroup:
    """What is known of a group: the labels all its alerts share, and how many of them fire.

    `since` is when the first of them began, `at` when this was told; `url` leads to where it came from.
    """

    labels: Mapping[str, str]
    summary: str
    firing: int
    at: datetime
    since: datetime | None = None
    url: str = ""

    @property
    def title(self) -> str:
        """Return what is wrong, in one line."""
        words = self.summary or self.labels.get("alertname", "") or "Alerts without a name"
        return one_line(words, LONGEST_TITLE)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What the labels mean by the catalog; None for what they do not say, or say of nothing that is there."""

    service: str | None
    environment: str | None
    severity: int


def suggested(group: AlertGroup, catalog: Catalog) -> Suggestion:
    """Return which incident a group of alerts suggests."""
    words, labels = catalog.alerts, group.labels
    service = catalog.service(labels.get(words.service, ""))
    there = catalog.services[service].environments if service else {}
    environment = labels.get(words.environment, "").lower()
    severity = words.severities.get(labels.get(words.severity, "").lower(), USUAL_SEVERITY)
    return Suggestion(service, environment if environment in there else None, severity)
