"""What people typed is undone to what they meant, and an answer cannot break out of its quotes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.grammar import LONGEST, read
from bot.core.literal import visible
from bot.slack.text import after_mention, cut, escaped_size, quoted, size, typed

KNOWN = {"U0ANA": "ana"}


@pytest.mark.parametrize(
    ("sent", "means"),
    [
        ("role ic <@U0ANA|anna>", "role ic @ana"),
        ("role ic <@U0ANA>", "role ic @ana"),
        ("role ic <@U0ZED|ana>", "role ic @U0ZED"),
        ("in <#C1|general> and <#C2>", "in #general and #C2"),
        ("<!subteam^S1|@dba> <!channel> <!here|here>", "@dba @channel here"),
        ("<!date^1700000000^{date}|then>", "then"),
        ("see <http://orders.example.com|orders.example.com>", "see orders.example.com"),
        ("see <https://a.example/x|click here>", "see https://a.example/x"),
        ("see <https://a.example/x>", "see https://a.example/x"),
        ("<mailto:ana@example.com|ana@example.com>", "ana@example.com"),
        ("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c"),
        ("&lt;@U0ANA&gt;", "<@U0ANA>"),
    ],
)
def test_entities_are_what_people_meant(sent: str, means: str) -> None:
    assert typed(sent, KNOWN.get) == means


@pytest.mark.parametrize(
    ("text", "bot", "line"),
    [
        ("<@U0BOT> status", "U0BOT", "status"),
        ('<@U0ANA> said: <@U0BOT|backstop>  note "x"', "U0BOT", 'note "x"'),
        ("hello <@U0BOT>", "", ""),
        ("<@U0BOT> status", "", "status"),
        ("status", "U0BOT", "status"),
    ],
)
def test_what_follows_the_mention_is_the_line(text: str, bot: str, line: str) -> None:
    assert after_mention(text, bot) == line


@given(st.text(max_size=200))
def test_an_answer_is_one_option_whatever_is_in_it(text: str) -> None:
    answer = visible(text).strip()
    words = read(f"reject RUN-1.gate plan:ab why:{quoted(answer)}")
    assert (words.verb, words.args) == ("reject", ("RUN-1.gate",))
    assert set(words.options) == {"plan", "why"}
    assert len(words.options["why"]) == len(answer) <= LONGEST


@given(st.text(max_size=80), st.integers(1, 90))
def test_a_cut_text_is_never_longer_than_asked(text: str, most: int) -> None:
    for weigh in (size, escaped_size):
        short = cut(text, most, weigh=weigh)
        assert weigh(short) <= most
        assert short == text or short.endswith("…")
