"""Walking through blocks: their ids, their elements, the buttons people can press."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.sandbox.slack.refusals import Wire


@dataclass(frozen=True, slots=True)
class Button:
    """A button as a person sees it; `confirm` is the question asked before the press counts."""

    label: str
    action_id: str
    value: str = ""
    style: str = ""
    url: str = ""
    confirm: str = ""


def elements(blocks: Sequence[Wire]) -> Iterator[tuple[Wire, Wire]]:
    """Yield each interactive element with the block it stands in; blocks inside containers too."""
    for block in blocks:
        for element in [*(block.get("elements") or []), *(block.get("actions") or [])]:
            if isinstance(element, dict) and "action_id" in element:
                yield block, element
        for place in ("accessory", "element"):
            if block.get(place):
                yield block, block[place]
        yield from elements(block.get("child_blocks") or [])
        if block.get("type") == "carousel":
            yield from elements(block.get("elements") or [])


def buttons(blocks: Sequence[Wire]) -> list[Button]:
    """Return the buttons of blocks in reading order."""
    return [
        Button(
            element["text"]["text"],
            element["action_id"],
            element.get("value", ""),
            element.get("style", ""),
            element.get("url", ""),
            (element.get("confirm") or {}).get("text", {}).get("text", ""),
        )
        for _, element in elements(blocks)
        if element.get("type") == "button"
    ]


_INTERACTIVE_PLACES = ("actions", "context_actions", "card")


def with_ids(blocks: Sequence[Wire], seed: str) -> tuple[Wire, ...]:
    """Return blocks with a block_id each and an action_id on each element, as Slack fills them in."""
    return tuple(_with_id(block, f"{seed}-{number}") for number, block in enumerate(blocks))


def _with_id(block: Wire, name: str) -> Wire:
    block = {"block_id": name, **block}
    if block.get("type") in _INTERACTIVE_PLACES:
        for place in ("elements", "actions"):
            if place in block:
                block[place] = [
                    {"action_id": f"{name}-{number}", **element}
                    for number, element in enumerate(block[place])
                ]
    for place in ("accessory", "element"):
        if block.get(place) and block[place].get("type") != "image":
            block[place] = {"action_id": f"{name}-{place}", **block[place]}
    if block.get("child_blocks"):
        block["child_blocks"] = list(with_ids(block["child_blocks"], name))
    return block
