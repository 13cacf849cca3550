"""The files in force: which of a folder are playbooks, and what remains when one is broken or taken away."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.shelf import Shelf
from playbooks import library
from playbooks.check import check


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with everything that comes with Backstop, catalog and criteria included."""
    for name in (*library.names(), "catalog.yaml", "criteria.yaml"):
        (tmp_path / name).write_text(library.read(name), encoding="utf-8")
    return tmp_path


def test_a_catalog_and_criteria_among_the_playbooks_are_left_alone(folder: Path, tmp_path: Path) -> None:
    (folder / "other-catalog.yml").write_text(library.read("catalog.yaml"), encoding="utf-8")
    shelf = Shelf(tmp_path / "elsewhere.yaml", folder)

    assert len(shelf.playbooks()) == len(library.names())
    assert shelf.stale() == ()


def test_what_is_checked_is_what_is_read(folder: Path) -> None:
    (folder / "teams").mkdir()
    name = library.names()[0]
    (folder / name).rename(folder / "teams" / "renamed.yml")
    shelf = Shelf(folder / "catalog.yaml", folder)

    assert len(shelf.playbooks()) == len(library.names())
    assert check([folder]).files == len(library.names()) + 2


def test_a_broken_file_that_is_taken_away_is_not_complained_about_any_more(folder: Path) -> None:
    shelf = Shelf(folder / "catalog.yaml", folder)
    (folder / "broken.yaml").write_text("a: 1\na: 2\n")
    shelf.catalog()
    shelf.playbooks()
    assert [stale.file for stale in shelf.stale()] == ["broken.yaml"]

    (folder / "broken.yaml").unlink()
    shelf.playbooks()

    assert shelf.stale() == ()
    (folder / "catalog.yaml").unlink()
    shelf.catalog()
    shelf.playbooks()
    assert [stale.file for stale in shelf.stale()] == ["catalog.yaml"]


def test_a_folder_that_is_not_there_holds_no_playbooks(tmp_path: Path) -> None:
    assert Shelf(tmp_path / "catalog.yaml", tmp_path / "none").playbooks() == {}


def test_what_is_stale_is_looked_up_when_it_is_asked_for(folder: Path) -> None:
    shelf = Shelf(folder / "catalog.yaml", folder)
    file = folder / library.names()[0]
    good = file.read_text(encoding="utf-8")
    shelf.playbooks()
    file.write_text("a: 1\na: 2\n")

    assert [stale.file for stale in shelf.stale()] == [file.name]

    file.write_text(good, encoding="utf-8")
    assert shelf.stale() == ()
