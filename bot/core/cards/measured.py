"""The report on the figures of many incidents."""

from __future__ import annotations

from datetime import timedelta

from bot.core.document import Document, Fields, Line, Paragraph, Small, Table
from bot.core.measured import Report, Row
from bot.core.spread import FEW, spread_in_words
from bot.core.words import in_words

HEADER = ("Figure", "n", "Spread", "Target", "Cannot say")
NO_AVERAGE = (
    "p75 is what three of four stayed within. One long night would be most of an average, so none is given; "
    f"of fewer than {FEW} each is told. How each figure is reckoned is in the post-mortems."
)


def report_card(found: Report, scope: str) -> Document:
    """Return the report; `scope` says of which service and of what time."""
    out = ", ".join(f"{number} {what}" for what, number in found.left_out.items())
    if not found.incidents:
        return Document("", (Paragraph((f"There is no incident to measure{scope}; left out: {out}.",)),))
    fields = Fields(
        (
            ("Left out", (out,)),
            ("Still open", (str(found.open),)),
            ("Change fail", (f"{found.suspected} of {found.releases} recorded releases are suspected",)),
            ("Rework", (f"{found.hotfixes} hotfixes were decided",)),
        )
    )
    rows = [_row(name, row) for name, row in found.rows.items() if row.values or row.unsaid]
    title = f"{found.incidents} {'incident' if found.incidents == 1 else 'incidents'}{scope}"
    return Document(title, (fields, Table(HEADER, rows), Small((NO_AVERAGE,))))


def _row(name: str, row: Row) -> tuple[Line, ...]:
    judged = row.met + row.missed
    target = f"{row.met} met, {row.missed} missed" if judged else ""
    reasons = "; ".join(f"{why} ({number})" for why, number in row.unsaid.most_common())
    unsaid = f"{row.unsaid.total()}: {reasons}" if reasons else "0"
    spread = spread_in_words(row.values, _time if row.times else _ratio)
    return ((name,), (str(len(row.values)),), (spread,), (target,), (unsaid,))


def _time(seconds: float) -> str:
    return in_words(timedelta(seconds=seconds))


def _ratio(value: float) -> str:
    return f"{value:.1f}"
