"""A document as a page. Every text is escaped; a page has no script, no form and nothing from elsewhere."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from typing import assert_never

from bot.core.document import (
    Block,
    Bullets,
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
    utc,
)
from bot.core.literal import leads_to_the_web, visible

STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
body, td, th { overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; }
pre, .wide { overflow-x: auto; }
pre { padding: .5rem; border: 1px solid #8886; }
table { border-collapse: collapse; }
td, th { text-align: left; vertical-align: top; padding: .2rem .6rem .2rem 0; }
dt { font-weight: 600; } dd { margin: 0 0 .4rem 0; }
@media (min-width: 40rem) { dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; } }
p, li, dd, td, pre { unicode-bidi: isolate; }
"""
POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
)
_DIRECTIONS = re.compile(r"[\u061c\u200e\u200f]")  # they must not leak out of a text


def page(document: Document, *, links: Line = ()) -> str:
    """Return a whole page; `links` stand above the document."""
    title = _text(document.title)
    body = "".join(_block(block) for block in document.blocks)
    nav = f"<nav>{_line(links)}</nav>" if links else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head>"
        f"<body>{nav}<h1>{title}</h1>{body}</body></html>"
    )


def _block(block: Block) -> str:
    match block:
        case Heading(text, level):
            size = min(max(level, 2), 6)
            return f"<h{size}>{_text(text)}</h{size}>"
        case Paragraph(line):
            return f"<p>{_line(line)}</p>"
        case Small(line):
            return f"<p><small>{_line(line)}</small></p>"
        case Bullets(items):
            return f"<ul>{_each('li', items)}</ul>"
        case Fields(pairs):
            rows = "".join(f"<dt>{_text(label)}</dt><dd>{_line(line)}</dd>" for label, line in pairs)
            return f"<dl>{rows}</dl>"
        case Table(header, rows):
            head = "".join(f"<th>{_text(cell)}</th>" for cell in header)
            body = "".join(f"<tr>{_each('td', row)}</tr>" for row in rows)
            return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'
        case Preformatted(text):
            return f"<pre>{_text(text)}</pre>"
        case Buttons(buttons) | Menu(_, buttons):
            said: Sequence[Line] = [(f"{button.label}: ", Code(button.line)) for button in buttons]
            return f"<ul>{_each('li', said)}</ul>"
        case _:
            assert_never(block)


def _each(tag: str, lines: Iterable[Line]) -> str:
    return "".join(f"<{tag}>{_line(line)}</{tag}>" for line in lines)


def _line(line: Line) -> str:
    return "".join(_span(span) for span in line)


def _span(span: Span) -> str:
    match span:
        case str():
            return _text(span)
        case Strong(text):
            return f"<strong>{_text(text)}</strong>"
        case Code(text):
            return f"<code>{_text(text)}</code>"
        case Link(text, url):
            return _link(text, url)
        case Moment(at):
            return f'<time datetime="{escape(at.isoformat())}">{utc(at)}</time>'
        case Who(name):
            return _text(f"@{name}")
        case _:
            assert_never(span)


def _link(text: str, url: str) -> str:
    # Only the web and this site: a `javascript:` address is text like any other.
    if not leads_to_the_web(url) and not (re.match(r"/[^/\\]", url) and visible(url) == url):
        return _text(f"{text} ({url})")
    return f'<a href="{escape(url)}" rel="noreferrer">{_text(text)}</a>'


def _text(text: str) -> str:
    literal = escape(visible(text))
    return f"<bdi>{literal}</bdi>" if _DIRECTIONS.search(literal) else literal
