"""The files at an issue after words were removed: ours of before are deleted, or a person is told of them."""

from __future__ import annotations

import secrets

import pytest

from bot.core.events import Event, MergedIn, NoteAdded, PostmortemAsked, Redacted, RepairAsked, Repaired
from bot.core.redaction import without
from bot.sandbox.jira import Drop, failing
from bot.sandbox.jira.site import PERSON, Attachment
from bot.timeline import Change
from bot.timeline.removal import Removal, Rewritten
from integrations.contract import IntegrationError
from tests.notify.test_duplicates import OTHER, THERE, other
from tests.notify.test_record import DECLARED, FILES, RESOLVED, Desk, desk

__all__ = ["desk"]

SECRET = NoteAdded(text="the password is hunter2")


async def removed(desk: Desk, id: str = "INC-1") -> None:
    """Remove the password from an incident, as `redact` does."""
    stream = f"incident/{id}"
    own = await desk.timeline.read(stream)
    found: list[tuple[int, Event]] = []
    for entry in own:
        assert entry.event
        changed = without(entry.event, "hunter2")
        if changed != entry.event:
            found.append((entry.seq, changed))
    rewritten = tuple(Rewritten(stream, seq, event, secrets.token_hex(16)) for seq, event in found)
    event = Redacted(why="a password", payloads={f"{stream}#{each.seq}": each.payload for each in rewritten})
    change = Change(len(own), (event,), removal=Removal(rewritten, ("hunter2",)))
    await desk.timeline.append({stream: change}, by="ana", via="test")


async def written(desk: Desk) -> None:
    desk.clock.advance(60)
    await desk.notify.handle("INC-1")


def told(desk: Desk) -> str:
    """Return all that stands in Jira's files."""
    return "".join(file.content.decode() for file in desk.jira.issues["OPS-1"].attachments)


async def notes(desk: Desk) -> list[str]:
    """Return what Backstop noted in the incident."""
    own = await desk.timeline.read("incident/INC-1")
    return [
        entry.event.text for entry in own if entry.by == "backstop" and isinstance(entry.event, NoteAdded)
    ]


async def test_files_of_before_words_were_removed_are_deleted_and_attached_anew(desk: Desk) -> None:
    await desk.happens(DECLARED, SECRET, RESOLVED, PostmortemAsked())
    assert desk.attached == FILES * 2
    assert "hunter2" in told(desk)
    await removed(desk)
    await written(desk)
    assert desk.attached == FILES
    assert "hunter2" not in told(desk)
    assert "the password is [removed]" in told(desk)
    on_disk = [file.read_text() for file in (desk.out / "INC-1").iterdir()]
    assert len(on_disk) == 6
    assert "hunter2" not in "".join(on_disk)
    assert await notes(desk) == []
    writes = [each for each in desk.jira.journal if each.method != "GET"]
    await written(desk)
    assert [each for each in desk.jira.journal if each.method != "GET"] == writes


async def test_nothing_is_attached_for_words_that_were_removed_before_there_were_files(desk: Desk) -> None:
    await desk.happens(DECLARED, SECRET)
    await removed(desk)
    await written(desk)
    assert desk.attached == []
    await desk.happens(RESOLVED)
    assert desk.attached == FILES
    assert desk.jira.asked("remove_attachment") == []


@pytest.mark.parametrize("operation", ["remove_attachment", "add_attachment"])
async def test_an_answer_that_was_lost_leaves_neither_a_secret_nor_a_second_file(
    desk: Desk, operation: str
) -> None:
    await desk.happens(DECLARED, SECRET, RESOLVED)
    await removed(desk)
    for fault in (failing(503), Drop()):
        desk.jira.faults.add(operation, fault)
        with pytest.raises(IntegrationError):
            await written(desk)
    await written(desk)
    assert desk.attached == FILES
    assert "hunter2" not in told(desk)
    assert await notes(desk) == []


async def test_a_file_that_may_not_be_deleted_is_named_once_for_a_person(desk: Desk) -> None:
    await desk.happens(DECLARED, SECRET, RESOLVED)
    desk.jira.site.may_delete_attachments = False
    await removed(desk)
    await written(desk)
    await written(desk)
    assert desk.attached == FILES * 2
    [note] = await notes(desk)
    assert note == (
        "Jira still has files at OPS-1 that may hold what was removed, and that Backstop may not delete or "
        "does not know as its own: postmortem.md of 2026-11-23 02:13:00Z, timeline.md of 2026-11-23 "
        "02:13:00Z, timeline.json of 2026-11-23 02:13:00Z. Somebody has to delete them there."
    )
    assert note in desk.comments[0]
    desk.jira.site.may_delete_attachments = True
    await desk.happens(PostmortemAsked())
    assert "hunter2" not in told(desk)


async def test_a_file_of_a_person_or_of_an_older_backstop_stays_and_is_named(desk: Desk) -> None:
    await desk.happens(DECLARED, SECRET, RESOLVED)
    at = desk.clock()
    mine = Attachment("7", "timeline.md", b"hunter2, said a person", at, author=PERSON)
    others = Attachment("8", "screen.png", b"hunter2", at, author=PERSON)
    desk.jira.issues["OPS-1"].attachments[:0] = [mine, others]
    await removed(desk)
    await written(desk)
    assert desk.attached == ["timeline.md", "screen.png", *FILES]
    [note] = await notes(desk)
    assert note.count(" of ") == 1
    assert "timeline.md of " in note


async def test_words_removed_from_what_was_merged_leave_the_files_here_too(desk: Desk) -> None:
    await desk.told(DECLARED)
    await other(desk, OTHER, SECRET)
    await desk.told(MergedIn(incident="INC-2", title=OTHER.title, why="the same", people=("bo",)))
    await other(desk, THERE)
    await desk.happens(RESOLVED)
    assert "hunter2" in told(desk)
    await removed(desk, "INC-2")
    await written(desk)
    assert desk.attached == FILES
    assert "hunter2" not in told(desk)


async def test_a_repair_puts_back_only_what_was_attached_and_hangs_there_no_more(desk: Desk) -> None:
    await desk.happens(DECLARED, PostmortemAsked())
    for _ in range(2):
        await desk.happens(RepairAsked())
        desk.clock.advance(60)
    assert desk.attached == FILES
    hanging = desk.jira.issues["OPS-1"].attachments
    hanging[:] = [file for file in hanging if file.filename != "timeline.md"]
    await desk.happens(RepairAsked())
    assert sorted(desk.attached) == sorted(FILES)
    own = await desk.timeline.read("incident/INC-1")
    told = [entry.event.lost for entry in own if isinstance(entry.event, Repaired)]
    assert told == [(), (), ("timeline.md",)]
