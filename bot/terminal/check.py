"""Files checked and facts decided on this machine, without a server."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from bot.core.decide import Decision, decide
from bot.settings import Settings, say_wrong
from bot.terminal import OK, REFUSED, USAGE
from bot.terminal.screen import tell, warn
from integrations.registry import operations
from playbooks import library
from playbooks.catalog import load_catalog
from playbooks.check import check
from playbooks.criteria import Criteria, FactUnknown, Value, check_fact, load_criteria
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


def criteria(argv: Sequence[str]) -> int:
    """Print every problem of a criteria file as `file:line: what, why, valid words`."""
    parser = argparse.ArgumentParser(prog="backstop criteria", allow_abbrev=False)
    parser.add_argument("act", choices=("check",))
    parser.add_argument("path", type=Path, metavar="PATH")
    given = parser.parse_args(argv)
    try:
        load_criteria(given.path.read_text(encoding="utf-8"), str(given.path))
    except PlaybookInvalid as invalid:
        tell(str(invalid))
        return REFUSED
    except (OSError, UnicodeDecodeError):
        tell(f"{given.path}:1: the file cannot be read")
        return REFUSED
    tell(f"{given.path}: no problem.")
    return OK


def facts(argv: Sequence[str]) -> int:
    """Print what the criteria make of facts given as a JSON object; null is nobody knows."""
    parser = argparse.ArgumentParser(prog="backstop decide", allow_abbrev=False)
    parser.add_argument("--facts", required=True, help="a JSON file, or - for standard input")
    given = parser.parse_args(argv)
    try:
        text = sys.stdin.read() if given.facts == "-" else Path(given.facts).read_text(encoding="utf-8")
        found = _facts(text)
        tell(_told(decide(found, _criteria(Settings()))))
    except (FactUnknown, PlaybookInvalid) as problem:
        warn(str(problem))
        return REFUSED
    except ValidationError as invalid:
        warn(say_wrong(invalid))
        return USAGE
    except (OSError, UnicodeDecodeError):
        warn(f"{given.facts} cannot be read.")
        return USAGE
    return OK


def _facts(text: str) -> Mapping[str, Value]:
    try:
        found = json.loads(text)
    except ValueError:
        raise FactUnknown("The facts are no JSON.") from None
    if not isinstance(found, dict):
        raise FactUnknown('The facts are no JSON object: write {"service_currently_down": true}.')
    return {name: check_fact(name, value) for name, value in found.items()}


def _criteria(settings: Settings) -> Criteria:
    if settings.criteria is None:
        return load_criteria(library.read("criteria.yaml"), "criteria.yaml")
    return load_criteria(settings.criteria.read_text(encoding="utf-8"), str(settings.criteria))


def _told(decision: Decision) -> str:
    lines = [f"Proposal: {decision.proposal or 'none yet'}", f"Why: {decision.why}"]
    lines += [f"Now: {what}" for what in decision.safe_now]
    lines += [f"Ruled out: {', '.join(veto.removes)}: {veto.because}" for veto in decision.vetoes]
    lines += [f"Possible: {', '.join(decision.possible)}"] if decision.proposal is None else []
    lines += [f"Ask {ask.role}: {ask.question} ({ask.fact})" for ask in decision.ask]
    lines += [f"With {flip.fact} = {flip.value} it would be {flip.option}" for flip in decision.flips]
    return "\n".join(lines)
