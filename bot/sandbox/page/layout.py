"""The whole page: three columns on a wide screen, three panes on a phone."""

from __future__ import annotations

from collections.abc import Iterable

from bot.sandbox.page.html import Html, joined, tag, text
from bot.sandbox.page.screen import Parts, part
from bot.sandbox.page.seat import Seat

PANES = {"guide": "Guide", "talk": "Talk", "places": "Channels"}


def whole(
    parts: Parts,
    seat: Seat,
    *,
    composer: Html,
    mark: str,
    note: str,
    verbs: Iterable[tuple[str, str]],
) -> str:
    """Return the document; `mark` is what was drawn, from which on only changes are sent."""
    head = joined(
        [
            tag("meta", charset="utf-8"),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", name="color-scheme", content="light dark"),
            tag("title", "Backstop sandbox"),
            tag("link", rel="icon", href="/static/icon.svg"),
            tag("link", rel="stylesheet", href="/static/page.css"),
            tag("script", src="/static/page.js", type="module"),
        ]
    )
    body = tag(
        "body",
        tag("a", "Skip to the message box", href="#line", class_="skip"),
        _top(parts),
        tag("div", part(parts, "outage"), class_="band"),
        tag(
            "div",
            _places(parts),
            _middle(parts, seat, composer),
            _beside(parts),
            class_="house threaded" if seat.thread else "house",
            id="house",
            data_seat=seat.query,
            data_mark=mark,
        ),
        _panes(),
        part(parts, "layer"),
        tag("div", note, id="note", role="status", aria_live="polite", class_="note"),
        tag("ul", *(tag("li", usage, data_verb=name) for name, usage in verbs), id="verbs", hidden=True),
        data_pane="guide",
    )
    return "<!doctype html>" + tag("html", tag("head", head), body, lang="en")


def _top(parts: Parts) -> Html:
    return tag(
        "header",
        tag("p", tag("strong", "Backstop"), " ", tag("span", "sandbox", class_="sandbox")),
        tag("p", "Everything here stays on this machine.", class_="quiet wide-only"),
        tag("nav", part(parts, "people", name="ul"), aria_label="Who you are", class_="people"),
        class_="top",
    )


def _places(parts: Parts) -> Html:
    return tag(
        "nav", tag("h2", "Channels"), part(parts, "channels", name="ul"), id="places", aria_label="Channels"
    )


def _middle(parts: Parts, seat: Seat, composer: Html) -> Html:
    thread = ""
    if seat.thread:
        close = tag("a", "Close", href=seat.at().address, class_="button", id="leave-thread")
        thread = tag(
            "section",
            tag("header", tag("h2", "Thread"), close),
            part(parts, "thread", role="log", aria_label="Thread", tabindex="0"),
            composer,
            id="in-thread",
            aria_label="Thread",
        )
    return tag(
        "main",
        tag(
            "section",
            part(parts, "title", name="header"),
            part(parts, "talk", role="log", aria_label="Messages", tabindex="0"),
            "" if seat.thread else composer,
            id="in-room",
            aria_label="Conversation",
        ),
        thread,
        id="middle",
    )


def _beside(parts: Parts) -> Html:
    panels = (
        ("guide", "Your first incident"),
        ("shop", "The shop"),
        ("jira", "Jira"),
        ("status", "The status page"),
        ("silences", "Alertmanager"),
        ("pipeline", "The pipeline"),
        ("switches", "Make something go wrong"),
    )
    shown = (
        tag(
            "section",
            tag("h2", title, id=f"{id}-title", tabindex=-1),
            part(parts, id),
            class_=f"panel {id}",
            aria_labelledby=f"{id}-title",
        )
        for id, title in panels
    )
    return tag("aside", *shown, id="beside", aria_label="Beside Slack")


def _panes() -> Html:
    buttons = (
        tag("button", label, type="button", data_shows=id, aria_pressed="true" if id == "guide" else "false")
        for id, label in PANES.items()
    )
    return tag("nav", *buttons, class_="panes", aria_label="Parts of the page")


def refused(sentence: str) -> str:
    """Return a page that says why nothing else is shown."""
    return "<!doctype html>" + tag("html", tag("body", tag("p", text(sentence))), lang="en")
