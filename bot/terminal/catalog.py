"""A catalog begun from, or held against, what Backstage already knows."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from bot.settings import Settings, say_wrong
from bot.terminal import OK, REFUSED, USAGE
from bot.terminal.plain import as_yaml
from bot.terminal.reading import text_in
from bot.terminal.screen import tell, warn
from playbooks.backstage import Place, additions, differences, import_entities, read_entities
from playbooks.catalog import Environment, load_catalog
from playbooks.problems import PlaybookInvalid
from playbooks.yaml_text import read_yaml

_NEW = {"schema": "backstop/catalog/1"}


def main(argv: Sequence[str]) -> int:
    """Print what a catalog lacks of Backstage's, and beside it what a person has to add or look at.

    1 when there is something to look at, which goes to the error stream; no file is written.
    """
    given = _parser().parse_args(argv)
    try:
        file = given.catalog or _in_force()
        known = _read(file) if file else {}
        entities = [found for path in given.files for found in read_entities(text_in(path), str(path))]
    except PlaybookInvalid as invalid:
        warn(str(invalid))
        return REFUSED
    except ValidationError as invalid:
        warn(say_wrong(invalid))
        return USAGE
    imported = import_entities(entities, Place(given.environment, given.region, given.data, given.tier))
    new = additions(imported, known)
    tell(as_yaml({**({} if known else _NEW), **new}) if new else f"# {file} has all of it.")
    notes = [*imported.notes, *differences(imported, known), *_lacking(known or _NEW, new)]
    for note in notes:
        warn(note)
    return REFUSED if notes else OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="backstop catalog", allow_abbrev=False)
    parser.add_argument("act", choices=("import",))
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="a catalog-info.yaml of Backstage"
    )
    parser.add_argument(
        "--environment", default="production", metavar="NAME", help="where services run (production)"
    )
    parser.add_argument("--region", required=True, metavar="NAME", help="where that environment is")
    data = get_args(Environment.model_fields["data"].annotation)
    parser.add_argument("--data", required=True, choices=data, help="the class of the data kept there")
    parser.add_argument(
        "--tier", default="standard", metavar="NAME", help="the tier of services that name none (standard)"
    )
    parser.add_argument(
        "--catalog", type=Path, metavar="FILE", help="the catalog it is for, if not the one in force"
    )
    return parser


def _in_force() -> Path | None:
    settings = Settings()
    file = settings.file(settings.catalog, "catalog.yaml")
    return file if file.exists() else None


def _read(file: Path) -> Mapping[str, Any]:
    """Return what a catalog says; one with mistakes is refused, as nothing could be compared with it."""
    text = text_in(file)
    load_catalog(text, str(file))
    found = read_yaml(text, str(file)).data
    assert isinstance(found, dict)
    return found


def _lacking(known: Mapping[str, Any], new: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield what is still wrong once the new parts stand in the catalog."""
    parts = known.keys() | new.keys()
    whole = {
        part: {**known.get(part, {}), **new.get(part, {})} if part in new else known[part] for part in parts
    }
    try:
        load_catalog(as_yaml(whole), "")
    except PlaybookInvalid as invalid:
        for problem in invalid.problems:
            why = f", {problem.why}" if problem.why else ""
            yield f"In the catalog {problem.what}{why}."
