"""An incident stands beside the earlier ones, and the drills, of the same playbook."""

from __future__ import annotations

from dataclasses import replace

from inline_snapshot import snapshot

from bot.core import events
from bot.core.document import Document, plain
from bot.core.postmortem import postmortem
from bot.core.postmortem.earlier import beside_earlier
from bot.core.postmortem.story import History, story_of
from bot.core.postmortem.story import Story as Told
from tests.core.postmortem.test_figures import back, drill, told_by
from tests.core.story import DECLARED, Story, at, wrapped


def before(*, reported: float = -4, id: str = "INC-7") -> Told:
    """Return an earlier incident of the playbook, detected at another moment."""
    story = back()
    story.in_incident(31, events.ImpactStated(detected=at(reported)))
    told = told_by(story)
    return replace(told, incident=replace(told.incident, id=id))


def shown(told: Told, *earlier: Told) -> str:
    return wrapped(plain(Document("", tuple(beside_earlier(told, earlier)))))


def test_figures_stand_beside_those_of_earlier_incidents_and_drills() -> None:
    this = told_by(back(), drill(4), drill(9, day=-2))
    assert shown(this, before(), before(reported=-9, id="INC-8")) == snapshot("""\

Beside earlier incidents and drills of checkout-restore
  Figure            This time  Earlier incidents  Drills
  TTD               6 min      1 min, 6 min       none
  TTDecide          5 min      5 min, 5 min       none
  Time to contain   14 min     14 min, 19 min     none
  Time to approve   5 min      5 min, 5 min       none
  TTM               40 min     40 min, 40 min     none
  TTR               40 min     40 min, 40 min     none
  Execution time    22 min     22 min, 22 min     10 min, 15 min
  Restore duration  16 min     16 min, 16 min     4 min, 9 min
Earlier incidents of the service in which the same playbook was started, and its drills that came to
        their end. Of fewer than 5 each is told, shortest first; no average is made. Incidents:
        INC-7, INC-8; drills: 2.
""")


def test_only_the_same_playbook_is_compared() -> None:
    other = before()
    (run,) = other.runs
    asked = run.asked.model_copy(update={"playbook": "other"})
    other = replace(other, runs=(replace(run, asked=asked),))
    assert shown(told_by(back(), drill(4, playbook="other")), other) == "\n"


def test_drills_alone_are_compared_too_but_not_those_that_failed() -> None:
    failed = replace(drill(4), recovered_at=None)
    assert "drills: 1" in shown(told_by(back(), drill(4), failed))
    assert shown(told_by(back(), failed)) == "\n"


def test_the_post_mortem_has_the_comparison() -> None:
    story = back()
    history = History((before(),), (drill(4),))
    document = postmortem(story.incident, story.entries, [story.run], [], now=at(60), history=history)
    text = plain(document)
    assert "Beside earlier incidents and drills of checkout-restore" in text
    assert "Incidents: INC-7; drills: 1." in text


def test_a_story_is_folded_from_its_entries() -> None:
    story = back()
    out = events.ReleaseRecorded(version="2.4.0", environment="production")
    old = events.ReleaseRecorded(version="1.0.0", environment="production")
    away = Story()
    away.tell("service/checkout", at(-99), "ci", old)
    away.tell("service/checkout", at(-12), "ci", out)
    away.tell("incident/INC-2", at(1), "ana", DECLARED)
    merged = [replace(entry, stream="run/RUN-2") for entry in story.of("run/RUN-1")]

    told = story_of(story.incident, story.entries, now=at(60), beside=(*away.entries, *merged))

    assert [run.id for run in told.runs] == ["RUN-1", "RUN-2"]
    assert [freeze.id for freeze in told.freezes] == ["FRZ-1"]
    streams = [entry.stream for entry in told.entries]
    assert streams.count("service/checkout") == 1
    assert "incident/INC-2" not in streams
