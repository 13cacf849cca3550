"""Work that failed, in words: what it was about, why it failed, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bot.core.document import Line, Moment
from bot.core.words import sentence

_WORK: Mapping[str, str] = {
    "room": "the place of {of} in Slack",
    "card": "the card of {of} in Slack",
    "decision": "the decision card of {of} in Slack",
    "say": "a message about {of} in Slack",
    "resay": "a message about {of} in Slack, which is to be changed",
    "approvals": "the requests for approval of {of} in Slack",
    "progress": "the progress of {of} in Slack",
    "answer": "an answer to somebody in Slack",
    "repair": "the repair of {of} in Slack",
    "homes": "everybody's home tab in Slack",
    "home": "a home tab in Slack",
    "alert": "a message about alerts in Slack",
    "capture": "a message in Slack that is to be taken into a timeline",
    "captured": "a message in Slack that was taken into a timeline",
    "recheck": "a message in Slack that was taken into a timeline",
    "reread": "the messages in Slack that were taken into the timeline of {of}",
    "hear": "what people said to Backstop in Slack",
    "tracker": "the record of {of} in the tracker and in files",
    "gaps": "the tasks for what {of} showed, in the tracker",
    "pager": "what PagerDuty is told of {of}",
    "status-page": "what customers are told of {of}",
    "silence": "the silences of {of} in Alertmanager",
    "audit": "the entries of the audit trail for {of}",
    "probe": "what is looked up for {of}",
    "run": "the next step of {of}",
    "drill": "the next step of {of}",
    "drills": "the schedules of drills",
    "ahead": "the copies that are made ready for {of}",
    "salvage": "the search through what {of} kept",
    "update-due": "the reminder of the next update of {of}",
    "effect-due": "the question whether what was decided in {of} worked",
    "task-due": "the reminder of tasks of {of}",
    "handoff-due": "the end of an offer to hand {of} over",
    "delegation-due": "the end of a delegation in {of}",
    "gate-expiry": "the end of an approval of {of}",
    "freeze-review": "the reminder to look at {of}",
    "warm-expiry": "the end of a copy that is ready in {of}",
}
"""What each kind of effect is to a person; `of` is the incident, run, drill or freeze it is about."""


def troubled_line(kind: str, subject: str, error: str, *, again: datetime | None) -> Line:
    """Return what was not done, why, and when it is tried again, which is never where it was given up."""
    of = subject.partition("#")[0].rpartition("/")[2]
    what = _WORK.get(kind, kind).format(of=of)
    # Of what nobody foresaw only a name is kept, which says something to whoever reads the log.
    unforeseen = f"Something unforeseen happened ({error}), and Backstop's log says where."
    why = unforeseen if error.isidentifier() else sentence(error)
    then: Line = (" It is tried again ", Moment(again), ".") if again else (_GIVEN_UP,)
    return (f"Not done: {what}. {why}", *then)


_GIVEN_UP = " It is not tried again by itself, but when there is something new to do of it."
