"""Decide: what is known, what is asked, the choice with its reason, and whether it worked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from bot.commands.grammar import one_of
from bot.commands.plan import applies, opened
from bot.commands.verb import Answer, Ask, Outcome, Verb, in_incident
from bot.core import deciding
from bot.core.cards.answers import NOBODY_KNOWS
from bot.core.cards.decide import Deciding, decision_card, effect_line, plan_buttons
from bot.core.cards.lines.incidents import proposed_line
from bot.core.cards.prices import price_texts
from bot.core.cards.said.incidents import fact_in_words
from bot.core.decide import VetoHit
from bot.core.decided import Decision
from bot.core.deciding import WROTE, outcome_in_words
from bot.core.disputed import handed_back, looked_up, word_of_a_person
from bot.core.document import Block, Code, Document, Line, Paragraph, Small, Strong
from bot.core.duplicate import go_on
from bot.core.errors import Refused
from bot.core.events import (
    Decided,
    DecisionAsked,
    EffectObserved,
    Event,
    FactLearnt,
    Phase,
    PlanAsked,
    Proposed,
    ReasonStated,
)
from bot.core.incident import Incident
from bot.core.may import COMMANDERS, Right
from bot.core.words import sentence
from bot.market import seen_now
from playbooks.criteria import FACTS, FactUnknown, Known, Value, parse_fact
from playbooks.problems import nearest
from playbooks.words import Option

OPTIONS = tuple(option.value for option in Option)
OUTCOMES = {"yes": "worked", "no": "no_change", "worse": "worse"}
_OWN = frozenset({"why", "inc", "as", "unless", "worked", "of", "plan", "by"})


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
    alone = not (said or worked or "plan" in ask.words.options)
    if "why" in ask.words.options and alone and incident.decisions:
        return _explain(ask, incident)
    if "why" in ask.words.options:
        raise Refused(
            "`why:` is the reason of a choice, and no option is named: nothing was recorded. "
            f"Say the option before it, one of: {', '.join(OPTIONS)}. {ask.usage}"
        )
    if "plan" in ask.words.options:
        raise Refused(
            f"`plan:` draws the plan of a choice, and no option is named: nothing was recorded. {ask.usage}"
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
    criteria, _ = ask.desk.shelf.criteria()
    good = criteria.fresh(incident.found, ask.now)
    words = [word_of_a_person(incident, name, value, good, ask.now) for name, value in facts.items()]
    back = handed_back(incident, deciding.then(incident, words, by=ask.who.name, at=ask.now))
    told = "; ".join(_told(word, back.get(word.name)) for word in words)
    return await _recorded(ask, incident, _with_proposal(ask, incident, *words), f"knows {told}.")


def _told(word: FactLearnt, back: Known | None) -> str:
    fact = fact_in_words(word.name, word.value)
    if back:
        return f"{fact} here, so what a machine knows counts again: {looked_up(back)}"
    return f"{fact}, but {word.against}" if word.against else fact


def _still_takes(incident: Incident, facts: Collection[str]) -> None:
    """Raise Refused once it is over; what has to be known to close it is still taken until then."""
    if incident.open or (incident.phase is Phase.RESOLVED and set(facts) == {WROTE}):
        return
    raise Refused(f"{incident.id} is {incident.stands}: {go_on(incident)}. Nothing was recorded.")


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
    return in_incident(answer, incident, *events)


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
    if over:
        _may_go_over(ask, seen, over)
    else:
        ask.may(Right.COMMAND, "decide", incident)
    why = ask.option("why", "the reason, which the post-mortem keeps")
    _still_takes(incident, ())
    _still_proposed(ask, seen, option)
    cost = price_texts(seen.prices)
    event = deciding.choice(incident, criteria, hash, Option(option), why=why, at=ask.now, prices=cost)
    if _decided_already(incident, event):
        return _again(ask, incident, incident.decisions[-1], why)
    after = await _seen(ask, deciding.then(incident, [event], by=ask.who.name, at=ask.now))
    answer = _chosen(ask, after, [veto.id for veto in over])
    if "plan" in ask.words.options:
        return await _planned_at_once(ask, incident, after.playbooks, answer, event)
    return in_incident(answer, incident, event)


async def _planned_at_once(
    ask: Ask, incident: Incident, fitting: Sequence[str], answer: Answer, event: Decided
) -> Outcome:
    """A plan changes nothing, so who decides may have it drawn with the same words."""
    name = ask.words.options["plan"]
    playbook = ask.playbook(name).playbook
    ask.may(Right.COMMAND, "plan a run", incident)
    if name not in fitting:
        fits = ", ".join(fitting) or "none"
        raise Refused(
            f"{name} does not carry out {event.option}: nothing was recorded. What does here: {fits}."
        )
    applies(playbook, incident.service, incident.environment)
    asked = PlanAsked(
        incident=incident.id, playbook=name, service=incident.service, environment=incident.environment
    )
    run, changes = await opened(ask, incident, asked, event)
    planned = Paragraph((Strong(run), " is being planned: the plan card follows."))
    shown = Document("", (*answer.document.blocks, planned))
    return Outcome(replace(answer, document=shown, data={**answer.data, "run": run}), changes)


def _may_go_over(ask: Ask, seen: Deciding, over: Collection[VetoHit]) -> None:
    commanders = (seen.incident.commander, *ask.catalog.members(COMMANDERS, ask.desk.slack_groups()))
    holders = {**seen.holders, "commander": tuple(dict.fromkeys(commanders))}
    deciding.may_override(ask.who.name, over, holders)


def _still_proposed(ask: Ask, seen: Deciding, option: str) -> None:
    """Raise Refused when a press is about a proposal that was changed after it was read."""
    if "as" in ask.words.options and seen.found.proposal != option:
        now = seen.found.proposal or "nothing yet"
        raise Refused(
            f"{option} is not proposed any more, but {now}: {sentence(seen.found.why)} Nothing was recorded. "
            f'`{ask.desk.command} decide {option} why:"…"` still decides it.'
        )


def _decided_already(incident: Incident, event: Decided) -> bool:
    """Say whether the same was decided last, from the same facts, and nobody saw yet what came of it."""
    told = {"why": event.why, "effect_by": event.effect_by, "prices": event.prices}
    told["effect_missing"] = event.effect_missing
    return any(
        before.observed is None and before.made.model_copy(update=told) == event
        for before in incident.decisions[-1:]
    )


def _again(ask: Ask, incident: Incident, decision: Decision, why: str) -> Outcome:
    """Who decided says anew why by deciding the same; what others typed or pressed was meant to decide it."""
    meant = ask.words.args and (decision.by != ask.who.name or ask.words.options.keys() & {"as", "plan"})
    if meant or why == decision.why:
        raise Refused(
            f"@{decision.by} decided {decision.made.option} already, and nothing new is known since: "
            f'nothing was recorded. `{ask.desk.command} decide why:"…"` says its reason anew.'
        )
    stated = ReasonStated(decision=decision.seq, option=decision.made.option, why=why)
    answer = ask.done(
        incident.id,
        f"{decision.made.option} stays decided by @{decision.by}; its reason is now: {sentence(why)}",
    )
    return in_incident(answer, incident, stated)


def _explain(ask: Ask, incident: Incident) -> Outcome:
    """Say anew why something was decided, also once the incident is over: the post-mortem keeps it."""
    why = ask.option("why", "the reason, which the post-mortem keeps")
    of = ask.words.options.get("of")
    meant = [each for each in incident.decisions if of in (None, str(each.seq))]
    if not meant:
        made = ", ".join(f"{each.seq} ({each.made.option})" for each in incident.decisions)
        raise Refused(
            f"Entry {str(of)[:20]} is no decision of {incident.id}: nothing was recorded. Those are: {made}."
        )
    if meant[-1].by != ask.who.name:
        ask.may(Right.COMMAND, f"say why @{meant[-1].by} decided", incident)
    return _again(ask, incident, meant[-1], why)


def _chosen(ask: Ask, after: Deciding, over: list[str]) -> Answer:
    incident = after.incident
    [*_, decision] = incident.decisions
    against = f" Against {', '.join(over)}." if over else ""
    late = _asked_later(decision.made)
    line = f"decided: {decision.made.option}.{against}"
    doubt = deciding.not_ruled_out(decision.made)
    told: Line = (line, *late, *((" ", Strong(doubt)) if doubt else ()))
    answer = ask.done(incident.id, *told, playbooks=list(after.playbooks))
    # With `plan:` one of them is being planned already.
    how = () if "plan" in ask.words.options else _how(ask, after, decision.made.option)
    return Answer(Document("", (*answer.document.blocks, *how)), data=answer.data)


def _how(ask: Ask, after: Deciding, option: str) -> Iterator[Block]:
    """Yield what carries a decision out, or that nothing here does and what to do then."""
    if after.playbooks:
        yield Small(("Playbooks that can do it:",))
        yield from plan_buttons(after.incident.id, after.playbooks)
    elif option != Option.WAIT:
        yield Small(
            (
                f"No playbook here carries out {option}: people do it, and ",
                Code(f"{ask.desk.command} decide worked:yes"),
                " says that it helped. To have one, write a playbook for "
                f"{after.incident.service} in {after.incident.environment} with ",
                Code(f"options: [{option}]"),
                ".",
            )
        )


def _asked_later(made: Decided) -> Line:
    """Return what to know of when its effect is asked for; nothing where that is as expected."""
    if made.effect_by is None:
        return (
            f" Nothing known says when {made.option} should have helped, "
            "so nobody will be asked whether it did.",
        )
    return (" ", *effect_line(made)) if made.effect_missing else ()


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
    nothing_ran = await _nothing_ran(ask, incident, decision)
    line = f"{decision.made.option}: {outcome_in_words(seen)}.{nothing_ran}"
    return await _recorded(ask, incident, _with_proposal(ask, incident, seen), line)


async def _nothing_ran(ask: Ask, incident: Incident, decision: Decision) -> str:
    """Return what to add where no run carried a decision out; raise Refused while one waits for its start."""
    option, command = decision.made.option, ask.desk.command
    books = [loaded.playbook for loaded in ask.desk.shelf.playbooks().values()]
    carries = deciding.fitting(books, option, incident)
    started, waits = deciding.begun(await ask.runs_of(incident), carries, decision)
    by_hand = "by" in ask.words.options
    if by_hand:
        one_of(ask.words.options["by"], ("hand",), "way in which it was done")
    if waits and not started and not by_hand:
        raise Refused(
            f"{', '.join(waits)}, which carries out {option}, was not started, so nothing can have come "
            f"of it: nothing was recorded. `{command} start {waits[0]}` starts it; if it was done without "
            "Backstop, say the same with by:hand."
        )
    if started or option == Option.WAIT:
        return ""
    return " Backstop ran nothing for it: it counts as done by hand."


def _meant(ask: Ask, incident: Incident) -> Decision:
    """Return the newest decision, or raise Refused when what was pressed is about an earlier one."""
    if not incident.decisions:
        raise Refused(f"Nothing was decided in {incident.id} yet: nothing was recorded. {ask.usage}")
    newest = incident.decisions[-1]
    of = ask.words.options.get("of")
    if of is not None and of != str(newest.seq):
        raise Refused(
            f"Since then @{newest.by} decided {newest.made.option}: {sentence(newest.why)} "
            f"Nothing was recorded. `{ask.desk.command} decide worked:yes` is about that."
        )
    return newest


VERB = Verb(
    name="decide",
    usage=(
        'decide [fact:value …] [unless:known] | decide <option> why:"…" [as:proposed] [plan:playbook] '
        '| decide why:"…" [of:12] | decide worked:yes|no|worse [of:12] [by:hand]'
    ),
    summary="Bring up what to do, record a fact (? is nobody knows), the choice, or whether it worked.",
    right=Right.RESPOND,
    act=act,
    options=frozenset(_OWN),
    free_options=True,
)
