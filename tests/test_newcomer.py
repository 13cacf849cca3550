"""Somebody new adds a verb from what README and ARCHITECTURE say, and all that guards the project agrees.

The patch holds what they would type. It is applied to a private copy of the project.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journeys.script import conversations
from tests.test_journeys import ways

ROOT = Path(__file__).parents[1]
PATCH = ROOT / "tests" / "newcomer" / "eta.patch"
MOST_LINES = 40
TOUCHED = ["bot/commands/__init__.py", "bot/commands/eta.py", "tests/journeys/eta.md"]
_CONVERSATION = "tests/test_journeys.py::test_people_read_exactly_what_is_written"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of every file of the project, with the patch applied."""
    place = tmp_path / "copy"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).exists():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name)
    known = ROOT / ".mypy_cache"
    if known.exists():
        shutil.copytree(known, place / ".mypy_cache")  # types that are known already need not be found again
    subprocess.run(["git", "init", "-q"], cwd=place, check=True)
    subprocess.run(["git", "apply", str(PATCH)], cwd=place, check=True)
    return place


def agrees(place: Path, *words: str) -> None:
    """Run a Python module in a copy; it must end well."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    environment = {**own, "PYTHONPATH": str(place)}
    argv = [sys.executable, "-m", *words]
    done = subprocess.run(argv, cwd=place, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout[-4000:]}\n{done.stderr[-2000:]}"


def test_a_verb_is_at_most_forty_lines() -> None:
    lines = PATCH.read_text(encoding="utf-8").splitlines()
    changed = [line for line in lines if re.match(r"[+-](?!\+\+ |-- )", line)]
    assert 0 < len(changed) <= MOST_LINES


def test_a_verb_touches_what_the_architecture_names_and_nothing_else() -> None:
    touched = re.findall(r"^\+\+\+ b/(.+)$", PATCH.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(touched) == TOUCHED
    architecture = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    [told] = re.findall(r"^\| a verb \| (.+) \|$", architecture, re.MULTILINE)
    assert all(
        place in told for place in ("bot/commands/x.py", "bot/commands/__init__.py", "tests/journeys/")
    )
    assert "make docs" in architecture
    assert "(ARCHITECTURE.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.timeout(300)
def test_everything_that_guards_the_project_agrees_with_a_new_verb(copy: Path) -> None:
    code = [path for path in TOUCHED if path.endswith(".py")]
    agrees(copy, "ruff", "format", "--check", "--quiet", *code)
    agrees(copy, "ruff", "check", "--quiet", *code)
    agrees(copy, "mypy", "bot/commands/eta.py")
    agrees(copy, "tests.reference")
    assert "### eta\n" in (copy / "docs" / "reference" / "verbs.md").read_text(encoding="utf-8")
    [told] = conversations(copy / TOUCHED[-1])
    played = (f"{_CONVERSATION}[{told}-{way}]" for way in ways(told))
    agrees(
        copy,
        *("pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"),
        *("tests/test_architecture.py", "tests/test_docs.py", *played),
    )
