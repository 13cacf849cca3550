import json
from pathlib import Path
from typing import Any

import pytest

from bot.core.adf import adf, bot_block
from bot.core.document import Document, Paragraph
from integrations.contract import IntegrationError
from integrations.tracker import FileTracker, Tracker


def document(text: str) -> dict[str, Any]:
    return adf(Document("", [Paragraph([text])]))


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


async def ensure(tracker: Tracker, text: str, *, ref: str = "INC-42") -> tuple[str, str]:
    issue = await tracker.ensure_issue(ref, summary="checkout", description_adf=document(text))
    return issue.key, issue.url


async def test_a_post_mortem_is_a_folder_of_files(tmp_path: Path) -> None:
    tracker = FileTracker(tmp_path / "out")
    assert await ensure(tracker, "first") == ("INC-42", (tmp_path / "out/INC-42").as_uri())
    await tracker.attach("INC-42", "postmortem.md", b"# INC-42\n")
    await tracker.attach("INC-42", "timeline.json", b"[]")
    await tracker.close()
    found = files(tmp_path / "out")
    assert json.loads(found.pop("INC-42/postmortem.adf.json")) == document("first")
    assert found == {"INC-42/postmortem.md": b"# INC-42\n", "INC-42/timeline.json": b"[]"}


async def test_asking_again_leaves_the_description_as_it_is(tmp_path: Path) -> None:
    tracker = FileTracker(tmp_path)
    await ensure(tracker, "first")
    await ensure(tracker, "second")
    assert json.loads(files(tmp_path)["INC-42/postmortem.adf.json"]) == document("first")


async def test_publishing_keeps_what_people_wrote(tmp_path: Path) -> None:
    tracker = FileTracker(tmp_path)
    await ensure(tracker, "human")
    await tracker.publish("INC-42", lambda existing: bot_block(existing, document("first")))
    await tracker.publish("INC-42", lambda existing: bot_block(existing, document("second")))
    described = json.loads(files(tmp_path)["INC-42/postmortem.adf.json"])
    assert described == bot_block(document("human"), document("second"))


async def test_publishing_needs_no_earlier_file(tmp_path: Path) -> None:
    await FileTracker(tmp_path).publish("INC-42", lambda existing: document(f"{existing}"))
    assert json.loads(files(tmp_path)["INC-42/postmortem.adf.json"]) == document("None")


async def test_a_newer_attachment_replaces_the_older(tmp_path: Path) -> None:
    tracker = FileTracker(tmp_path)
    for content in (b"old", b"new"):
        await tracker.attach("INC-42", "timeline.json", content)
    assert files(tmp_path) == {"INC-42/timeline.json": b"new"}


@pytest.mark.parametrize(
    ("ref", "filename"), [("..", "a"), ("INC-42", "../a"), ("a/b", "c"), ("", "a"), ("x", ".a")]
)
async def test_nothing_is_written_outside_the_folder(tmp_path: Path, ref: str, filename: str) -> None:
    with pytest.raises(IntegrationError) as caught:
        await FileTracker(tmp_path / "out").attach(ref, filename, b"x")
    assert caught.value.permanent
    assert files(tmp_path) == {}


async def test_a_file_people_broke_is_not_overwritten(tmp_path: Path) -> None:
    tracker = FileTracker(tmp_path)
    await tracker.attach("INC-42", "postmortem.adf.json", b'{\n"a": oops}')
    with pytest.raises(IntegrationError, match=r"postmortem.adf.json is not JSON \(line 2\)") as caught:
        await tracker.publish("INC-42", lambda existing: document("new"))
    assert caught.value.permanent
    assert files(tmp_path) == {"INC-42/postmortem.adf.json": b'{\n"a": oops}'}


async def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "out"
    blocked.write_bytes(b"a file in the way")
    tracker = FileTracker(blocked)
    with pytest.raises(IntegrationError) as caught:
        await tracker.attach("INC-42", "timeline.json", b"[]")
    assert not caught.value.permanent
    health = await tracker.health()
    assert (health.ok, health.problems) == (False, [f"Cannot write {blocked}: file exists."])


async def test_a_write_that_fails_leaves_the_old_file_and_no_scrap(tmp_path: Path) -> None:
    tracker = FileTracker(tmp_path)
    in_the_way = tmp_path / "INC-42" / "timeline.json"
    in_the_way.mkdir(parents=True)
    with pytest.raises(IntegrationError, match=r"Cannot write .*timeline.json: is a directory."):
        await tracker.attach("INC-42", "timeline.json", b"[]")
    assert files(tmp_path) == {}


async def test_a_healthy_folder_is_made_and_named(tmp_path: Path) -> None:
    health = await FileTracker(tmp_path / "new" / "out").health()
    assert (health.ok, health.identity) == (True, str(tmp_path / "new" / "out"))
    assert files(tmp_path) == {}
