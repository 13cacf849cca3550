"""What to do, from what is known: vetoes take answers away, the first true rule that is left proposes.

While a fact that could change the answer was not asked, there is no proposal but a question, with what is
safe to do meanwhile. Containment is said first and is never the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import assert_never

from playbooks.criteria import FACTS, Criteria, Fact, Facts, Judge, Rule, Truth, Value, Veto, limits
from playbooks.words import Option


@dataclass(frozen=True, slots=True)
class Ask:
    """A question that could change the answer, and whom to ask; `machine` facts are looked up first."""

    fact: str
    question: str
    role: str
    machine: bool


@dataclass(frozen=True, slots=True)
class VetoHit:
    """What took options away, what would give them back, and the role that may go over it with a reason."""

    id: str
    removes: tuple[Option, ...]
    because: str
    repair: str | None
    override: str


@dataclass(frozen=True, slots=True)
class Flip:
    """If this one fact were so, the proposal would be another."""

    fact: str
    value: Value
    option: Option


@dataclass(frozen=True, slots=True)
class Contain:
    """What to stop now, before any choice."""

    id: str
    do: str
    because: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What is proposed and why, or None and what to ask.

    `possible` are the answers still open, likeliest first. `one_click` is False where the proposal needs
    a first stage or an override. `decide_again` is when to look whether it helped.
    """

    proposal: Option | None
    rule: str | None
    why: str
    one_click: bool
    vetoes: tuple[VetoHit, ...]
    possible: tuple[Option, ...]
    ask: tuple[Ask, ...]
    flips: tuple[Flip, ...]
    containment: tuple[Contain, ...]
    safe_now: tuple[str, ...]
    decide_again: timedelta | None


@dataclass(frozen=True, slots=True)
class _Walk:
    """The rules that may still be the answer, the last one certain, and what the first doubt waits for."""

    rules: tuple[Rule, ...]
    missing: tuple[str, ...]

    @property
    def possible(self) -> tuple[Option, ...]:
        return tuple(dict.fromkeys(rule.answer for rule in self.rules))

    @property
    def proposal(self) -> Option | None:
        return self.rules[-1].answer if len(self.possible) == 1 else None


def decide(facts: Facts, criteria: Criteria) -> Decision:
    """Return what the criteria make of the facts; a missing fact was not asked, None is nobody knows."""
    judge = criteria.judge(facts)
    walk = _walk(judge, criteria)
    contain, unclear = _contain(judge, criteria)
    proposal = walk.proposal
    missing = dict.fromkeys((*unclear, *(() if proposal else walk.missing)))
    return Decision(
        proposal=proposal,
        rule=walk.rules[-1].id if proposal else None,
        why=walk.rules[-1].because if proposal else _undecided(walk.possible),
        one_click=proposal is not None and _one_click(proposal, judge, criteria),
        vetoes=tuple(_hits(judge, criteria.vetoes)),
        possible=walk.possible,
        ask=_asks(missing, criteria),
        flips=tuple(_flips(facts, criteria, proposal)) if proposal else (),
        containment=contain,
        safe_now=(*(part.do for part in contain), *(() if proposal else (criteria.meanwhile,))),
        decide_again=criteria.box(proposal, facts) if proposal else None,
    )


def _walk(judge: Judge, criteria: Criteria) -> _Walk:
    vetoes = [(veto.removes, judge.read(veto.when)) for veto in criteria.vetoes]
    taken = {option for options, veto in vetoes if veto.truth is Truth.TRUE for option in options}
    left: list[tuple[Rule, tuple[str, ...]]] = []
    for rule in criteria.rules:
        reading = judge.read(rule.when)
        if reading.truth is not Truth.FALSE and rule.answer not in taken:
            against = (veto.missing for options, veto in vetoes if rule.answer in options)
            left.append((rule, (*reading.missing, *chain.from_iterable(against))))
    # the last rule is always true and never vetoed: the loader sees to it
    certain = [bool(doubts) for _, doubts in left].index(False)
    return _Walk(tuple(rule for rule, _ in left[: certain + 1]), left[0][1])


def _undecided(possible: Iterable[Option]) -> str:
    return f"Not decided between {', '.join(possible)}: what is asked decides it."


def _contain(judge: Judge, criteria: Criteria) -> tuple[tuple[Contain, ...], tuple[str, ...]]:
    readings = [(part, judge.read(part.when)) for part in criteria.containment]
    now = tuple(
        Contain(part.id, part.do, part.because) for part, reading in readings if reading.truth is Truth.TRUE
    )
    return now, tuple(fact for _, reading in readings for fact in reading.missing)


def _one_click(option: Option, judge: Judge, criteria: Criteria) -> bool:
    condition = criteria.one_click.get(option)
    return condition is None or judge.read(condition).truth is Truth.TRUE


def _hits(judge: Judge, vetoes: Iterable[Veto]) -> Iterator[VetoHit]:
    for veto in vetoes:
        if judge.read(veto.when).truth is Truth.TRUE:
            yield VetoHit(veto.id, veto.removes, veto.because, veto.repair, veto.override)


def _asks(missing: Iterable[str], criteria: Criteria) -> tuple[Ask, ...]:
    """Return the questions, those a machine can answer first; the order of doubt is kept among equals."""
    questions = ((fact, criteria.facts[fact]) for fact in missing)
    asks = [Ask(fact, question.ask, question.role, question.machine) for fact, question in questions]
    return tuple(sorted(asks, key=lambda ask: not ask.machine))


def _flips(facts: Facts, criteria: Criteria, proposal: Option) -> Iterator[Flip]:
    turns = limits(criteria)
    for name, fact in FACTS.items():
        seen = {proposal}
        for value in _others(fact, turns.get(name, ()), facts.get(name)):
            option = _walk(criteria.judge({**facts, name: value}), criteria).proposal
            if option is not None and option not in seen:
                seen.add(option)
                yield Flip(name, value, option)


def _others(fact: Fact, turns: Iterable[float], known: Value) -> Iterator[Value]:
    match fact.kind:
        case "yes_no":
            values: Iterable[Value] = (True, False)
        case "choice":
            values = fact.words
        case "number":
            values = (value for turn in turns for value in (turn, turn + 1))
        case _:
            assert_never(fact.kind)
    return (value for value in values if value != known)
