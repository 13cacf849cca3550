"""Documents that people could bring about, the nastiest ones included."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

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
    Strong,
    Table,
    Who,
)

NASTY = (
    "<!channel> <@U0BO000001> <https://evil.example|click> &amp; &lt;",
    "*bold* _it_ ~gone~ `code` ```block```",
    ":fire: :100: 02:10:00 :dba:",
    "> quoted\n>>> more",
    'pipes | "quotes" \\ back',
    "\u202egnp.exe \u2066x\u2069 שלום",
    "nul\x00 bell\x07 escape\x1b[31m",
    "emoji 🔥👩‍👩‍👧 \ud800",
    "x" * 3_200,
    "🔥" * 1_600,
    "",
    "   ",
    "\n\n",
)

texts = st.one_of(
    st.sampled_from(NASTY),
    st.text(max_size=60),
    st.sampled_from((1, 74, 76, 150, 151, 2000, 2001, 3000, 3001)).map(lambda n: "y" * n),
)
moments = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
spans = st.one_of(
    texts,
    texts.map(Strong),
    texts.map(Code),
    st.builds(
        Link, texts, st.one_of(texts, st.just("https://a.example/x?y=<z>|w&v"), st.just("javascript:x"))
    ),
    moments.map(Moment),
    st.builds(Who, st.sampled_from(["ana", "bo", "<!here>", ""]), st.booleans()),
)
lines: st.SearchStrategy[Line] = st.lists(spans, max_size=6).map(tuple)
buttons = st.builds(
    Button,
    texts,
    texts,
    st.sampled_from(["", "primary", "danger", "loud"]),
    texts,
    texts,
    st.sampled_from(["why", "evidence", "break-glass"]),
)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Return a table whose rows have as many cells as its header."""
    width = draw(st.integers(1, 4))
    row = st.lists(lines, min_size=width, max_size=width)
    header = st.lists(texts, min_size=width, max_size=width)
    return Table(draw(header), draw(st.lists(row, max_size=3)))


blocks: st.SearchStrategy[Block] = st.one_of(
    texts.map(Heading),
    lines.map(Paragraph),
    lines.map(Small),
    st.lists(lines, max_size=5).map(Bullets),
    st.lists(st.tuples(texts, lines), max_size=5).map(Fields),
    texts.map(Preformatted),
    tables(),
    st.lists(buttons, max_size=4).map(Buttons),
    st.builds(Menu, texts, st.lists(buttons, max_size=4)),
)
documents = st.builds(Document, texts, st.lists(blocks, max_size=7))
