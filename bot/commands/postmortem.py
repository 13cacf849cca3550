"""Write the post-mortem now, or bring it up to date."""

from __future__ import annotations

from bot.commands.verb import Ask, Outcome, Verb
from bot.core.document import Link
from bot.core.events import PostmortemAsked
from bot.core.may import Right
from bot.timeline import Change


async def act(ask: Ask) -> Outcome:
    """Ask for the post-mortem to be written to its files and, when there is one, to the tracker."""
    incident = await ask.incident(ask.words.args[0] if ask.words.args else None)
    where = (
        (Link(incident.issue.key, incident.issue.url), ".")
        if incident.issue
        else ("its files and the tracker.",)
    )
    answer = ask.done(incident.id, "post-mortem is being written to ", *where)
    change = Change(incident.seq, (PostmortemAsked(),))
    return Outcome(answer, {f"incident/{incident.id}": change})


VERB = Verb(
    name="postmortem",
    usage="postmortem [INC-42]",
    summary="Write the post-mortem now, or bring it up to date.",
    right=Right.RESPOND,
    act=act,
)
