"""Which files are read, and what each is taken for."""

from __future__ import annotations

from pathlib import Path

import pytest

from playbooks import library
from playbooks.files import kind_of, yaml_files
from playbooks.yaml_text import read_yaml


def test_yaml_files_are_found_at_any_depth_and_hidden_ones_are_not(tmp_path: Path) -> None:
    names = ("b.yaml", "a.yml", "c.json", "teams/d.yaml", ".e.yaml", ".git/f.yaml", "..data/b.yaml")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "folder.yaml").mkdir()

    found = [str(path.relative_to(tmp_path)) for path in yaml_files(tmp_path)]

    assert found == ["a.yml", "b.yaml", "teams/d.yaml"]


def test_a_folder_that_is_itself_hidden_is_read(tmp_path: Path) -> None:
    home = tmp_path / ".backstop" / "playbooks"
    home.mkdir(parents=True)
    (home / "a.yaml").write_text("")

    assert yaml_files(home) == [home / "a.yaml"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (library.read("catalog.yaml"), "catalog"),
        (library.read("criteria.yaml"), "criteria"),
        (library.read(library.cases()[0]), "cases"),
        (library.read(library.names()[0]), "playbook"),
        ("schema: backstop/other/1\n", "playbook"),
        ("- a list\n", "playbook"),
    ],
)
def test_a_file_is_taken_for_what_it_says_it_is(text: str, kind: str) -> None:
    assert kind_of(read_yaml(text, "x.yaml")) == kind
