"""A real incident decided again: what a commander asks and chooses, beside what is known of it today.

A session is a fold over moves. Nothing of it is recorded, and no incident of one's own is touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Literal, assert_never

from bot.core.decide import Ask, Decision, decide
from bot.core.errors import Refused
from playbooks.corpus import Corpus, Precedent
from playbooks.criteria import Criteria, Facts, FactUnknown, Value, parse_fact
from playbooks.problems import nearest
from playbooks.words import Option

RECORD = "ask"
"""What is typed for a fact that the record shall answer, as the people there would have."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The commander asks for a fact, and the record answers."""

    fact: str


@dataclass(frozen=True, slots=True)
class Told:
    """The commander answers a question themselves; None is nobody knows."""

    fact: str
    value: Value


@dataclass(frozen=True, slots=True)
class Chose:
    """The commander chooses what to do."""

    option: Option


Move = Asked | Told | Chose
Verdict = Literal["best", "acceptable", "not acceptable", "nobody says"]


@dataclass(frozen=True, slots=True)
class Session:
    """An incident as far as it was played: `learnt` are the facts asked for and what was answered.

    `own` are those that the commander answered themselves. `needed` is after how many answers the criteria
    had a proposal first, None while they had none.
    """

    precedent: Precedent
    criteria: Criteria
    machine: Facts
    decision: Decision
    learnt: Facts = field(default_factory=dict)
    own: frozenset[str] = frozenset()
    chosen: Option | None = None
    needed: int | None = None

    @property
    def question(self) -> Ask | None:
        """Return what to ask next, or None once there is a proposal."""
        return None if self.decision.proposal or not self.decision.ask else self.decision.ask[0]

    @property
    def otherwise(self) -> Facts:
        """Return what the record says of facts that the commander took to be otherwise."""
        recorded = ((name, self.precedent.facts.get(name)) for name in self.learnt if name in self.own)
        return {name: value for name, value in recorded if value not in (None, self.learnt[name])}


def begin(precedent: Precedent, criteria: Criteria) -> Session:
    """Return the session before anybody asked: what machines say is known, or known to nobody."""
    looked_up = (name for name, question in criteria.facts.items() if question.machine)
    machine = {name: precedent.facts.get(name) for name in looked_up}
    return _counted(Session(precedent, criteria, machine, decide(machine, criteria)))


def step(session: Session, move: Move) -> Session:
    """Return the session after a move; a fact that was answered before is corrected."""
    match move:
        case Asked(fact):
            return _learnt(session, fact, session.precedent.facts.get(fact), session.own - {fact})
        case Told(fact, value):
            return _learnt(session, fact, value, session.own | {fact})
        case Chose(option):
            return replace(session, chosen=option)
        case _:
            assert_never(move)


def played(session: Session, moves: Iterable[Move]) -> Session:
    """Return the session after all these moves."""
    return reduce(step, moves, session)


def _learnt(session: Session, fact: str, value: Value, own: frozenset[str]) -> Session:
    learnt = {**session.learnt, fact: value}
    decision = decide({**session.machine, **learnt}, session.criteria)
    return _counted(replace(session, learnt=learnt, own=own, decision=decision))


def _counted(session: Session) -> Session:
    if session.needed is None and session.decision.proposal:
        return replace(session, needed=len(session.learnt))
    return session


def by_the_record(session: Session) -> Session:
    """Return the session asked to its end: the record answers each question, and the proposal is chosen."""
    while session.question:
        session = step(session, Asked(session.question.fact))
    proposal = session.decision.proposal
    return step(session, Chose(proposal)) if proposal else session


def verdict(option: Option | None, precedent: Precedent) -> Verdict:
    """Return what choosing an option would have been in that incident, as far as anybody says."""
    if option is None or precedent.best_action is None:
        return "nobody says"
    if option is precedent.best_action:
        return "best"
    return "acceptable" if option in precedent.acceptable_actions else "not acceptable"


def answer(name: str, text: str) -> Move:
    """Return the move that `name:text` is, or raise Refused saying what would be right."""
    fact = name.replace("-", "_")
    try:
        told = Told(fact, parse_fact(fact, "?" if text == RECORD else text))
    except FactUnknown as wrong:
        raise Refused(f"{wrong} `{RECORD}` lets the record answer.") from wrong
    return Asked(fact) if text == RECORD else told


def read(session: Session, line: str) -> tuple[Move, ...]:
    """Return the moves a typed line is, or raise Refused saying what would be right.

    It is `fact:value …`, an option, or an answer to the question; an empty one lets the record answer, or
    takes the proposal.
    """
    words = line.split()
    question, option = session.question, line.strip().lower().replace("-", "_")
    if not words:
        return (_next(session),)
    if option in set(Option):
        return (Chose(Option(option)),)
    if all(":" in word for word in words):
        return tuple(answer(name, value) for name, _, value in (word.partition(":") for word in words))
    if question is None:
        raise Refused(f"{line.strip()[:60]!r} is no option. Say one of: {', '.join(Option)}; or fact:value.")
    return (answer(question.fact, line.strip()),)


def _next(session: Session) -> Move:
    if session.question:
        return Asked(session.question.fact)
    if session.decision.proposal:
        return Chose(session.decision.proposal)
    raise Refused(f"Nothing is asked and nothing proposed. Say an option: {', '.join(Option)}.")


def find(word: str, corpus: Corpus) -> Precedent:
    """Return the incident of an id, or raise Refused with the nearest one."""
    found = corpus.get(word.lower())
    if found:
        return found
    holding = [precedent.id for precedent in matching(word, corpus)]
    near = holding[0] if holding else nearest(word.lower(), corpus)
    hint = f"Did you mean {near}? " if near else ""
    raise Refused(f"There is no incident {word[:60]!r} to replay. {hint}`replay` alone lists them.")


def matching(word: str, corpus: Corpus) -> list[Precedent]:
    """Return the incidents whose id, company or story has a word in it; an empty word is in all."""
    sought = word.casefold()
    return [p for p in corpus.values() if sought in f"{p.id} {p.company} {p.scene}".casefold()]


def result(session: Session) -> Mapping[str, object]:
    """Return how a session ended, as JSON values."""
    precedent, proposal = session.precedent, session.decision.proposal
    return {
        "id": precedent.id,
        "company": precedent.company,
        "date": precedent.date,
        "choice": session.chosen,
        "verdict": verdict(session.chosen, precedent),
        "proposal": proposal,
        "proposal_verdict": verdict(proposal, precedent),
        "questions": len(session.learnt),
        "questions_needed": session.needed,
        "answers": dict(session.learnt),
        "otherwise": dict(session.otherwise),
        "action_taken": precedent.action_taken,
        "best_action": precedent.best_action,
        "acceptable_actions": list(precedent.acceptable_actions),
        "confidence": precedent.best_action_confidence,
        "basis": precedent.best_action_basis,
        "times": precedent.times.model_dump(),
        "lesson": precedent.lesson,
        "link": precedent.link,
    }
