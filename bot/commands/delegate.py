"""Let somebody approve in your place for a while."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from bot.commands.grammar import a_duration
from bot.commands.verb import Ask, Outcome, Verb, in_incident
from bot.core.delegation import Delegation, asked_of, places
from bot.core.document import Line, Moment, Span, Who
from bot.core.errors import Refused
from bot.core.events import Delegated, DelegationEnded, DelegationEvent
from bot.core.incident import Incident
from bot.core.may import Right
from bot.core.plan import PlannedGate
from bot.core.run import Run, Status
from bot.core.seats import empty_seats, needed
from bot.core.words import in_words
from playbooks.roles import Holders

LONGEST = timedelta(hours=24)


async def act(ask: Ask) -> Outcome:
    """Give your place in every role of the incident's runs to somebody until a moment, or take it back."""
    word = ask.argument(0, "Who approves in your place (@name), or `end`")
    incident = await ask.incident(ask.words.options.get("inc"))
    if word.lower() == "end":
        return await _taken_back(ask, incident)
    to = ask.person(word)
    _fit(ask.who.name, to, incident, places(incident.delegated, now=ask.now))
    if not incident.open:
        raise Refused(f"{incident.id} is {incident.stands}: nobody approves there. Nothing was recorded.")
    wait = a_duration(ask.option("for", "how long, as 4h"))
    if wait > LONGEST:
        raise Refused(f"A place is given for {in_words(LONGEST)} at most: nothing was recorded.")
    why = ask.option("why", "the reason")
    runs = await ask.runs_of(incident)
    given = Delegated(to=to, until=ask.now + wait, why=why, runs=asked_of(runs))
    line: Line = (Who(to), " approves in your place until ", Moment(given.until), "; until then you do not.")
    started = [run.id for run in runs if run.requester == to and not run.over]
    small = f"@{to} started {', '.join(started)}: their approval does not count there." if started else ""
    for run, why in _stuck(ask, incident, runs, given):
        if run.started_at:
            raise Refused(
                f"{why} Nothing was recorded in {incident.id}. Name somebody who is not asked there."
            )
        small = f"{small} {why}".lstrip()
    return _recorded(ask, incident, given, *line, small=(small,) if small else ())


def _stuck(ask: Ask, incident: Incident, runs: Sequence[Run], given: Delegated) -> Iterator[tuple[Run, str]]:
    """Yield each run that has a gate which people can complete now, and nobody could then."""
    seat = Delegation(given.to, given.until)
    then = replace(incident, delegated={**incident.delegated, ask.who.name: seat})
    for run, plan in ((run, run.plan) for run in runs if run.plan and not run.over and not run.abort):
        waiting = {step.gate for step in plan.steps if run.step(step.id).status is Status.WAITING}
        now, after = ask.holders(run, incident), ask.holders(run, then)
        for gate in (gate for gate in plan.gates if gate.name in waiting):
            if _empty(ask, run, gate, after) and not _empty(ask, run, gate, now):
                started = f"; @{run.requester} started it" if run.requester == given.to else ""
                yield (
                    run,
                    f"With @{given.to} in your place nobody could complete {run.id}.{gate.name}: it would "
                    f"need {needed(gate, after)}, of different people{started}.",
                )


def _empty(ask: Ask, run: Run, gate: PlannedGate, holders: Holders) -> bool:
    return bool(empty_seats(gate, holders, requester=run.requester, now=ask.now))


async def _taken_back(ask: Ask, incident: Incident) -> Outcome:
    who = ask.who.name
    if who not in incident.delegated:
        raise Refused(f"Nobody approves in your place in {incident.id}: nothing was recorded.")
    to = incident.delegated[who].to
    runs = asked_of(await ask.runs_of(incident))
    ended = DelegationEnded(person=who, to=to, how="taken back", runs=runs)
    return _recorded(ask, incident, ended, "Your place is yours again.")


def _fit(who: str, to: str, incident: Incident, given: Mapping[str, str]) -> None:
    """Raise Refused unless a place may be given to somebody; `given` is who sits in whose place now."""
    if to == who:
        why = "You have your own place already"
    elif who in given.values():
        why = "You sit in the place of another, which only they can give"
    elif to in given:
        why = f"@{to} gave their own place to @{given[to]}"
    elif any(seat == to and person != who for person, seat in given.items()):
        why = f"@{to} sits in the place of another already, and one person says yes once"
    else:
        return
    raise Refused(f"{why}: nothing was recorded in {incident.id}. Name somebody else.")


def _recorded(ask: Ask, incident: Incident, event: DelegationEvent, *line: Span, small: Line = ()) -> Outcome:
    answer = ask.done(incident.id, *line, small=small)
    return in_incident(answer, incident, event)


VERB = Verb(
    name="delegate",
    usage='delegate @name for:4h why:"…" | delegate end',
    summary="Let somebody approve in your place for a while.",
    right=Right.RESPOND,
    act=act,
    options=frozenset({"for", "why", "inc"}),
)
