"""HTML in which every text is escaped where it is put in; only `tag` and `joined` make markup."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from bot.core.literal import visible

_EMPTY = frozenset({"input", "br", "hr", "meta", "link"})


class Html(str):
    """Markup that is done; any other text is escaped before it stands beside it."""

    __slots__ = ()


Inside = str | None
Attribute = str | int | bool | None


def tag(name: str, /, *inside: Inside, **attributes: Attribute) -> Html:
    """Return an element; `class_` is class, `data_key` data-key, True a bare attribute, None none."""
    said = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _EMPTY:
        return Html(f"<{name}{said}>")
    return Html(f"<{name}{said}>{joined(inside)}</{name}>")


def _attribute(key: str, value: Attribute) -> str:
    name = key.strip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{escape(visible(str(value)))}"'


def joined(parts: Iterable[Inside]) -> Html:
    """Return parts one after another, those that are no markup escaped."""
    return Html("".join(part if isinstance(part, Html) else text(part) for part in parts if part))


def text(literal: str) -> Html:
    """Return a text as it was typed; what a page would obey is spelled out."""
    return Html(escape(visible(literal)))


def lines(literal: str) -> Html:
    """Return a text with its line breaks."""
    return Html(text(literal).replace("\n", "<br>"))


def hidden(**values: str) -> Html:
    """Return hidden inputs of a form."""
    return joined(tag("input", type="hidden", name=name, value=value) for name, value in values.items())
