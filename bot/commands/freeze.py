"""Stop changes, show what is stopped, let one through, and lift it."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection
from datetime import timedelta

from bot.commands.grammar import a_duration, one_of
from bot.commands.list import freeze_row
from bot.commands.verb import Answer, Ask, Outcome, Verb
from bot.core.cards.lines.freezes import in_scope
from bot.core.document import Bullets, Code, Document, Line, Paragraph, Strong, Table
from bot.core.errors import Refused
from bot.core.events import (
    DeploymentRefused,
    ExceptionAsked,
    ExceptionGranted,
    FreezeExtended,
    FreezeLifted,
    FreezePlaced,
    Scope,
)
from bot.core.freeze import Change as Wanted
from bot.core.freeze import Freeze, Pass, covers, judge, same
from bot.core.may import Right
from bot.core.words import at_clock, at_minute, sentence
from bot.timeline import Change
from playbooks.problems import nearest

ACTIONS = {"on": 1, "off": 2, "show": 1, "extend": 2, "allow": 4}
"""What can be done about freezes, with how many words that takes at most."""

KINDS = ("deploy", "migration", "config", "scaling", "retention", "backup")
USUAL_KINDS = "deploy,migration,config"
REVIEW, LONGEST_EXCEPTION = "4h", timedelta(hours=2)


async def act(ask: Ask) -> Outcome:
    """Do what the first word says; without one, show the freezes."""
    action = one_of(ask.words.args[0], tuple(ACTIONS), "word of freeze") if ask.words.args else "show"
    if len(ask.words.args) > ACTIONS[action]:
        word = ask.words.args[ACTIONS[action]]
        raise Refused(f"`freeze {action}` has no use for `{word[:40]}`: nothing was done. {ask.usage}")
    match action:
        case "on":
            return await _on(ask)
        case "off":
            return await _off(ask)
        case "extend":
            return await _extend(ask)
        case "allow":
            return await _allow(ask)
        case _:
            return await _show(ask)


async def _on(ask: Ask) -> Outcome:
    why = ask.option("why", "the reason, which every refused pipeline will read")
    scope = Scope(
        services=_services(ask),
        environments=_environments(ask),
        kinds=tuple(one_of(kind, (*KINDS, "*"), "kind of change") for kind in _split(_kinds(ask))),
    )
    id = await ask.timeline.lookup.next_id("FRZ")
    here = await ask.open_here() if ask.place.channel else None
    incident = here.id if here else None
    placed = FreezePlaced(
        scope=scope,
        why=why,
        cause="incident" if incident else "manual",
        incident=incident,
        review_at=ask.now + a_duration(ask.words.options.get("for", REVIEW)),
    )
    already = same(await ask.freezes(), placed, ask.who.name, ask.now)
    small = ("To lift it: ", Code(f"{ask.desk.command} freeze off {already.id if already else id}"))
    if already:
        return Outcome(_twice(ask, already, small))
    answer = ask.done(id, f"stops {in_scope(scope)}.", small=small, freeze=id)
    return Outcome(answer, {f"freeze/{id}": Change(0, (placed,))})


def _twice(ask: Ask, freeze: Freeze, small: Line) -> Answer:
    """A person who says it twice has one freeze to lift: of two, the second would be left in force."""
    stops = in_scope(freeze.placed.scope)
    line = f"stops {stops} already: you placed it at {at_clock(freeze.since, ask.now)} for the same reason."
    later = f" `freeze extend {freeze.id} for:4h` has it looked at later."
    return ask.done(freeze.id, f"{line} Nothing was recorded.{later}", small=small, freeze=freeze.id)


def _kinds(ask: Ask) -> str:
    return ask.words.options.get("kinds", USUAL_KINDS)


def _services(ask: Ask) -> tuple[str, ...]:
    names = _split(ask.option("svc", "the service, several with commas, or * for all"))
    catalog = ask.catalog
    return _known(tuple(catalog.service(name) or name for name in names), catalog.services, "service")


def _environments(ask: Ask) -> tuple[str, ...]:
    there = {place for service in ask.catalog.services.values() for place in service.environments}
    return _known(_split(ask.words.options.get("env", "*")), there, "environment")


def _known(patterns: tuple[str, ...], names: Collection[str], what: str) -> tuple[str, ...]:
    """Return the patterns if each stops something; a freeze of a mistyped name would stop nothing."""
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            near = nearest(pattern, names)
            hint = f"Did you mean {near}?" if near else f"There are: {', '.join(sorted(names))}."
            raise Refused(f"There is no {what} {pattern[:60]}: nothing was frozen. {hint}")
    return patterns


def _split(text: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    if not parts:
        raise Refused(f"`{text[:40]}` names nothing: nothing was frozen. Leave it out, or say * for all.")
    return parts


async def _off(ask: Ask) -> Outcome:
    freeze = await _in_force(ask)
    incident = await ask.incident(freeze.incident) if freeze.incident else None
    if ask.who.name != freeze.by:
        ask.may(Right.COMMAND, f"lift {freeze.id}, which @{freeze.by} placed", incident)
    await _nobody_acts_under(ask, freeze)
    event = FreezeLifted(why=ask.words.options.get("why", "by hand"))
    answer = ask.done(freeze.id, f"is lifted.{await _after(ask, freeze)}", freeze=freeze.id)
    return Outcome(answer, {f"freeze/{freeze.id}": Change(freeze.seq, (event,))})


async def _after(ask: Ask, freeze: Freeze) -> str:
    """Say what becomes of the deployments that a freeze refused once it is lifted."""
    others = await _others(ask, freeze)
    events = [entry.event for entry in await ask.timeline.read(f"freeze/{freeze.id}")]
    refused = [event for event in events if isinstance(event, DeploymentRefused)]
    wanted = [Wanted(event.service, event.environment, event.change, event.sha) for event in refused]
    verdicts = [judge(others, change, ask.now) for change in wanted]
    stopped = [verdict for verdict in verdicts if not verdict.allowed]
    free = len(verdicts) - len(stopped)
    again = f" {_deployments(free)} may be tried again." if free else ""
    ids = dict.fromkeys(other.id for verdict in stopped for other in verdict.freezes)
    still = f" Still stopped: {_deployments(len(stopped))}, by {', '.join(ids)}." if stopped else ""
    return again + still


def _deployments(count: int) -> str:
    return f"{count} refused deployment{'s' * (count > 1)}"


async def _others(ask: Ask, freeze: Freeze) -> list[Freeze]:
    return [other for other in await ask.freezes() if other.id != freeze.id]


async def _nobody_acts_under(ask: Ask, freeze: Freeze) -> None:
    """Raise Refused while a run that placed the freeze, or holds a target under it, is not over."""
    anything = freeze.placed.scope.model_copy(update={"kinds": ("*",)})
    for id in await ask.timeline.lookup.runs(only_open=True):
        held = await ask.timeline.lookup.held_by(id)
        run = await ask.run(id) if held else None
        if run and covers(anything, Wanted(run.asked.service, run.asked.environment, "restore")):
            why = f"holds {', '.join(held)}"
        elif id == freeze.placed.run:
            why = f"placed {freeze.id} and is not over"
        else:
            continue
        raise Refused(
            f"{id} {why}: {freeze.id} stays until {id} ends or is aborted. Nothing was lifted. "
            f"`{ask.desk.command} hold {id}` lets nothing further of it start, "
            f"`{ask.desk.command} abort {id}` ends it."
        )


async def _extend(ask: Ask) -> Outcome:
    freeze = await _in_force(ask)
    wait = a_duration(ask.words.options.get("for", REVIEW))
    until = freeze.placed.until if freeze.placed.lift == "at_until" else None
    if until:
        raise Refused(
            f"{freeze.id} was placed to end by itself at {at_minute(until, ask.now)}: nothing was recorded. "
            "`freeze on` places one that stays."
        )
    event = FreezeExtended(review_at=ask.now + wait, why=ask.words.options.get("why", ""))
    answer = ask.done(
        freeze.id, f"stays; it is looked at again at {at_minute(ask.now + wait, ask.now)}.", freeze=freeze.id
    )
    return Outcome(answer, {f"freeze/{freeze.id}": Change(freeze.seq, (event,))})


async def _show(ask: Ask) -> Outcome:
    freezes = await ask.freezes()
    if not freezes:
        return Outcome(Answer(Document("", (Paragraph(("Nothing is frozen.",)),)), data={"freezes": []}))
    header = ("Freeze", "Stops", "Since", "By", "Why", "Refused")
    rows = [
        (*freeze_row(freeze)[:3], (f"@{freeze.by}",), (freeze.placed.why,), (str(len(freeze.refused)),))
        for freeze in freezes
    ]
    passes = [_pass(ask, freeze, item) for freeze in freezes for item in freeze.exceptions]
    live = [line for line in passes if line]
    data = {"freezes": [freeze.id for freeze in freezes]}
    return Outcome(Answer(Document("", (Table(header, rows), *([Bullets(live)] if live else ()))), data=data))


def _pass(ask: Ask, freeze: Freeze, item: Pass) -> Line:
    """Return an exception as a line: granted, or what a second person says; nothing when it is over."""
    if ask.now >= item.expires:
        return ()
    change, until = Code(f"{item.service}@{item.sha}"), f" until {at_minute(item.expires, ask.now)}"
    asked = f"@{item.asked_by} asked for it: {sentence(item.why)}"
    if item.granted_by:
        by = f" through{until}, granted by @{item.granted_by}; {asked}"
        return (Strong(freeze.id), " lets ", change, by)
    how = Code(f"{ask.desk.command} freeze allow {freeze.id} {item.service}@{item.sha}")
    waits = f"{until} waits for a second person; {asked} To grant it: "
    return (Strong(freeze.id), ": an exception for ", change, waits, how)


async def _allow(ask: Ask) -> Outcome:
    """The first person asks with a reason; the same words of a second one grant it."""
    freeze = await _in_force(ask)
    service, sha = _change(ask)
    asked = next((e for e in freeze.exceptions if (e.service, e.sha) == (service, sha)), None)
    live = asked is not None and ask.now < asked.expires
    if asked and live and asked.granted_by:
        raise Refused(
            f"{service}@{sha} may pass {freeze.id} already, until {at_minute(asked.expires, ask.now)}."
        )
    if asked and live:
        return await _grant(ask, freeze, asked)
    if not _stops(ask, freeze, service):
        raise Refused(f"{freeze.id} does not stop {service}; it needs no exception.")
    why = ask.words.args[3] if len(ask.words.args) > 3 else ask.option("why", "the reason")
    wait = a_duration(ask.words.options.get("for", "2h"))
    if not timedelta() < wait <= LONGEST_EXCEPTION:
        raise Refused("An exception lasts at most 2h: nothing was recorded. Say for:2h or less.")
    expires = ask.now + wait
    event = ExceptionAsked(service=service, sha=sha, why=why, expires=expires)
    small = (
        "It needs a second person: ",
        Code(f"{ask.desk.command} freeze allow {freeze.id} {service}@{sha}"),
    )
    answer = ask.done(
        freeze.id,
        f"an exception for {service}@{sha} until {at_minute(expires, ask.now)} is asked for."
        f"{await _still(ask, freeze, service, sha)}",
        small=small,
        freeze=freeze.id,
    )
    return Outcome(answer, {f"freeze/{freeze.id}": Change(freeze.seq, (event,))})


async def _grant(ask: Ask, freeze: Freeze, asked: Pass) -> Outcome:
    change = f"{asked.service}@{asked.sha}"
    if ask.who.name == asked.asked_by:
        raise Refused(f"You asked for {change} yourself: a second person must agree. Nothing was recorded.")
    event = ExceptionGranted(service=asked.service, sha=asked.sha)
    still = await _still(ask, freeze, asked.service, asked.sha)
    answer = ask.done(
        freeze.id,
        f"lets {change} through until {at_minute(asked.expires, ask.now)}.{still}",
        freeze=freeze.id,
    )
    return Outcome(answer, {f"freeze/{freeze.id}": Change(freeze.seq, (event,))})


async def _still(ask: Ask, freeze: Freeze, service: str, sha: str) -> str:
    """Say which other freezes stop a sha where this one does: an exception passes one freeze alone."""
    others = await _others(ask, freeze)
    places = ask.catalog.services[service].environments
    changes = [Wanted(service, place, kind, sha) for place in places for kind in KINDS]
    stops = dict.fromkeys(
        other.id
        for change in changes
        if covers(freeze.placed.scope, change)
        for other in judge(others, change, ask.now).freezes
    )
    return f" Still stopped by {', '.join(stops)}." if stops else ""


def _change(ask: Ask) -> tuple[str, str]:
    word = ask.argument(2, "The change (checkout@sha)")
    service, at, sha = word.partition("@")
    known = ask.catalog.service(service)
    if not (at and sha and known):
        raise Refused(f"`{word[:60]}` names no change: write it as checkout@sha. Nothing was recorded.")
    if "*" in sha:
        raise Refused(f"`{word[:60]}` is no one change: an exception names its sha. Nothing was recorded.")
    return known, sha


def _stops(ask: Ask, freeze: Freeze, service: str) -> bool:
    """Say whether the freeze stops any kind of change to the service anywhere."""
    anything = freeze.placed.scope.model_copy(update={"kinds": ("*",)})
    places = ask.catalog.services[service].environments
    return any(covers(anything, Wanted(service, place, "deploy")) for place in places)


async def _in_force(ask: Ask) -> Freeze:
    freeze = await ask.freeze(ask.argument(1, "The freeze (FRZ-7)"))
    if not freeze.in_force(ask.now):
        raise Refused(f"{freeze.id} is over; nothing was recorded.")
    return freeze


VERB = Verb(
    name="freeze",
    usage='freeze on svc:… [env:…] [kinds:…] why:"…" | off FRZ-7 | extend FRZ-7 [for:4h]'
    ' | allow FRZ-7 checkout@sha "why" | show',
    summary="Stop changes, show what is stopped, let one through, lift it.",
    right=Right.RESPOND,
    act=act,
    options=frozenset({"svc", "env", "kinds", "why", "for"}),
    words=4,
)
