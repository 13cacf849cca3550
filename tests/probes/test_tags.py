"""What the tags of a clone add to the last changes of a service."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.git import Repository
from tests.probes.scenes import probed, unanswered
from tests.runs.stage import CATALOG, Stage


@pytest.fixture
def clone(stage: Stage, tmp_path: Path) -> Repository:
    """The clone of the service, which the catalog names; the incident is declared at 02:25."""
    made = Repository.made(tmp_path / "clone")
    _named(stage, made.folder)
    return made


def _named(stage: Stage, folder: Path) -> None:
    deploys = f'deploys: {{pipeline: ci, tags: {{clone: "{folder}", matching: "v*"}}}}'
    pipelines = "pipelines:\n  ci: {title: The pipeline, owner: owners}\n"
    placed = CATALOG.replace("backups: [points]", f"backups: [points], {deploys}")
    stage.shelf.catalog_file.write_text(placed + pipelines)


async def told(stage: Stage) -> str:
    await probed(stage)
    return (await stage.incident()).known["minutes_since_change"].because


async def test_a_tagged_release_that_nobody_recorded_is_among_the_last_changes(
    stage: Stage, clone: Repository
) -> None:
    await stage.told("bo", "release record checkout version:2.3.0 at:02:01")
    clone.released("v2.3.0", hour=1)
    clone.released("v2.4.0", hour=2.25)

    assert await told(stage) == (
        f"the last changes are 2026-11-23 02:15:00Z {clone.folder} has tag v2.4.0 (2.4.0), which nobody "
        "recorded; 2026-11-23 02:01:00Z 2.3.0 was put into production by bo"
    )
    known = (await stage.incident()).known
    assert known["minutes_since_change"].value == 10
    assert "change_type" not in known


async def test_a_release_that_was_recorded_is_told_once(stage: Stage, clone: Repository) -> None:
    commit = clone.released("v2.4.0", hour=1)
    clone.git("tag", "vnext", commit)
    await stage.told("bo", f"release record checkout version:2.4.0 commit:{commit[:10]} at:02:20")

    assert await told(stage) == (
        "the last changes are 2026-11-23 02:20:00Z 2.4.0 was put into production by bo"
    )


async def test_the_suspected_release_is_found_by_its_tag(stage: Stage, clone: Repository) -> None:
    clone.released("v2.3.0", hour=1)
    clone.released("v2.4.0", hour=2)
    await stage.told("ana", 'declare "Search is wrong" sev:2 svc:checkout release:2.3.0')

    assert (await probed(stage, "INC-2"))["minutes_since_change"] == 85


async def test_a_clone_that_cannot_be_read_is_named_and_holds_nothing_else_up(
    stage: Stage, clone: Repository, tmp_path: Path
) -> None:
    _named(stage, tmp_path / "nowhere")
    await probed(stage)
    assert (await unanswered(stage))["change_type"].startswith("tags: Git cannot read the tags of")

    await stage.told("bo", "release record checkout version:2.3.0 at:02:01")
    assert "by bo; what could not be asked: tags: Git cannot read" in await told(stage)
