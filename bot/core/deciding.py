"""Deciding in an incident: what the criteria make of its record, and the events that follow."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.core import incident as incidents
from bot.core.decide import Ask, VetoHit, decide
from bot.core.decide import Decision as Found
from bot.core.decide.walk import RISKY, open_bits
from bot.core.decided import Decision, Observation
from bot.core.disputed import Disputed, as_found, disputed, each_and_all
from bot.core.document import utc
from bot.core.errors import Refused
from bot.core.events import Decided, EffectObserved, Entry, Event, Proposed
from bot.core.incident import Incident, stream_of
from bot.core.run import Run
from bot.core.words import at_names, sentence
from playbooks.criteria import Criteria, Facts
from playbooks.model import Playbook
from playbooks.roles import Holders
from playbooks.words import Option

WROTE = "new_version_wrote_incompatible_state"
"""The fact that must be answered before an incident about a release is closed."""
MOST_DOUBTS = 3
"""How many facts people are shown of those nobody was asked for; the post-mortem names all."""
_OF_A_RELEASE = frozenset({Option.CODE_ROLLBACK, Option.CONFIG_REVERT, Option.HOTFIX})
_RELEASED = frozenset({"code", "schema"})
"""The kinds of change that bring another version, which may write what the one before cannot read."""

_CAME: Mapping[str, str] = {"worked": "it worked", "no_change": "nothing changed", "worse": "it got worse"}


def weigh(incident: Incident, criteria: Criteria, now: datetime) -> Found:
    """Return what the criteria make of what is still good; what was seen not to work is ruled out as well.

    What a machine knows otherwise than people say rules out what it would, and takes the one press away.
    """
    facts, apart = criteria.fresh(incident.known, now), disputed(incident, criteria, now)
    ruled = _with_the_record(incident, criteria, _still_ruling(facts, apart, criteria))
    found = decide(facts, ruled)
    if not apart or not found.one_click:
        return found
    other = decide(as_found(facts, apart), ruled)
    sure = other.one_click and other.proposal is found.proposal
    return found if sure else replace(found, one_click=False)


def _still_ruling(facts: Facts, apart: Sequence[Disputed], criteria: Criteria) -> Mapping[str, str]:
    """Return the vetoes that hit by what machines know and not by what people say, each with its reason."""
    by_people, held = _hit(facts, criteria), dict[str, str]()
    for some in each_and_all(apart):
        for veto in _hit(as_found(facts, some), criteria) - by_people - held.keys():
            held[veto] = "; ".join(each.words for each in some)
    return held


def _hit(facts: Facts, criteria: Criteria) -> set[str]:
    seen = criteria.tables.sheet.see(facts)
    return {veto.id for veto, when, _ in criteria.tables.vetoes if open_bits(when, seen) == 0}


def _with_the_record(incident: Incident, criteria: Criteria, held: Mapping[str, str]) -> Criteria:
    """Add a veto for each action that did not work, but for the last answer, without which there is none.

    The vetoes that are `held` by what machines know are true whatever people say.
    """
    last = criteria.rules[-1].answer
    tried = tuple(
        _tried(decision, decision.observed)
        for decision in refuted(incident)
        if decision.observed and decision.made.option in set(Option) - {last}
    )
    if not tried and not held:
        return criteria
    # Read anew: a copy would keep what was made ready for the vetoes before.
    written = criteria.model_dump(by_alias=True)
    vetoes = (
        {**veto, "when": "always", "because": f"{veto['because']}: {held[veto['id']]}"}
        if veto["id"] in held
        else veto
        for veto in written["vetoes"]
    )
    return Criteria.model_validate({**written, "vetoes": [*vetoes, *tried]})


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


def next_questions(found: Found, untold: Container[str], looking: Container[str] = ()) -> tuple[Ask, ...]:
    """Return the first question to each role: they are asked at the same time, each one thing.

    What a machine may find out is asked of people after all else, and first what none could tell; not at all
    while machines are `looking` for it.
    """
    first: dict[str, Ask] = {}
    left = (ask for ask in found.ask if ask.fact not in looking)
    for ask in sorted(left, key=lambda ask: (ask.machine, ask.fact not in untold)):
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
    return f"Not ruled out yet, because nobody was asked: {few(made.unasked)}."


def few(doubts: Sequence[str]) -> str:
    """Return the first of many, and how many more there are: nobody reads all of them at night."""
    more = len(doubts) - MOST_DOUBTS
    return f"{', '.join(doubts[:MOST_DOUBTS])}{f' and {more} more' if more > 0 else ''}"


def may_override(who: str, vetoes: Iterable[VetoHit], holders: Holders) -> None:
    """Return if somebody holds the role that may go over each veto, or raise Refused naming who does."""
    for veto in vetoes:
        held = holders.get(veto.override, ())
        if who not in held:
            repair = f" To have it back: {sentence(veto.repair)}" if veto.repair else ""
            raise Refused(
                f"{sentence(ruled_out(veto))} Only the role {veto.override} may go over it, with a reason, "
                f"and {at_names(held)} holds it: nothing was recorded.{repair}"
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
    look = criteria.look(option, found.facts)
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
        effect_by=at + look.after if look else None,
        effect_missing=look.missing if look else None,
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


def begun(runs: Sequence[Run], carries: Collection[str], decision: Decision) -> tuple[bool, tuple[str, ...]]:
    """Return whether a run that carries a decision out was started, and the runs that only wait for it.

    `carries` are the playbooks that can. A run that was over before the decision is another one's.
    """
    ended = (run.recovered_at or run.aborted_at or run.ended_at for run in runs)
    meant = [
        run
        for run, end in zip(runs, ended, strict=True)
        if run.asked.playbook in carries and not (end and end < decision.at)
    ]
    waits = tuple(run.id for run in meant if run.started_at is None and not run.over)
    return any(run.started_at for run in meant), waits


def fitting(playbooks: Iterable[Playbook], option: str, incident: Incident) -> tuple[str, ...]:
    """Return the names of the playbooks that carry out an option for the incident's service."""
    names = (
        book.name
        for book in playbooks
        if option in book.options and book.applies_to.covers(incident.service, incident.environment)
    )
    return tuple(sorted(names))
