"""Decide: what is known, what is asked next, and the commander's choice with its reason."""

from __future__ import annotations

from collections.abc import Mapping

from bot.commands.grammar import one_of
from bot.commands.verb import Answer, Ask, Outcome, Verb
from bot.core.decide import Ask as Question
from bot.core.decide import Decision, decide
from bot.core.document import Block, Bullets, Code, Document, Line, Paragraph, Small, Strong
from bot.core.errors import Refused
from bot.core.events import Decided, FactLearnt
from bot.core.incident import Incident
from bot.core.may import Right
from bot.core.words import sentence
from bot.timeline import Change
from playbooks.criteria import FACTS, Criteria, FactUnknown, Value, parse_fact
from playbooks.problems import nearest
from playbooks.words import Option

OPTIONS = tuple(option.value for option in Option)
NOBODY_KNOWS = "?"


async def act(ask: Ask) -> Outcome:
    """Show the proposal; name:value records facts (`?` is nobody knows); an option with why: decides."""
    incident = await ask.incident(ask.words.options.get("inc"))
    criteria, hash = ask.desk.shelf.criteria()
    said = {key: value for key, value in ask.words.options.items() if key not in ("why", "inc")}
    if ask.words.args and said:
        raise Refused(
            f"Say the facts first and the choice in a line of its own: nothing was recorded. {ask.usage}"
        )
    if ask.words.args:
        return _choose(ask, incident, criteria, hash)
    if "why" in ask.words.options:
        raise Refused(
            "`why:` is the reason of a choice, and no option is named: nothing was recorded. "
            f"Say the option before it, one of: {', '.join(OPTIONS)}. {ask.usage}"
        )
    if said:
        return _learn(ask, incident, criteria, said)
    return Outcome(Answer(_card(ask, incident, decide(incident.facts, criteria)), data=_data(incident)))


def _data(incident: Incident) -> Mapping[str, object]:
    return {"incident": incident.id, "facts": dict(incident.facts)}


def _learn(ask: Ask, incident: Incident, criteria: Criteria, said: Mapping[str, str]) -> Outcome:
    facts = {_fact(name): _value(_fact(name), text) for name, text in said.items()}
    events = tuple(FactLearnt(name=name, value=value) for name, value in facts.items())
    before = decide(incident.facts, criteria)
    now = decide({**incident.facts, **facts}, criteria)
    card = _card(ask, incident, now, known=len({**incident.facts, **facts}))
    if before.proposal and now.proposal != before.proposal:
        changed = f"The proposal changed: it was {before.proposal}, because {before.why}"
        card = Document(card.title, (*card.blocks, Paragraph((changed,))))
    return Outcome(Answer(card), {f"incident/{incident.id}": Change(incident.seq, events)})


def _fact(name: str) -> str:
    key = name.replace("-", "_")
    if key in FACTS:
        return key
    near = nearest(key, FACTS)
    hint = f"Did you mean {near}?" if near else "`decide` shows what is asked."
    raise Refused(f"There is no fact {name[:60]}: nothing was recorded. {hint}")


def _value(name: str, text: str) -> Value:
    if text == NOBODY_KNOWS:
        return None
    try:
        return parse_fact(name, text)
    except FactUnknown as wrong:
        raise Refused(f"{wrong} Nothing was recorded.") from wrong


def _choose(ask: Ask, incident: Incident, criteria: Criteria, hash: str) -> Outcome:
    option = one_of(ask.words.args[0].replace("-", "_"), OPTIONS, "option")
    ask.may(Right.COMMAND, "decide", incident)
    why = ask.option("why", "the reason, which the post-mortem keeps")
    if not incident.open:
        raise Refused(f"{incident.id} is {incident.phase.value}: `reopen` it first. Nothing was recorded.")
    found = decide(incident.facts, criteria)
    again = criteria.box(Option(option), incident.facts)
    against = [veto for veto in found.vetoes if option in veto.removes]
    event = Decided(
        option=option,
        why=why,
        proposal=found.proposal or "ask",
        proposal_why=(found.why,),
        facts=dict(incident.facts),
        possible=tuple(found.possible),
        vetoes=tuple(f"{v.id} rules out {', '.join(v.removes)}: {v.because}" for v in found.vetoes),
        overridden=tuple(f"{veto.id}: {veto.because}" for veto in against),
        criteria_hash=hash,
        effect_by=ask.now + again if again else None,
    )
    names = sorted(
        name
        for name, loaded in ask.desk.shelf.playbooks().items()
        if option in loaded.playbook.options
        and incident.service in (loaded.playbook.applies_to.services or (incident.service,))
    )
    over = f" Against {', '.join(veto.id for veto in against)}." if against else ""
    small = ("Playbooks that can do it: ", ", ".join(names), ".") if names else ()
    answer = ask.done(incident.id, f"decided: {option}.{over}", small=small, playbooks=names)
    return Outcome(answer, {f"incident/{incident.id}": Change(incident.seq, (event,))})


def _card(ask: Ask, incident: Incident, found: Decision, *, known: int | None = None) -> Document:
    count = len(incident.facts) if known is None else known
    blocks = _proposal(found, count)
    if found.containment:
        blocks.append(
            Bullets(
                [
                    (Strong("First: "), sentence(part.do), " ", sentence(part.because))
                    for part in found.containment
                ]
            )
        )
    if found.vetoes:
        blocks.append(
            Bullets(
                [
                    (Strong(f"{v.id} rules out {', '.join(v.removes)}: "), sentence(v.because))
                    for v in found.vetoes
                ]
            )
        )
    if found.ask:
        blocks.append(Bullets([_question(ask, question) for question in found.ask[:3]]))
    if found.flips:
        flips = [f"{flip.fact} = {flip.value} → {flip.option}" for flip in found.flips[:5]]
        blocks.append(Small((f"It would change if: {'; '.join(flips)}.",)))
    return Document(f"{incident.id}: what to do", (*blocks, Small(_how(ask, count))))


def _proposal(found: Decision, known: int) -> list[Block]:
    if found.proposal is None:
        meanwhile = (Strong("Meanwhile: "), sentence(found.safe_now[-1]))
        return [_undecided(found, known), Paragraph(meanwhile)]
    staged = "" if found.one_click else " It needs a first stage, or an override with a reason."
    return [Paragraph((Strong(f"Proposal: {found.proposal}. "), sentence(found.why), staged))]


def _undecided(found: Decision, known: int) -> Paragraph:
    if known:
        return Paragraph((Strong("No proposal yet. "), sentence(found.why)))
    options = ", ".join(found.possible)
    left = f"Ask what stands below: the answers choose between {options}."
    return Paragraph((Strong("Nothing is known yet, so nothing is proposed. "), left))


def _question(ask: Ask, asked: Question) -> Line:
    fact = FACTS[asked.fact]
    answers = "|".join((*(fact.words or (f"<{fact.unit}>",)), NOBODY_KNOWS))
    how = Code(f"{ask.desk.command} decide {asked.fact}:{answers}")
    return (Strong(f"Ask {asked.role}: "), asked.question, " ", how)


def _how(ask: Ask, known: int) -> Line:
    facts = {0: "An answer is recorded as shown", 1: "1 fact is known"}.get(known, f"{known} facts are known")
    choice = Code(f'{ask.desk.command} decide <option> why:"…"')
    return (f"{facts}; {NOBODY_KNOWS} says that nobody knows. ", choice, " records the choice at any time.")


VERB = Verb(
    name="decide",
    usage='decide [fact:value …] | decide <option> why:"…"',
    summary="Show what to do and why, record a fact (? is nobody knows), or record the choice.",
    right=Right.RESPOND,
    act=act,
    options=frozenset({"why", "inc"}),
    free_options=True,
)
