"""What alerts mean by the catalog, and the message about them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given

from bot.commands.grammar import read
from bot.core.alerts import AlertGroup, Suggestion, suggested
from bot.core.cards.alerts import alert_card, declaration
from bot.core.document import plain
from bot.core.events import ReleaseRecorded
from playbooks.catalog import load_catalog
from tests.core.everything import HOSTILE, entry
from tests.core.story import at
from tests.runs.stage import CATALOG

WORDS = CATALOG + "alerts: {service: app, environment: stage, severities: {page: 1}}\n"


def group(firing: int = 1, **labels: str) -> AlertGroup:
    return AlertGroup(labels, "Orders have wrong totals", firing, at(20), at(8), "https://am.example")


@pytest.mark.parametrize(
    ("labels", "meant"),
    [
        ({"service": "checkout", "environment": "Production", "severity": "critical"},
         Suggestion("checkout", "production", 1)),
        ({"service": "Checkout", "environment": "lab", "severity": "WARNING"},
         Suggestion("checkout", None, 3)),
        ({"service": "unknown", "environment": "production"}, Suggestion(None, None, 2)),
        ({}, Suggestion(None, None, 2)),
    ],
)  # fmt: skip
def test_labels_mean_what_the_catalog_says(labels: dict[str, str], meant: Suggestion) -> None:
    assert suggested(group(**labels), load_catalog(CATALOG, "catalog.yaml")) == meant


def test_the_catalog_may_use_other_words() -> None:
    labels = {"app": "checkout", "stage": "production", "severity": "page", "service": "none"}
    found = suggested(group(**labels), load_catalog(WORDS, "catalog.yaml"))
    assert found == Suggestion("checkout", "production", 1)


def test_a_group_without_a_summary_is_called_by_its_name() -> None:
    assert AlertGroup({"alertname": "DiskFull"}, "", 1, at(0)).title == "DiskFull"
    assert AlertGroup({}, "", 1, at(0)).title == "Alerts without a name"


def test_the_message_names_changes_and_open_incidents_and_ends_with_the_alerts() -> None:
    told = [
        entry("service/checkout", ReleaseRecorded(version=f"2.{n}.0", environment="production"))
        for n in range(5)
    ]
    meant = Suggestion("checkout", "production", 1)
    card = plain(alert_card(group(2, service="checkout"), meant, changes=told, incidents=["INC-3", "INC-2"]))
    assert "2 alerts since" in card
    assert "2.4.0 was put into production" in card
    assert "2.1.0" not in card
    assert "INC-3, INC-2 are open for it." in card
    assert "[Declare an incident]" in card
    one = plain(alert_card(group(1), Suggestion(None, None, 2), changes=[], incidents=["INC-3"]))
    assert "INC-3 is open for it." in one
    over = plain(alert_card(group(0), meant, changes=[], incidents=["INC-3"]))
    assert over.startswith("Resolved: Orders have wrong totals")
    assert "Declare" not in over
    unsaid = AlertGroup({}, "x", 1, at(0))
    assert "Labels              none" in plain(
        alert_card(unsaid, Suggestion(None, None, 2), changes=[], incidents=[])
    )


def test_the_line_of_the_button_says_what_is_suggested_and_no_moment_to_come() -> None:
    meant = Suggestion("checkout", "production", 1)
    assert declaration(group(), meant).startswith(
        'declare "Orders have wrong totals" sev:1 svc:checkout env:production since:2026-'
    )
    assert declaration(group(), meant).endswith("since:2026-11-23T02:18:00Z alerted:2026-11-23T02:18:00Z")
    ahead = AlertGroup({}, "x", 1, at(0), at(0) + timedelta(minutes=1))
    for_long = AlertGroup({}, "x", 1, at(0), at(0) - timedelta(days=300))
    for told in (ahead, for_long):
        assert declaration(told, Suggestion(None, None, 2)) == 'declare "x" sev:2'


@given(HOSTILE)
def test_whatever_an_alert_says_is_one_title(text: str) -> None:
    told = AlertGroup({"a": text}, text, 1, at(0))
    words = read(declaration(told, Suggestion(None, None, 2)))
    assert (words.verb, len(words.args), dict(words.options)) == ("declare", 1, {"sev": "2"})
    assert plain(alert_card(told, Suggestion(None, None, 2), changes=[], incidents=[]))
