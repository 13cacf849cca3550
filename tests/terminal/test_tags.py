"""Doctor tells whether the clones that the catalog names can be read."""

from __future__ import annotations

from pathlib import Path

from bot.terminal.doctor.tags import tags
from playbooks.catalog import Catalog, load_catalog
from tests.git import Repository
from tests.runs.stage import CATALOG


def catalog(clone: Path, matching: str) -> Catalog:
    deploys = f'deploys: {{pipeline: ci, tags: {{clone: "{clone}", matching: "{matching}"}}}}'
    pipelines = "pipelines:\n  ci: {title: The pipeline, owner: owners}\n"
    placed = CATALOG.replace("backups: [points]", f"backups: [points], {deploys}")
    return load_catalog(placed + pipelines, "catalog.yaml")


async def test_a_clone_is_told_with_its_newest_tag_or_what_is_wrong_with_it(tmp_path: Path) -> None:
    made = Repository.made(tmp_path / "shop")
    made.released("v2.4.0", hour=2)

    [fine] = await tags(catalog(made.folder, "v*"))
    [none] = await tags(catalog(made.folder, "checkout-*"))
    [gone] = await tags(catalog(tmp_path / "nowhere", "v*"))

    about = f"checkout in production: {made.folder}"
    assert str(fine) == f"ok     tags       {about}, newest v2.4.0 of 2026-11-23 02:00:00Z"
    assert str(none) == (
        f"wrong  tags       {about} has no tag like checkout-*. "
        f"Fetch them with `git -C {made.folder} fetch --tags`, or set `matching` right."
    )
    assert str(gone).startswith("wrong  tags       checkout in production: Git cannot read the tags of")
    assert await tags(load_catalog(CATALOG, "catalog.yaml")) == []
