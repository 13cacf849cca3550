"""What the shell passed is what the grammar reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.grammar import read
from bot.terminal.words import line_of

_SPOKEN = st.text(
    st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=30
)


def seen(text: str) -> str:
    """Return a text as the grammar hands it on: typographic blanks are plain ones, everything else stays."""
    return text.translate(str.maketrans(dict.fromkeys("\u00a0\u2007\u202f\u2003\u2002\u2009", " ")))


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["declare", "Orders are wrong", "sev:1"], 'declare "Orders are wrong" sev:1'),
        (["abort", "RUN-9", "why:the disk is full"], 'abort RUN-9 why:"the disk is full"'),
        (["note", "Cause: the disk"], 'note "Cause: the disk"'),
        (["note", "look", "link:https://x.example/a?b=1"], 'note look link:"https://x.example/a?b=1"'),
        (["note", "https://x.example/a"], 'note "https://x.example/a"'),
        (["note", 'he said "no"'], r'note "he said \"no\""'),
        (["freeze", "allow", "FRZ-7", "checkout@ab12", "why"], "freeze allow FRZ-7 checkout@ab12 why"),
        (["start", "."], "start ."),
        (["note", ""], 'note ""'),
        (["impact", "since:02:10"], 'impact since:"02:10"'),
    ],
)
def test_words_of_a_shell_become_a_line(words: list[str], line: str) -> None:
    assert line_of(words) == line


@given(st.lists(_SPOKEN, max_size=5))
def test_a_word_that_is_no_option_arrives_as_it_was_passed(texts: list[str]) -> None:
    # A leading blank keeps a text from looking like an option.
    words = [f" {text}" for text in texts]

    found = read(line_of(["note", *words]))

    assert (found.verb, found.options) == ("note", {})
    assert list(found.args) == [seen(word) for word in words]


@given(_SPOKEN.filter(lambda text: not text[0].isspace()))
def test_the_value_of_an_option_arrives_as_it_was_passed(value: str) -> None:
    found = read(line_of(["abort", "RUN-9", f"why:{value}"]))

    assert found.args == ("RUN-9",)
    assert found.options == {"why": seen(value)}
