"""What is only written down, as one line each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from bot.core import events
from bot.core.document import Line, Moment, Who
from bot.core.events import Correction
from bot.core.words import joined, linked, system_in_words


def describe_record(event: events.RecordEvent) -> Line:
    """Return what was written down."""
    match event:
        case events.NoteAdded(text=text, evidence=evidence):
            return (text, " (", linked(evidence, evidence), ")") if evidence else (text,)
        case events.MessageCaptured(author=author, text=text, url=url, files=files):
            where: Line = (" (", linked("in Slack", url), ")")
            return (Who(author), f" wrote: {text}", *_files(files), *where)
        case events.MessageEdited(author=author, text=text, files=files, of=of):
            return (Who(author), f" edited the message of entry {of} to: {text}", *_files(files))
        case events.MessageDeleted(author=author, of=of):
            return (f"The message of entry {of}, by ", Who(author), ", was deleted in Slack")
        case events.Corrected(of=of, text=text, at=at):
            when: Line = (" happened at ", Moment(at)) if at else ()
            says: Line = (f" says: {text}",) if text is not None else ()
            return (f"Corrected: entry {of}", *when, *((",",) if when and says else ()), *says)
        case events.Redacted(why=why, payloads=payloads):
            named = ", ".join(name.partition("/")[2] for name in payloads)
            return (f"Removed words for good from {named}: {why}",)
        case events.RepairAsked():
            return ("Look for what was lost elsewhere, and put it back",)
        case events.Repaired():
            return (_repaired(event),)
        case _:
            assert_never(event)


def _repaired(event: events.Repaired) -> str:
    system = system_in_words(event.system)
    if event.why:
        return f"{system} could not be looked through: {event.why}"
    if not event.lost:
        return f"{system} lost nothing"
    return f"Lost in {system} and put back: {', '.join(event.lost)}"


def describe_corrected(correction: Correction, line: Line) -> Line:
    """Return an entry with what stands instead; `line` is what it said."""
    mark: Line = (" (corrected by ", Who(correction.by), f" in entry {correction.seq}")
    if correction.text is None:
        return (*line, *mark, ")")
    return (correction.text, *mark, "; it said: ", *line, ")")


def _files(files: Sequence[events.SlackFile]) -> Line:
    named = joined([(linked(file.name, file.url),) for file in files])
    return (" [files: ", *named, "]") if named else ()
