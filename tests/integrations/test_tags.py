"""Tags of real Git clones: what they name, and that reading them reaches nothing and nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from integrations import tags
from integrations.contract import IntegrationError
from integrations.tags import tags_of
from tests.git import Repository, at


@pytest.fixture
def shop(tmp_path: Path) -> Repository:
    made = Repository.made(tmp_path / "shop")
    made.released("checkout-2.3.0", hour=4)
    made.released("checkout-2.4.0", hour=5)
    made.git("tag", "search/v7", hour=6)
    return made


async def test_tags_are_told_with_their_moment_and_the_commit_they_stand_for(shop: Repository) -> None:
    newest, before = await tags_of(str(shop.folder), "checkout-*")

    assert (newest.id, newest.release, newest.finished_at) == ("checkout-2.4.0", "2.4.0", at(5))
    assert (before.id, before.release, before.finished_at) == ("checkout-2.3.0", "2.3.0", at(4))
    assert newest.commit == shop.git("rev-parse", "HEAD")


async def test_a_tag_without_a_note_is_of_the_moment_of_its_commit(shop: Repository) -> None:
    [light] = await tags_of(str(shop.folder), "search/v*")
    assert (light.id, light.release, light.finished_at) == ("search/v7", "7", at(5))
    assert light.commit == shop.git("rev-parse", "HEAD")


async def test_what_has_no_moment_is_left_out(shop: Repository) -> None:
    (shop.folder / "note").write_text("a file")
    shop.git("tag", "checkout-note", shop.git("hash-object", "-w", "note"))
    found = await tags_of(str(shop.folder), "checkout-*")
    assert [tag.id for tag in found] == ["checkout-2.4.0", "checkout-2.3.0"]
    assert await tags_of(str(shop.folder), "nothing-*") == ()


async def test_a_bare_clone_is_read_as_well(shop: Repository, tmp_path: Path) -> None:
    shop.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    assert len(await tags_of(str(tmp_path / "bare.git"), "checkout-*")) == 2


async def test_what_a_clone_lacks_is_not_fetched(shop: Repository, tmp_path: Path) -> None:
    reached = tmp_path / "reached"
    lacking = shop.git("rev-parse", "checkout-2.4.0")
    (shop.folder / ".git" / "objects" / lacking[:2] / lacking[2:]).unlink()
    for name, value in (
        ("core.repositoryformatversion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.url", f"ext::sh -c touch% {reached}"),
        ("remote.origin.promisor", "true"),
        ("protocol.ext.allow", "always"),
    ):
        shop.git("config", name, value)

    with pytest.raises(IntegrationError, match="Git cannot read the tags of") as problem:
        await tags_of(str(shop.folder), "checkout-*")
    assert problem.value.permanent
    assert not reached.exists()


async def test_a_folder_inside_a_clone_is_none_itself(shop: Repository) -> None:
    (shop.folder / "docs").mkdir()
    for place in ("docs", "nowhere"):
        with pytest.raises(IntegrationError, match="Git cannot read the tags of"):
            await tags_of(str(shop.folder / place))


async def test_git_that_is_not_there_or_does_not_answer_is_told(
    shop: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(IntegrationError, match="cannot be run here: No such file") as absent:
        await tags_of(str(shop.folder), git=str(tmp_path / "none"))
    assert absent.value.permanent
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setattr(tags, "LONGEST_S", 0.2)
    with pytest.raises(IntegrationError, match=r"did not tell the tags of .* in 0.2 s") as late:
        await tags_of(str(shop.folder), git=str(slow))
    assert not late.value.permanent
