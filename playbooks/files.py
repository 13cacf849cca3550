"""Which files of a folder are read, and what each of them holds."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from playbooks.yaml_text import Text

Kind: TypeAlias = Literal["cases", "catalog", "criteria", "playbook"]

_ENDINGS = (".yaml", ".yml")


def yaml_files(folder: Path) -> list[Path]:
    """Return the YAML files in a folder and the folders in it, in order, without what begins with a dot."""
    found = (path for path in folder.rglob("*") if path.suffix in _ENDINGS and path.is_file())
    return sorted(path for path in found if not _hidden(path.relative_to(folder)))


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def kind_of(text: Text) -> Kind:
    """Return what a file says it holds; what does not say so is taken for a playbook."""
    match text.data:
        case {"schema": "backstop/catalog/1"}:
            return "catalog"
        case {"schema": "backstop/criteria/1"}:
            return "criteria"
        case {"schema": "backstop/criteria-cases/1"}:
            return "cases"
        case _:
            return "playbook"
