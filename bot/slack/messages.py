"""Documents as Slack messages: pure, within Slack's limits, and never interpreting what people wrote.

What does not fit is cut, and the message then ends in a link to the whole of it. Buttons always fit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never

from bot.core.document import (
    Block,
    Bullets,
    Button,
    Buttons,
    Code,
    Document,
    Fields,
    Heading,
    Line,
    Link,
    Menu,
    Moment,
    Paragraph,
    Preformatted,
    Small,
    Span,
    Strong,
    Table,
    Who,
    plain,
    say,
    utc,
)
from bot.core.literal import visible
from bot.slack.text import cut, escaped, escaped_size, is_marked, size

Wire = dict[str, Any]

HOME_BLOCKS = 100
BLOCKS, BUTTONS_IN_A_ROW, HEADER, LABEL, VALUE, ACTION = 50, 25, 150, 75, 2000, 255
OPTIONS, OPTION_VALUE, PLACEHOLDER = 100, 150, 150
CONFIRM_TITLE, CONFIRM_TEXT, CONFIRM_LABEL, ADDRESS = 100, 300, 30, 3000
RICH = 2900
"""How much one rich text block holds; Slack names no limit, so it is that of a section."""
WHOLE = 12_000
"""How much all blocks hold together: Slack was seen to refuse 13,200."""
FALLBACK = 3900
"""How long the text beside the blocks may be: chat.update refuses 4,000."""

_STYLES = ("primary", "danger")
_DATE = "{date_short_pretty} {time_secs}"


@dataclass(frozen=True, slots=True)
class Payload:
    """A message: `text` says the same as `blocks`, `mark` is the same for the same message."""

    text: str
    blocks: tuple[Wire, ...]
    mark: str


def message(document: Document, *, people: Mapping[str, str], url: str = "", revision: str = "") -> Payload:
    """Return a document as a message; `people` are Slack ids by catalog name, `url` leads to the whole.

    `revision` says what its buttons were drawn from: a press is the same press only within one revision.
    """
    page = _Page(people, _rows_of_buttons(document))
    if document.title.strip():
        page.title(document.title)
    for block in document.blocks:
        page.add(block)
    page.end(url)
    text = cut(visible(plain(document)).strip() or "…", FALLBACK, weigh=escaped_size)
    return _sealed(escaped(text), page.blocks, revision)


def home(document: Document, *, people: Mapping[str, str], url: str = "") -> tuple[Wire, str]:
    """Return a document as a home tab, and a mark that is the same for the same document."""
    page = _Page(people, _rows_of_buttons(document), most=HOME_BLOCKS)
    page.title(document.title)
    for block in document.blocks:
        # A tab is read part by part; a message has too few blocks to give each heading one.
        if isinstance(block, Heading):
            page.title(block.text)
        else:
            page.add(block)
    page.end(url)
    sealed = _sealed("", page.blocks, "")
    return {"type": "home", "blocks": list(sealed.blocks)}, sealed.mark


def _sealed(text: str, blocks: Sequence[Wire], revision: str) -> Payload:
    content = json.dumps([revision, text, blocks], sort_keys=True)
    mark = hashlib.sha256(content.encode()).hexdigest()[:16]
    named = [{"block_id": f"{cut(revision or mark, 200)}/{n}", **block} for n, block in enumerate(blocks)]
    return Payload(text, tuple(named), mark)


def _rows_of_buttons(document: Document) -> int:
    rows = (len(block.buttons) for block in document.blocks if isinstance(block, Buttons))
    menus = sum(isinstance(block, Menu) for block in document.blocks)
    return menus + sum(-(-row // BUTTONS_IN_A_ROW) for row in rows)


@dataclass(slots=True)
class _Page:
    """Collects blocks; neighbouring texts share a rich text block."""

    people: Mapping[str, str]
    rows_to_come: int
    most: int = BLOCKS
    blocks: list[Wire] = field(default_factory=list)
    left: int = WHOLE
    in_block: int = 0
    shortened: bool = False
    presses: int = 0

    def title(self, text: str) -> None:
        """Begin with a title."""
        shown = visible(text).replace("\n", " ").strip()
        if not shown:
            return
        short = cut(shown, min(HEADER, self._room()))
        self.shortened |= short != shown
        if not short:
            return
        self.left -= size(short)
        self.blocks.append({"type": "header", "text": _bare(short)})

    def add(self, block: Block) -> None:
        """Add one block of the document."""
        match block:
            case Buttons(buttons):
                self._buttons(buttons)
            case Menu(label, buttons):
                self._menu(label, buttons)
            case Small(line):
                self._small(line)
            case Heading(text):
                self._text("rich_text_section", (Strong(text),))
            case Paragraph(line):
                self._text("rich_text_section", line)
            case Bullets(items):
                for item in items:
                    self._text("rich_text_list", item)
            case Fields(pairs):
                for label, line in pairs:
                    self._text("rich_text_section", (Strong(f"{label}: "), *line))
            case Preformatted(text):
                self._text("rich_text_preformatted", (text,))
            case Table():
                self._text("rich_text_preformatted", (plain(Document("", (block,))).rstrip("\n"),))
            case _:
                assert_never(block)

    def _room(self) -> int:
        """Return how much text still fits; one block is kept for the end and each row of buttons."""
        full = len(self.blocks) + self.rows_to_come + 1 >= self.most
        return 0 if full else min(self.left, RICH)

    def _text(self, kind: str, line: Line) -> None:
        elements, used, whole = _fitting(self._elements(line), self._room())
        self.shortened |= not whole
        if not elements:
            return
        self.left -= used
        last = self.blocks[-1] if self.blocks else {}
        if last.get("type") != "rich_text" or self.in_block + used > RICH:
            self.blocks.append({"type": "rich_text", "elements": []})
            self.in_block = 0
        self.in_block += used
        _join(self.blocks[-1]["elements"], kind, elements)

    def _elements(self, line: Line) -> Iterator[Wire]:
        for span in line:
            yield from _rich(span, self.people)

    def _small(self, line: Line) -> None:
        if any(is_marked(visible(text)) for text in _literals(line)) or size(say(line)) > min(
            1000, self._room()
        ):
            # A context knows only markup: what would not be literal there is shown at full size.
            self._text("rich_text_section", line)
            return
        text = "".join(_marked_up(span) for span in line).strip()
        if not text:
            return
        self.left -= size(text)
        self.blocks.append(_context(text))

    def _buttons(self, buttons: Sequence[Button]) -> None:
        fitting = [button for button in buttons if size(visible(button.line)) <= VALUE]
        self.shortened |= len(fitting) < len(buttons)
        for start in range(0, len(fitting), BUTTONS_IN_A_ROW):
            self.rows_to_come -= 1
            if len(self.blocks) + 1 >= self.most:
                self.shortened = True
                return
            row = fitting[start : start + BUTTONS_IN_A_ROW]
            self.blocks.append({"type": "actions", "elements": [self._button(button) for button in row]})

    def _menu(self, label: str, buttons: Sequence[Button]) -> None:
        fitting = [button for button in buttons if size(visible(button.line)) <= OPTION_VALUE][:OPTIONS]
        self.shortened |= len(fitting) < len(buttons)
        self.rows_to_come -= 1
        if not fitting or len(self.blocks) + 1 >= self.most:
            self.shortened = True
            return
        self.presses += 1
        menu: Wire = {
            "type": "static_select",
            "action_id": f"say:{self.presses}",
            "placeholder": _bare(cut(visible(label).strip() or "…", PLACEHOLDER)),
            "options": [
                {
                    "text": _bare(cut(visible(each.label).strip() or "…", LABEL)),
                    "value": visible(each.line) or " ",
                }
                for each in fitting
            ],
        }
        self.blocks.append({"type": "actions", "elements": [menu]})

    def _button(self, button: Button) -> Wire:
        self.presses += 1
        made: Wire = {
            "type": "button",
            "text": _bare(cut(visible(button.label).strip() or "…", LABEL)),
            "action_id": _action(button, self.presses),
            "value": visible(button.line) or " ",
        }
        if button.style in _STYLES:
            made["style"] = button.style
        if button.confirm.strip():
            made["confirm"] = _confirm(button)
        return made

    def end(self, url: str) -> None:
        """End the message, with a link when something was cut off; an empty message says so."""
        if self.shortened:
            link = f" <{_address(url)}|The whole of it>" if _is_address(url) else ""
            self.blocks.append(_context(f"This is shortened.{link}"))
        if not self.blocks:
            self.blocks.append(_context("…"))


def _join(parts: list[Wire], kind: str, elements: list[Wire]) -> None:
    """Add elements to a rich text; items of a list stand in one list."""
    if kind != "rich_text_list":
        parts.append({"type": kind, "elements": elements})
        return
    item = {"type": "rich_text_section", "elements": elements}
    if parts and parts[-1]["type"] == kind:
        parts[-1]["elements"].append(item)
    else:
        parts.append({"type": kind, "style": "bullet", "elements": [item]})


def _fitting(elements: Iterator[Wire], room: int) -> tuple[list[Wire], int, bool]:
    """Return the elements that fit, how much of the room they take, and whether these are all."""
    kept: list[Wire] = []
    used = 0
    for element in elements:
        takes = _takes(element)
        if used + takes <= room:
            kept.append(element)
            used += takes
            continue
        if element["type"] == "text" and room - used > 1:
            kept.append({**element, "text": cut(element["text"], room - used)})
            used = room
        return kept, used, False
    return kept, used, True


def _takes(element: Wire) -> int:
    """Return how much an element counts: its text, and its address or fallback too."""
    return sum(size(str(element.get(key, ""))) for key in ("text", "url", "fallback", "user_id"))


def _rich(span: Span, people: Mapping[str, str]) -> Iterator[Wire]:
    match span:
        case str():
            yield from _literal(span)
        case Strong(text):
            yield from _literal(text, bold=True)
        case Code(text):
            yield from _literal(text, code=True)
        case Link(text, url) if _is_address(url):
            shown = visible(text).strip()
            yield {"type": "link", "url": url, **({"text": shown} if shown else {})}
        case Link():
            yield from _literal(say((span,)))
        case Moment(at):
            whole = int(at.timestamp())
            yield {"type": "date", "timestamp": whole, "format": _DATE, "fallback": utc(at)}
            yield from _literal(f" ({utc(at)[11:]})")
        case Who(name, True) if name in people:
            yield {"type": "user", "user_id": people[name]}
        case Who(name):
            yield from _literal(f"@{name}")
        case _:
            assert_never(span)


def _literal(text: str, **style: bool) -> Iterator[Wire]:
    shown = visible(text)
    if shown:
        yield {"type": "text", "text": shown, **({"style": style} if style else {})}


def _literals(line: Line) -> Iterator[str]:
    """Yield what is literal in a line and would be interpreted in markup."""
    for span in line:
        match span:
            case str():
                yield span
            case Strong(text) | Link(text, _):
                yield text
            case Code(text):
                yield text.replace("_", "").replace("*", "").replace("~", "").replace(":", "")
            case Who(name):
                yield name
            case Moment():
                pass
            case _:
                assert_never(span)


def _marked_up(span: Span) -> str:
    match span:
        case str():
            return escaped(visible(span))
        case Strong(text):
            return f"*{escaped(visible(text).strip())}*" if text.strip() else ""
        case Code(text):
            shown = visible(text).replace("\n", " ")
            return f"`{escaped(shown)}`" if shown.strip() else ""
        case Link(text, url) if _is_address(url):
            return f"<{_address(url)}|{escaped(visible(text)).replace('|', 'ǀ')}>"
        case Link():
            return escaped(visible(say((span,))))
        case Moment(at):
            return f"<!date^{int(at.timestamp())}^{_DATE}|{utc(at)}> ({utc(at)[11:]})"
        case Who(name):
            return escaped(visible(f"@{name}"))
        case _:
            assert_never(span)


def _is_address(url: str) -> bool:
    """Say whether Slack can link to it; anything else is shown as the text it is."""
    web = url.startswith(("https://", "http://")) and len(url) > len("https://")
    return web and size(url) <= ADDRESS and visible(url) == url and not any(c.isspace() for c in url)


def _address(url: str) -> str:
    return escaped(url).replace("|", "%7C")


def _bare(text: str) -> Wire:
    return {"type": "plain_text", "text": text, "emoji": False}


def _context(text: str) -> Wire:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text, "verbatim": True}]}


def _action(button: Button, number: int) -> str:
    """Return what a press is: a line that is said, or one for which something is asked first."""
    if button.form:
        return f"form:{number}:{button.form}"
    if not button.ask:
        return f"say:{number}"
    return cut(f"ask:{number}:{button.into}:{visible(button.ask)}", ACTION)


def _confirm(button: Button) -> Wire:
    label = cut(visible(button.label).strip() or "Yes", CONFIRM_LABEL)
    return {
        "title": _bare(cut(visible(button.label).strip() or "Sure?", CONFIRM_TITLE)),
        "text": _bare(cut(visible(button.confirm).strip() or "Sure?", CONFIRM_TEXT)),
        "confirm": _bare(label),
        "deny": _bare("Not now"),
        **({"style": button.style} if button.style in _STYLES else {}),
    }
