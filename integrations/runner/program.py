"""`backstop-runner KIND VERB`: one operation on one target, for the runner and for people without it."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from integrations.runner.jobs import give_word
from integrations.runner.kinds import KINDS, BuiltIn, Setting
from integrations.runner.obstacles import could_not, stays
from integrations.runner.processes import MARK
from integrations.runner.report import PartlyDone, Problem, Step, report, tell

FAILED = 1
PARTLY = 4
"""Exit code when the operation was done and something still keeps it from being right."""

_IN_THE_BACKGROUND = ("prepare",)
"""What is done before anybody decided, while the target may still serve: it lets everybody else go first."""
_YIELDING = 10

Ask = Callable[[argparse.Namespace], Mapping[str, Any]]
Work = Callable[[argparse.Namespace, str], Iterator[Step]]

_SAYS = {
    "record": "file that remembers the target's identity",
    "point": "id of a recovery point",
    "digest": "SHA-256 the recovery point must have",
    "until": "moment with zone; left out releases",
    "query": "one SELECT",
    "values": "JSON object of named values",
    "restore": "key of a restore",
    "table": "table, in PostgreSQL with its schema as public.orders",
    "column": "column of a date or a time",
    "tables": "JSON list of tables with their schemas",
    "mark": "word at the end of the names of the new tables",
    "at_least": "fewest rows",
    "at_most": "most rows",
    "of_point": "fewest rows in percent of those of the recovery point",
    "not_before": "moment with zone",
    "not_after": "moment with zone",
    "equals": "fingerprint",
    "release": "label of the recovery point",
    "commit": "label of the recovery point",
    "environment": "label of the recovery point",
    "type": "kind of the backup",
    "name": "name of the marker",
    "at": "moment with zone; what ended before it comes back",
    "lsn": "position in the log; what ended before it comes back",
    "xid": "transaction; what ended before it comes back",
    "marker": "marker in the log",
    "keep": "whether the damaged cluster is copied first",
    "because": "why nothing is kept",
    "timeline": "timeline of the log",
    "within_s": "most seconds behind",
    "as_of": "moment with zone for a copy that follows no server; left out now",
    "although_pending": "roll back although an operation was begun and not ended",
}


def main(kind: str, argv: Sequence[str]) -> int:
    """Carry out one operation; questions answer with JSON, jobs with lines of progress and evidence."""
    given = _given(kind, argv)
    ask, work = _program(kind)
    if KINDS[kind].operations[given.verb].how == "ask":
        return _ask(ask, given)
    if given.verb in _IN_THE_BACKGROUND:
        os.nice(_YIELDING)
    key = os.environ.get("BACKSTOP_KEY", f"by-hand-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}")
    code = _work(work(given, key))
    if job := os.environ.get(MARK):
        # Its supervisor tells how it ended; where that was killed, this is all that is known.
        give_word(Path(job), code)
    return code


def _program(kind: str) -> tuple[Ask, Work]:
    # Only the one that is needed: what all kinds together load takes longer than many an operation.
    verbs = import_module(f"integrations.runner.{kind}.verbs")
    return verbs.answer, verbs.work


def _ask(ask: Ask, given: argparse.Namespace) -> int:
    try:
        tell(json.dumps(ask(given)))
    except Problem as problem:
        tell(json.dumps({"error": str(problem), "permanent": problem.permanent}))
        return FAILED
    except OSError as problem:
        why = f"This host could not do it: {could_not(problem)}"
        tell(json.dumps({"error": why, "permanent": stays(problem)}))
        return FAILED
    return 0


def _work(steps: Iterator[Step]) -> int:
    try:
        known = None
        for step in steps:
            # The same again is no news, and a line of it would read as a sign of life.
            if step != known:
                report(step)
            known = step
    except Problem as problem:
        sys.stderr.write(f"{problem}\n")
        return FAILED
    except OSError as problem:
        sys.stderr.write(f"This host could not do it: {could_not(problem)}\n")
        return FAILED
    except PartlyDone as problem:
        sys.stderr.write(f"{problem}\n")
        return PARTLY
    return 0


def _parser(kind: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"backstop-runner {kind}", description=f"Act on one {kind} target, also without the runner."
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, operation in KINDS[kind].operations.items():
        _add(verbs.add_parser(verb, allow_abbrev=False), kind, operation)
    return parser


def _given(kind: str, argv: Sequence[str]) -> argparse.Namespace:
    """Return the options of an operation, with what other settings decide as runner.toml has it."""
    parser = _parser(kind)
    given = parser.parse_args(argv)
    said: dict[str, str] = {}
    for setting in KINDS[kind].settings:
        name = setting.option.replace("-", "_")
        own = getattr(given, name, None)
        if own is None and setting.default is not None:
            # A setting that this operation does not take may decide nothing that it takes.
            with suppress(KeyError):
                own = _taken(setting)(setting.default.format(**said))
        if own is not None:
            said[setting.key] = str(own)
        if hasattr(given, name):
            if own is None:
                parser.error(f"--{setting.option} is needed: {_says(setting)}")
            setattr(given, name, own)
    return given


def _taken(setting: Setting) -> Callable[[str], str | Path]:
    match setting.takes:
        case "words":
            return _words
        case "text":
            return str
        case _:
            return Path


def _words(text: str) -> str:
    """Return words of a command line as the list that a program takes."""
    return text if text.startswith("[") else json.dumps(shlex.split(text))


def _says(setting: Setting) -> str:
    return setting.says[:1].lower() + setting.says[1:].rstrip(".")


def _add(parser: argparse.ArgumentParser, kind: str, operation: BuiltIn) -> None:
    settings = {setting.option: setting for setting in KINDS[kind].settings}
    for option in operation.options:
        setting = settings.get(option)
        if setting is None:
            parser.add_argument(f"--{option}", type=Path, help=_SAYS[option], required=True)
        else:
            needed = setting.default is None
            parser.add_argument(f"--{option}", type=_taken(setting), help=_says(setting), required=needed)
    for name, rule in operation.params.items():
        if name != "source":
            parser.add_argument(f"--{name}", required=rule.needed, help=_SAYS[name])
