"""The pages a browser sees: the list of issues, and one issue with its description, files and comments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import quote

from bot.core.document import utc
from bot.sandbox.jira.site import Issue

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
header p, footer, small { color: GrayText; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { border: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top; }
th { background: var(--soft); }
td p, th p, li p { margin: 0; }
td, p, li { overflow-wrap: anywhere; }
pre, code { background: var(--soft); border-radius: 3px; }
pre { padding: .8rem; overflow: auto; }
code { padding: .1rem .3rem; }
aside { border-left: 4px solid #b8860b; background: var(--soft); padding: .1rem 1rem; margin: 1rem 0; }
"""

# Nothing on these pages runs or loads anything, whatever an issue says.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}

_TAGS: Mapping[str, str] = {
    "paragraph": "p",
    "bulletList": "ul",
    "orderedList": "ol",
    "listItem": "li",
    "tableRow": "tr",
    "tableHeader": "th",
    "tableCell": "td",
    "panel": "aside",
    "table": "table",
}


def issue_page(issue: Issue) -> str:
    """Return an issue as an HTML page; everything in it is text."""
    labels = " ".join(f"<code>{escape(label)}</code>" for label in issue.labels)
    whose = f" · {escape(issue.assignee)}" if issue.assignee else ""
    whose += f" · due {issue.due}" if issue.due else ""
    return _page(
        f"{issue.key} {issue.summary}",
        f"<header><p>{issue.key} · {escape(issue.type)} · {escape(issue.status)}{whose} {labels}</p>"
        f"<h1>{_text(issue.summary)}</h1></header>"
        f"<main>{document(issue.description)}</main>"
        + _section("Attachments", (_attachment(*each) for each in _files(issue)))
        + _section("Linked issues", (f"<li>{escape(kind)}: {_link(key)}</li>" for kind, key in issue.links))
        + _section("Comments", (_comment(each.body, each.updated) for each in issue.comments)),
    )


def list_page(issues: Iterable[Issue]) -> str:
    """Return the list of issues, newest first, as an HTML page."""
    rows = [f"<li>{_link(issue.key)} {_text(issue.summary)}</li>" for issue in issues]
    body = f"<ul>{''.join(reversed(rows))}</ul>" if rows else "<p>No issue has been created yet.</p>"
    return _page("Issues", f"<h1>Issues</h1>{body}")


def document(node: Mapping[str, Any] | str | None) -> str:
    """Return an Atlassian document as HTML; wiki markup is shown as it is."""
    if isinstance(node, str):
        return f"<pre>{escape(node)}</pre>"
    return "".join(_node(child) for child in node["content"]) if node else ""


def _node(node: Mapping[str, Any]) -> str:
    inside = "".join(_node(child) for child in node.get("content", ()))
    match node["type"]:
        case "text":
            return _marked(node)
        case "hardBreak":
            return "<br>"
        case "rule":
            return "<hr>"
        case "codeBlock":
            return f"<pre>{inside}</pre>"
        case "heading":
            level = int(node["attrs"]["level"])
            return f"<h{level}>{inside}</h{level}>"
        case kind:
            tag = _TAGS.get(kind, "div")
            return f"<{tag}>{inside}</{tag}>"


def _marked(node: Mapping[str, Any]) -> str:
    html = escape(node["text"])
    for mark in node.get("marks", ()):
        if mark["type"] == "link":
            html = f'<a rel="noreferrer" href="{escape(_address(mark["attrs"]["href"]))}">{html}</a>'
        elif mark["type"] in ("strong", "em", "code"):
            html = f"<{mark['type']}>{html}</{mark['type']}>"
    return html


def _address(href: str) -> str:
    return href if href.lower().startswith(("https://", "http://", "mailto:")) else "#"


def _files(issue: Issue) -> Iterable[tuple[str, str, int, datetime]]:
    return ((file.id, file.filename, len(file.content), file.created) for file in issue.attachments)


def _attachment(id: str, filename: str, size: int, created: datetime) -> str:
    address = f"/secure/attachment/{id}/{quote(filename, safe='')}"
    return f'<li><a href="{address}">{_text(filename)}</a> <small>{size:,} bytes, {utc(created)}</small></li>'


def _comment(body: Mapping[str, Any] | str, at: datetime) -> str:
    return f"<li><small>{utc(at)}</small>{document(body)}</li>"


def _section(title: str, items: Iterable[str]) -> str:
    rows = "".join(items)
    return f"<section><h2>{title}</h2><ul>{rows}</ul></section>" if rows else ""


def _link(key: str) -> str:
    return f'<a href="/browse/{quote(key)}">{escape(key)}</a>'


def _text(text: str) -> str:
    return f"<bdi>{escape(text)}</bdi>"


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">'
        f"<style>{STYLE}</style></head><body>{body}"
        "<footer><p>A local stand-in for Jira. Nothing here leaves this machine.</p></footer></body></html>"
    )
