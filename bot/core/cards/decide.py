"""The card a decision is made on: what is proposed and why, what is known, and what is asked of whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.cards.answers import NOBODY_KNOWS, answers
from bot.core.cards.lines.freezes import frozen_line
from bot.core.cards.lines.incidents import apart_in_words
from bot.core.cards.prices import price_line
from bot.core.cards.timeline import whole_of
from bot.core.decide import Ask, VetoHit
from bot.core.decide import Decision as Found
from bot.core.decided import Decision, Reason
from bot.core.deciding import (
    WROTE,
    few,
    fitting,
    next_questions,
    not_ruled_out,
    outcome_in_words,
    refuted,
    unanswered,
    weigh,
)
from bot.core.disputed import Disputed, disputed, looked_up
from bot.core.document import (
    Block,
    Bullets,
    Button,
    Buttons,
    Code,
    Document,
    Line,
    Menu,
    Moment,
    Paragraph,
    Small,
    Span,
    Strong,
    Who,
)
from bot.core.events import Decided
from bot.core.freeze import Freeze, over
from bot.core.incident import Incident
from bot.core.people import who_knows
from bot.core.price import Basis, Market, Price, prices
from bot.core.probing import looking
from bot.core.words import in_words, joined, lasted, sentence, value_in_words
from playbooks.catalog import Catalog
from playbooks.criteria import FACTS, Criteria, Known
from playbooks.roles import Holders

MOST_NAMED = 3
MOST_FLIPS = 5
MOST_BUTTONS = 5
"""How many answers are buttons side by side; more of them are a menu."""


@dataclass(frozen=True, slots=True)
class Deciding:
    """An incident and what the criteria make of it now; `playbooks` carry out what was decided last."""

    incident: Incident
    found: Found
    criteria: Criteria
    holders: Holders
    playbooks: Sequence[str]
    prices: Sequence[Price]
    command: str
    now: datetime
    frozen: Sequence[Freeze] = ()

    @classmethod
    def of(
        cls,
        incident: Incident,
        criteria: Criteria,
        market: Market,
        catalog: Catalog,
        slack_groups: Mapping[str, Iterable[str]],
        *,
        command: str,
        freezes: Iterable[Freeze] = (),
    ) -> Deciding:
        """Return how an incident stands with the files that are in force, and the freezes."""
        found = weigh(incident, criteria, market.now)
        holders = who_knows(incident, market.playbooks, catalog, slack_groups)
        chosen = [decision.made.option for decision in incident.decisions[-1:]]
        names = [name for option in chosen for name in fitting(market.playbooks, option, incident)]
        said = [
            price
            for price in prices(market, found.possible)
            if price.basis is not Basis.NONE or price.option is found.proposal
        ]
        frozen = over(freezes, incident.service, incident.environment, market.now)
        return cls(incident, found, criteria, holders, names, said, command, market.now, frozen)

    @property
    def apart(self) -> tuple[Disputed, ...]:
        """Return the facts of which a person says something else than a machine knows."""
        return disputed(self.incident, self.criteria, self.now)

    @property
    def asks(self) -> tuple[Ask, ...]:
        """Return the questions that are put now: none once it is decided or the incident is over."""
        if not self.incident.open or self.incident.standing:
            return ()
        return next_questions(self.found, self.incident.untold, self.looking)

    @property
    def looking(self) -> tuple[str, ...]:
        """Return what machines may still tell of what is asked: nobody else is asked for it meanwhile."""
        away = looking(self.incident)
        return tuple(ask.fact for ask in self.found.ask if ask.fact in away)

    def people(self, ask: Ask) -> tuple[str, ...]:
        """Return who is asked: the holders of the role, or else the commander."""
        return self.holders.get(ask.role, ()) or (self.incident.commander,)


def decision_card(seen: Deciding) -> Document:
    """Return the card; once the incident is over it only says what was decided and what came of it."""
    blocks = (
        *_decided(seen),
        *(_still_open(seen) if seen.incident.open else _over(seen)),
        Small(_foot(seen)),
    )
    return Document(f"{seen.incident.id}: what to do", blocks, whole_of(seen.incident.id))


def _still_open(seen: Deciding) -> Iterator[Block]:
    found = seen.found
    if seen.incident.standing is None or found.proposal not in (None, seen.incident.standing.made.option):
        yield from _proposal(seen)
    if found.containment:
        yield Bullets(
            [
                (Strong("First: "), sentence(part.do), " ", sentence(part.because))
                for part in found.containment
            ]
        )
    if seen.frozen:
        yield Bullets([(Strong("Frozen now: "), *frozen_line(freeze), ".") for freeze in seen.frozen])
    if found.vetoes:
        yield Bullets([_veto(veto) for veto in found.vetoes])
    if seen.prices and seen.incident.standing is None:
        yield Bullets([price_line(price) for price in seen.prices])
    yield from _known(seen)
    if found.apart:
        yield Bullets(
            [
                (Strong("Look again: "), sentence(apart_in_words(found.facts, *pair)))
                for pair in found.apart[:MOST_NAMED]
            ]
        )
    if seen.incident.standing is None and seen.looking:
        yield Small((f"Still looking: {few(seen.looking)}. What is found changes this card.",))
    for ask in seen.asks:
        yield from _question(seen, ask)
    if found.flips and seen.incident.standing is None:
        flips = [
            f"{flip.fact} = {value_in_words(flip.value)} → {flip.option}" for flip in found.flips[:MOST_FLIPS]
        ]
        yield Small((f"It would change if: {'; '.join(flips)}.",))
    yield Buttons((Button("Choose…", f"decide inc:{seen.incident.id}", form="decide"),))


def _over(seen: Deciding) -> Iterator[Block]:
    yield from came_of_it(seen.incident)
    yield from _known(seen)
    if unanswered(seen.incident):
        yield from wrote(seen.incident.id, seen.criteria)


def wrote(id: str, criteria: Criteria) -> tuple[Block, ...]:
    """Return the question that must be answered before an incident about a release is closed."""
    ask = criteria.facts[WROTE].ask
    return (
        Paragraph((Strong("Before it is closed: did the failed version write anything? "), ask)),
        _answers(id, WROTE, ask),
    )


def came_of_it(incident: Incident) -> Iterator[Block]:
    """Return the question what came of the last decision, while nobody said."""
    for decision in incident.decisions[-1:]:
        if decision.observed is None:
            yield Paragraph((Strong(f"Did {decision.made.option} work? "), "Nobody said what came of it."))
            yield did_it_work(incident.id, decision)


def _decided(seen: Deciding) -> Iterator[Block]:
    for decision in seen.incident.decisions[-1:]:
        yield Paragraph(decided_line(decision))
        if decision.reason:
            yield Small(reason_line(decision.reason, decision.made.why))
        if decision.made.unasked:
            yield Paragraph((Strong(not_ruled_out(decision.made)),))
        if decision.observed:
            yield Paragraph(observed_line(decision))
        elif seen.incident.open and decision.asked_at:
            yield Paragraph((Strong("Did it work? "), "It was asked ", Moment(decision.asked_at), "."))
            yield did_it_work(seen.incident.id, decision)
        elif seen.incident.open:
            yield from plan_buttons(seen.incident.id, seen.playbooks)


def decided_line(decision: Decision) -> Line:
    """Return what was decided, against what, and when it should help."""
    made = decision.made
    why = f": {sentence(decision.why)}" if decision.why else "."
    over: Line = (" Against ", Strong(sentence("; ".join(made.overridden)))) if made.overridden else ()
    by: Line = (" ", *effect_line(made)) if made.effect_by else ()
    return (
        Strong(f"Decided: {made.option}"),
        " by ",
        Who(decision.by),
        " ",
        Moment(decision.at),
        why,
        *over,
        *by,
    )


def reason_line(reason: Reason, first: str) -> Line:
    """Return who said a reason anew and when, and what it was at first."""
    was = f"At first it was: {sentence(first)}" if first else "At first there was none."
    return ("The reason is as ", Who(reason.by), " said it anew ", Moment(reason.at), f". {was}")


def effect_line(made: Decided) -> Line:
    """Return when it is asked whether a decision worked, and whether anybody knew how long it takes."""
    if made.effect_by is None:
        return ()
    if made.effect_missing is None:
        return ("It should help by ", Moment(made.effect_by), ".")
    return (
        "Nobody knows how long it takes, so whether it helps is asked ",
        Moment(made.effect_by),
        " whatever comes of it; ",
        Code(made.effect_missing),
        " would tell better.",
    )


def observed_line(decision: Decision) -> Line:
    """Return what was seen of a decision's effect, and what follows from it."""
    assert decision.observed
    seen = decision.observed
    came: Line = (outcome_in_words(seen.seen), ", ", Who(seen.by), " says ", Moment(seen.at), ".")
    if not seen.refutes:
        return (Strong("✓ "), *came)
    return (Strong("✗ Refuted: "), *came, f" {decision.made.option} is not proposed again.")


def did_it_work(id: str, decision: Decision) -> Buttons:
    """Return the answers to whether a decision worked; they are about this decision and no later one."""
    line = f"decide of:{decision.seq} inc:{id}"
    return Buttons(
        (
            Button("It worked", f"{line} worked:yes", style="primary"),
            Button("No change", f"{line} worked:no"),
            Button("It got worse", f"{line} worked:worse", style="danger"),
        )
    )


def plan_buttons(id: str, playbooks: Sequence[str]) -> Iterator[Block]:
    """Return what carries a decision out, by the names of playbooks."""
    if playbooks:
        yield Buttons(tuple(Button(f"Plan {name}", f"plan {name} inc:{id}") for name in playbooks))


def _proposal(seen: Deciding) -> Iterator[Block]:
    found = seen.found
    if found.proposal is None:
        yield Paragraph(_undecided(seen))
        if seen.incident.known and found.lead.stands:
            yield Paragraph((Strong(f"So far: {found.lead.option}. "), sentence(found.lead.because)))
        yield Paragraph((Strong("Meanwhile: "), sentence(found.safe_now[-1])))
        return
    staged = "" if found.one_click else _APART if seen.apart else _STAGED
    again = _tried(seen, found.proposal)
    yield Paragraph((Strong(f"Proposal: {found.proposal}. "), sentence(found.why), staged, *again))
    if found.first:
        yield Bullets([(Strong("Before it: "), sentence(step)) for step in found.first])
    if found.one_click:
        line = f"decide {found.proposal} as:proposed inc:{seen.incident.id}"
        yield Buttons((Button(f"Decide {found.proposal}", line, style="primary", ask="Why is it right?"),))


_STAGED = (
    " It is not one press of a button, for not all is known that makes it safe: "
    "look that up, or go in stages."
)


_APART = (
    " It is not one press of a button, for people say something else than machines know: "
    "look at that together, or decide it with a reason."
)


def _tried(seen: Deciding, option: str) -> Iterator[Span]:
    """The last answer of all stays proposed even when it was tried, which is never left unsaid."""
    for decision in refuted(seen.incident):
        if decision.made.option == option and decision.observed:
            yield Strong(" It was tried and did not work: ")
            yield f"{outcome_in_words(decision.observed.seen)}. Nothing else is left, so do it another way."


def _undecided(seen: Deciding) -> Line:
    if seen.incident.known:
        return (Strong("No proposal yet. "), sentence(seen.found.why))
    options = ", ".join(seen.found.possible)
    left = f"Ask what stands below: the answers choose between {options}."
    return (Strong("Nothing is known yet, so nothing is proposed. "), left)


def _veto(veto: VetoHit) -> Line:
    repair = f" To have it back: {sentence(veto.repair)}" if veto.repair else ""
    return (Strong(f"{veto.takes}: "), sentence(veto.because), repair)


def _known(seen: Deciding) -> Iterator[Block]:
    if seen.incident.known:
        yield Paragraph((Strong("Known:"),))
        good = seen.found.facts
        apart = {each.fact: each for each in seen.apart}
        yield Bullets(
            [
                (
                    *known_line(name, known, seen.now),
                    *(() if name in good else (Strong(" too old to count"),)),
                    *((Strong(f", but {looked_up(apart[name].found)}"),) if name in apart else ()),
                )
                for name, known in seen.incident.known.items()
            ]
        )


def known_line(name: str, known: Known, now: datetime) -> Line:
    """Return a fact with its value, by whom or what it was found, and how old it is."""
    found = known.because or known.source.removeprefix("machine:")
    by: Line = (Who(known.by),) if known.of_person else (f"looked up: {found}",)
    age = lasted(known.at, now)
    old = f", {in_words(age)} ago" if age > timedelta(0) else ""
    return (f"{name}: ", Strong(value_in_words(known.value)), " (", *by, ", ", Moment(known.at), f"{old})")


def _question(seen: Deciding, ask: Ask) -> Iterator[Block]:
    untold = seen.incident.untold.get(ask.fact)
    why = f" (No machine can tell: {untold.rstrip('.')}.)" if untold else ""
    yield Paragraph((*addressed(seen, ask), ask.question, why, *_typed(seen, ask)))
    yield _answers(seen.incident.id, ask.fact, ask.question)


def addressed(seen: Deciding, ask: Ask) -> Line:
    """Return whom a question is for, so that they are notified where it is new."""
    people = seen.people(ask)
    more = f" and {len(people) - MOST_NAMED} more" if len(people) > MOST_NAMED else ""
    named = joined([(Who(name, ping=True),) for name in people[:MOST_NAMED]])
    role = ask.role if seen.holders.get(ask.role) else f"nobody is {ask.role} yet: who knows?"
    return (*named, Strong(f"{more} ({role}): "))


def _typed(seen: Deciding, ask: Ask) -> Line:
    """A number is typed, so that an example stands beside its question."""
    if FACTS[ask.fact].words:
        return ()
    return (" ", Code(f"{seen.command} decide {ask.fact}:<{FACTS[ask.fact].unit}>"))


def _answers(id: str, fact: str, question: str) -> Block:
    def typed(*said: str) -> str:
        return " ".join(("decide", *said, "unless:known", f"inc:{id}"))

    buttons = answers(fact, question, typed)
    return Buttons(buttons) if len(buttons) <= MOST_BUTTONS else Menu("Choose an answer", buttons)


def _foot(seen: Deciding) -> Line:
    if not seen.incident.open:
        return (f"{seen.incident.id} is {seen.incident.stands} · as of ", Moment(seen.now))
    choice = Code(f'{seen.command} decide <option> why:"…"')
    fact = Code(f"{seen.command} decide <fact>:<value>")
    return (
        fact,
        f" corrects a fact ({NOBODY_KNOWS}: nobody knows), ",
        choice,
        " records the choice · as of ",
        Moment(seen.now),
    )
