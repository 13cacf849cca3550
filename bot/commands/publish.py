"""Draft what customers read, and send it once somebody who may says so."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from bot.commands.grammar import one_of
from bot.commands.verb import Ask, Outcome, Verb, in_incident
from bot.core.blameless import hints
from bot.core.cards.said.external import draft_card
from bot.core.customers import promise, within, words
from bot.core.document import Code, Line
from bot.core.duplicate import go_on
from bot.core.errors import Refused
from bot.core.events import ExternalDrafted, ExternalDropped, ExternalSent
from bot.core.events.external import ExternalStatus
from bot.core.external import IMPACT, STATUS, STATUSES, Draft, state_of
from bot.core.incident import Incident
from bot.core.literal import visible
from bot.core.may import Right
from bot.core.words import at_clock, at_minute, sentence

LONGEST, LONGEST_TITLE = 1_000, 100
_NAME = re.compile(r"[Ee]?([1-9][0-9]{0,8})")
NOT_SET_UP = (
    "Customers cannot be told anything from here: no status page is set up. Set BACKSTOP_STATUSPAGE_PAGE and "
    "BACKSTOP_STATUSPAGE_KEY, or BACKSTOP_STATUS_WEBHOOK_URL. Nothing was recorded."
)


async def act(ask: Ask) -> Outcome:
    """Draft words for customers, your own or of what is known; `send` sends a draft, `drop` lets it be."""
    incident = await ask.incident(ask.words.options.get("inc"))
    said = ask.words.args
    match said[:1]:
        case ("send",):
            return _send(ask, incident)
        case ("drop",):
            return _drop(ask, incident)
        case _ if len(said) > 1:
            raise Refused(
                f'What customers read stands in "quotes", as one text: nothing was done. {ask.usage}'
            )
        case _:
            return _draft(ask, incident)


def _draft(ask: Ask, incident: Incident) -> Outcome:
    if not ask.desk.publishes:
        raise Refused(NOT_SET_UP)
    status = _status(ask, incident)
    service = ask.catalog.services.get(incident.service)
    name = service.title if service else incident.service
    own = visible(ask.words.args[0]).strip() if ask.words.args else ""
    if ask.words.args and not own:
        raise Refused(f"There are no words in what customers read: nothing was done. {ask.usage}")
    promised = None if own or status == "resolved" else promise(incident, ask.now)
    text = " ".join(
        filter(None, (own or words(incident, name, status, promised, ask.now), _data(ask, incident, status)))
    )
    _short_enough(text)
    waiting = incident.external.waiting
    component = service.status_component if service else None
    event = ExternalDrafted(
        status=status,
        impact=IMPACT[incident.severity],
        title=_title(ask, incident, name),
        text=text,
        component=component or "",
        state=state_of(incident.severity, status) if component else "",
        promised=promised,
        replaces=waiting.number if waiting else None,
    )
    return _drafted(ask, incident, event, own)


def _drafted(ask: Ask, incident: Incident, event: ExternalDrafted, own: str) -> Outcome:
    """Who talks where the draft appears reads it there; elsewhere it stands in the answer."""
    draft = Draft(incident.seq + 1, event, ask.who.name, ask.now)
    small: Line = tuple(f"{hint} " for hint in hints([own], ask.catalog.people))
    if not own and not incident.impact:
        small = (*small, "Nobody stated the impact: ", Code('impact "what customers notice"'))
    line = f"{draft.name} is drafted for customers; nobody reads it until somebody sends it."
    answer = ask.done(incident.id, line, small=small, draft=draft.name)
    if ask.place.channel is None:
        card = draft_card(draft, incident)
        answer = replace(answer, document=replace(card, blocks=(*answer.document.blocks, *card.blocks)))
    return in_incident(answer, incident, event)


def _status(ask: Ask, incident: Incident) -> ExternalStatus:
    usual = STATUS[incident.phase]
    said = one_of(ask.words.options.get("as", usual), STATUSES, "status")
    status = next(each for each in STATUSES if each == said)
    _agrees(ask, incident, status)
    return status


def _agrees(ask: Ask, incident: Incident, status: ExternalStatus) -> None:
    """Raise Refused where customers would read that it is over and it is not, or the other way round."""
    if (status == "resolved") == (not incident.open):
        return
    do = "`resolve` it first" if incident.open else go_on(incident)
    raise Refused(
        f"{incident.id} is {incident.stands}, so customers are not told that it is {status}: {do}. "
        "Nothing was recorded."
    )


def _data(ask: Ask, incident: Incident, status: ExternalStatus) -> str:
    """Return what was lost, without which nobody is told that it is over."""
    said = visible(ask.words.options.get("data", "")).strip()
    if status != "resolved" or said:
        return sentence(said) if said else ""
    if incident.resolved:
        return sentence(visible(incident.resolved.data_statement))
    nothing = incident.false_alarm or incident.merged
    return "" if nothing else sentence(ask.option("data", "what was lost, or that nothing was"))


def _title(ask: Ask, incident: Incident, name: str) -> str:
    """Return under which title customers find it: that of the draft before it, or one of the service."""
    before = incident.external.drafts[-1:]
    usual = before[0].drafted.title if before else f"Problem with {within(name)}"
    said = " ".join(visible(ask.words.options.get("title", "")).split())
    if said and any(incident.external.pages.values()):
        raise Refused(
            "On the status page it has its title already, and is changed there: nothing was recorded."
        )
    title = said or usual
    if len(title) > LONGEST_TITLE:
        raise Refused(
            f"The title has {len(title)} characters, and {LONGEST_TITLE} are read: nothing was recorded. "
            "Shorten it."
        )
    return title


def _short_enough(text: str) -> None:
    if len(text) > LONGEST:
        raise Refused(
            f"Customers would read {len(text)} characters, and whoever sends it is shown {LONGEST}: "
            "nothing was recorded. Say it shorter."
        )


def _send(ask: Ask, incident: Incident) -> Outcome:
    ask.may(Right.PUBLISH, "send words to customers", incident)
    draft = _named(ask, incident)
    if draft.state != "waiting":
        raise Refused(f"{_standing(ask, draft, incident)} Nothing was sent.")
    if not ask.desk.publishes:
        raise Refused(NOT_SET_UP)
    _agrees(ask, incident, draft.drafted.status)
    _still_true(draft, ask.now)
    event = ExternalSent(draft=draft.number, systems=ask.desk.publishes)
    answer = ask.done(incident.id, f"{draft.name} is being sent; what comes of it is said in the channel.")
    return in_incident(answer, incident, event)


def _drop(ask: Ask, incident: Incident) -> Outcome:
    ask.may(Right.PUBLISH, "decide what customers are told", incident)
    draft = _named(ask, incident)
    if draft.state != "waiting" and not draft.open:
        raise Refused(f"{_standing(ask, draft, incident)} Nothing was changed.")
    line = f"{draft.name} is not sent."
    if draft.state == "sent":
        line = f"{draft.name} is not tried any more. Whether customers read it already, look there."
    answer = ask.done(incident.id, line)
    return in_incident(answer, incident, ExternalDropped(draft=draft.number))


def _named(ask: Ask, incident: Incident) -> Draft:
    word = ask.words.args[1] if len(ask.words.args) > 1 else ""
    found = _NAME.fullmatch(word)
    draft = incident.external.draft(int(found[1])) if found else None
    if draft is None:
        newest = incident.external.drafts[-1:]
        hint = f"The newest is {newest[0].name}." if newest else "`publish` makes one."
        which = f"{incident.id} has no draft {word[:40]}" if word else "Which draft is meant is missing"
        raise Refused(f"{which}: nothing was done. {hint}")
    return draft


def _standing(ask: Ask, draft: Draft, incident: Incident) -> str:
    match draft.state:
        case "sent":
            return f"{draft.name} was sent by @{draft.by} at {at_clock(draft.at, ask.now)}."
        case "dropped":
            return f"@{draft.by} said not to send {draft.name}: `publish` drafts anew."
        case _:
            return f"A later draft replaced {draft.name}; the newest is {incident.external.drafts[-1].name}."


def _still_true(draft: Draft, now: datetime) -> None:
    if not draft.whole:
        raise Refused(f"Words were removed from {draft.name}: nothing was sent. `publish` drafts anew.")
    promised = draft.drafted.promised
    if promised and promised <= now:
        raise Refused(
            f"{draft.name} promises more by {at_minute(promised, now)}, which is over: nothing was sent. "
            "`publish` drafts anew."
        )


VERB = Verb(
    name="publish",
    usage='publish ["what customers read"] [as:investigating|identified|monitoring|resolved] [title:"…"] '
    '[data:"what was lost"] | send E14 | drop E14',
    summary="Draft what customers read on the status page; it is sent when somebody sends it.",
    right=Right.RESPOND,
    act=act,
    options=frozenset({"as", "title", "data", "inc"}),
    words=2,
)
