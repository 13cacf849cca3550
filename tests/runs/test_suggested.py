"""Which release a plan proposes to go back to: only what stood before the one that is suspected."""

from __future__ import annotations

import pytest

from bot.runs.book import Book
from tests.runs.stage import CATALOG, Stage


async def previous(stage: Stage, declared: str, service: str = "checkout") -> object:
    await stage.told("ana", f'declare "Orders are wrong" sev:2 svc:checkout {declared}')
    known = await Book(stage.timeline, stage.shelf, dict).known(await stage.incident(), service, "production")
    return known["release"]["previous"]


async def put_out(stage: Stage, *lines: str) -> None:
    for line in lines:
        await stage.told("bo", f"release record {line}")


@pytest.mark.parametrize(
    ("releases", "declared", "good"),
    [
        (["2.3.0 at:02:01", "2.4.0 at:02:05"], "release:2.4.0", "2.3.0"),
        (["2.3.0 at:02:01", "2.4.0 at:02:05"], "", "2.3.0"),
        (["2.3.0 at:02:01", "2.4.0 at:02:05 previous:2.3.9"], "release:2.4.0", "2.3.9"),
        # the one before it is not known, and 2.2.0 may be two versions back
        (["2.2.0 at:02:01"], "release:2.4.0", None),
        (["2.1.0 at:02:01", "2.2.0 at:02:02"], "release:2.4.0", None),
        (["2.4.0 at:02:05"], "release:2.4.0", None),
        ([], "release:2.4.0", None),
        ([], "", None),
        (["2.3.0 at:02:01", "flag-7 change:config at:02:02", "2.4.0"], "release:2.4.0", "2.3.0"),
    ],
)
async def test_the_release_before_the_suspected_one_is_proposed_where_both_are_known(
    stage: Stage, releases: list[str], declared: str, good: str | None
) -> None:
    await put_out(stage, *(f"checkout version:{each}" for each in releases))
    assert await previous(stage, declared) == good


async def test_a_fix_that_went_out_meanwhile_changes_nothing_of_it(stage: Stage) -> None:
    await put_out(stage, "checkout version:2.3.0 at:02:01", "checkout version:2.4.0 at:02:05")
    await put_out(stage, "checkout version:2.4.1 at:02:14")
    assert await previous(stage, "since:02:10") == "2.3.0"


async def test_what_was_named_of_one_service_says_nothing_of_another(stage: Stage) -> None:
    owner = "    owner: owners\n"
    search = CATALOG.replace("services:\n", "services:\n  search:\n    title: Search\n    tier: critical\n")
    place = "    environments:\n      production: {region: eu, data: public}\n"
    search = search.replace("    tier: critical\n", f"    tier: critical\n{owner}{place}", 1)
    stage.shelf.catalog_file.write_text(search)
    await put_out(stage, "search version:7 at:02:01", "search version:8 at:02:02")
    assert await previous(stage, "release:2.4.0", "search") == "7"
