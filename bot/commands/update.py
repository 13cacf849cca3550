"""Post the standard update: Conditions, Actions, Needs, and when the next one comes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from bot.commands.grammar import a_duration, one_of
from bot.commands.status import freezes_of
from bot.commands.verb import Answer, Ask, Outcome, Verb, in_incident
from bot.core.blameless import hints
from bot.core.cadence import cadence
from bot.core.document import Code, Document, Moment, Paragraph, Small, Span, Strong
from bot.core.duplicate import go_on
from bot.core.errors import Refused
from bot.core.events import UpdatePosted
from bot.core.incident import Incident
from bot.core.may import Right
from bot.core.update import Draft, draft, nudge

NAMES = {"c": "Conditions", "a": "Actions", "n": "Needs"}
AUDIENCES = ("responders", "exec", "public")


async def act(ask: Ask) -> Outcome:
    """Alone show the draft; `post` posts it as it is; C:, A: and N: post it with those parts replaced."""
    incident = await ask.incident(ask.words.options.get("inc"))
    drafted = draft(incident, await ask.runs_of(incident), await freezes_of(ask, incident), ask.now)
    said = ask.words.options
    if not ask.words.args and not {"c", "a", "n", "next"} & set(said):
        return Outcome(_show(ask, incident, drafted))
    if ask.words.args:
        one_of(ask.words.args[0], ("post",), "word of update")
    if not incident.open:
        raise Refused(f"{incident.id} is {incident.stands}: {go_on(incident)}. No update was posted.")
    parts = [_part(said.get(key), default) for key, default in _defaults(drafted)]
    event = UpdatePosted(
        number=len(incident.updates) + 1,
        conditions=parts[0],
        actions=parts[1],
        needs=parts[2],
        next_by=_next_by(ask, incident),
        audience=one_of(said.get("to", "responders"), AUDIENCES, "audience"),
    )
    own = [text for key, text in said.items() if key in NAMES]
    advice = [f"{hint} " for hint in hints(own, ask.catalog.people)]
    small = (
        *_unread(ask, event),
        *_as_drafted(ask),
        *advice,
        nudge(event.conditions, event.actions, event.needs),
    )
    answer = ask.done(incident.id, f"update {event.number} posted.", small=tuple(filter(None, small)))
    return in_incident(answer, incident, event)


def _defaults(drafted: Draft) -> tuple[tuple[str, str], ...]:
    return (("c", drafted.conditions), ("a", drafted.actions), ("n", drafted.needs))


def _unread(ask: Ask, event: UpdatePosted) -> Iterator[Span]:
    """Say that no update is read outside, to whoever wrote one for everybody."""
    if event.audience == "public":
        yield "Customers do not read this: "
        yield Code(f"{ask.desk.command} publish")
        yield " drafts words for them. "


def _as_drafted(ask: Ask) -> Iterator[str]:
    """Name the parts that somebody who gave words of their own may not have read."""
    left = [name for key, name in NAMES.items() if key not in ask.words.options]
    if left and not ask.words.args:
        yield f"{' and '.join(left)} as drafted. "


def _part(said: str | None, drafted: str) -> str:
    text = drafted if said is None else said.strip()
    if not text:
        raise Refused(
            'Conditions, Actions and Needs each need words; say N:"none" when nothing is needed. '
            "Nothing was posted."
        )
    return text


def _next_by(ask: Ask, incident: Incident) -> datetime | None:
    said = ask.words.options.get("next")
    if said is not None:
        return ask.now + a_duration(said)
    usual = cadence(incident.severity, incident.phase)
    return ask.now + usual if usual else None


def _show(ask: Ask, incident: Incident, drafted: Draft) -> Answer:
    next_by = Moment(drafted.next_by) if drafted.next_by else "none promised"
    blocks = (
        Paragraph((Strong("Conditions: "), drafted.conditions)),
        Paragraph((Strong("Actions: "), drafted.actions)),
        Paragraph((Strong("Needs: "), drafted.needs)),
        Paragraph((Strong("Next update by: "), next_by)),
        Small(
            (
                "A draft; nothing was posted. Say ",
                Code(f"{ask.desk.command} update post"),
                " to post it, or post your own words: ",
                Code('update C:"…" A:"…" N:"…" next:30m'),
                "; what you leave out is posted as drafted.",
            )
        ),
    )
    title = f"{incident.id} update {len(incident.updates) + 1}, draft"
    usual = cadence(incident.severity, incident.phase)
    data = {
        "incident": incident.id,
        "draft": dict(_defaults(drafted)),
        "next": f"{usual // timedelta(minutes=1)}m" if usual else "",
    }
    return Answer(Document(title, blocks), data=data)


VERB = Verb(
    name="update",
    usage='update [post] [C:"conditions"] [A:"actions"] [N:"needs"] [next:30m] [to:responders|exec|public]',
    summary="Draft or post the standard update.",
    right=Right.RESPOND,
    act=act,
    options=frozenset({"c", "a", "n", "next", "to", "inc"}),
)
