"""Remove a secret, or words about a person, for good: from the timeline and from everything drawn from it.

What was removed is not kept anywhere in Backstop; that it was, by whom, why and from where is.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator, Sequence

from bot.commands.verb import Ask, Outcome, Verb
from bot.core.errors import Refused
from bot.core.events import Entry, Event, IncidentDeclared, Redacted
from bot.core.incident import Incident
from bot.core.may import Right
from bot.core.record import wanted
from bot.core.redaction import SHORTEST, said_in, telling, without, wordless
from bot.timeline import Change
from bot.timeline.removal import Removal, Rewritten

_ENTRY = re.compile(r"(?:(INC|RUN|FRZ)-(\d{1,18}))?#?(\d{1,9})", re.IGNORECASE)
NAMED = 10
"""How many entries an answer names."""
_STREAMS = {"INC": "incident", "RUN": "run", "FRZ": "freeze"}


async def act(ask: Ask) -> Outcome:
    """Remove words wherever the incident holds them, or everything that one entry says."""
    why = ask.option("why", "why it is removed, without saying it again")
    incident = await ask.incident(ask.words.options.get("inc"))
    ask.may(Right.COMMAND, "remove words from the record", incident)
    story = await ask.timeline.story(incident.id)
    words = ask.words.options.get("words")
    if (words is None) == (not ask.words.args):
        raise Refused(f"Name one entry, or the words themselves: nothing was removed. {ask.usage}")
    if words is None:
        found, gone = _whole(ask, incident, story, ask.words.args[0])
    else:
        found, gone = _everywhere(incident, story, words, why)
    rewritten = tuple(Rewritten(e.stream, e.seq, event, secrets.token_hex(16)) for e, event in found)
    payloads = {f"{each.stream}#{each.seq}": each.payload for each in rewritten}
    change = Change(
        incident.seq, (Redacted(why=why, payloads=payloads),), removal=Removal(rewritten, tuple(gone))
    )
    named = ", ".join(name.partition("/")[2] for name in payloads)
    still = _still(story, [entry for entry, _ in found], gone) if words is None else []
    answer = ask.done(
        incident.id,
        _elsewhere_said(ask, named, still) or f"does not hold that any more: removed from {named}.",
        small=(
            "Messages of Backstop, the tracker and the post-mortem are drawn again without them. ",
            *_attached(incident, story),
            *_titled(incident, [entry for entry, _ in found]),
            "If it is a secret, change it: it was seen. Delete what people wrote in Slack themselves; what "
            "was sent to PagerDuty or an audit trail, and the history of an issue, stay there.",
            *_elsewhere(incident),
        ),
        entries=list(payloads),
    )
    return Outcome(answer, {f"incident/{incident.id}": change})


def _still(story: Sequence[Entry], removed: Sequence[Entry], gone: Iterable[str]) -> list[str]:
    """Return which other entries say what was removed, or what stands out in it."""
    words = telling(gone)
    return [
        f"{each.stream}#{each.seq}".partition("/")[2]
        for each in story
        if each.event
        and each not in removed
        and any(w in said for w in words for said in said_in(each.event))
    ]


def _elsewhere_said(ask: Ask, named: str, still: Sequence[str]) -> str:
    """Return the sentence that names other entries, and never the words; nothing where there are none."""
    if not still:
        return ""
    more = f" and {len(still) - NAMED} more" if len(still) > NAMED else ""
    return (
        f"does not say that in {named} any more. The same words, or some of them, still stand in "
        f'{", ".join(still[:NAMED])}{more}: `{ask.desk.command} redact words:"…" why:"…"` takes them out of '
        "every entry."
    )


def _attached(incident: Incident, story: Sequence[Entry]) -> Iterator[str]:
    """Yield what becomes of files at the issue, where there may be any."""
    if incident.issue and wanted(story):
        yield (
            f"Files that Backstop attached to {incident.issue.key} are deleted and attached anew; those that "
            "somebody else has to delete are named here. "
        )


def _titled(incident: Incident, removed: Sequence[Entry]) -> Iterator[str]:
    """Yield that somebody has to change the summary of the issue, which keeps the title it was made with."""
    if incident.issue and any(isinstance(entry.event, IncidentDeclared) for entry in removed):
        yield f"The summary of {incident.issue.key} keeps the old title: change it there yourself. "


def _elsewhere(incident: Incident) -> Iterator[str]:
    """Yield where else the words may stand: what is merged names why, and the tasks that it takes over."""
    into = (incident.merged.into,) if incident.merged else ()
    others = ", ".join((*into, *(each.incident for each in incident.duplicates)))
    if others:
        yield f" {others} may hold it as well, being the same event: say it there too."


_Found = list[tuple[Entry, Event]]


def _everywhere(
    incident: Incident, story: Sequence[Entry], words: str, why: str
) -> tuple[_Found, Iterable[str]]:
    if len(words.strip()) < SHORTEST:
        raise Refused(
            f"Words of fewer than {SHORTEST} characters stand everywhere: nothing was removed. "
            "Name the entry by its number, and all of what it says is removed."
        )
    if words in why:
        raise Refused("`why:` says again what shall be removed: nothing was removed. Say it without.")
    found = [(e, changed) for e in story if e.event and (changed := without(e.event, words)) != e.event]
    if not found:
        raise Refused(
            f"Nothing that was said in {incident.id} holds these words: nothing was removed. They are looked "
            "for exactly as typed, and not in names, versions and ids."
        )
    return found, [words]


def _whole(ask: Ask, incident: Incident, story: Sequence[Entry], word: str) -> tuple[_Found, Iterable[str]]:
    entry = _named(incident, story, word)
    if entry is None or entry.event is None:
        raise Refused(
            f"{incident.id} has no entry {word[:40]}: nothing was removed. "
            f"`{ask.desk.command} timeline {incident.id}` shows them, as {incident.id}#12."
        )
    gone = said_in(entry.event)
    if not gone:
        raise Refused(f"Nothing was said in entry {word[:40]} that could be removed: it is as it was.")
    return [(entry, wordless(entry.event))], [each for each in gone if len(each) >= SHORTEST]


def _named(incident: Incident, story: Sequence[Entry], word: str) -> Entry | None:
    found = _ENTRY.fullmatch(word)
    if not found:
        return None
    kind, number, seq = found.groups()
    stream = f"{_STREAMS[kind.upper()]}/{kind.upper()}-{number}" if kind else f"incident/{incident.id}"
    return next((entry for entry in story if (entry.stream, entry.seq) == (stream, int(seq))), None)


VERB = Verb(
    name="redact",
    usage='redact <entry, as 12 or RUN-1#3> | words:"…" why:"…" [inc:INC-42]',
    summary="Remove a secret or personal words for good, from the timeline and all drawn from it.",
    right=Right.COMMAND,
    act=act,
    options=frozenset({"words", "why", "inc"}),
)
