"""Declare an incident: one line, and everything else follows from it."""

from __future__ import annotations

import re
from datetime import datetime

from bot.commands.grammar import a_recent_time, one_of
from bot.commands.impact import told_in_full
from bot.commands.verb import Answer, Ask, Outcome, Verb
from bot.core.document import Code, Document, Line, Link, Paragraph, Small, Strong
from bot.core.errors import Refused
from bot.core.events import ImpactStated, IncidentDeclared, RoleAssigned, Severity
from bot.core.may import Right
from bot.core.words import joined
from bot.timeline import Change

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,49}-[1-9][0-9]{0,9}")
SEVERITIES = ("1", "2", "3", "4", "sev1", "sev2", "sev3", "sev4")


def severity(word: str) -> Severity:
    """Return the severity that a word stands for: 1 or SEV1 is the worst."""
    return Severity(int(one_of(word, SEVERITIES, "severity")[-1]))


async def act(ask: Ask) -> Outcome:
    """Open an incident; the declarer commands unless role:commander=@somebody says otherwise."""
    options = ask.words.options
    title = _one_line(ask.argument(0, 'The title in "quotes"'))
    if not title:
        raise Refused("An incident needs a title that says what is wrong: nothing was recorded.")
    service = _service(ask, options.get("svc", ""))
    environment = _environment(ask, service, options.get("env", ""))
    commander = ask.person(options["commander"]) if "commander" in options else ask.who.name
    since, damage, alerted = (_moment(ask, name) for name in ("since", "damage", "alerted"))
    declared = IncidentDeclared(
        title=title,
        severity=severity(options.get("sev", "2")),
        service=service,
        environment=environment,
        release=options.get("release"),
        commander=commander,
        impact_start=since,
        change=key_of(options["change"]) if "change" in options else None,
        alerted=alerted,
    )
    id = await ask.timeline.lookup.next_id("INC")
    roles = tuple(
        RoleAssigned(role=role, person=ask.person(options[role]))
        for role in ("ops", "comms", "scribe")
        if role in options
    )
    damaged = (ImpactStated(damage_start=damage),) if damage else ()
    return Outcome(
        _answer(ask, id, declared, damage), {f"incident/{id}": Change(0, (declared, *roles, *damaged))}
    )


def _moment(ask: Ask, name: str) -> datetime | None:
    said = ask.words.options.get(name)
    return None if said is None else a_recent_time(said, ask.now)


def key_of(word: str) -> str:
    """Return the key of the issue of a change, or raise Refused where it cannot be one."""
    if not _KEY.fullmatch(word):
        raise Refused(f"`{word[:40]}` is no key of an issue: nothing was recorded. Say it as OPS-12.")
    return word.upper()


def _one_line(title: str) -> str:
    """Return a title in one line: it heads a channel, a card and an issue, which hold no line breaks."""
    return " ".join(part for line in title.splitlines() if (part := line.strip()))


def _answer(ask: Ask, id: str, declared: IncidentDeclared, damage: datetime | None) -> Answer:
    url = f"{ask.desk.url}/incidents/{id}"
    head = (Strong(id), f" is open: {declared.title}. SEV{declared.severity}, {declared.service} in ")
    rest = (f"{declared.environment}, commander @{declared.commander}. ", Link("Timeline", url))
    say = ("Next: ", Code(f"{ask.desk.command} plan <playbook>"), ", ", Code("update"), ", ", Code("help"))
    since = _since(ask, declared, damage)
    blocks = (Paragraph((*head, *rest)), *((Paragraph(since),) if since else ()), Small(say))
    return Answer(Document("", blocks), data={"incident": id, "url": url})


def _since(ask: Ask, declared: IncidentDeclared, damage: datetime | None) -> Line:
    told = (
        ("It began", "since", "impact start", declared.impact_start),
        ("The damage began", "damage", "impact damage", damage),
    )
    said = ask.words.options
    lines = [
        (*told_in_full(ask, what, at, said=said[option], again=again), ".")
        for what, option, again, at in told
        if at
    ]
    if declared.alerted:
        fired = f"The alert began to fire {declared.alerted:%Y-%m-%d %H:%M:%SZ}"
        lines.append(
            (fired, ": it counts as detected then, unless ", Code("impact detected:"), " says otherwise.")
        )
    return joined(lines, " ")


def _service(ask: Ask, word: str) -> str:
    catalog = ask.catalog
    if not word and len(catalog.services) == 1:
        return next(iter(catalog.services))
    found = catalog.service(word) if word else None
    if found is None:
        near = catalog.nearest_service(word) if word else None
        hint = f" Did you mean {near}?" if near else f" There are: {', '.join(sorted(catalog.services))}."
        what = f"There is no service {word[:60]}" if word else "`svc:` is missing"
        raise Refused(f"{what}: nothing was recorded.{hint}")
    return found


def _environment(ask: Ask, service: str, word: str) -> str:
    there = ask.catalog.services[service].environments
    chosen = word or ("production" if "production" in there else next(iter(there)))
    if chosen not in there:
        raise Refused(
            f"{service} has no environment {chosen[:60]}: nothing was recorded. It has {', '.join(there)}."
        )
    return chosen


VERB = Verb(
    name="declare",
    usage=(
        'declare "title" [sev:1..4] [svc:name] [env:name] [release:2.4.0] [since:02:10] [damage:02:10] '
        "[change:OPS-12] [commander:@ana]"
    ),
    summary="Open an incident and its channel.",
    right=Right.RESPOND,
    act=act,
    options=frozenset(
        {"sev", "svc", "env", "release", "since", "damage", "alerted", "change"}
        | {"commander", "ops", "comms", "scribe"}
    ),
)
