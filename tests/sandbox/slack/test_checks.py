"""What Slack would refuse to show is refused, with a pointer to its place."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import jsonschema_rs
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import SlackRefuses, SlackStandIn
from bot.sandbox.slack.checks import check_message, check_view
from tests.official import contract
from tests.sandbox.slack.bolt import client_of

Wire = dict[str, Any]


def _text(text: str, kind: str = "plain_text") -> Wire:
    return {"type": kind, "text": text}


def _button(**more: Any) -> Wire:
    return {"type": "button", "action_id": "go", "text": _text("Go"), "value": "1", **more}


def _actions(*elements: Any) -> Wire:
    return {"type": "actions", "elements": list(elements)}


def _select(*options: Wire) -> Wire:
    return {
        "type": "static_select",
        "action_id": "pick",
        "placeholder": _text("Pick"),
        "options": list(options),
    }


def _option(text: str = "one", value: str = "1") -> Wire:
    return {"text": _text(text), "value": value}


def _section(text: str = "hello", **more: Any) -> Wire:
    return {"type": "section", "text": _text(text, "mrkdwn"), **more}


INVALID: dict[str, tuple[list[Any], str]] = {
    "an empty text": ([_section("")], "/blocks/0/text"),
    "a section too long": ([_section("x" * 3001)], "/blocks/0"),
    "a section with nothing": ([{"type": "section"}], "/blocks/0"),
    "a field too long": (
        [{"type": "section", "fields": [_text("x" * 2001)]}],
        "/blocks/0/fields/0/text",
    ),
    "eleven fields": ([{"type": "section", "fields": [_text("x")] * 11}], "/blocks/0"),
    "a header in markup": ([{"type": "header", "text": _text("x", "mrkdwn")}], "/blocks/0/text"),
    "a header too long": ([{"type": "header", "text": _text("x" * 151)}], "/blocks/0"),
    "a button in markup": ([_actions(_button(text=_text("x", "mrkdwn")))], "/blocks/0/elements/0/text"),
    "a button label too long": ([_actions(_button(text=_text("x" * 76)))], "/blocks/0"),
    "a button value too long": ([_actions(_button(value="x" * 2001))], "/blocks/0"),
    "a button in another style": ([_actions(_button(style="green"))], "/blocks/0"),
    "the same action twice": ([_actions(_button(), _button())], "action_id already exists: go"),
    "the same block twice": ([_section(block_id="a"), _section(block_id="a")], "block_id already exists: a"),
    "twenty-six buttons": (
        [_actions(*(_button(action_id=str(number)) for number in range(26)))],
        "/blocks/0",
    ),
    "no buttons": ([_actions()], "/blocks/0/elements"),
    "eleven notes": ([{"type": "context", "elements": [_text("x")] * 11}], "/blocks/0"),
    "an option label too long": ([_actions(_select(_option("x" * 76)))], "/options/0/text"),
    "an option value too long": ([_actions(_select(_option(value="x" * 151)))], "/options/0/value"),
    "too many options": ([_actions(_select(*[_option()] * 101))], "/blocks/0"),
    "an element nobody knows": ([_actions({"type": "lever", "action_id": "x"})], "unsupported type: lever"),
    "a block nobody knows": ([{"type": "siren"}], "unsupported type: siren"),
    "a key nobody knows": ([_section(colour="red")], "invalid additional property: colour"),
    "a block that is none": (["hello"], "missing required field: type"),
    "a task in a state nobody knows": (
        [{"type": "task_card", "task_id": "1", "title": "x", "status": "completed"}],
        "/blocks/0",
    ),
    "a confirmation too long": (
        [_actions(_button(confirm={"title": _text("x" * 101), "text": _text("y")}))],
        "/blocks/0",
    ),
    "fifty-one blocks": ([{"type": "divider"}] * 51, "no more than 50 items allowed"),
}


@pytest.mark.parametrize("case", INVALID)
def test_invalid_blocks_are_refused_with_their_place(case: str) -> None:
    blocks, hint = INVALID[case]
    before = deepcopy(blocks)
    with pytest.raises(SlackRefuses) as refused:
        check_message("text", blocks)
    assert refused.value.code == "invalid_blocks"
    messages = refused.value.details["response_metadata"]["messages"]
    assert any(hint in message for message in messages), messages
    assert all(message.startswith("[ERROR] ") for message in messages)
    assert blocks == before


VALID: list[Wire] = [
    {"type": "header", "text": _text("x" * 150)},
    _section("x" * 3000, accessory=_button(action_id="side", url="https://x.example")),
    {"type": "section", "fields": [_text("x" * 2000)] * 10},
    {"type": "context", "elements": [_text("x", "mrkdwn")] * 10},
    _actions(*(_button(action_id=str(number), style="danger") for number in range(25))),
    _actions(_select(_option("x" * 75, "y" * 150))),
    {"type": "divider"},
    {"type": "image", "image_url": "https://x.example/i.png", "alt_text": "a graph"},
    {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "hello"}]}],
    },
    {
        "type": "plan",
        "title": "Steps",
        "tasks": [{"type": "task_card", "task_id": "1", "title": "x", "status": "complete"}],
    },
    {"type": "alert", "text": _text("Deploys are frozen"), "level": "warning"},
]


def test_everything_at_its_limit_is_accepted() -> None:
    check_message("x" * 40_000, VALID)


@pytest.mark.parametrize("block", VALID, ids=lambda block: str(block["type"]))
def test_what_is_accepted_has_the_shape_slack_publishes(block: Wire) -> None:
    schema = contract("slack/block-kit-from-types.schema.json")
    jsonschema_rs.Draft7Validator(schema | {"$ref": "#/definitions/KnownBlock"}).validate(block)


def test_markdown_blocks_have_a_total() -> None:
    markdown = {"type": "markdown", "text": "x" * 6000}
    check_message("text", [markdown, markdown])
    with pytest.raises(SlackRefuses, match="msg_blocks_too_long"):
        check_message("text", [markdown, markdown, {"type": "markdown", "text": "x"}])
    with pytest.raises(SlackRefuses, match="msg_blocks_too_long"):
        check_message("text", [markdown, markdown, _section("x" * 1001)])


def test_blocks_need_a_text_for_notifications() -> None:
    with pytest.raises(SlackRefuses, match="no_text"):
        check_message("", [_section()])


def _modal(*blocks: Wire, **more: Any) -> Wire:
    return {"type": "modal", "title": _text("T"), "blocks": list(blocks) or [{"type": "divider"}], **more}


_INPUT: Wire = {
    "type": "input",
    "label": _text("What"),
    "element": {"type": "plain_text_input", "action_id": "what"},
}
INVALID_VIEWS: dict[str, tuple[Any, str]] = {
    "no view": ("x", "/view/type"),
    "another type": (_modal(type="page"), "/view/type"),
    "no blocks": ({"type": "modal", "title": _text("T"), "blocks": []}, "/view/blocks"),
    "no title": ({"type": "modal", "blocks": [{"type": "divider"}]}, "/view/title"),
    "a title too long": (_modal(title=_text("x" * 25)), "/view"),
    "a submit label too long": (_modal(submit=_text("x" * 25)), "/view"),
    "an input and no submit": (_modal(_INPUT), "/view/submit"),
    "metadata too long": (_modal(private_metadata="x" * 3001), "/view"),
    "a callback id too long": (_modal(callback_id="x" * 256), "/view"),
    "a hundred and one blocks": (_modal(*[{"type": "divider"}] * 101), "no more than 100 items"),
    "a block for messages only": (_modal({"type": "markdown", "text": "x"}), "unsupported type: markdown"),
    "a bad block": (_modal(_section("x" * 3001)), "/view/blocks/0"),
    "a home tab with a submit": (
        {"type": "home", "submit": _text("Go"), "blocks": [{"type": "divider"}]},
        "/view",
    ),
}


@pytest.mark.parametrize("case", INVALID_VIEWS)
def test_invalid_views_are_refused_with_their_place(case: str) -> None:
    view, hint = INVALID_VIEWS[case]
    with pytest.raises(SlackRefuses) as refused:
        check_view(view)
    assert refused.value.code == "invalid_arguments"
    messages = refused.value.details["response_metadata"]["messages"]
    assert any(hint in message for message in messages), messages


def test_a_view_at_its_limits_is_accepted() -> None:
    check_view(_modal(*[_INPUT] * 100, submit=_text("x" * 24), private_metadata="x" * 3000))
    with pytest.raises(SlackRefuses, match="view_too_large"):
        check_view(_modal(*[_section("x" * 3000)] * 99))


async def test_the_api_answers_with_the_same_words(slack: SlackStandIn) -> None:
    client: AsyncWebClient = client_of(slack)
    channel = (await client.conversations_create(name="inc-1"))["channel"]["id"]
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel=channel, text="x", blocks=[_section("")])
    answer = refused.value.response
    assert answer["error"] == "invalid_blocks"
    assert answer["response_metadata"]["messages"] == [f"[ERROR] {problem}" for problem in answer["errors"]]
    assert slack.messages("inc-1") == []
