"""Playbooks and the catalog checked on this machine, without a server."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from bot.settings import Settings, say_wrong
from bot.terminal import REFUSED, USAGE
from bot.terminal.screen import tell, warn
from integrations.registry import operations
from playbooks.catalog import load_catalog
from playbooks.check import check
from playbooks.problems import PlaybookInvalid


def playbook(argv: Sequence[str]) -> int:
    """Print every problem of playbooks and the catalog as `file:line: what, why, valid words`.

    Without a path it is those that the settings name.
    """
    parser = argparse.ArgumentParser(prog="backstop playbook", allow_abbrev=False)
    parser.add_argument("act", choices=("check",))
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="files, or folders of YAML files; without any, what the settings put in force",
    )
    parser.add_argument("--catalog", type=Path, help="the catalog, when it is not among the paths")
    given = parser.parse_args(argv)
    try:
        paths = given.paths or _in_force(Settings())
        text = given.catalog.read_text(encoding="utf-8") if given.catalog else None
        catalog = load_catalog(text, str(given.catalog)) if text is not None else None
    except PlaybookInvalid as invalid:
        tell(str(invalid))
        return REFUSED
    except (OSError, UnicodeDecodeError):
        warn(f"{given.catalog} cannot be read.")
        return USAGE
    except ValidationError as invalid:
        warn(say_wrong(invalid))
        return USAGE
    checked = check(paths, catalog=catalog, operations=operations())
    tell("\n".join(checked.lines))
    return checked.exit_code


def _in_force(settings: Settings) -> list[Path]:
    """Return the files and the folder that a server with these settings reads."""
    catalog = settings.file(settings.catalog, "catalog.yaml")
    criteria = [settings.criteria] if settings.criteria else []
    return [catalog, *criteria, settings.file(settings.playbooks, "playbooks")]
