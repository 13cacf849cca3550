"""Draws docs/reference from the code. To add a page, add its line to PAGES; `make docs` writes them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from playbooks.schema import schema_text
from tests.reference.commands import commands
from tests.reference.criteria import criteria
from tests.reference.engines import engines
from tests.reference.events import events
from tests.reference.files import catalog, playbook
from tests.reference.http import http
from tests.reference.markdown import page
from tests.reference.runner import runner
from tests.reference.settings import settings
from tests.reference.verbs import verbs

ROOT = Path(__file__).parents[2]
FOLDER = "docs/reference"

PAGES: Mapping[str, Callable[[], str]] = {
    "verbs": verbs,
    "command-line": commands,
    "settings": settings,
    "catalog": catalog,
    "playbook": playbook,
    "criteria": criteria,
    "engines": engines,
    "runner": runner,
    "events": events,
    "http": http,
}


def written() -> dict[str, str]:
    """Return every file that is drawn from the code, by its path."""
    pages = {f"{FOLDER}/{name}.md": draw() for name, draw in PAGES.items()}
    titles = {path: text.partition("\n")[0].removeprefix("# ") for path, text in pages.items()}
    index = "\n".join(f"- [{title}]({Path(path).name})" for path, title in titles.items())
    schema = {"playbooks/schema.json": schema_text()}
    return {**pages, f"{FOLDER}/README.md": page("Reference", index), **schema}
