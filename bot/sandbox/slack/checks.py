"""What Slack refuses to show: the Python SDK's own models first, then the limits the models do not know."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models import JsonObject
from slack_sdk.models.blocks import Block
from slack_sdk.models.blocks.block_elements import BlockElement
from slack_sdk.models.views import View as SdkView

from bot.sandbox.slack.refusals import SlackRefuses, Wire, invalid_arguments

MESSAGE_TEXT = 40_000
MESSAGE_BLOCKS = 50
MARKDOWN_TOTAL = 12_000
MARKDOWN_MESSAGE_TOTAL = 13_000
VIEW_BYTES = 250_000
METADATA_BYTES = 20_000

# What the SDK has no model for, and what only messages may hold.
UNMODELLED = {"data_table"}
MESSAGES_ONLY = {"markdown", "table", "data_table", "plan", "task_card", "file"}

_PLAIN_ONLY = {
    "header": ("text",),
    "button": ("text",),
    "input": ("label", "hint"),
    "modal": ("title", "submit", "close"),
}
# Longest texts by the kind of node they stand in: type, key → characters.
_LONGEST = {
    ("section", "text"): 3000,
    ("header", "text"): 150,
    ("button", "text"): 75,
    ("input", "label"): 2000,
    ("input", "hint"): 2000,
}
_LONGEST_STRING = {
    ("button", "value"): 2000,
    ("button", "url"): 3000,
    ("image", "image_url"): 3000,
    ("image", "alt_text"): 2000,
}
_MOST = {
    ("actions", "elements"): 25,
    ("context", "elements"): 10,
    ("section", "fields"): 10,
    ("overflow", "options"): 5,
    ("checkboxes", "options"): 10,
    ("radio_buttons", "options"): 10,
    ("static_select", "options"): 100,
    ("multi_static_select", "options"): 100,
    ("table", "rows"): 100,
    ("container", "child_blocks"): 10,
    ("plan", "tasks"): 50,
}


def check_message(text: str, blocks: Sequence[Any], attachments: Sequence[Any] = ()) -> None:
    """Refuse what chat.postMessage would refuse, and blocks without a text for notifications.

    Slack itself only warns about the missing text; here it is an error, because nobody could read it on a
    lock screen at night.
    """
    if not isinstance(blocks, list):
        raise SlackRefuses("invalid_blocks_format")
    if len(text) > MESSAGE_TEXT:
        raise SlackRefuses("msg_too_long")
    if not text.strip() and not attachments:
        messages = ["[WARN] A message with blocks needs a text for notifications."] if blocks else []
        raise SlackRefuses("no_text", response_metadata={"messages": messages})
    if len(attachments) > 100:
        raise SlackRefuses("too_many_attachments")
    if problems := block_problems(blocks, most=MESSAGE_BLOCKS):
        raise SlackRefuses(
            "invalid_blocks",
            errors=problems,
            response_metadata={"messages": [f"[ERROR] {problem}" for problem in problems]},
        )
    _check_total(blocks)


def _check_total(blocks: Sequence[Wire]) -> None:
    marked = sum(len(block["text"]) for block in blocks if block["type"] == "markdown")
    total = sum(len(text) for text in _texts(blocks))
    if marked > MARKDOWN_TOTAL or (marked and total > MARKDOWN_MESSAGE_TOTAL):
        raise SlackRefuses("msg_blocks_too_long")


def _texts(node: Any) -> Iterator[str]:
    match node:
        case {"text": str(text)}:
            yield text
        case dict():
            for value in node.values():
                yield from _texts(value)
        case list():
            for value in node:
                yield from _texts(value)
        case _:
            pass


def check_metadata(metadata: Any) -> None:
    """Refuse message metadata that is not an event type with a flat payload."""
    match metadata:
        case None | {"event_type": str(), "event_payload": dict()}:
            pass
        case _:
            raise SlackRefuses("invalid_metadata_format")
    if len(json.dumps(metadata)) > METADATA_BYTES:
        raise SlackRefuses("metadata_too_large")


def check_view(view: Any) -> None:
    """Refuse what views.open would refuse; the answer names each place."""
    if not isinstance(view, dict) or view.get("type") not in ("modal", "home"):
        raise invalid_arguments("unsupported type [json-pointer:/view/type]")
    if len(json.dumps(view)) > VIEW_BYTES:
        raise SlackRefuses("view_too_large")
    blocks = view.get("blocks")
    if not isinstance(blocks, list) or not blocks:
        raise invalid_arguments("must provide at least 1 item [json-pointer:/view/blocks]")
    problems = [*_frame_problems(view), *block_problems(blocks, most=100, root="/view/blocks")]
    problems += [
        f"unsupported type: {block['type']} [json-pointer:/view/blocks/{number}/type]"
        for number, block in enumerate(blocks)
        if isinstance(block, dict) and block.get("type") in MESSAGES_ONLY
    ]
    if problems:
        raise invalid_arguments(*problems)


def _frame_problems(view: Wire) -> Iterator[str]:
    frame = {key: value for key, value in view.items() if key != "blocks"}
    yield from _sdk_problems(lambda: SdkView(**deepcopy(frame), blocks=[{"type": "divider"}]), "/view")
    yield from _own_problems({**frame, "blocks": []}, "/view")
    if view["type"] == "modal" and not view.get("title"):
        yield "missing required field: title [json-pointer:/view/title]"
    has_input = any(isinstance(b, dict) and b.get("type") == "input" for b in view["blocks"])
    if view["type"] == "modal" and has_input and not view.get("submit"):
        yield "`submit` is required when an `input` block is within blocks [json-pointer:/view/submit]"
    for key in ("callback_id", "external_id"):
        if len(view.get(key) or "") > 255:
            yield f"must be less than 256 characters [json-pointer:/view/{key}]"


def block_problems(blocks: Sequence[Any], *, most: int, root: str = "/blocks") -> list[str]:
    """Return everything wrong with blocks, each with a pointer to its place."""
    problems = []
    if len(blocks) > most:
        problems.append(f"no more than {most} items allowed [json-pointer:{root}]")
    for number, block in enumerate(blocks):
        problems += _problems_of_block(block, f"{root}/{number}")
    ids = Counter(b["block_id"] for b in blocks if isinstance(b, dict) and b.get("block_id"))
    problems += [f"block_id already exists: {name} [json-pointer:{root}]" for name, n in ids.items() if n > 1]
    return problems


def _problems_of_block(block: Any, pointer: str) -> Iterator[str]:
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        yield f"missing required field: type [json-pointer:{pointer}/type]"
        return
    if block["type"] not in UNMODELLED:
        yield from _sdk_problems(lambda: _parsed(block), pointer)
    yield from _own_problems(block, pointer)
    yield from _repeated_actions(block, pointer)


def _parsed(block: Wire) -> Block:
    parsed = Block.parse(deepcopy(block))
    if parsed is None:
        raise ValueError(f"unsupported type: {block['type']}")
    unknown = set(block) - set(parsed.attributes) - {"type", "block_id"}
    if unknown:
        raise ValueError(f"invalid additional property: {', '.join(sorted(unknown))}")
    return parsed


def _sdk_problems(parse: Callable[[], JsonObject], pointer: str) -> Iterator[str]:
    # The SDK's models say no in many ways: their own error, and what Python raises on arguments that
    # they were not written for.
    try:
        parse().to_dict()
    except (SlackObjectFormationError, TypeError, ValueError, AttributeError, KeyError) as problem:
        yield f"{problem} [json-pointer:{pointer}]"


def _own_problems(node: Any, pointer: str) -> Iterator[str]:
    if isinstance(node, list):
        for number, value in enumerate(node):
            yield from _own_problems(value, f"{pointer}/{number}")
        return
    if not isinstance(node, dict):
        return
    kind = str(node.get("type", ""))
    yield from _length_problems(node, kind, pointer)
    yield from _text_problems(node, kind, pointer)
    yield from _element_problems(node, kind, pointer)
    for key, value in node.items():
        yield from _own_problems(value, f"{pointer}/{key}")


def _length_problems(node: Wire, kind: str, pointer: str) -> Iterator[str]:
    for key, value in node.items():
        text = value.get("text") if isinstance(value, dict) else None
        if isinstance(text, str) and len(text) > (limit := _LONGEST.get((kind, key), 3000)):
            yield f"must be less than {limit + 1} characters [json-pointer:{pointer}/{key}/text]"
        if isinstance(value, str) and len(value) > (limit := _LONGEST_STRING.get((kind, key), len(value))):
            yield f"must be less than {limit + 1} characters [json-pointer:{pointer}/{key}]"
        if isinstance(value, list) and len(value) > (limit := _MOST.get((kind, key), len(value))):
            yield f"no more than {limit} items allowed [json-pointer:{pointer}/{key}]"
    for key in ("action_id", "block_id"):
        if len(str(node.get(key, ""))) > 255:
            yield f"must be less than 256 characters [json-pointer:{pointer}/{key}]"


def _text_problems(node: Wire, kind: str, pointer: str) -> Iterator[str]:
    if kind in ("plain_text", "mrkdwn") and not node.get("text"):
        yield f"must be more than 0 characters [json-pointer:{pointer}/text]"
    for key in _PLAIN_ONLY.get(kind, ()):
        value = node.get(key)
        if isinstance(value, dict) and value.get("type") != "plain_text":
            yield f"must be of type plain_text [json-pointer:{pointer}/{key}/type]"
    for number, text in enumerate(node.get("fields") or () if kind == "section" else ()):
        if len(text.get("text") or "") > 2000:
            yield f"must be less than 2001 characters [json-pointer:{pointer}/fields/{number}/text]"
    for number, option in enumerate(node.get("options") or ()):
        yield from _option_problems(option, f"{pointer}/options/{number}")


def _option_problems(option: Any, pointer: str) -> Iterator[str]:
    if not isinstance(option, dict):
        yield f"must be an object [json-pointer:{pointer}]"
        return
    for key, limit in (("text", 75), ("value", 150), ("description", 75)):
        value = option.get(key)
        text = value.get("text") if isinstance(value, dict) else value
        if key != "description" and not text:
            yield f"missing required field: {key} [json-pointer:{pointer}/{key}]"
        if len(text or "") > limit:
            yield f"must be less than {limit + 1} characters [json-pointer:{pointer}/{key}]"


def _element_problems(node: Wire, kind: str, pointer: str) -> Iterator[str]:
    if kind not in ("actions", "section", "input", "context", "context_actions"):
        return
    found = [*(node.get("elements") or []), node.get("accessory"), node.get("element")]
    for element in found:
        if isinstance(element, dict) and BlockElement.parse(deepcopy(element)) is None:
            yield f"unsupported type: {element.get('type')} [json-pointer:{pointer}]"
    if kind in ("actions", "context") and not node.get("elements"):
        yield f"must provide at least 1 item [json-pointer:{pointer}/elements]"


def _repeated_actions(block: Wire, pointer: str) -> Iterator[str]:
    names = Counter(
        element["action_id"]
        for element in block.get("elements") or []
        if isinstance(element, dict) and element.get("action_id")
    )
    for name, times in names.items():
        if times > 1:
            yield f"action_id already exists: {name} [json-pointer:{pointer}/elements]"
