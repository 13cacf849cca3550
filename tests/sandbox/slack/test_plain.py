"""Blocks and markup as the text a person reads."""

from __future__ import annotations

from typing import Any

import pytest

from bot.sandbox.slack import Message, SlackStandIn


def _text(text: str, kind: str = "plain_text") -> dict[str, str]:
    return {"type": kind, "text": text}


def _message(*blocks: dict[str, Any], text: str = "fallback") -> Message:
    return Message("C1", "1.000001", "U0BACKSTOP", text, tuple(blocks))


MARKUP = {
    "<@U0ANA00001> please": "@ana please",
    "<@U404|gone> left": "@gone left",
    "<!channel> look": "@channel look",
    "&lt;!channel&gt; &amp;amp;": "<!channel> &amp;",
    "<!date^1795399800^{date_num} {time_secs}|later>": "2026-11-23 02:10:00Z",
    "<https://x.example/1|INC-1> and <https://x.example/2>": "INC-1 (https://x.example/1) and https://x.example/2",
    "*bold* _soft_ ~gone~ `code *x*` a*b*c 2 * 3 * 4": "bold soft gone code *x* a*b*c 2 * 3 * 4",
    "```\npg_restore --clean\n```": "\npg_restore --clean\n",
    "RLO \u202e and \U0001f680": "RLO \u202e and \U0001f680",
}


@pytest.mark.parametrize("markup", MARKUP)
async def test_markup_reads_as_text(slack: SlackStandIn, markup: str) -> None:
    assert slack.plain(_message(text=markup)) == MARKUP[markup]
    section = {"type": "section", "text": _text(markup, "mrkdwn")}
    assert slack.plain(_message(section)) == MARKUP[markup]
    literal = {"type": "section", "text": _text(markup)}
    assert slack.plain(_message(literal)) == markup


async def test_only_markup_pings(slack: SlackStandIn) -> None:
    group = next(iter(slack.workspace.groups))
    assert slack.pings(_message(text=f"<!channel> <@U0BO000001> <!subteam^{group}>")) == {
        "channel",
        "bo",
        "dba",
    }
    assert slack.pings(_message(text="&lt;!channel&gt; @channel")) == set()
    assert slack.pings(_message({"type": "section", "text": _text("<!here>")}, text="<!here>")) == set()
    parts = [{"type": "user", "user_id": "U0CY000001"}, {"type": "broadcast", "range": "here"}]
    rich = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": parts}]}
    assert slack.pings(_message(rich)) == {"cy", "here"}


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ({"url": "https://x.example/?a|b", "text": "a|b"}, "a|b (https://x.example/?a|b)"),
        ({"url": "https://x.example/?a|b"}, "https://x.example/?a|b"),
        ({"url": "https://x.example", "text": "https://x.example"}, "https://x.example"),
    ],
)
async def test_a_link_in_rich_text_is_no_markup(
    slack: SlackStandIn, link: dict[str, str], shown: str
) -> None:
    parts = [{"type": "link", **link}]
    rich = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": parts}]}
    assert slack.plain(_message(rich)) == shown


async def test_a_card_reads_from_top_to_bottom(slack: SlackStandIn) -> None:
    option = {"text": _text("2.3.0"), "value": "2.3.0"}
    run = {"type": "button", "action_id": "go", "text": _text("Start"), "value": "RUN-1"}
    menu = {"type": "static_select", "action_id": "to", "placeholder": _text("Release"), "options": [option]}
    parts = [{"type": "text", "text": "see "}, {"type": "link", "url": "https://x.example", "text": "page"}]
    rich = [
        {"type": "rich_text_section", "elements": parts},
        {
            "type": "rich_text_list",
            "style": "bullet",
            "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "one"}]}],
        },
    ]
    task = {"type": "task_card", "task_id": "1", "title": "restore", "status": "complete"}
    message = _message(
        {"type": "header", "text": _text("RUN-1")},
        {
            "type": "section",
            "fields": [_text("*RTO* 30 min", "mrkdwn"), _text("RPO 5 min")],
            "accessory": menu,
        },
        {"type": "divider"},
        {"type": "rich_text", "elements": rich},
        {"type": "markdown", "text": "**as it is**"},
        {"type": "table", "rows": [[_text("id", "raw_text"), _text("size", "raw_text")]]},
        {"type": "plan", "title": "Plan", "tasks": [task]},
        {"type": "context", "elements": [_text("sha `abc`", "mrkdwn"), _text("02:10")]},
        {"type": "actions", "elements": [run, {**run, "action_id": "no", "text": _text("Refuse")}]},
        {"type": "image", "image_url": "https://x.example/i.png", "alt_text": "a graph"},
    )
    assert slack.plain(message).splitlines() == [
        "RUN-1",
        "RTO 30 min",
        "RPO 5 min",
        "[Release ▾]",
        "───",
        "see page (https://x.example)",
        "  • one",
        "**as it is**",
        "id  size",
        "Plan",
        "✓ restore",
        "sha abc  02:10",
        "[Start] [Refuse]",
        "(a graph)",
    ]
