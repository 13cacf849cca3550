"""What a commander reads who replays a real incident: the scene, what stands, the next question, the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from bot.core.cards.answers import NOBODY_KNOWS, answers
from bot.core.decide import Ask
from bot.core.document import (
    Block,
    Bullets,
    Button,
    Buttons,
    Code,
    Document,
    Fields,
    Line,
    Link,
    Paragraph,
    Small,
    Strong,
)
from bot.core.replay import RECORD, Chose, Move, Session, verdict
from bot.core.words import in_words, one_line, sentence, value_in_words
from playbooks.corpus import Precedent
from playbooks.criteria import FACTS, Facts
from playbooks.words import Option

MOST_LISTED = 25
_BASIS = {
    "postmortem_states": "the post-mortem says so",
    "outcome_evident": "evident from how it ended",
    "coder_judgement": "a judgement of whoever coded it",
}
_VERDICT = {
    "best": "the best there was.",
    "acceptable": "acceptable; {best} was better.",
    "not acceptable": "not acceptable; {best} was best.",
    "nobody says": "nobody says what would have been best.",
}


def replay_list(found: Sequence[Precedent], command: str, most: int = MOST_LISTED) -> Document:
    """Return real incidents, one a line; of more than `most` the rest is counted."""
    items: list[Line] = [
        (Code(each.id), f" {each.company}, {each.date}: ", one_line(each.scene, 120)) for each in found[:most]
    ]
    left = len(found) - len(items)
    more = f"{left} more; a word after it finds those that tell of it. " if left else ""
    how = Small((more, Code(f"{command} replay <id>"), " decides one of them again."))
    return Document("", (Bullets(items), how), whole="")


def replay_scene(session: Session) -> Document:
    """Return what is known when nobody was asked yet, without how it ended."""
    precedent = session.precedent
    title = f"Replay of {precedent.id}: {precedent.company}, {precedent.date}"
    return Document(title, (Paragraph((precedent.scene,)), *_machine(session)), whole="")


def _machine(session: Session) -> Iterator[Block]:
    known = {name: value for name, value in session.machine.items() if value is not None}
    if known:
        yield Paragraph((Strong("Looked up: "), _listed(known), "."))
    if len(known) < len(session.machine):
        unknown = (name for name in session.machine if name not in known)
        yield Small(("Looked up, and nobody knows: ", ", ".join(unknown), "."))


def _listed(facts: Facts) -> str:
    return ", ".join(f"{name} {value_in_words(value)}" for name, value in facts.items())


def replay_standing(session: Session) -> Document:
    """Return what the criteria make of it so far."""
    return Document("", tuple(_standing(session)), whole="")


def _standing(session: Session) -> Iterator[Block]:
    found = session.decision
    if session.learnt:
        yield Paragraph((Strong("Answered: "), _listed(session.learnt), "."))
    yield Paragraph((Strong(f"Proposal: {found.proposal or 'none yet'}. "), sentence(found.why)))
    first = [
        (Strong("First: "), sentence(do)) for do in (*(part.do for part in found.containment), *found.first)
    ]
    ruled = [(Strong(f"{veto.takes}: "), sentence(veto.because)) for veto in found.vetoes]
    if first or ruled:
        yield Bullets((*first, *ruled))


def replay_prompt(session: Session) -> Document:
    """Return what is asked next, or what can be chosen, for a terminal that reads one line after another."""
    found, question = session.decision, session.question
    if question:
        between = f"So far it is between {', '.join(found.possible)}."
        blocks = (Paragraph((replay_question(len(session.learnt) + 1, question),)), Small((between,)))
        return Document("", blocks, whole="")
    why = f"Proposal: {found.proposal}. {sentence(found.why)}"
    staged = "" if found.one_click else " It needs a first stage."
    before = "".join(f" First: {sentence(repair)}" for repair in found.first) or staged
    return Document("", (Paragraph((Strong(why), before)), Small(("Enter takes it.",))), whole="")


def replay_heard(session: Session, moves: Iterable[Move]) -> str:
    """Return what was answered, a line for each fact that moves asked for or told."""
    facts = (move.fact for move in moves if not isinstance(move, Chose))
    return "\n".join(f"  {fact}: {value_in_words(session.learnt[fact])}" for fact in facts)


def replay_question(number: int, ask: Ask) -> str:
    """Return a question with its answers, on one line."""
    answers = "|".join((*(FACTS[ask.fact].words or (f"<{FACTS[ask.fact].unit}>",)), "?"))
    return f"{number}. {ask.role}: {ask.question} ({ask.fact}: {answers})"


def replay_card(session: Session, command: str) -> Document:
    """Return the session as one message: what is known, what stands, and buttons for what comes next."""
    scene, question = replay_scene(session), session.question
    blocks = [*scene.blocks, *_standing(session)]
    if question:
        blocks.append(Paragraph((replay_question(len(session.learnt) + 1, question),)))
        blocks.append(Buttons(tuple(_answers(session, question))))
    line = replay_line(session)
    blocks.append(Buttons(tuple(_choices(session, line))))
    typed = Small(("The same typed: ", Code(f"{command} {line} [fact:value …] [option]"), "."))
    return Document(scene.title, (*blocks, typed), whole="")


def replay_line(session: Session) -> str:
    """Return the line that brings a session to where it stands."""
    said = (f"{fact}:{_typed(session, fact)}" for fact in session.learnt)
    return " ".join(("replay", session.precedent.id, *said))


def _typed(session: Session, fact: str) -> str:
    if fact not in session.own:
        return RECORD
    value = session.learnt[fact]
    return NOBODY_KNOWS if value is None else value_in_words(value)


def _answers(session: Session, ask: Ask) -> Iterator[Button]:
    def typed(*said: str) -> str:
        return " ".join((replay_line(session), *said))

    yield Button(f"Ask {ask.role}", typed(f"{ask.fact}:{RECORD}"), style="primary")
    yield from answers(ask.fact, ask.question, typed)


def _choices(session: Session, line: str) -> Iterator[Button]:
    """Yield what is not ruled out, the proposal first."""
    found = session.decision
    gone = {option for veto in found.vetoes for option in veto.removes}
    for option in sorted(Option, key=lambda option: option is not found.proposal):
        if option not in gone:
            style = "primary" if option is found.proposal else ""
            yield Button(f"Choose {option}", f"{line} {option}", style=style)


def replay_end(session: Session) -> Document:
    """Return what was done in reality, what would have been best, and what the choice is worth."""
    precedent = session.precedent
    blocks: list[Block] = [Paragraph((Strong(_judged(session)),)), Fields(tuple(_facts(session)))]
    against = (*_against(session), *_otherwise(session))
    if against:
        blocks.append(Bullets(against))
    blocks.append(Paragraph((Strong("What happened: "), precedent.summary)))
    if precedent.why_best:
        blocks.append(Paragraph((Strong("Why: "), precedent.why_best)))
    blocks.append(Paragraph((Strong("Lesson: "), precedent.lesson)))
    source = Link("Read it", precedent.link) if precedent.link else f"Told {precedent.source}"
    blocks.append(Small((source, ". Facts and judgement are one coder's, in hindsight.")))
    return Document(f"How it was: {precedent.company}, {precedent.date}", tuple(blocks), whole="")


def _judged(session: Session) -> str:
    if session.chosen is None:
        return "You chose nothing."
    return f"You chose {_worth(session.chosen, session.precedent)}"


def _worth(option: Option, precedent: Precedent) -> str:
    return f"{option}: {_VERDICT[verdict(option, precedent)].format(best=precedent.best_action)}"


def _facts(session: Session) -> Iterator[tuple[str, Line]]:
    precedent, times = session.precedent, session.precedent.times
    yield "Done in reality", (precedent.action_taken or "nothing that is an option here",)
    if precedent.best_action:
        basis = f"{_BASIS[precedent.best_action_basis]}, {precedent.best_action_confidence} confidence"
        yield "Best", (f"{precedent.best_action} ({basis})",)
        yield "Acceptable", (", ".join(precedent.acceptable_actions),)
    if precedent.best_containment:
        yield "To contain it", (precedent.best_containment.replace("_", " "),)
    if precedent.best_followup:
        yield "Afterwards", (precedent.best_followup,)
    yield "Criteria", (_criteria(session),)
    yield "Questions", (_questions(session),)
    yield "Decided", (_after(times.minutes_detect_to_decide, "it was noticed"),)
    yield "Recovered", (_after(times.minutes_to_recover, "it began"),)
    yield "Data lost", (_lost(times.data_loss_minutes),)


def _criteria(session: Session) -> str:
    proposal = session.decision.proposal
    if proposal is None:
        return f"no proposal yet, between {', '.join(session.decision.possible)}"
    return f"proposed {_worth(proposal, session.precedent)}"


def _questions(session: Session) -> str:
    asked, own = len(session.learnt), len(session.own)
    yours = f", of which you answered {own} yourself" if own else ""
    enough = "" if session.needed is None else f"; the criteria needed {session.needed}"
    return f"{asked} asked{yours}{enough}"


def _after(minutes: int | None, began: str) -> str:
    if minutes is None:
        return "nobody published when"
    return f"{in_words(timedelta(minutes=minutes))} after {began}"


def _lost(minutes: int | None) -> str:
    if minutes is None:
        return "nobody published how much"
    return f"what was written in {in_words(timedelta(minutes=minutes))}" if minutes else "nothing"


def _against(session: Session) -> Iterator[Line]:
    for veto in session.decision.vetoes:
        if session.chosen in veto.removes:
            yield (f"You chose against {veto.id}: {sentence(veto.because)}",)


def _otherwise(session: Session) -> Iterator[Line]:
    for name, value in session.otherwise.items():
        taken, recorded = value_in_words(session.learnt[name]), value_in_words(value)
        yield (f"You took {name} for {taken}; the record says {recorded}.",)
