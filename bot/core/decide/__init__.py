"""What to do, from what is known: vetoes take answers away, the first true rule that is left proposes.

A fact that nobody knows counts as its safe value. While one that was not asked could change the answer, there
is no proposal but a question, with the answer so far (`lead`) and what is safe to do meanwhile. A lead that
can do no harm stands although questions are left; a rollback or a failover stands only when nothing left to
ask could forbid it, a restore of everything only when nothing could make another answer. Of two facts that
contradict each other one is mistaken, and none of these rests on either. Containment is said first and is
never the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from bot.core.decide.decision import Ask, Contain, Decision, Ground, Lead, VetoHit
from bot.core.decide.turns import Flip, Threshold, settled
from bot.core.decide.walk import RISKY, Walk, holds, open_bits, walk
from playbooks.criteria import Criteria, Facts, Seen, apart
from playbooks.words import Option

__all__ = [
    "Ask",
    "Contain",
    "Decision",
    "Flip",
    "Ground",
    "Lead",
    "Threshold",
    "VetoHit",
    "decide",
]


def decide(facts: Facts, criteria: Criteria) -> Decision:
    """Return what the criteria make of the facts; a missing fact was not asked, None is nobody knows."""
    seen = criteria.tables.sheet.see(facts)
    found = walk(criteria.tables, seen)
    contain, unclear = _contain(seen, criteria)
    found = _contested(found, facts, criteria)
    proposal = settled(found) if found.stands else None
    lead = _lead(found, seen, facts, criteria)
    return Decision(
        proposal=proposal,
        rule=lead.rule if proposal else None,
        why=lead.because if proposal else _undecided(found.possible),
        one_click=proposal is not None and lead.one_click,
        lead=lead,
        vetoes=tuple(_hits(found, criteria)),
        possible=found.possible,
        ask=tuple(_asks(unclear if proposal else unclear | found.doubts, criteria)),
        containment=contain,
        safe_now=(*(part.do for part in contain), *(() if proposal else (criteria.meanwhile,))),
        look=criteria.look(proposal, facts) if proposal else None,
        facts=facts,
        criteria=criteria,
    )


def _contested(found: Walk, facts: Facts, criteria: Criteria) -> Walk:
    """Return a walk as it is, or with what could be mistaken open again where that could forbid the lead.

    Of two facts that do not go together one is mistaken. Nothing that does harm is proposed on either: both
    are asked again. What they rule out stays ruled out.
    """
    mistaken = {name for pair in apart(facts) for name in pair}
    if not mistaken or found.lead.rule.answer not in RISKY:
        return found
    left = {name: value for name, value in facts.items() if name not in mistaken}
    again = walk(criteria.tables, criteria.tables.sheet.see(left))
    if again.stands and again.lead.rule.answer is found.lead.rule.answer:
        return found
    known = [choice for choice in found.left if choice not in again.left]
    return replace(found, stands=False, left=(*known, *again.left), doubts=found.doubts | again.doubts)


def _undecided(possible: Iterable[Option]) -> str:
    return f"Not decided between {', '.join(possible)}: what is asked decides it."


def _lead(found: Walk, seen: Seen, facts: Facts, criteria: Criteria) -> Lead:
    rule = found.lead.rule
    mask = next(mask for mask in found.lead.when if seen.lead & mask == mask)
    repaired = found.lead.repaired & found.lead_hits
    first = tuple(veto.repair for veto, _, bit in criteria.tables.vetoes if bit & repaired and veto.repair)
    return Lead(
        rule.answer,
        rule.id,
        rule.because,
        tuple(Ground(name, facts[name]) for name in criteria.tables.sheet.facts(mask) if name in facts),
        first,
        found.stands,
        not first and _one_click(rule.answer, seen, criteria),
    )


def _one_click(option: Option, seen: Seen, criteria: Criteria) -> bool:
    when = criteria.tables.one_click.get(option)
    return when is None or holds(when, seen.true)


def _contain(seen: Seen, criteria: Criteria) -> tuple[tuple[Contain, ...], int]:
    """Return what to stop now, and the bits on which more of it waits."""
    now: list[Contain] = []
    unclear = 0
    for part, when in criteria.tables.containment:
        bits = open_bits(when, seen)
        if bits == 0:
            now.append(Contain(part.id, part.do, part.because))
        unclear |= bits or 0
    return tuple(now), unclear


def _hits(found: Walk, criteria: Criteria) -> Iterator[VetoHit]:
    """Yield what rules options out; what the lead repairs first does not."""
    for veto, _, bit in criteria.tables.vetoes:
        if bit & found.hits & ~found.lead.repaired:
            yield VetoHit(veto.id, veto.removes, veto.because, veto.repair, veto.override)


def _asks(bits: int, criteria: Criteria) -> Iterator[Ask]:
    """Yield the questions, those a machine can answer first, then in the order of the criteria file."""
    if bits:
        for name in criteria.tables.sheet.facts(bits):
            question = criteria.facts[name]
            yield Ask(name, question.ask, question.role, question.machine)
