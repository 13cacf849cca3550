"""Say what customers notice, since when, and since when data is damaged; a later word corrects an earlier."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from bot.commands.grammar import a_recent_time
from bot.commands.verb import Ask, Outcome, Verb
from bot.core.document import Line, Span, Strong
from bot.core.errors import Refused
from bot.core.events import Event, ImpactStated, WritersStarted, WritersStopped
from bot.core.incident import Incident
from bot.core.may import Right
from bot.core.outdated import damaged_again
from bot.core.run import Run
from bot.core.words import at_clock, in_words, joined, lasted
from bot.timeline import Change

_SAID = (
    ("start", "it began"),
    ("damage", "the damage began"),
    ("writers-stopped", "writers were stopped"),
    ("detected", "it was detected"),
    ("acknowledged", "somebody took it on"),
    ("mitigated", "customers notice it no more"),
)
_ORDER = (("start", "detected"), ("detected", "acknowledged"), ("start", "mitigated"))
"""Of these the second cannot come before the first: a figure is measured from one to the other."""
_NO = "no"
_CLOCK = re.compile(r"\d{1,2}:")


async def act(ask: Ask) -> Outcome:
    """Record the impact in words and moments; what is not said stays as it was."""
    incident = await ask.incident(ask.words.options.get("inc"))
    statement = (ask.words.args[0].strip() or None) if ask.words.args else None
    moments = {key: _moment(ask, key) for key, _ in _SAID}
    damage, stopped = moments["damage"], moments["writers-stopped"]
    again = ask.words.options.get("writers-stopped") == _NO
    if statement is None and not again and not any(moments.values()):
        raise Refused(
            'Say what customers notice and since when: impact "wrong totals" start:02:00 damage:02:10. '
            "Nothing was recorded."
        )
    anew = None if again else await _order(ask, incident, damage, stopped)
    events: list[Event] = [WritersStarted()] if again else []
    if (stated := _stated(statement, moments)) != ImpactStated():
        events.append(stated)
    if stopped:
        events.append(WritersStopped(at=stopped))
    change = Change(incident.seq, tuple(events))
    said = ask.words.options
    told = [
        told_in_full(ask, what, at, said=said[key], again=key) for key, what in _SAID if (at := moments[key])
    ]
    if again:
        told.append(("writers write again",))
    line = ("impact recorded: ", *joined(told, "; "), ".") if told else ("impact recorded.",)
    if anew:
        line = (*line, _written_again(anew, damage))
    line = (*line, *_backwards(ask, incident, moments))
    if damage:
        line = (*line, *await _came_back(ask, replace(incident, damage_start=damage, damage_said=ask.now)))
    return Outcome(ask.done(incident.id, *line), {f"incident/{incident.id}": change})


def _stated(statement: str | None, moments: Mapping[str, datetime | None]) -> ImpactStated:
    return ImpactStated(
        statement=statement,
        impact_start=moments["start"],
        damage_start=moments["damage"],
        detected=moments["detected"],
        acknowledged=moments["acknowledged"],
        mitigated=moments["mitigated"],
    )


def _backwards(ask: Ask, incident: Incident, said: Mapping[str, datetime | None]) -> Iterator[Span]:
    """Yield which moments contradict each other now; which of them is wrong, only people know."""
    known = {
        "start": said["start"] or incident.impact_start,
        "detected": said["detected"] or incident.detected or incident.alerted,
        "acknowledged": said["acknowledged"] or incident.acknowledged,
        "mitigated": said["mitigated"] or incident.mitigated,
    }
    words = dict(_SAID)
    for first, second in _ORDER:
        before, after = known[first], known[second]
        if before and after and after < before and (said[first] or said[second]):
            late = f"{words[second]} {at_clock(after, ask.now)}"
            yield " "
            yield Strong(f"Look again: {late}, before {words[first]} ({at_clock(before, ask.now)}).")
            yield f" No figure is reckoned between them until {second}: or {first}: corrects it."


async def _came_back(ask: Ask, incident: Incident) -> Line:
    """Return what was restored before anybody knew that it was damaged already."""
    found = [damaged_again(run, incident) for run in await ask.runs_of(incident)]
    return tuple(
        part
        for why in found
        if why
        for part in (" ", Strong(why), " Plan another restore to an older point.")
    )


def told_in_full(ask: Ask, what: str, at: datetime, *, said: str, again: str) -> Line:
    """Return a moment in words, aloud when it is not today; `again` is how a `said` one is corrected."""
    full = f"{what} {at:%Y-%m-%d %H:%M:%SZ}, {in_words(lasted(at, ask.now))} ago"
    if at.date() == ask.now.date():
        return (full,)
    if not _CLOCK.match(said):
        return (full, ", ", Strong("NOT TODAY"))
    meant = f"`{again}:{ask.now:%Y-%m-%d}T02:10Z`"
    return (full, ", ", Strong("YESTERDAY"), f" (times are UTC; say another day with its date, as {meant})")


def _moment(ask: Ask, key: str) -> datetime | None:
    said = ask.words.options.get(key)
    if said is None or (key == "writers-stopped" and said == _NO):
        return None
    return a_recent_time(said, ask.now)


async def _order(
    ask: Ask, incident: Incident, damage: datetime | None, stopped: datetime | None
) -> Run | None:
    """Return the run through which writers write again, where the damage began after they were stopped.

    It recovered between the two, or it is over and had stopped them itself.
    """
    begun, ended = damage or incident.damage_start, stopped or incident.writers_stopped
    if not begun or not ended or begun <= ended:
        return None
    if stopped is None:
        for run in await ask.runs_of(incident):
            own = run.over and run.id == incident.stopped_by
            if own or (run.recovered_at and ended <= run.recovered_at < begun):
                return run
    raise Refused(
        f"The damage cannot begin ({at_clock(begun, ask.now)}) after writers were stopped "
        f"({at_clock(ended, ask.now)}): "
        "nothing was recorded. Correct one of them with damage: or writers-stopped:, or say "
        "writers-stopped:no if writers write again."
    )


def _written_again(run: Run, begun: datetime | None) -> str:
    if run.recovered_at and begun and run.recovered_at < begun:
        return f" {run.id} had recovered by then: this is new damage, and writers count as writing again."
    return f" {run.id} had stopped writers and is {run.state}: they count as writing again."


VERB = Verb(
    name="impact",
    usage=(
        'impact ["what customers notice"] [start:02:00] [damage:02:10] [writers-stopped:02:20|no] '
        "[detected:02:05] [acknowledged:02:06] [mitigated:02:40]"
    ),
    summary="State or correct the impact, and when it began, was detected, taken on and over.",
    right=Right.RESPOND,
    act=act,
    options=frozenset({*dict(_SAID), "inc"}),
)
