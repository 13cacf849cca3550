"""Worked examples that load, lint clean and are meant to be copied, and the corpus; `read` returns a text."""

from __future__ import annotations

from importlib.resources import files


def read(name: str) -> str:
    """Return the text of an example file, such as `catalog.yaml`."""
    return files(__name__).joinpath(name).read_text(encoding="utf-8")


def cases() -> tuple[str, ...]:
    """Return the names of the files with cases of the criteria, in order; `read` returns their texts."""
    found = files(__name__).joinpath("cases").iterdir()
    return tuple(sorted(f"cases/{item.name}" for item in found))


def names() -> tuple[str, ...]:
    """Return the file names of the example playbooks, in order."""
    others = ("catalog.yaml", "criteria.yaml")
    found = (item.name for item in files(__name__).iterdir() if item.name.endswith(".yaml"))
    return tuple(sorted(name for name in found if name not in others))
