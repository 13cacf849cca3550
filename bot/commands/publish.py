"""Draft what customers read, and send it once somebody who may says so."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from bot.commands.grammar import one_of
from bot.commands.verb import Ask, Outcome, Verb, in_incident
from bot.core.blameless import hints
from bot.core.cards.said.external import draft_card
from bot.core.customers import promise, still_promises, within, words
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
    """Draft words for customers, your own, of another draft or of what is known; send or drop a draft."""
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
    before = _before(ask, incident)
    status = _status(ask, incident, before)
    service = ask.catalog.services.get(incident.service)
    name = service.title if service else incident.service
    typed = visible(ask.words.args[0]).strip() if ask.words.args else ""
    if ask.words.args and not typed:
        raise Refused(f"There are no words in what customers read: nothing was done. {ask.usage}")
    own = typed or (before.words if before else "")
    promised = _promised(ask, incident, status, own, before)
    said = own or words(incident, name, status, promised, ask.now)
    lost = _data(ask, incident, status, "" if typed or not before else before.drafted.lost)
    text = said if lost in said else f"{said} {lost}"
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
        lost=lost,
    )
    return _drafted(ask, incident, event, own)


def _before(ask: Ask, incident: Incident) -> Draft | None:
    """Return the draft whose words are gone on with, if one is named."""
    word = ask.words.options.get("of")
    if word is None:
        return None
    draft = _named(incident, word)
    if not draft.whole:
        raise Refused(f"Words were removed from {draft.name}: nothing was recorded. `publish` drafts anew.")
    return draft


def _promised(
    ask: Ask, incident: Incident, status: ExternalStatus, own: str, before: Draft | None
) -> datetime | None:
    """Return by when more is promised: by our own words, or by what is left of them in somebody's."""
    if status == "resolved":
        return None
    if not own:
        return promise(incident, ask.now)
    said = before.drafted.promised if before else None
    return said if said and still_promises(own, said) else None


def _drafted(ask: Ask, incident: Incident, event: ExternalDrafted, own: str) -> Outcome:
    """Who talks where the draft appears reads it there; elsewhere it stands in the answer."""
    draft = Draft(incident.seq + 1, event, ask.who.name, ask.now)
    small: Line = tuple(f"{hint} " for hint in hints([own], ask.catalog.people))
    if not own and not incident.impact:
        small = (*small, "Nobody stated the impact: ", Code('impact "what customers notice"'))
    line = f"{draft.name} is drafted for customers; nobody reads it until somebody sends it."
    fields = {"1": draft.words, "as": event.status, "title": event.title, "data": event.lost}
    answer = ask.done(incident.id, line, small=small, draft=draft.name, fields=fields)
    if ask.place.channel is None:
        card = draft_card(draft, incident)
        answer = replace(answer, document=replace(card, blocks=(*answer.document.blocks, *card.blocks)))
    return in_incident(answer, incident, event)


def _status(ask: Ask, incident: Incident, before: Draft | None) -> ExternalStatus:
    usual = before.drafted.status if before else STATUS[incident.phase]
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


def _data(ask: Ask, incident: Incident, status: ExternalStatus, usual: str) -> str:
    """Return what was lost, without which nobody is told that it is over."""
    said = visible(ask.words.options.get("data", "")).strip() or usual
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
    if said and said != usual and any(incident.external.pages.values()):
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
    draft = _named(incident, _second(ask))
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
    draft = _named(incident, _second(ask))
    if draft.state != "waiting" and not draft.open:
        raise Refused(f"{_standing(ask, draft, incident)} Nothing was changed.")
    line = f"{draft.name} is not sent."
    if draft.state == "sent":
        line = f"{draft.name} is not tried any more. Whether customers read it already, look there."
    answer = ask.done(incident.id, line)
    return in_incident(answer, incident, ExternalDropped(draft=draft.number))


def _second(ask: Ask) -> str:
    return ask.words.args[1] if len(ask.words.args) > 1 else ""


def _named(incident: Incident, word: str) -> Draft:
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
    usage='publish ["what customers read"] [of:E14] [as:investigating|identified|monitoring|resolved] '
    '[title:"…"] [data:"what was lost"] | send E14 | drop E14',
    summary="Draft what customers read on the status page; it is sent when somebody sends it.",
    right=Right.RESPOND,
    act=act,
    options=frozenset({"as", "title", "data", "inc", "of"}),
    words=2,
)
