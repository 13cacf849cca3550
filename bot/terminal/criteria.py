"""A criteria file on this machine: its mistakes, and whether its cases come out."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from bot.core.decide import Decision, decide
from bot.settings import Settings, say_wrong
from bot.shelf import Shelf
from bot.terminal import OK, REFUSED, USAGE
from bot.terminal.reading import SHIPPED, Written, text_in, written
from bot.terminal.screen import tell, warn
from playbooks import library
from playbooks.criteria import Criteria, lax_vetoes, load_criteria, roles_in, unknown_roles
from playbooks.criteria.cases import Case, Cases, load_cases
from playbooks.problems import PlaybookInvalid, Problem, in_lines
from playbooks.roles import INCIDENT_ROLES
from playbooks.yaml_text import Text


def main(argv: Sequence[str]) -> int:
    """Print every problem of a criteria file as `file:line: what, why, valid words`, or run its cases."""
    given = _parser().parse_args(argv)
    try:
        found = written(given.path)
        criteria = load_criteria(found.text, found.name)
        if given.act == "check":
            return _checked(criteria, found)
        return _test(criteria, _cases(found.path, given.cases))
    except PlaybookInvalid as invalid:
        tell(str(invalid))
        return REFUSED
    except ValidationError as invalid:
        warn(say_wrong(invalid))
        return USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="backstop criteria", allow_abbrev=False)
    parser.add_argument("act", choices=("check", "test"))
    parser.add_argument(
        "path",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="a criteria file; without one that of the settings, or the one that comes with Backstop",
    )
    parser.add_argument(
        "--cases", type=Path, metavar="FOLDER", help="where the cases are, if not in `cases` beside the file"
    )
    return parser


def _checked(criteria: Criteria, found: Written) -> int:
    if problems := unknown_roles(criteria, found.text, found.name, _roles()):
        raise PlaybookInvalid(problems)
    warnings = in_lines(lax_vetoes(criteria, found.text, found.name))
    counted = f"no error, {len(warnings)} warning{'s' if len(warnings) > 1 else ''}"
    tell("\n".join([*map(str, warnings), f"{found.name}: {counted if warnings else 'no problem'}."]))
    return OK


def _roles() -> tuple[str, ...]:
    """Return the roles that somebody can have here: of incidents, catalog, playbooks and the shipped file."""
    settings = Settings()
    catalog = settings.file(settings.catalog, "catalog.yaml")
    known = [*INCIDENT_ROLES, *sorted(roles_in(load_criteria(library.read(SHIPPED), SHIPPED)))]
    if catalog.exists():
        shelf = Shelf(catalog, settings.file(settings.playbooks, "playbooks"), settings.criteria)
        known += shelf.catalog().groups
        known += [role for loaded in shelf.playbooks().values() for role in loaded.playbook.roles]
    return tuple(dict.fromkeys(known))


def _cases(file: Path | None, folder: Path | None) -> list[tuple[str, str]]:
    """Return the texts of the cases with their names; without any, raise PlaybookInvalid."""
    if file is None and folder is None:
        return [(library.read(name), name) for name in library.cases()]
    folder = folder or (file or Path()).parent / "cases"
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise PlaybookInvalid(
            [Problem(str(folder), 1, "there are no cases here", "write one, or name their folder by --cases")]
        )
    return [(text_in(path), str(path)) for path in files]


def _test(criteria: Criteria, texts: Sequence[tuple[str, str]]) -> int:
    loaded = [load_cases(text, name, criteria) for text, name in texts]
    failed = [problem for cases, text in loaded for problem in _failures(cases, text, criteria)]
    count = sum(len(cases.cases) for cases, _ in loaded)
    tell("\n".join([*map(str, failed), f"{count} cases, {len(failed)} of them come out otherwise."]))
    return REFUSED if failed else OK


def _failures(cases: Cases, text: Text, criteria: Criteria) -> Iterator[Problem]:
    for index, case in enumerate(cases.cases):
        differs = list(differences(case, decide(cases.facts(case), criteria)))
        if differs:
            yield text.problem(("cases", index), f"{case.name}: {'; '.join(differs)}")


def differences(case: Case, decision: Decision) -> Iterator[str]:
    """Yield what came out otherwise than a case expects."""
    lead, proposal = decision.lead, decision.so_far
    if proposal != case.proposal:
        yield f"it is {proposal} by {lead.rule}, not {case.proposal}"
    elif case.rule not in (None, lead.rule):
        yield f"it is {proposal} by {lead.rule}, not by {case.rule}"
    found = {veto.id for veto in decision.vetoes}
    yield from (f"no veto {id}" for id in case.vetoes if id not in found)
    contained = {part.id for part in decision.containment}
    yield from (f"nothing says {id}" for id in case.containment if id not in contained)
    asked = {ask.fact for ask in decision.ask}
    yield from (f"{fact} is not asked" for fact in case.ask if fact not in asked)
    yield from (f"{fact} is asked" for fact in case.not_asked if fact in asked)
