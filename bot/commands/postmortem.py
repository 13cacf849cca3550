"""Write the post-mortem now, or bring it up to date."""

from __future__ import annotations

from collections.abc import Iterator

from bot.commands.verb import Ask, Outcome, Verb, in_incident
from bot.core.blameless import hints
from bot.core.document import Link
from bot.core.events import PostmortemAsked
from bot.core.incident import Incident
from bot.core.may import Right


async def act(ask: Ask) -> Outcome:
    """Ask for the post-mortem to be written to its files and, when there is one, to the tracker."""
    incident = await ask.incident(ask.words.args[0] if ask.words.args else None)
    where = (
        (Link(incident.issue.key, incident.issue.url), ".")
        if incident.issue
        else ("its files and the tracker.",)
    )
    advice = [f"{hint} " for hint in hints(_narrative(incident), ask.catalog.people)]
    answer = ask.done(incident.id, "post-mortem is being written to ", *where, small=tuple(advice))
    return in_incident(answer, incident, PostmortemAsked())


def _narrative(incident: Incident) -> Iterator[str]:
    """Yield what people wrote for its readers; what was said in chat is evidence, and is not judged."""
    yield incident.impact
    for decision in incident.decisions:
        yield decision.why
    if incident.resolved:
        yield from (incident.resolved.statement, incident.resolved.data_statement)
    if incident.closed:
        yield incident.closed.why


VERB = Verb(
    name="postmortem",
    usage="postmortem [INC-42]",
    summary="Write the post-mortem now, or bring it up to date.",
    right=Right.RESPOND,
    act=act,
)
