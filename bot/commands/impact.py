"""Say what customers notice, since when, and since when data is damaged; a later word corrects an earlier."""

from __future__ import annotations

from datetime import datetime

from bot.commands.grammar import a_time
from bot.commands.verb import Ask, Outcome, Verb
from bot.core.errors import Refused
from bot.core.events import Event, ImpactStated, WritersStopped
from bot.core.incident import Incident
from bot.core.may import Right
from bot.timeline import Change


async def act(ask: Ask) -> Outcome:
    """Record the impact in words and moments; what is not said stays as it was."""
    incident = await ask.incident(ask.words.options.get("inc"))
    statement = (ask.words.args[0].strip() or None) if ask.words.args else None
    start, damage, stopped = (_moment(ask, key) for key in ("start", "damage", "writers-stopped"))
    if statement is None and start is None and damage is None and stopped is None:
        raise Refused(
            'Say what customers notice and since when: impact "wrong totals" start:02:00 damage:02:10. '
            "Nothing was recorded."
        )
    _order(ask, incident, damage, stopped)
    events: list[Event] = []
    if statement or start or damage:
        events.append(ImpactStated(statement=statement, impact_start=start, damage_start=damage))
    if stopped:
        events.append(WritersStopped(at=stopped))
    change = Change(incident.seq, tuple(events))
    return Outcome(ask.done(incident.id, "impact recorded."), {f"incident/{incident.id}": change})


def _moment(ask: Ask, key: str) -> datetime | None:
    said = ask.words.options.get(key)
    return a_time(said, ask.now) if said is not None else None


def _order(ask: Ask, incident: Incident, damage: datetime | None, stopped: datetime | None) -> None:
    begun, ended = damage or incident.damage_start, stopped or incident.writers_stopped
    if begun and ended and begun > ended:
        raise Refused(
            f"The damage cannot begin ({begun:%H:%M:%SZ}) after writers were stopped ({ended:%H:%M:%SZ}): "
            "nothing was recorded. Correct one of them with damage: or writers-stopped:."
        )


VERB = Verb(
    name="impact",
    usage='impact ["what customers notice"] [start:02:00] [damage:02:10] [writers-stopped:02:20]',
    summary="State or correct the impact and when it and the damage began.",
    right=Right.RESPOND,
    act=act,
    options=frozenset({"start", "damage", "writers-stopped", "inc"}),
)
