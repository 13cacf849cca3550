"""Alertmanager beside Slack: which alerts are silent now, until when, and whose doing that is."""

from __future__ import annotations

from bot.sandbox.alertmanager import AlertmanagerStandIn, Kept
from bot.sandbox.page.html import Html, joined, tag


def in_force(alerts: AlertmanagerStandIn, command: str) -> Html:
    """Return the silences that are in force."""
    if silent := alerts.in_force:
        return joined(_silence(each) for each in silent)
    how = tag("code", f'{command} silence RUN-1 for:1h why:"…"')
    return joined(
        [
            tag("p", "✓ Every alert is heard.", class_="state good"),
            tag("p", how, " keeps those of a run silent that is under way.", class_="quiet"),
        ]
    )


def _silence(kept: Kept) -> Html:
    labels = " ".join(f"{name}={value}" for name, value in kept.labels.items())
    until = tag("time", f"{kept.ends:%H:%M:%SZ}", datetime=kept.ends.isoformat(), title=kept.ends.isoformat())
    # The mark in brackets at its end is how it is found again, and tells people nothing.
    why = kept.comment.rpartition(" [")[0] or kept.comment
    return tag(
        "div",
        tag("p", "■ Silent: ", tag("code", labels), class_="state off"),
        tag("p", "Until ", until, f", by {kept.by}. {why}"),
    )
