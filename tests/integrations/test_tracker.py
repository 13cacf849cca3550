from pathlib import Path

import pytest

from bot.core.document import Document, Paragraph, Preformatted
from bot.core.written import Written
from integrations.contract import IntegrationError
from integrations.parts import DESCRIPTION, Part
from integrations.tracker import FileTracker, Tracker

OPENS, CLOSES = f"<!-- {DESCRIPTION.opening} -->", f"<!-- {DESCRIPTION.closing} -->"
PROGRESS = Part.named("progress", "INC-42")


def written(text: str) -> Written:
    return Written(Document("", [Paragraph([text])]), ())


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def described(folder: Path) -> str:
    return files(folder)["INC-42/description.md"].decode()


async def ensure(tracker: Tracker, text: str, *, ref: str = "INC-42") -> tuple[str, str]:
    issue = await tracker.ensure_issue(ref, summary="checkout", text=written(text))
    return issue.key, issue.url


async def test_a_record_is_a_folder_of_files(tmp_path: Path) -> None:
    tracker = FileTracker(tmp_path / "out")
    assert await ensure(tracker, "first") == ("INC-42", (tmp_path / "out/INC-42").as_uri())
    assert [await tracker.comment("INC-42", PROGRESS, written(text)) for text in ("a", "b")] == [True, False]
    assert (await tracker.attach("INC-42", "postmortem.md", b"# INC-42\n")).added
    await tracker.close()
    assert files(tmp_path / "out") == {
        "INC-42/description.md": f"{OPENS}\nfirst\n{CLOSES}\n".encode(),
        "INC-42/progress.md": f"<!-- {PROGRESS.opening} -->\nb\n<!-- {PROGRESS.closing} -->\n".encode(),
        "INC-42/postmortem.md": b"# INC-42\n",
    }


async def test_asking_again_leaves_the_description_as_it_is(tmp_path: Path) -> None:
    tracker = FileTracker(tmp_path)
    await ensure(tracker, "first")
    await ensure(tracker, "second")
    assert described(tmp_path) == f"{OPENS}\nfirst\n{CLOSES}\n"


async def test_publishing_keeps_what_people_wrote(tmp_path: Path) -> None:
    tracker = FileTracker(tmp_path)
    await ensure(tracker, "first")
    (tmp_path / "INC-42/description.md").write_text(f"above\r\n\n{OPENS}\nfirst\n{CLOSES}\nbelow\n")
    await tracker.publish("INC-42", written("second"))
    await tracker.publish("INC-42", written("second"))
    kept = (tmp_path / "INC-42/description.md").read_bytes().decode()
    assert kept == f"above\r\n\n{OPENS}\nsecond\n{CLOSES}\nbelow\n"


async def test_a_log_that_holds_a_mark_ends_nothing(tmp_path: Path) -> None:
    tracker = FileTracker(tmp_path)
    log = Written(Document("", [Preformatted(f"one\n{CLOSES}\ntwo")]), ())
    for _ in range(2):
        await tracker.publish("INC-42", log)
    assert described(tmp_path) == f"{OPENS}\n```\none\n {CLOSES}\ntwo\n```\n{CLOSES}\n"


async def test_a_mark_that_people_removed_costs_nobody_their_words(tmp_path: Path) -> None:
    tracker = FileTracker(tmp_path)
    await tracker.publish("INC-42", written("first"))
    (tmp_path / "INC-42/description.md").write_text(f"{OPENS}\nfirst\nmine\n")
    await tracker.publish("INC-42", written("second"))
    assert described(tmp_path) == f"{OPENS}\nsecond\n{CLOSES}\nfirst\nmine\n"


async def test_a_newer_attachment_replaces_the_older(tmp_path: Path) -> None:
    tracker = FileTracker(tmp_path)
    made = [await tracker.attach("INC-42", "timeline.json", content) for content in (b"old", b"new", b"new")]
    assert [each.added for each in made] == [True, True, False]
    assert await tracker.attached("INC-42") == ()
    assert await tracker.detach(made[0].id)
    assert files(tmp_path) == {"INC-42/timeline.json": b"new"}


@pytest.mark.parametrize(
    ("ref", "filename"), [("..", "a"), ("INC-42", "../a"), ("a/b", "c"), ("", "a"), ("x", ".a")]
)
async def test_nothing_is_written_outside_the_folder(tmp_path: Path, ref: str, filename: str) -> None:
    with pytest.raises(IntegrationError) as caught:
        await FileTracker(tmp_path / "out").attach(ref, filename, b"x")
    assert caught.value.permanent
    assert files(tmp_path) == {}


async def test_a_file_that_is_no_text_is_not_overwritten(tmp_path: Path) -> None:
    tracker = FileTracker(tmp_path)
    await tracker.attach("INC-42", "description.md", b"\xff\xfe")
    with pytest.raises(IntegrationError, match=r"description.md is no text. Repair it") as caught:
        await tracker.publish("INC-42", written("new"))
    assert caught.value.permanent
    assert files(tmp_path) == {"INC-42/description.md": b"\xff\xfe"}


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


async def test_a_record_is_there_while_its_description_is(tmp_path: Path) -> None:
    tracker = FileTracker(tmp_path)
    assert not await tracker.exists("INC-42")
    (tmp_path / "INC-42").mkdir()
    (tmp_path / "INC-42" / "description.md").write_text("what people wrote")
    assert await tracker.exists("INC-42")
