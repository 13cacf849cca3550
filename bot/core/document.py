"""What people read, before it has a place: one document becomes Slack blocks, Markdown, ADF or a terminal.

Text in a document is always literal. Each renderer escapes it; nothing a person typed is ever interpreted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from typing import assert_never


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
    """A press stands for typing `line`. With `ask`, a text is asked for first and added as `into`:"…"."""

    label: str
    line: str
    style: str = ""
    confirm: str = ""
    ask: str = ""
    into: str = "why"


@dataclass(frozen=True, slots=True)
class Buttons:
    """What the reader can do from here."""

    buttons: Sequence[Button]


Block = Heading | Paragraph | Bullets | Fields | Table | Preformatted | Small | Buttons


@dataclass(frozen=True, slots=True)
class Document:
    """A titled list of blocks."""

    title: str
    blocks: Sequence[Block] = ()


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
    return _join(document.title, (_plain_block(block) for block in document.blocks))


def _join(title: str, parts: Iterable[str]) -> str:
    return "\n".join([title, *parts] if title else list(parts)).rstrip() + "\n"


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
        case Buttons(buttons):
            return "\n".join(f"  [{button.label}]  {_typed(button)}" for button in buttons)
        case _:
            assert_never(block)


def _typed(button: Button) -> str:
    return f'{button.line} {button.into}:"…"' if button.ask else button.line


def _plain_table(header: Sequence[str], rows: Sequence[Sequence[Line]]) -> str:
    cells = [list(header), *([say(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    return "\n".join(
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


_MARKDOWN = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_[]<>|#~"})


def markdown(document: Document, *, escape: Callable[[str], str] | None = None) -> str:
    """Return a document as Markdown; `escape` replaces the escaping of literal text."""
    literal = escape or (lambda text: text.translate(_MARKDOWN).replace("\n", " "))
    parts = [_markdown_block(block, literal) for block in document.blocks]
    title = f"# {literal(document.title)}\n" if document.title else ""
    return "\n".join([title, *(part + "\n" for part in parts if part)]).strip() + "\n"


def _markdown_line(line: Line, literal: Callable[[str], str]) -> str:
    return "".join(_markdown_span(span, literal) for span in line)


def _markdown_span(span: Span, literal: Callable[[str], str]) -> str:
    match span:
        case str():
            return literal(span)
        case Strong(text):
            return _strong(literal(text))
        case Code(text):
            return f"`{text.replace('`', 'ʼ')}`"
        case Link(text, url):
            return f"[{literal(text)}](<{url.replace('>', '%3E')}>)"
        case Moment(at):
            return utc(at)
        case Who(name):
            return literal(f"@{name}")
        case _:
            assert_never(span)


def _strong(text: str) -> str:
    # Stars beside a blank are stars and make nothing strong.
    inner = text.strip()
    return text.replace(inner, f"**{inner}**", 1) if inner else text


def _markdown_block(block: Block, literal: Callable[[str], str]) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * min(level, 6)} {literal(text)}"
        case Paragraph(line):
            return _markdown_line(line, literal)
        case Small(line):
            return f"*{_markdown_line(line, literal)}*"
        case Bullets(items):
            return "\n".join(f"- {_markdown_line(item, literal)}" for item in items)
        case Fields(pairs):
            return "\n".join(
                f"- **{literal(label)}**: {_markdown_line(line, literal)}" for label, line in pairs
            )
        case Table(header, rows):
            head = "| " + " | ".join(literal(cell) for cell in header) + " |"
            rule = "|" + " --- |" * len(header)
            body = ["| " + " | ".join(_markdown_line(cell, literal) for cell in row) + " |" for row in rows]
            return "\n".join([head, rule, *body])
        case Preformatted(text):
            fence = "`" * (3 + text.count("```"))
            return f"{fence}\n{text}\n{fence}"
        case Buttons():
            return ""
        case _:
            assert_never(block)
