"""Block Kit as HTML: everything Backstop sends, and what else a message or a view may hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bot.sandbox.page import controls
from bot.sandbox.page.controls import Held
from bot.sandbox.page.html import Html, joined, lines, tag
from bot.sandbox.page.markup import link, mrkdwn, rich, words
from bot.sandbox.slack.refusals import Wire

_STATES = {"pending": "○", "in_progress": "◐", "complete": "✓", "error": "✗"}


def blocks(held: Held, shown: Sequence[Wire]) -> Html:
    """Return blocks one below another."""
    return joined(_block(held, block) for block in shown)


def _block(held: Held, block: Wire) -> Html:
    draw = _DRAWN.get(str(block.get("type")))
    return draw(held, block) if draw else tag("p", f"[{block.get('type')}]", class_="unknown")


def _header(held: Held, block: Wire) -> Html:
    return tag("h3", words(held.eyes, block["text"]), class_="b-header")


def _section(held: Held, block: Wire) -> Html:
    fields = [tag("div", words(held.eyes, field)) for field in block.get("fields") or []]
    said = words(held.eyes, block.get("text"))
    accessory = _element(held, block, block.get("accessory"))
    return tag(
        "div",
        tag("div", tag("p", said) if said else "", tag("div", *fields, class_="fields") if fields else ""),
        accessory,
        class_="b-section",
    )


def _context(held: Held, block: Wire) -> Html:
    return tag("p", *(_element(held, block, each) for each in block["elements"]), class_="b-context")


def _actions(held: Held, block: Wire) -> Html:
    return tag("div", *(_element(held, block, each) for each in block["elements"]), class_="b-actions")


def _element(held: Held, block: Wire, element: Any) -> Html:
    match element:
        case {"type": "image"}:
            return _image(held, element)
        case {"type": "mrkdwn" | "plain_text"}:
            return tag("span", words(held.eyes, element))
        case {"action_id": str()}:
            return controls.element(held, block, element)
        case _:
            return Html()


def _image(held: Held, block: Wire) -> Html:
    # Nothing is fetched from elsewhere: a picture is what it says, and a way to it.
    said = str(block.get("alt_text") or "image")
    return tag("span", "▣ ", link(str(block.get("image_url") or ""), said), class_="b-image")


def _input(held: Held, block: Wire) -> Html:
    return controls.field(held, block)


def _rich(held: Held, block: Wire) -> Html:
    return tag("div", rich(held.eyes, block), class_="b-rich")


def _markdown(held: Held, block: Wire) -> Html:
    return tag("div", lines(str(block["text"])), class_="b-markdown")


def _alert(held: Held, block: Wire) -> Html:
    return tag("p", words(held.eyes, block["text"]), class_="b-alert", role="note")


def _table(held: Held, block: Wire) -> Html:
    rows = [tag("tr", *(tag("td", _cell(held, cell)) for cell in row)) for row in block.get("rows") or []]
    return tag("div", tag("table", *rows), class_="wide", tabindex=0, role="group", aria_label="Table")


def _cell(held: Held, cell: Any) -> Html:
    if isinstance(cell, dict) and "elements" in cell:
        return rich(held.eyes, cell)
    return words(held.eyes, cell)


def _plan(held: Held, block: Wire) -> Html:
    tasks = [_task(held, task) for task in block.get("tasks") or []]
    return tag("div", tag("strong", words(held.eyes, block.get("title"))), *tasks, class_="b-plan")


def _task(held: Held, task: Wire) -> Html:
    state = str(task.get("status") or "pending")
    details = task.get("details")
    title = words(held.eyes, task.get("title"))
    more = tag("div", rich(held.eyes, details)) if details else ""
    return tag("div", f"{_STATES.get(state, '○')} ", title, more, class_=f"b-task {state}")


def _inside(held: Held, block: Wire) -> Html:
    named = [tag("p", words(held.eyes, block[key])) for key in ("title", "subtitle", "body") if key in block]
    inner = [*(block.get("child_blocks") or []), *(block.get("elements") or [])]
    pressed = [_element(held, block, element) for element in block.get("actions") or []]
    return tag(
        "div",
        *named,
        blocks(held, inner),
        tag("div", *pressed, class_="b-actions") if pressed else "",
        class_="b-card",
    )


def _divider(held: Held, block: Wire) -> Html:
    return tag("hr")


_DRAWN: dict[str, Callable[[Held, Wire], Html]] = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
    "context_actions": _actions,
    "divider": _divider,
    "image": _image,
    "input": _input,
    "markdown": _markdown,
    "alert": _alert,
    "rich_text": _rich,
    "table": _table,
    "data_table": _table,
    "plan": _plan,
    "task_card": _task,
    "container": _inside,
    "card": _inside,
    "carousel": _inside,
}


def attachments(held: Held, shown: Sequence[Wire]) -> Html:
    """Return the older kind of additions to a message."""
    parts = []
    for each in shown:
        inside = blocks(held, each.get("blocks") or []) or mrkdwn(held.eyes, str(each.get("text") or ""))
        parts.append(tag("div", inside or lines(str(each.get("fallback") or "")), class_="b-card"))
    return joined(parts)
