"""Deciding in an incident: what the criteria make of its record, and the events that follow."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from datetime import datetime

from bot.core import incident as incidents
from bot.core.decide import Ask, VetoHit, decide
from bot.core.decide import Decision as Found
from bot.core.decide.walk import RISKY, open_bits
from bot.core.document import utc
from bot.core.errors import Refused
from bot.core.events import Decided, EffectObserved, Entry, Event, Proposed
from bot.core.incident import Decision, Incident, Observation, stream_of
from bot.core.words import sentence
from playbooks.criteria import Criteria
from playbooks.model import Playbook
from playbooks.roles import Holders
from playbooks.words import Option

WROTE = "new_version_wrote_incompatible_state"
"""The fact that must be answered before an incident about a release is closed."""
MOST_DOUBTS = 3
"""How many facts a sentence names; the record of a choice names all."""
_OF_A_RELEASE = frozenset({Option.CODE_ROLLBACK, Option.CONFIG_REVERT, Option.HOTFIX})
_RELEASED = frozenset({"code", "schema"})
"""The kinds of change that bring another version, which may write what the one before cannot read."""

_CAME: Mapping[str, str] = {"worked": "it worked", "no_change": "nothing changed", "worse": "it got worse"}


def weigh(incident: Incident, criteria: Criteria, now: datetime) -> Found:
    """Return what the criteria make of what is still good; what was seen not to work is ruled out as well."""
    return decide(criteria.fresh(incident.known, now), _with_the_record(incident, criteria))


def _with_the_record(incident: Incident, criteria: Criteria) -> Criteria:
    """Add a veto for each action that did not work, but for the last answer, without which there is none."""
    last = criteria.rules[-1].answer
    tried = tuple(
        _tried(decision, decision.observed)
        for decision in refuted(incident)
        if decision.observed and decision.made.option in set(Option) - {last}
    )
    if not tried:
        return criteria
    # Read anew: a copy would keep what was made ready for the vetoes before.
    written = criteria.model_dump(by_alias=True)
    return Criteria.model_validate({**written, "vetoes": [*written["vetoes"], *tried]})


def _tried(decision: Decision, seen: Observation) -> Mapping[str, object]:
    option, came = decision.made.option, outcome_in_words(seen.seen)
    return {
        "id": f"tried-{option.replace('_', '-')}",
        "removes": [option],
        "when": "always",
        "because": f"@{decision.by} decided it at {utc(decision.at)}, and {came}, as @{seen.by} says",
    }


def outcome_in_words(seen: EffectObserved) -> str:
    """Return what was seen of an effect, as a sentence goes on."""
    return _CAME.get(seen.outcome, seen.outcome)


def refuted(incident: Incident) -> tuple[Decision, ...]:
    """Return the newest decision for each option whose effect was seen, where it did not work."""
    newest = {decision.made.option: decision for decision in incident.decisions if decision.observed}
    return tuple(found for found in newest.values() if found.observed and found.observed.refutes)


def next_questions(found: Found, untold: Container[str]) -> tuple[Ask, ...]:
    """Return the first question to each role: they are asked at the same time, each one thing.

    What a machine may find out is asked of people after all else, and first what none could tell.
    """
    first: dict[str, Ask] = {}
    for ask in sorted(found.ask, key=lambda ask: (ask.machine, ask.fact not in untold)):
        first.setdefault(ask.role, ask)
    return tuple(first.values())


def with_proposal(
    incident: Incident, events: Iterable[Event], criteria: Criteria, hash: str, *, by: str, at: datetime
) -> tuple[Event, ...]:
    """Return what somebody adds to an incident, and the changed proposal if it changes that."""
    told = tuple(events)
    after = then(incident, told, by=by, at=at)
    was, now = weigh(incident, criteria, at), weigh(after, criteria, at)
    if was.proposal == now.proposal or not after.open:
        return told
    changed = Proposed(option=now.proposal or "", was=was.proposal or "", why=now.why, criteria_hash=hash)
    return (*told, changed)


def then(incident: Incident, events: Iterable[Event], *, by: str, at: datetime) -> Incident:
    """Return the incident as it will be once somebody added these events to it."""
    for event in events:
        entry = Entry(stream_of(incident.id), incident.seq + 1, at, at, by, "", event)
        incident = incidents.fold([entry], incident) or incident
    return incident


def against(option: str, found: Found) -> tuple[VetoHit, ...]:
    """Return the vetoes that a choice goes against."""
    return tuple(veto for veto in found.vetoes if option in veto.removes)


def unasked(option: Option, found: Found) -> tuple[str, ...]:
    """Return what nobody was asked and may still rule out a dangerous choice, each fact with its vetoes."""
    sheet, vetoes = found.criteria.tables.sheet, found.criteria.tables.vetoes
    seen = sheet.see(found.facts)
    against: dict[str, list[str]] = {}
    for veto, when, _ in vetoes if option in RISKY else ():
        if option in veto.removes:
            for fact in sheet.facts(open_bits(when, seen) or 0):
                against.setdefault(fact, []).append(veto.id)
    return tuple(f"{fact} ({', '.join(ids)})" for fact, ids in against.items())


def not_ruled_out(made: Decided) -> str:
    """Return what a choice was made without knowing, as a sentence; empty when nothing was left to ask."""
    if not made.unasked:
        return ""
    more = len(made.unasked) - MOST_DOUBTS
    named = ", ".join(made.unasked[:MOST_DOUBTS])
    return f"Not ruled out yet, because nobody was asked: {named}{f' and {more} more' if more > 0 else ''}."


def may_override(who: str, vetoes: Iterable[VetoHit], holders: Holders) -> None:
    """Return if somebody holds the role that may go over each veto, or raise Refused naming who does."""
    for veto in vetoes:
        held = holders.get(veto.override, ())
        if who not in held:
            people = ", ".join(f"@{name}" for name in held) or "nobody"
            repair = f" To have it back: {sentence(veto.repair)}" if veto.repair else ""
            raise Refused(
                f"{sentence(ruled_out(veto))} Only the role {veto.override} may go over it, with a reason, "
                f"and {people} holds it: nothing was recorded.{repair}"
            )


def choice(
    incident: Incident,
    criteria: Criteria,
    hash: str,
    option: Option,
    *,
    why: str,
    at: datetime,
    prices: tuple[str, ...] = (),
) -> Decided:
    """Return the record of a choice, with everything that was known when it was made."""
    found = weigh(incident, criteria, at)
    again = criteria.box(option, found.facts)
    return Decided(
        option=option,
        why=why,
        proposal=found.proposal or "ask",
        proposal_why=(found.why,),
        facts=dict(found.facts),
        possible=tuple(found.possible),
        vetoes=tuple(ruled_out(veto) for veto in found.vetoes),
        overridden=tuple(f"{veto.id}: {veto.because}" for veto in against(option, found)),
        unasked=unasked(option, found),
        criteria_hash=hash,
        effect_by=at + again if again else None,
        prices=prices,
        containment=tuple(f"{sentence(part.do)} {sentence(part.because)}" for part in found.containment),
    )


def ruled_out(veto: VetoHit) -> str:
    """Return what a veto takes away and why, in words."""
    return f"{veto.takes}: {veto.because}"


def unanswered(incident: Incident) -> bool:
    """Say whether it was about a release, whatever was decided, and nobody said what that had written."""
    return WROTE not in incident.known and _about_a_release(incident)


def _about_a_release(incident: Incident) -> bool:
    """Say whether it names a release, one is suspected, or one was undone or mended."""
    suspected = incident.facts.get("change_suspected") is True
    return (
        bool(incident.release)
        or (suspected and incident.facts.get("change_type") in _RELEASED)
        or any(decision.made.option in _OF_A_RELEASE for decision in incident.decisions)
    )


def fitting(playbooks: Iterable[Playbook], option: str, incident: Incident) -> tuple[str, ...]:
    """Return the names of the playbooks that carry out an option for the incident's service."""
    names = (
        book.name
        for book in playbooks
        if option in book.options and book.applies_to.covers(incident.service, incident.environment)
    )
    return tuple(sorted(names))
