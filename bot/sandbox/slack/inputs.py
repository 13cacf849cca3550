"""Choosing and filling in: what a person does to an element, as the value Slack sends for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.sandbox.slack.blocks import elements
from bot.sandbox.slack.records import View
from bot.sandbox.slack.refusals import PersonCannot, Wire
from bot.sandbox.slack.workspace import Workspace

_TEXT = ("plain_text_input", "email_text_input", "url_text_input", "number_input")
# The key of the value and whether there are several, by kind of element.
_PICKED = {
    "users_select": "selected_user",
    "conversations_select": "selected_conversation",
    "channels_select": "selected_channel",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "multi_users_select": "selected_users",
    "multi_conversations_select": "selected_conversations",
    "multi_channels_select": "selected_channels",
}
_INITIAL = {
    "plain_text_input": "initial_value",
    "email_text_input": "initial_value",
    "url_text_input": "initial_value",
    "number_input": "initial_value",
    "static_select": "initial_option",
    "radio_buttons": "initial_option",
    "multi_static_select": "initial_options",
    "checkboxes": "initial_options",
    "users_select": "initial_user",
    "conversations_select": "initial_conversation",
    "channels_select": "initial_channel",
    "datepicker": "initial_date",
    "timepicker": "initial_time",
    "datetimepicker": "initial_date_time",
}


def label_of(element: Wire) -> str:
    """Return what a person reads on an element."""
    text = (element.get("text") or element.get("placeholder") or {}).get("text")
    return str(text or element.get("action_id", ""))


def _option(element: Wire, wanted: str) -> Wire:
    groups: Sequence[Wire] = element.get("option_groups") or [element]
    for option in (option for group in groups for option in group.get("options") or []):
        if wanted in (option["value"], option["text"]["text"]):
            return dict(option)
    raise PersonCannot(f"There is no option {wanted!r} in {label_of(element)!r}.")


def chosen(workspace: Workspace, element: Wire, value: Any) -> Wire:
    """Return the value of an element after a person chose or typed `value`; names stand for people."""
    kind = element["type"]
    if kind in _TEXT:
        return {"type": kind, "value": _typed(element, value)}
    if kind in ("static_select", "radio_buttons", "overflow"):
        return {"type": kind, "selected_option": None if value is None else _option(element, value)}
    if kind in ("multi_static_select", "checkboxes"):
        return {"type": kind, "selected_options": [_option(element, entry) for entry in value or []]}
    if kind not in _PICKED:
        raise PersonCannot(f"Nobody can fill in a {kind} here.")
    if kind.startswith("multi_"):
        return {"type": kind, _PICKED[kind]: [_picked(workspace, kind, entry) for entry in value or []]}
    return {"type": kind, _PICKED[kind]: None if value is None else _picked(workspace, kind, value)}


def _picked(workspace: Workspace, kind: str, value: Any) -> Any:
    if "users" in kind:
        return workspace.person(value).id
    if "channels" in kind or "conversations" in kind:
        return workspace.channel(value).id
    return value


def _typed(element: Wire, value: Any) -> str | None:
    if value in (None, ""):
        return None
    text = str(value)
    least, most = element.get("min_length") or 0, element.get("max_length") or 3000
    if not least <= len(text) <= most:
        raise PersonCannot(f"{label_of(element)!r} takes {least} to {most} characters, not {len(text)}.")
    return text


def _initial(element: Wire) -> Any:
    value = element.get(_INITIAL.get(element["type"], ""))
    match value:
        case {"value": str(single)}:
            return single
        case list():
            return [option["value"] for option in value]
        case _:
            return value


def state_of(workspace: Workspace, view: View, values: Mapping[str, Any]) -> Wire:
    """Return the state of a filled-in view; `values` go by action id, block id or label.

    Raises PersonCannot for a name that is not in the view and for a required input left empty.
    """
    state: Wire = {}
    left = set(values)
    for block, element in elements(view.blocks):
        if element["type"] == "button":
            continue
        label = (block.get("label") or {}).get("text", "")
        names = [name for name in (element["action_id"], block["block_id"], label) if name in values]
        left -= set(names)
        value = chosen(workspace, element, values[names[0]] if names else _initial(element))
        required = block["type"] == "input" and not block.get("optional")
        if required and not any(filled for key, filled in value.items() if key != "type"):
            raise PersonCannot(f"{label or element['action_id']!r} is required.")
        state.setdefault(block["block_id"], {})[element["action_id"]] = value
    if left:
        raise PersonCannot(f"There is no input {', '.join(sorted(left))} in this view.")
    return state
