"""What can be pressed, chosen and filled in: buttons, menus and the inputs of views, as parts of one form.

A button's name is `action` and its value the action id; the value of any other element goes by its block id
and action id, so that two elements of one view are never taken for each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as of
from datetime import UTC, datetime
from typing import Any

from bot.sandbox.page.html import Attribute, Html, joined, tag, text
from bot.sandbox.page.markup import Eyes, link, words
from bot.sandbox.slack.refusals import Wire

Values = Mapping[str, Sequence[str]]

_TYPED = {"email_text_input": "email", "url_text_input": "url", "number_input": "number"}
_PICKED = {"datepicker": "date", "timepicker": "time", "datetimepicker": "datetime-local"}
MANY = (
    *("checkboxes", "multi_static_select", "multi_users_select"),
    *("multi_channels_select", "multi_conversations_select"),
)


@dataclass(frozen=True, slots=True)
class Held:
    """What elements stand in: `key` tells them apart; `typed` and `errors` are of a rejected form.

    `to` is where a press goes when the form itself goes elsewhere.
    """

    eyes: Eyes
    key: str
    typed: Values = of(default_factory=dict)
    errors: Mapping[str, str] = of(default_factory=dict)
    to: str = ""

    def id(self, element: Wire) -> str:
        """Return an element's id on the page, which stays when it is drawn again."""
        return f"{self.key}-{element['action_id']}"


def name_of(block: Wire, element: Wire) -> str:
    """Return the name under which a form sends an element."""
    return f"{block['block_id']}|{element['action_id']}"


def element(held: Held, block: Wire, element: Wire) -> Html:
    """Return something that acts at once: a button, or a menu with a button that says it is chosen."""
    if element["type"] in ("button", "workflow_button"):
        return _button(held, element)
    label = str((element.get("placeholder") or {}).get("text") or "Choose")
    chosen = _control(held, block, element, label=label)
    choose = tag(
        "button", "Choose", type="submit", name="choose", value=name_of(block, element),
        id=f"{held.id(element)}-choose", formaction=held.to or None, formnovalidate=True,
    )  # fmt: skip
    return tag("span", chosen, choose, class_="menu")


def _button(held: Held, element: Wire) -> Html:
    style = str(element.get("style") or "")
    said = words(held.eyes, element["text"])
    if element.get("url"):
        return link(str(element["url"]), str(element["text"].get("text", "")))
    confirm = element.get("confirm")
    label = element.get("accessibility_label")
    if not confirm:
        return _submit(held, held.id(element), said, element["action_id"], style, label=label)
    dialog = f"{held.id(element)}-sure"
    opener = tag(
        "button", said, type="button", id=held.id(element), class_=style or None, aria_label=label,
        aria_haspopup="dialog", data_opens=dialog,
    )  # fmt: skip
    return joined([opener, _confirm(held, element, dialog, confirm)])


def _submit(held: Held, id: str, said: Html, action: str, style: str, *, label: str | None = None) -> Html:
    return tag(
        "button", said, type="submit", id=id, name="action", value=action, class_=style or None,
        aria_label=label, formaction=held.to or None, formnovalidate=True,
    )  # fmt: skip


def _confirm(held: Held, element: Wire, id: str, confirm: Wire) -> Html:
    yes = words(held.eyes, confirm["confirm"])
    return tag(
        "dialog",
        tag("h2", words(held.eyes, confirm["title"]), id=f"{id}-title"),
        tag("p", words(held.eyes, confirm["text"])),
        tag(
            "div",
            _submit(held, f"{id}-yes", yes, element["action_id"], str(confirm.get("style") or "primary")),
            tag("button", words(held.eyes, confirm["deny"]), type="button", data_closes=True),
            class_="b-actions",
        ),
        id=id,
        class_="sure",
        aria_labelledby=f"{id}-title",
    )


def field(held: Held, block: Wire) -> Html:
    """Return an input of a view with its label, its hint and what was wrong with it."""
    inner = block["element"]
    id = held.id(inner)
    wrong = held.errors.get(block["block_id"], "")
    hint = block.get("hint")
    optional = tag("span", " (optional)", class_="optional") if block.get("optional") else ""
    said = " ".join(name for name, there in ((f"{id}-hint", hint), (f"{id}-wrong", wrong)) if there)
    control = _control(held, block, inner, described=said)
    grouped = inner["type"] in ("radio_buttons", "checkboxes")
    label = words(held.eyes, block["label"])
    return tag(
        "fieldset" if grouped else "div",
        tag("legend", label, optional) if grouped else tag("label", label, optional, for_=id),
        control,
        tag("p", words(held.eyes, hint), id=f"{id}-hint", class_="hint") if hint else "",
        tag("p", wrong, id=f"{id}-wrong", class_="wrong", role="alert") if wrong else "",
        class_="b-input",
        aria_describedby=said if grouped else None,
    )


def _control(held: Held, block: Wire, element: Wire, *, described: str = "", label: str = "") -> Html:
    kind = element["type"]
    required = block["type"] == "input" and not block.get("optional")
    common: dict[str, Attribute] = {
        "id": held.id(element),
        "name": name_of(block, element),
        "required": required,
        "aria_describedby": described or None,
        "aria_invalid": "true" if held.errors.get(block["block_id"]) else None,
        "aria_label": label or None,
        "autofocus": element.get("focus_on_load") is True,
    }
    if kind in ("radio_buttons", "checkboxes"):
        return _boxes(held, block, element, common)
    if kind in _PICKED:
        return tag("input", type=_PICKED[kind], value=_now(held, common, element), step=1, **common)
    if kind in _TYPED or kind == "plain_text_input":
        return _text(held, element, common)
    return _select(held, element, common)


def _now(held: Held, common: Mapping[str, Attribute], element: Wire) -> str:
    """Return what a field holds: what was typed last, or what the view began with."""
    typed = held.typed.get(str(common["name"]))
    if typed is not None:
        return typed[0] if typed else ""
    for key in ("initial_value", "initial_date", "initial_time"):
        if element.get(key):
            return str(element[key])
    if element.get("initial_date_time"):
        return datetime.fromtimestamp(int(element["initial_date_time"]), UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return ""


def _text(held: Held, element: Wire, common: dict[str, Attribute]) -> Html:
    limits: dict[str, Attribute] = {
        "minlength": element.get("min_length"),
        "maxlength": element.get("max_length"),
        "placeholder": (element.get("placeholder") or {}).get("text"),
    }
    value = _now(held, common, element)
    if element.get("multiline"):
        return tag("textarea", value, rows=4, **common, **limits)
    kind = _TYPED.get(element["type"], "text")
    return tag("input", type=kind, value=value, autocomplete="off", **common, **limits)


def _options(held: Held, element: Wire) -> list[tuple[str, Html, str]]:
    """Return value, what is read and the group of each option."""
    kind = element["type"]
    if "users" in kind:
        everybody = held.eyes.workspace.people.values()
        return [(each.id, text(each.name), "") for each in everybody if not each.is_bot]
    if "channels" in kind or "conversations" in kind:
        rooms = held.eyes.workspace.channels.values()
        return [(each.id, text(f"#{each.name}"), "") for each in rooms if each.name]
    groups = element.get("option_groups") or [element]
    return [
        (option["value"], words(held.eyes, option["text"]), str((group.get("label") or {}).get("text", "")))
        for group in groups
        for option in group.get("options") or []
    ]


def _chosen(held: Held, common: Mapping[str, Attribute], element: Wire) -> set[str]:
    typed = held.typed.get(str(common["name"]))
    if typed is not None:
        return set(typed)
    found: list[Any] = [
        *(element.get("initial_options") or []),
        *(element.get("initial_users") or []),
        *(element.get("initial_channels") or []),
        *(element.get(key) for key in ("initial_option", "initial_user", "initial_channel")),
        element.get("initial_conversation"),
    ]
    return {str(each["value"] if isinstance(each, dict) else each) for each in found if each}


def _select(held: Held, element: Wire, common: dict[str, Attribute]) -> Html:
    chosen = _chosen(held, common, element)
    many = element["type"] in MANY
    first = str((element.get("placeholder") or {}).get("text") or "Choose…")
    options = [] if many else [tag("option", first, value="")]
    groups: dict[str, list[Html]] = {}
    for value, said, group in _options(held, element):
        option = tag("option", said, value=value, selected=value in chosen)
        groups.setdefault(group, []).append(option)
    for group, inside in groups.items():
        options += [tag("optgroup", *inside, label=group)] if group else inside
    return tag("select", *options, multiple=many, **common)


def _boxes(held: Held, block: Wire, element: Wire, common: dict[str, Attribute]) -> Html:
    chosen = _chosen(held, common, element)
    kind = "radio" if element["type"] == "radio_buttons" else "checkbox"
    rows = []
    for number, (value, said, _) in enumerate(_options(held, element)):
        box = tag(
            "input",
            type=kind,
            id=f"{common['id']}-{number}",
            name=common["name"],
            value=value,
            checked=value in chosen,
            required=common["required"] if kind == "radio" else None,
        )
        rows.append(tag("label", box, " ", said, class_="box"))
    return tag("div", *rows)
