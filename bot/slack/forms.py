"""Forms: what a verb asks for, as a modal, and what was filled in, as the line it stands for. Pure.

A form says what a person could have typed. Where it was opened travels with it, who fills it in never does:
that is whoever Slack signs the submission for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from bot.commands import Place
from bot.commands.grammar import read
from bot.core.errors import Refused
from bot.core.literal import visible
from bot.slack.messages import Wire
from bot.slack.text import cut, quoted, size

CALLBACK = "form"
METADATA = 3000
TITLE, LABEL, TEXT, HINT = 24, 2000, 3000, 2000
OPTION, OPTIONS = 75, 100
EMPTY = "Say it in a few words."

Check = Callable[[str, datetime], object]
"""Raises `Refused` for what is wrong with a text whatever is recorded; the moment is when it is sent."""


@dataclass(frozen=True, slots=True)
class Field:
    """One thing a form asks for. `into` is the option it becomes, or the place of a word: 1, 2.

    `text` is one line, `words` several, `choices` any number; `options` are values with what people read.
    """

    into: str
    label: str
    kind: Literal["text", "words", "choice", "choices", "person"] = "text"
    options: tuple[tuple[str, str], ...] = ()
    initial: str = ""
    hint: str = ""
    optional: bool = False
    check: Check | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """What is asked for one line; `note` stands above the fields."""

    name: str
    title: str
    submit: str
    fields: tuple[Field, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """What travels with a form: its name, how its line begins, and where the answer goes; never who."""

    form: str
    line: str
    channel: str | None = None
    thread: str | None = None
    hook: str = ""
    into: str = ""

    def place(self, user: str) -> Place:
        """Return where the form was opened, for whoever sends it."""
        reply = "hook" if self.hook else "ephemeral"
        return Place(self.channel, self.thread, user, reply=reply, hook=self.hook)

    @classmethod
    def of(cls, view: Mapping[str, Any]) -> Kept:
        """Return what travelled with a form that came back."""
        return cls(**json.loads(view["private_metadata"]))


def question(into: str, asked: str, label: str) -> Form:
    """Return the form with one question, for a button that needs an answer before it counts."""
    field = Field(into, asked or "Why?", "words")
    return Form("question", label or "Why?", label or "Send", (field,))


def modal(form: Form, kept: Kept) -> Wire | None:
    """Return a form as a modal, or None when what has to travel with it is too long."""
    view = _frame(form.title, kept)
    if view is None:
        return None
    note = [_section(form.note)] if form.note else []
    blocks = [*note, *map(_input, form.fields)]
    return {**view, "submit": _bare(cut(visible(form.submit), TITLE)), "blocks": blocks}


def sheet(title: str, text: str, kept: Kept) -> Wire | None:
    """Return a modal that only says something: that a form is being drafted, or why there is none."""
    view = _frame(title, kept)
    return view and {**view, "blocks": [_section(text)]}


def _frame(title: str, kept: Kept) -> Wire | None:
    metadata = json.dumps(asdict(kept), ensure_ascii=False)
    if size(metadata) > METADATA:
        return None
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "private_metadata": metadata,
        "title": _bare(cut(visible(title), TITLE)),
        "close": _bare("Not now"),
    }


def _section(text: str) -> Wire:
    return {"type": "section", "text": _bare(cut(visible(text), TEXT))}


def _input(field: Field) -> Wire:
    hint = {"hint": _bare(cut(visible(field.hint), HINT))} if field.hint else {}
    return {
        "type": "input",
        "block_id": field.into,
        "optional": field.optional,
        "label": _bare(cut(visible(field.label), LABEL)),
        "element": {"action_id": field.into, **_element(field)},
        **hint,
    }


def _element(field: Field) -> Wire:
    begun = [_option(value, label) for value, label in field.options if value in field.initial.split(",")]
    options = [_option(value, label) for value, label in field.options[:OPTIONS]]
    match field.kind:
        case "person":
            return {"type": "users_select"}
        case "choice":
            return {
                "type": "static_select",
                "options": options,
                **({"initial_option": begun[0]} if begun else {}),
            }
        case "choices":
            return {
                "type": "multi_static_select",
                "options": options,
                **({"initial_options": begun} if begun else {}),
            }
        case _:
            initial = cut(visible(field.initial), TEXT)
            return {
                "type": "plain_text_input",
                "multiline": field.kind == "words",
                "max_length": TEXT,
                **({"initial_value": initial} if initial else {}),
            }


def _option(value: str, label: str) -> Wire:
    return {"text": _bare(cut(visible(label), OPTION)), "value": value}


def filled(view: Mapping[str, Any]) -> dict[str, str]:
    """Return what was filled in, by the name of the field; a person is the Slack id that was chosen."""
    return {block: _value(next(iter(given.values()))) for block, given in view["state"]["values"].items()}


def _value(given: Mapping[str, Any]) -> str:
    match given:
        case {"selected_option": {"value": str(value)}}:
            return value
        case {"selected_options": list(options)}:
            return ",".join(str(option["value"]) for option in options)
        case {"selected_user": str(user)}:
            return f"@{user}"
        case {"value": str(text)}:
            return text
        case _:
            return ""


def wrong(form: Form, values: Mapping[str, str], now: datetime) -> dict[str, str]:
    """Return what is wrong with what was filled in, by field, as far as nothing has to be read for it."""
    judged = (
        (field.into, _wrong(field, values[field.into], now)) for field in form.fields if field.into in values
    )
    return {into: sentence for into, sentence in judged if sentence}


def _wrong(field: Field, value: str, now: datetime) -> str:
    if not value.strip():
        return "" if field.optional else EMPTY
    try:
        if field.check:
            field.check(value.strip(), now)
    except Refused as refusal:
        return str(refusal).replace("`", "")
    return ""


def line_of(form: Form, kept: Kept, values: Mapping[str, str]) -> str:
    """Return the whole line, as if it had been typed."""
    given = ((field.into, visible(values.get(field.into, "")).strip()) for field in form.fields)
    words = (quoted(text) if into.isdigit() else f"{into}:{quoted(text)}" for into, text in given if text)
    return " ".join((kept.line, *words))


def rest_of(line: str, form: Form) -> str:
    """Return how the line of a begun form begins: its verb, and the options for which it does not ask."""
    said, fields = read(line), {field.into for field in form.fields}
    kept = (f"{key}:{quoted(text)}" for key, text in said.options.items() if key not in fields)
    return " ".join((said.verb, *kept))


def _bare(text: str) -> Wire:
    return {"type": "plain_text", "text": text or "…", "emoji": False}
