"""The figures of an incident as a table; of one that nobody can say it stands why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bot.core.document import Block, Heading, Line, Paragraph, Table
from bot.core.postmortem.figures import Figure, figures
from bot.core.postmortem.story import Story
from bot.core.words import in_words


def metrics_section(told: Story) -> Iterator[Block]:
    """Return the table of metrics."""
    yield Heading("Metrics")
    if told.incident.false_alarm:
        yield Paragraph(("It was a false alarm, and no figure counts it.",))
        return
    rows: list[tuple[Line, ...]] = [
        ((" ".join(filter(None, (each.name, each.of))),), (each.formula,), (_said(each),))
        for each in figures(told)
    ]
    yield Table(("Metric", "Formula", "Value"), rows)


def _said(figure: Figure) -> str:
    if figure.value is None:
        return f"cannot say: {figure.why}" if figure.why else figure.note
    note = f" ({figure.note})" if figure.note else ""
    return f"{value_in_words(figure.value)}{note}{_verdict(figure)}"


def value_in_words(value: timedelta | float) -> str:
    """Return the value of a figure: a length of time, or a ratio."""
    return in_words(value) if isinstance(value, timedelta) else f"{value:.1f}"


def _verdict(figure: Figure) -> str:
    if figure.target is None or not isinstance(figure.value, timedelta):
        return ""
    missed = in_words(figure.value - figure.target)
    return f"; target {in_words(figure.target)}: {'met' if figure.met else f'missed by {missed}'}"
