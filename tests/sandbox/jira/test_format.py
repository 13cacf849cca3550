from typing import Any

import pytest
from hypothesis import given

from bot.core.adf import adf
from bot.core.document import (
    Document,
)
from bot.sandbox.jira.format import refusals
from tests.core.test_adf import documents
from tests.official import check_adf
from tests.sandbox.jira.conftest import doc, node, text


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("text", "Atlassian Document"),
        ({"type": "doc", "content": []}, "version"),
        ({"type": "doc", "version": 1}, "list of nodes"),
        (doc("text"), "str is not a node"),
        (doc(text("loose")), "doc: may not hold text"),
        (doc(node("mystery")), "may not hold mystery"),
        (doc(node("paragraph", text(""))), "empty"),
        (doc(node("paragraph", {"type": "text", "text": 7})), "empty"),
        (doc(node("paragraph", text("a\nb"))), "hardBreak"),
        (doc(node("paragraph", text("a\0b"))), "control character"),
        (doc(node("paragraph", text("\ud800"))), "control character"),
        (doc(node("paragraph", text("a", "code", "strong"))), "code may not be combined"),
        (doc(node("paragraph", text("a", "strong", "strong"))), "repeated"),
        (doc(node("paragraph", text("a", "blink"))), "unknown"),
        (doc(node("paragraph", text("a", "link"))), "link is malformed"),
        (doc(node("paragraph", {**text("a"), "attrs": {}})), "text and marks only"),
        (doc(node("paragraph", {"type": "hardBreak", "content": []})), "may not have content"),
        (doc(node("heading", text("a"), level=7)), "level"),
        (doc(node("panel", node("paragraph"), panelType="shiny")), "panelType"),
        (doc(node("paragraph", color="red")), "unknown attributes"),
        (doc(node("bulletList")), "needs content"),
        (doc(node("table", node("tableRow", node("tableCell")))), "tableCell: needs content"),
        (doc(node("codeBlock", text("a", "em"))), "may not be marked"),
    ],
)  # fmt: skip
def test_a_document_jira_would_refuse_is_refused(document: Any, words: str) -> None:
    assert any(words in refusal for refusal in refusals(document)), list(refusals(document))


@given(documents)
def test_whatever_the_renderer_writes_is_taken(document: Document) -> None:
    assert list(refusals(adf(document))) == []


def test_the_official_schema_agrees_with_what_is_taken() -> None:
    rows = node("tableRow", node("tableHeader", node("paragraph")), node("tableCell", node("rule") | {}))
    rows["content"][1]["content"] = [node("codeBlock", text("a\nb"))]
    taken = doc(node("table", rows), node("panel", node("heading", text("a"), level=1), panelType="note"))
    assert list(refusals(taken)) == []
    check_adf(taken)
