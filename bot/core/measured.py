"""The figures of many incidents, each as it is spread, with how many of them nobody can say.

Drills, false alarms, and what goes on in another incident are left out, and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from bot.core.events import Entry
from bot.core.postmortem.figures import Figure, figures
from bot.core.postmortem.story import Story
from bot.core.release import is_version, stated
from bot.core.spread import percentiles
from playbooks.words import Option


@dataclass(slots=True)
class Row:
    """One figure over all incidents: its values, in seconds if they are `times`, and why others have none."""

    formula: str
    times: bool = True
    values: list[float] = field(default_factory=list)
    met: int = 0
    missed: int = 0
    unsaid: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Report:
    """What some incidents come to. `left_out` counts what was not measured, by what it was.

    Of `releases` that went out, incidents suspect `suspected`, and `hotfixes` were decided.
    """

    incidents: int
    open: int
    left_out: Mapping[str, int]
    rows: Mapping[str, Row]
    releases: int
    suspected: int
    hotfixes: int


def report(stories: Iterable[Story], *, released: Sequence[Entry] = (), drills: int = 0) -> Report:
    """Return the report on some incidents; `released` went out in their time, and so many drills were."""
    every = list(stories)
    measured = [told for told in every if not (told.incident.false_alarm or told.incident.merged)]
    rows: dict[str, Row] = {}
    for told in measured:
        for figure in figures(told):
            _add(rows.setdefault(figure.name, Row(figure.formula)), figure)
    out = {
        (entry.stream, release.environment, release.version)
        for entry, release in stated(released)
        if is_version(release)
    }
    suspected = {
        (f"service/{told.incident.service}", told.incident.environment, told.incident.release)
        for told in measured
    }
    chosen = (decision.made.option for told in measured for decision in told.incident.decisions)
    return Report(
        incidents=len(measured),
        open=sum(told.incident.open for told in measured),
        left_out={
            "false alarms": sum(bool(told.incident.false_alarm) for told in every),
            "merged": sum(bool(told.incident.merged) for told in every),
            "drills": drills,
        },
        rows=rows,
        releases=len(out),
        suspected=len(out & suspected),
        hotfixes=sum(option == Option.HOTFIX for option in chosen),
    )


def _add(row: Row, figure: Figure) -> None:
    if figure.value is None:
        row.unsaid.update([figure.why] if figure.why else [])
        return
    row.times = isinstance(figure.value, timedelta)
    row.values.append(figure.value.total_seconds() if isinstance(figure.value, timedelta) else figure.value)
    row.met += figure.met is True
    row.missed += figure.met is False


def report_json(found: Report) -> Mapping[str, object]:
    """Return the report as JSON values; times are seconds."""
    return {
        "incidents": found.incidents,
        "open": found.open,
        "left_out": dict(found.left_out),
        "figures": [{"name": name, **_row(row)} for name, row in found.rows.items()],
        "releases": found.releases,
        "suspected_releases": found.suspected,
        "hotfixes": found.hotfixes,
    }


def _row(row: Row) -> Mapping[str, object]:
    values = sorted(row.values)
    ends = {"min": values[0], "max": values[-1]} if values else {}
    return {
        "formula": row.formula,
        "unit": "seconds" if row.times else "ratio",
        "n": len(values),
        **ends,
        **{f"p{share}": value for share, value in percentiles(values).items()},
        "each": values,
        "met": row.met,
        "missed": row.missed,
        "cannot_say": dict(row.unsaid.most_common()),
    }
