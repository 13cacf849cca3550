"""Messages and views as the text a person reads, without a client."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

from bot.core.document import utc
from bot.sandbox.slack.records import Message, View
from bot.sandbox.slack.refusals import Wire
from bot.sandbox.slack.workspace import Workspace

_ENTITY = re.compile(r"<([^<>]+)>")
_CODE = re.compile(r"```(.+?)```|`([^`\n]+)`", re.DOTALL)
_STYLED = re.compile(r"(?<![\w*_~])([*_~])(?=\S)([^\n]*?\S)\1(?![\w*_~])")
_TWICE = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\dZ) \(\2\)")
_STATES = {"pending": "○", "in_progress": "◐", "complete": "✓", "error": "✗"}


def unescape(text: str) -> str:
    """Return text with Slack's three escapes undone."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def mrkdwn(workspace: Workspace, text: str) -> str:
    """Return Slack's markup as a person sees it: names for mentions, UTC for dates, no marks."""
    shown = []
    end = 0
    for code in _CODE.finditer(text):
        shown += [_spoken(workspace, text[end : code.start()]), _entities(workspace, code[1] or code[2])]
        end = code.end()
    return "".join([*shown, _spoken(workspace, text[end:])])


def _spoken(workspace: Workspace, text: str) -> str:
    unstyled = _STYLED.sub(lambda found: str(found[2]), text)
    return _entities(workspace, unstyled)


def _entities(workspace: Workspace, text: str) -> str:
    return unescape(_ENTITY.sub(lambda found: _entity(workspace, str(found[1])), text))


def _entity(workspace: Workspace, inside: str) -> str:
    target, _, label = inside.partition("|")
    match target[:1]:
        case "@":
            person = workspace.people.get(target[1:])
            return f"@{person.name if person else label or target[1:]}"
        case "#":
            channel = workspace.channels.get(target[1:])
            return f"#{channel.name if channel else label or target[1:]}"
        case "!":
            return _special(workspace, target[1:], label)
        case _:
            return f"{label} ({target})" if label and label != target else target


def _special(workspace: Workspace, command: str, label: str) -> str:
    match command.split("^"):
        case ["date", seconds, *_] if seconds.isdigit():
            return utc(datetime.fromtimestamp(int(seconds), UTC))
        case ["subteam", group, *_]:
            known = workspace.groups.get(group)
            return f"@{known.handle if known else label or group}"
        case _:
            return label or f"@{command}"


def said_once(text: str, today: date) -> str:
    """Return plain text with each moment said once, with its day where that is not today.

    Slack shows a moment in the reader's zone, and Backstop says it in UTC beside that: here both are one.
    """
    return _TWICE.sub(lambda found: found[2] if found[1] == f"{today}" else f"{found[1]} {found[2]}", text)


def pings(message: Message) -> set[str]:
    """Return what a message notifies: user ids, group ids and `channel`, `here`, `everyone`."""
    found = set()
    for text in _marked_up(list(message.blocks) or message.text):
        for entity in _ENTITY.findall(text):
            target = entity.partition("|")[0]
            if target.startswith("@"):
                found.add(target[1:])
            elif target.startswith("!subteam^"):
                found.add(target.split("^")[1])
            elif target in ("!channel", "!here", "!everyone"):
                found.add(target[1:])
    return found | set(_rich_pings(list(message.blocks)))


def _marked_up(node: Any) -> Iterator[str]:
    match node:
        case str():
            yield node
        case {"type": "mrkdwn" | "markdown", "text": str(text)}:
            yield text
        case dict():
            for value in node.values():
                if isinstance(value, dict | list):
                    yield from _marked_up(value)
        case list():
            for value in node:
                if isinstance(value, dict | list):
                    yield from _marked_up(value)
        case _:
            pass


def _rich_pings(node: Any) -> Iterator[str]:
    match node:
        case {"type": "user", "user_id": str(user)}:
            yield user
        case {"type": "usergroup", "usergroup_id": str(group)}:
            yield group
        case {"type": "broadcast", "range": str(wide)}:
            yield wide
        case dict():
            for value in node.values():
                yield from _rich_pings(value)
        case list():
            for value in node:
                yield from _rich_pings(value)
        case _:
            pass


def plain(workspace: Workspace, shown: Message | View) -> str:
    """Return a message or view as lines of text; buttons stand in square brackets."""
    if isinstance(shown, View):
        title = _text(workspace, shown.content.get("title"))
        errors = [f"! {error}" for error in shown.errors.values()]
        return "\n".join(line for line in [title, *_blocks(workspace, shown.blocks), *errors] if line)
    lines = _blocks(workspace, shown.blocks) or [mrkdwn(workspace, shown.text)]
    lines += [mrkdwn(workspace, str(a.get("text") or a.get("fallback") or "")) for a in shown.attachments]
    lines += [f"[file] {file['title']}" for file in shown.files]
    return "\n".join(line for line in lines if line)


def _blocks(workspace: Workspace, blocks: Sequence[Wire]) -> list[str]:
    return [line for block in blocks if (line := _block(workspace, block))]


def _text(workspace: Workspace, node: Any) -> str:
    match node:
        case {"type": "mrkdwn", "text": str(text)}:
            return mrkdwn(workspace, text)
        case {"type": "plain_text" | "raw_text", "text": str(text)} | {"text": str(text)}:
            return text
        case str():
            return node
        case {"text": dict(inner)}:
            return _text(workspace, inner)
        case _:
            return ""


def _element(workspace: Workspace, element: Any) -> str:
    match element:
        case {"type": "button" | "workflow_button", "text": label}:
            return f"[{_text(workspace, label)}]"
        case {"type": "image", "alt_text": str(text)}:
            return f"({text})"
        case {"type": "mrkdwn" | "plain_text"}:
            return _text(workspace, element)
        case {"placeholder": dict(placeholder)}:
            return f"[{_text(workspace, placeholder)} ▾]"
        case {"options": list(options)}:
            return " ".join(f"[{_text(workspace, option)}]" for option in options)
        case {"type": str(kind)}:
            return f"[{kind.replace('_', ' ')}]"
        case _:
            return ""


def _section(workspace: Workspace, block: Wire) -> str:
    texts = [block.get("text"), *(block.get("fields") or [])]
    lines = [text for node in texts if (text := _text(workspace, node))]
    if accessory := _element(workspace, block.get("accessory")):
        lines.append(accessory)
    return "\n".join(lines)


def _row(workspace: Workspace, block: Wire) -> str:
    texts = (_element(workspace, element) for element in block["elements"])
    return (" " if block["type"] == "actions" else "  ").join(text for text in texts if text)


def _field(workspace: Workspace, block: Wire) -> str:
    hint = _text(workspace, block.get("hint"))
    begun = _begun(workspace, block["element"]) or "____"
    return f"{_text(workspace, block['label'])}: {begun}" + (f"  ({hint})" if hint else "")


def _begun(workspace: Workspace, element: Wire) -> str:
    """Return what stands in an input before anybody fills it in."""
    chosen = [element.get("initial_option"), *(element.get("initial_options") or [])]
    options = ", ".join(_text(workspace, option) for option in chosen if option)
    return options or str(element.get("initial_value") or "")


def _rich(workspace: Workspace, node: Any) -> str:
    match node:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "user", "user_id": str(user)}:
            return _entity(workspace, f"@{user}")
        case {"type": "channel", "channel_id": str(channel)}:
            return _entity(workspace, f"#{channel}")
        case {"type": "usergroup", "usergroup_id": str(group)}:
            return _special(workspace, f"subteam^{group}", "")
        case {"type": "broadcast", "range": str(wide)}:
            return f"@{wide}"
        case {"type": "link", "url": str(url)}:
            text = str(node.get("text") or "")
            return f"{text} ({url})" if text and text != url else url
        case {"type": "emoji", "name": str(name)}:
            return f":{name}:"
        case {"type": "date", "timestamp": int(seconds)}:
            return utc(datetime.fromtimestamp(seconds, UTC))
        case {"type": "rich_text_list", "elements": list(items)}:
            return "\n".join(f"  • {_rich(workspace, item)}" for item in items)
        case {"type": "rich_text", "elements": list(parts)}:
            return "\n".join(_rich(workspace, part) for part in parts)
        case {"elements": list(parts)}:
            return "".join(_rich(workspace, part) for part in parts)
        case _:
            return ""


def _table(workspace: Workspace, block: Wire) -> str:
    rows = [[_cell(workspace, cell) for cell in row] for row in block.get("rows") or []]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=False)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()
        for row in rows
    )


def _cell(workspace: Workspace, cell: Any) -> str:
    return _rich(workspace, cell) if isinstance(cell, dict) and "elements" in cell else _text(workspace, cell)


def _plan(workspace: Workspace, block: Wire) -> str:
    tasks = [_task(workspace, task) for task in block.get("tasks") or []]
    return "\n".join([_text(workspace, block.get("title")), *tasks]).strip()


def _task(workspace: Workspace, task: Wire) -> str:
    details = _rich(workspace, task.get("details"))
    title = f"{_STATES.get(str(task.get('status')), '○')} {_text(workspace, task.get('title'))}"
    return f"{title}\n  {details}" if details else title


def _inside(workspace: Workspace, block: Wire) -> str:
    named = [_text(workspace, block.get(key)) for key in ("title", "subtitle", "body")]
    held = [*(block.get("child_blocks") or []), *(block.get("elements") or [])]
    pressed = " ".join(_element(workspace, element) for element in block.get("actions") or [])
    return "\n".join(line for line in [*named, *_blocks(workspace, held), pressed] if line)


_RENDERERS: dict[str, Callable[[Workspace, Wire], str]] = {
    "header": lambda workspace, block: _text(workspace, block["text"]),
    "section": _section,
    "context": _row,
    "actions": _row,
    "context_actions": _row,
    "divider": lambda workspace, block: "───",
    "image": lambda workspace, block: f"({block.get('alt_text', 'image')})",
    "input": _field,
    "markdown": lambda workspace, block: str(block["text"]),
    "alert": lambda workspace, block: f"! {_text(workspace, block['text'])}",
    "rich_text": _rich,
    "table": _table,
    "data_table": _table,
    "plan": _plan,
    "task_card": _task,
    "container": _inside,
    "card": _inside,
    "carousel": _inside,
}


def _block(workspace: Workspace, block: Wire) -> str:
    render = _RENDERERS.get(str(block.get("type")))
    return render(workspace, block) if render else f"[{block.get('type')}]"
