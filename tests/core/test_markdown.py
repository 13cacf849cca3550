"""Documents as Markdown: what is strong must be strong wherever its blanks are."""

from __future__ import annotations

import pytest

from bot.core.document import Document, Paragraph, Strong, markdown


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Lost", "**Lost**1 s"),
        ("Lost: ", "**Lost:** 1 s"),
        (" Lost ", "**Lost** 1 s"),
        ("a a ", "**a a** 1 s"),
        ("a*b ", "**a\\*b** 1 s"),
        (" ", "1 s"),
    ],
)
def test_blanks_stay_outside_of_the_stars(text: str, written: str) -> None:
    document = Document("", (Paragraph((Strong(text), "1 s")),))
    assert markdown(document).strip() == written


def test_nothing_strong_is_nothing() -> None:
    assert markdown(Document("", (Paragraph((Strong(""), "1 s")),))) == "1 s\n"
