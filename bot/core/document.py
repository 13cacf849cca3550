"""What people read, before it has a place: one document becomes Slack blocks, Markdown, ADF or a terminal.

Text in a document is always literal. Each renderer escapes it; nothing a person typed is ever interpreted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime
from typing import assert_never, cast

from bot.core.literal import cut, leads_to_the_web, visible

LONGEST = 1_000
"""How many characters of one text are shown; a log or a command is shown whole."""

WIDEST = 60
"""How wide a column of a terminal's table is made; a longer cell moves only what follows it in its row."""


@dataclass(frozen=True, slots=True)
class Strong:
    """Text that matters more than its surroundings."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """A word of a machine: an id, a hash, a command."""

    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """Text that leads to an address."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant; Slack shows it in the reader's zone, everything else in UTC to the second."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Who:
    """A person or pipeline by catalog name; a renderer may turn it into a mention that pings."""

    name: str
    ping: bool = False


Span = str | Strong | Code | Link | Moment | Who
Line = Sequence[Span]


@dataclass(frozen=True, slots=True)
class Heading:
    """A title inside the document; level 1 is the largest."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A run of text."""

    line: Line


@dataclass(frozen=True, slots=True)
class Bullets:
    """Short lines that belong together."""

    items: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Fields:
    """Labels with values, for facts that are looked up rather than read."""

    pairs: Sequence[tuple[str, Line]]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header."""

    header: Sequence[str]
    rows: Sequence[Sequence[Line]]


@dataclass(frozen=True, slots=True)
class Preformatted:
    """Text whose spaces and lines count: commands, logs."""

    text: str


@dataclass(frozen=True, slots=True)
class Small:
    """What is good to know but must not distract: ids, hashes, where to look."""

    line: Line


@dataclass(frozen=True, slots=True)
class Button:
    """A press stands for typing `line`. With `ask`, a text is asked for first and added as `into`:"…".

    With `form`, the form of that name is filled in first, and what it holds is added.
    """

    label: str
    line: str
    style: str = ""
    confirm: str = ""
    ask: str = ""
    into: str = "why"
    form: str = ""


@dataclass(frozen=True, slots=True)
class Buttons:
    """What the reader can do from here."""

    buttons: Sequence[Button]


@dataclass(frozen=True, slots=True)
class Menu:
    """One of many things the reader can choose; `label` says what is chosen, and nothing asks back."""

    label: str
    buttons: Sequence[Button]


Block = Heading | Paragraph | Bullets | Fields | Table | Preformatted | Small | Buttons | Menu


@dataclass(frozen=True, slots=True)
class Document:
    """A titled list of blocks; `whole` is what to type to see all of it, empty where nothing is shortened."""

    title: str
    blocks: Sequence[Block] = ()
    whole: str = "backstop timeline"


_PARTS: dict[str, Callable[..., object]] = {
    part.__name__: part
    for part in (
        Strong,
        Code,
        Link,
        Moment,
        Who,
        Heading,
        Paragraph,
        Bullets,
        Fields,
        Table,
        Preformatted,
        Small,
        Button,
        Buttons,
        Menu,
        Document,
    )
}


def to_json(part: object) -> object:
    """Return a document, or a part of one, as JSON values that `from_json` reads back."""
    if isinstance(part, datetime):
        return {"at": part.isoformat()}
    if isinstance(part, tuple | list):
        return [to_json(item) for item in part]
    if is_dataclass(part):
        values = {item.name: to_json(getattr(part, item.name)) for item in fields(part)}
        return {"part": type(part).__name__, "with": values}
    return part


def from_json(value: object) -> object:
    """Return what `to_json` wrote."""
    match value:
        case {"at": str(at)}:
            return datetime.fromisoformat(at)
        case {"part": str(name), "with": dict(values)}:
            return _PARTS[name](**{str(key): from_json(item) for key, item in values.items()})
        case list():
            return tuple(from_json(item) for item in value)
        case _:
            return value


def shown(document: Document) -> Document:
    """Return a document for readers: nothing in it is obeyed, links lead to the web, and long texts end."""
    literal = cast(Document, _each(document, visible))
    if not literal.whole:
        return literal
    short = cast(Document, _each(literal, lambda text: cut(text, LONGEST)))
    if short == literal:
        return literal
    return replace(short, blocks=(*short.blocks, Small(("Shortened. The whole: ", Code(literal.whole)))))


def _each(part: object, change: Callable[[str], str]) -> object:
    """Return a part with every text changed, but for addresses, and for commands and logs when it cuts."""
    match part:
        case str():
            return change(part)
        case tuple() | list():
            return tuple(_each(item, change) for item in part)
        case Link(text, url):
            return Link(change(text), url) if leads_to_the_web(url) else change(say((part,)))
        case Preformatted(text):
            return Preformatted(visible(text))
        case Button():
            return Button(**{item.name: visible(getattr(part, item.name)) for item in fields(part)})
        case _ if is_dataclass(part) and not isinstance(part, type):
            return replace(
                part, **{item.name: _each(getattr(part, item.name), change) for item in fields(part)}
            )
        case _:
            return part


def utc(at: datetime) -> str:
    """Return a moment as people write it: 2026-11-23 02:10:00Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def say(line: Line) -> str:
    """Return a line as bare text, for terminals, notifications and searches."""
    return "".join(_bare(span) for span in line)


def _bare(span: Span) -> str:
    match span:
        case str():
            return span
        case Strong(text) | Code(text):
            return text
        case Link(text, url):
            return f"{text} ({url})" if text != url else url
        case Moment(at):
            return utc(at)
        case Who(name):
            return f"@{name}"
        case _:
            assert_never(span)


def plain(document: Document) -> str:
    """Return a document for a terminal; buttons become the lines one can type."""
    seen = shown(document)
    parts = [_plain_block(block) for block in seen.blocks]
    return "\n".join([seen.title, *parts] if seen.title else parts).rstrip() + "\n"


def _plain_block(block: Block) -> str:
    match block:
        case Heading(text):
            return f"\n{text}"
        case Paragraph(line) | Small(line):
            return say(line)
        case Bullets(items):
            return "\n".join(f"  • {say(item)}" for item in items)
        case Fields(pairs):
            width = max((len(label) for label, _ in pairs), default=0)
            return "\n".join(f"  {label:<{width}}  {say(line)}" for label, line in pairs)
        case Table(header, rows):
            return _plain_table(header, rows)
        case Preformatted(text):
            return "\n".join(f"    {line}" for line in text.splitlines())
        case Buttons(buttons) | Menu(_, buttons):
            return "\n".join(f"  [{button.label}]  {_typed(button)}" for button in buttons)
        case _:
            assert_never(block)


def _typed(button: Button) -> str:
    if button.form:
        return f"{button.line} …"
    return f'{button.line} {button.into}:"…"' if button.ask else button.line


def _plain_table(header: Sequence[str], rows: Sequence[Sequence[Line]]) -> str:
    cells = [list(header), *([say(cell).replace("\n", " ") for cell in row] for row in rows)]
    widths = [
        max((len(row[column]) for row in cells if len(row[column]) <= WIDEST), default=0)
        for column in range(len(header))
    ]
    return "\n".join(
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


_MARKS = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_[]<>|#~&"})
_FIRST = re.compile(r"([-+]|\d{1,9}[.)](?=\s|$))")


def markdown(document: Document) -> str:
    """Return a document as Markdown that shows every text as it was typed; buttons are left out."""
    seen = shown(document)
    parts = [_markdown_block(block) for block in seen.blocks]
    title = f"# {_literal(seen.title)}\n" if seen.title else ""
    return "\n".join([title, *(part + "\n" for part in parts if part)]).strip() + "\n"


def _literal(text: str) -> str:
    return text.translate(_MARKS).replace("\n", " ")


def _markdown_line(line: Line) -> str:
    return "".join(_markdown_span(span) for span in line)


def _markdown_text(line: Line) -> str:
    """Return a line that begins no list, whatever it begins with."""
    text = _markdown_line(line).lstrip()
    first = _FIRST.match(text)
    return f"{text[: first.end() - 1]}\\{text[first.end() - 1 :]}" if first else text


def _markdown_span(span: Span) -> str:
    match span:
        case str():
            return _literal(span)
        case Strong(text):
            return _strong(_literal(text))
        case Code(text):
            return f"`{text.replace('`', 'ʼ').replace(chr(10), ' ')}`"
        case Link(text, url):
            return f"[{_literal(text)}](<{url.replace('|', '%7C')}>)"
        case Moment(at):
            return utc(at)
        case Who(name):
            return _literal(f"@{name}")
        case _:
            assert_never(span)


def _strong(text: str) -> str:
    # Stars beside a blank are stars and make nothing strong.
    inner = text.strip()
    return text.replace(inner, f"**{inner}**", 1) if inner else text


def _markdown_block(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * min(level, 6)} {_literal(text)}"
        case Paragraph(line):
            return _markdown_text(line)
        case Small(line):
            return f"*{_markdown_line(line)}*"
        case Bullets(items):
            return "\n".join(f"- {_markdown_text(item)}" for item in items)
        case Fields(pairs):
            return "\n".join(f"- **{_literal(label)}**: {_markdown_line(line)}" for label, line in pairs)
        case Table(header, rows):
            head = "| " + " | ".join(_literal(cell) for cell in header) + " |"
            rule = "|" + " --- |" * len(header)
            body = ["| " + " | ".join(_markdown_cell(cell) for cell in row) + " |" for row in rows]
            return "\n".join([head, rule, *body])
        case Preformatted(text):
            longest = max((len(run) for run in re.findall("`+", text)), default=0)
            fence = "`" * max(3, longest + 1)
            return f"{fence}\n{text}\n{fence}"
        case Buttons() | Menu():
            return ""
        case _:
            assert_never(block)


def _markdown_cell(cell: Line) -> str:
    # A bar ends a cell even inside of code.
    return _markdown_line([Code(s.text.replace("|", "\\|")) if isinstance(s, Code) else s for s in cell])
