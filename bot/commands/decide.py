"""Decide: what is known, what is asked, the choice with its reason, and whether it worked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from bot.commands.grammar import one_of
from bot.commands.verb import Answer, Ask, Outcome, Verb
from bot.core import deciding
from bot.core.cards.decide import NOBODY_KNOWS, Deciding, decision_card, plan_buttons
from bot.core.cards.lines.incidents import proposed_line
from bot.core.cards.prices import price_texts
from bot.core.cards.said.incidents import fact_in_words
from bot.core.deciding import WROTE, outcome_in_words
from bot.core.document import Document, Line, Strong
from bot.core.errors import Refused
from bot.core.events import Decided, DecisionAsked, EffectObserved, Event, FactLearnt, Phase, Proposed
from bot.core.incident import Decision, Incident
from bot.core.may import COMMANDERS, Right
from bot.core.words import sentence
from bot.market import seen_now
from bot.timeline import Change
from playbooks.criteria import FACTS, FactUnknown, Value, parse_fact
from playbooks.problems import nearest
from playbooks.words import Option

OPTIONS = tuple(option.value for option in Option)
OUTCOMES = {"yes": "worked", "no": "no_change", "worse": "worse"}
_OWN = frozenset({"why", "inc", "as", "unless", "worked", "of"})


async def act(ask: Ask) -> Outcome:
    """Bring up the card, or record what was said: name:value, an option with why:, or worked:."""
    incident = await ask.incident(ask.words.options.get("inc"))
    said = {key: value for key, value in ask.words.options.items() if key not in _OWN}
    worked = "worked" in ask.words.options
    if (bool(ask.words.args), bool(said), worked).count(True) > 1:
        raise Refused(
            "Say facts, the choice, and whether it worked each in a line of its own: nothing was recorded. "
            f"{ask.usage}"
        )
    if ask.words.args:
        return await _choose(ask, incident)
    if "why" in ask.words.options:
        raise Refused(
            "`why:` is the reason of a choice, and no option is named: nothing was recorded. "
            f"Say the option before it, one of: {', '.join(OPTIONS)}. {ask.usage}"
        )
    if worked:
        return await _observe(ask, incident)
    return await (_learn(ask, incident, said) if said else _bring_up(ask, incident))


async def _bring_up(ask: Ask, incident: Incident) -> Outcome:
    """Who talks where the card appears reads it there, together with everybody else."""
    if not incident.open:
        return Outcome(Answer(decision_card(await _seen(ask, incident)), data=_data(incident)))
    return await _recorded(
        ask, incident, (DecisionAsked(),), "is being decided: the card with what is asked follows."
    )


async def _learn(ask: Ask, incident: Incident, said: Mapping[str, str]) -> Outcome:
    facts = {_fact(name): _value(_fact(name), text) for name, text in said.items()}
    _still_takes(incident, facts)
    if "unless" in ask.words.options:
        _nobody_was_faster(ask, incident, facts)
    events = _with_proposal(ask, incident, *(FactLearnt(name=n, value=v) for n, v in facts.items()))
    told = "; ".join(fact_in_words(name, value) for name, value in facts.items())
    return await _recorded(ask, incident, events, f"knows {told}.")


def _still_takes(incident: Incident, facts: Collection[str]) -> None:
    """Raise Refused once it is over; what has to be known to close it is still taken until then."""
    if incident.open or (incident.phase is Phase.RESOLVED and set(facts) == {WROTE}):
        return
    raise Refused(f"{incident.id} is {incident.phase.value}: `reopen` it first. Nothing was recorded.")


def _nobody_was_faster(ask: Ask, incident: Incident, facts: Mapping[str, Value]) -> None:
    """Raise Refused when another answer was given since the question was drawn; typed, it corrects that."""
    criteria, _ = ask.desk.shelf.criteria()
    fresh = criteria.fresh(incident.known, ask.now)
    for name, value in facts.items():
        if name in fresh and fresh[name] != value:
            said = fact_in_words(name, fresh[name])
            raise Refused(
                f"@{incident.known[name].by} answered meanwhile, {said}: nothing was recorded. "
                f"`{ask.desk.command} decide {name}:…` corrects it."
            )


def _with_proposal(ask: Ask, incident: Incident, *events: Event) -> tuple[Event, ...]:
    criteria, hash = ask.desk.shelf.criteria()
    return deciding.with_proposal(incident, events, criteria, hash, by=ask.who.name, at=ask.now)


async def _recorded(ask: Ask, incident: Incident, events: tuple[Event, ...], line: str) -> Outcome:
    """Answer in a few words where the card is drawn again, and elsewhere with the card as it is then."""
    after = deciding.then(incident, events, by=ask.who.name, at=ask.now)
    changed = [event for event in events if isinstance(event, Proposed)]
    news = [span for event in changed for span in (" ", *proposed_line(event), ".")]
    answer = ask.done(incident.id, line, *news)
    if ask.place.channel is None:
        card = decision_card(await _seen(ask, after))
        answer = Answer(replace(card, blocks=(*answer.document.blocks, *card.blocks)))
    answer = replace(answer, data={**answer.data, **_data(after)})
    return Outcome(answer, {f"incident/{incident.id}": Change(incident.seq, events)})


def _data(incident: Incident) -> dict[str, object]:
    return {"incident": incident.id, "facts": dict(incident.facts)}


async def _seen(ask: Ask, incident: Incident) -> Deciding:
    """Return the incident as the card shows it, with the files in force."""
    desk = ask.desk
    return await seen_now(incident, ask.timeline, desk.shelf, desk.slack_groups(), command=desk.command)


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


async def _choose(ask: Ask, incident: Incident) -> Outcome:
    option = one_of(ask.words.args[0].replace("-", "_"), OPTIONS, "option")
    criteria, hash = ask.desk.shelf.criteria()
    seen = await _seen(ask, incident)
    over = deciding.against(option, seen.found)
    if not over:
        ask.may(Right.COMMAND, "decide", incident)
    why = ask.option("why", "the reason, which the post-mortem keeps")
    _still_takes(incident, ())
    commanders = (incident.commander, *ask.catalog.members(COMMANDERS, ask.desk.slack_groups()))
    _still_proposed(ask, seen, option)
    holders = {**seen.holders, "commander": tuple(dict.fromkeys(commanders))}
    deciding.may_override(ask.who.name, over, holders)
    cost = price_texts(seen.prices)
    event = deciding.choice(incident, criteria, hash, Option(option), why=why, at=ask.now, prices=cost)
    _something_new(incident, event)
    after = await _seen(ask, deciding.then(incident, [event], by=ask.who.name, at=ask.now))
    answer = _chosen(ask, after, [veto.id for veto in over])
    return Outcome(answer, {f"incident/{incident.id}": Change(incident.seq, (event,))})


def _still_proposed(ask: Ask, seen: Deciding, option: str) -> None:
    """Raise Refused when a press is about a proposal that was changed after it was read."""
    if "as" in ask.words.options and seen.found.proposal != option:
        now = seen.found.proposal or "nothing yet"
        raise Refused(
            f"{option} is not proposed any more, but {now}: {sentence(seen.found.why)} Nothing was recorded. "
            f'`{ask.desk.command} decide {option} why:"…"` still decides it.'
        )


def _something_new(incident: Incident, event: Decided) -> None:
    """Raise Refused when the same was decided already from the same facts."""
    for before in incident.decisions[-1:]:
        told = {"why": event.why, "effect_by": event.effect_by, "prices": event.prices}
        if before.observed is None and before.made.model_copy(update=told) == event:
            raise Refused(
                f"@{before.by} decided {event.option} already, and nothing new is known since: "
                "nothing was recorded."
            )


def _chosen(ask: Ask, after: Deciding, over: list[str]) -> Answer:
    incident = after.incident
    [*_, decision] = incident.decisions
    against = f" Against {', '.join(over)}." if over else ""
    late = "" if decision.made.effect_by else _NO_BOX.format(option=decision.made.option)
    small = ("Playbooks that can do it:",) if after.playbooks else ()
    line = f"decided: {decision.made.option}.{against}{late}"
    doubt = deciding.not_ruled_out(decision.made)
    told: Line = (line, *((" ", Strong(doubt)) if doubt else ()))
    answer = ask.done(incident.id, *told, small=small, playbooks=list(after.playbooks))
    plans = plan_buttons(incident.id, after.playbooks)
    return Answer(Document("", (*answer.document.blocks, *plans)), data=answer.data)


_NO_BOX = " Nothing known says when {option} should have helped, so nobody will be asked whether it did."


async def _observe(ask: Ask, incident: Incident) -> Outcome:
    word = one_of(ask.words.options["worked"], tuple(OUTCOMES), "answer to whether it worked")
    decision = _meant(ask, incident)
    seen = EffectObserved.model_validate(
        {"decision": decision.seq, "option": decision.made.option, "outcome": OUTCOMES[word]}
    )
    before = decision.observed
    if before and before.seen == seen:
        raise Refused(
            f"@{before.by} said already of {decision.made.option}: {outcome_in_words(seen)}. "
            "Nothing was recorded."
        )
    line = f"{decision.made.option}: {outcome_in_words(seen)}."
    return await _recorded(ask, incident, _with_proposal(ask, incident, seen), line)


def _meant(ask: Ask, incident: Incident) -> Decision:
    """Return the newest decision, or raise Refused when what was pressed is about an earlier one."""
    if not incident.decisions:
        raise Refused(f"Nothing was decided in {incident.id} yet: nothing was recorded. {ask.usage}")
    newest = incident.decisions[-1]
    of = ask.words.options.get("of")
    if of is not None and of != str(newest.seq):
        raise Refused(
            f"Since then @{newest.by} decided {newest.made.option}: {sentence(newest.made.why)} "
            f"Nothing was recorded. `{ask.desk.command} decide worked:yes` is about that."
        )
    return newest


VERB = Verb(
    name="decide",
    usage=(
        'decide [fact:value …] [unless:known] | decide <option> why:"…" [as:proposed] '
        "| decide worked:yes|no|worse [of:12]"
    ),
    summary="Bring up what to do, record a fact (? is nobody knows), the choice, or whether it worked.",
    right=Right.RESPOND,
    act=act,
    options=frozenset(_OWN),
    free_options=True,
)
