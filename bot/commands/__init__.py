"""Every verb, and `say`, the one way in for Slack, threads, buttons, the command line and HTTP.

To add a verb: write `bot/commands/x.py` with a `VERB`, list it in `VERBS`, and add a conversation to
`tests/journeys/`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from bot.commands import (
    abort,
    action,
    approve,
    capture,
    catchup,
    change,
    close,
    correct,
    decide,
    decisions,
    declare,
    delegate,
    discard,
    done,
    drill,
    false_alarm,
    freeze,
    handoff,
    help,
    hold,
    impact,
    incidents,
    list,
    merge,
    note,
    page,
    phase,
    ping,
    plan,
    postmortem,
    prepare,
    publish,
    redact,
    reject,
    release,
    reopen,
    repair,
    replay,
    resolve,
    resume,
    retry,
    role,
    salvage,
    sev,
    silence,
    skip,
    start,
    status,
    task,
    timeline,
    undo,
    update,
    whoami,
    withdraw,
)
from bot.commands import (
    object as objection,
)
from bot.commands.grammar import Words, read
from bot.commands.verb import Answer, Ask, Desk, Outcome, Place, Verb, find
from bot.core.errors import Conflict, Refused
from bot.core.may import Actor, Right, may
from bot.timeline import AlreadyAnswered, Delivery
from integrations.contract import IntegrationError
from playbooks.problems import PlaybookInvalid, nearest

VERBS: dict[str, Verb] = {
    verb.name: verb
    for verb in (
        declare.VERB,
        list.VERB,
        status.VERB,
        catchup.VERB,
        update.VERB,
        publish.VERB,
        phase.VERB,
        sev.VERB,
        change.VERB,
        role.VERB,
        handoff.VERB,
        impact.VERB,
        note.VERB,
        page.VERB,
        capture.VERB,
        correct.VERB,
        redact.VERB,
        repair.VERB,
        task.VERB,
        action.VERB,
        decide.VERB,
        plan.VERB,
        prepare.VERB,
        discard.VERB,
        start.VERB,
        approve.VERB,
        reject.VERB,
        withdraw.VERB,
        delegate.VERB,
        objection.VERB,
        hold.VERB,
        resume.VERB,
        abort.VERB,
        retry.VERB,
        skip.VERB,
        done.VERB,
        undo.VERB,
        salvage.VERB,
        silence.VERB,
        freeze.VERB,
        drill.VERB,
        release.VERB,
        decisions.VERB,
        incidents.VERB,
        replay.VERB,
        resolve.VERB,
        false_alarm.VERB,
        merge.VERB,
        close.VERB,
        reopen.VERB,
        timeline.VERB,
        postmortem.VERB,
        whoami.VERB,
        ping.VERB,
        help.VERB,
    )
}

TRIES = 20


async def say(
    desk: Desk, line: str, *, who: Actor, via: str, place: Place | None = None, delivery: str
) -> Answer:
    """Carry out what somebody typed and return what they read.

    The same `delivery` gives the first answer again and changes nothing, with `another_line` in its data when
    it was given to something else; a question whose answer the door returns is not kept, and answered anew.
    """
    desk, place = desk.behind(via), place or Place()
    try:
        if not place.reply and _only_asks(line, desk.command):
            return (await _decide(desk, line, who, via, place)).answer
        async with desk.timeline.turn:
            return await _carry_out(desk, line, who, via, place, delivery)
    except AlreadyAnswered as before:
        return _first(before.answer, line, place)
    except IntegrationError as problem:
        return replace(Answer.refused(str(problem)), data={"unavailable": True})


async def look(desk: Desk, line: str, *, who: Actor, via: str, place: Place) -> Answer:
    """Return what somebody would read now who said this; whatever it would change is left as it is."""
    try:
        return (await _decide(desk.behind(via), line, who, via, place)).answer
    except IntegrationError as problem:
        return replace(Answer.refused(str(problem)), data={"unavailable": True})


async def _carry_out(desk: Desk, line: str, who: Actor, via: str, place: Place, delivery: str) -> Answer:
    for _ in range(TRIES):
        try:
            outcome = await _decide(desk, line, who, via, place)
            letter = _letter(outcome.answer, line, place, delivery)
            await desk.timeline.append(outcome.changes, by=who.name, via=via, delivery=letter)
        except Conflict:
            continue
        return outcome.answer
    sentence = "Too many people wrote at once: nothing was recorded. Say it again."
    return replace(Answer.refused(sentence), data={"unavailable": True})


def _first(stored: Mapping[str, object], line: str, place: Place) -> Answer:
    """Return the answer that was given to a delivery, marked when that delivery said something else."""
    answer = Answer.from_json(stored)
    same = stored.get("line") in (None, _mark(line, place))  # None: stored before lines were marked
    return answer if same else replace(answer, data={**answer.data, "another_line": True})


def _mark(line: str, place: Place) -> str:
    """Return what tells one line in one place from another; the line itself need not be kept."""
    return hashlib.sha256(repr((line, place.channel, place.thread)).encode(errors="replace")).hexdigest()


def _only_asks(line: str, command: str) -> bool:
    """Say whether a line changes nothing, whatever comes of it."""
    try:
        return find(read(line).verb, VERBS, command).right is Right.READ
    except Refused:
        return False


async def _decide(desk: Desk, line: str, who: Actor, via: str, place: Place) -> Outcome:
    try:
        words = read(line)
        verb = find(words.verb, VERBS, desk.command)
        may(who, _least(verb), what=f"use `{verb.name}`")
        _check(verb, words, desk.command)
        return await verb.act(Ask(desk, words, who, via, place, desk.now, VERBS))
    except Refused as refusal:
        return Outcome(Answer.refused(str(refusal)))
    except PlaybookInvalid as invalid:
        return Outcome(Answer.refused(f"The catalog or a playbook cannot be read:\n{invalid}"))


def _letter(answer: Answer, line: str, place: Place, delivery: str) -> Delivery:
    lane = f"answer/{place.channel}" if place.reply else None
    return Delivery(delivery, {**answer.as_json(), "line": _mark(line, place)}, place.as_json(), lane)


def _least(verb: Verb) -> Right:
    """What can be asked before it is known which incident is meant; the verb asks for the rest itself."""
    return verb.right if verb.right in (Right.READ, Right.REPORT) else Right.RESPOND


def _check(verb: Verb, words: Words, command: str) -> None:
    unknown = [name for name in words.options if name not in verb.options and not verb.free_options]
    if unknown:
        near = nearest(unknown[0], verb.options)
        hint = f" Did you mean `{near}:`?" if near else ""
        raise Refused(
            f"`{verb.name}` has no option `{unknown[0][:40]}:`: nothing was done.{hint} {verb.shown(command)}"
        )
    if len(words.args) > verb.words:
        raise Refused(
            f"`{verb.name}` takes {_most(verb.words)}, not {len(words.args)}: nothing was done. "
            f"{verb.shown(command)}"
        )


def _most(words: int) -> str:
    match words:
        case 0:
            return "no words"
        case 1:
            return 'one word, or one text in "quotes"'
        case _:
            return f'at most {words} words, or texts in "quotes"'


__all__ = ["VERBS", "Answer", "Ask", "Desk", "Outcome", "Place", "Verb", "find", "look", "say"]
