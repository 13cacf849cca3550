"""An issue of the tracker as people read it, in whichever form its texts are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bot.sandbox.jira import Issue


def issue_in_words(issue: Issue) -> str:
    """Return an issue: its title, whose it is and by when, its links, its description and its comments."""
    lines = [f"{issue.key}: {issue.summary}", f"assignee {issue.assignee}, due {issue.due}, {issue.status}"]
    lines += [f"{kind} {key}" for kind, key in issue.links]
    lines += _text(issue.description)
    for comment in issue.comments:
        lines += [f"comment by {comment.author}", *_text(comment.body)]
    return "\n".join(line for line in lines if line.strip())


def _text(body: Mapping[str, Any] | str | None) -> Iterator[str]:
    """Yield the lines of wiki markup as it is, and those of a document by its innermost blocks."""
    if isinstance(body, str):
        yield from body.split("\n")
    elif body:
        yield from _lines(body)


def _lines(node: Mapping[str, Any]) -> Iterator[str]:
    inside = node.get("content", ())
    if any(child["type"] in ("text", "hardBreak") for child in inside):
        yield "".join(child.get("text", "\n") for child in inside)
    elif node["type"] == "tableRow":
        yield " | ".join(" ".join(_lines(cell)) for cell in inside)
    else:
        for child in inside:
            yield from _lines(child)
