"""A real incident decided again on this machine, without a server: `backstop replay`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from bot.core.cards.replay import (
    replay_end,
    replay_heard,
    replay_list,
    replay_prompt,
    replay_scene,
    replay_standing,
)
from bot.core.document import plain
from bot.core.errors import Refused
from bot.core.replay import Session, begin, by_the_record, find, matching, played, read, result
from bot.settings import say_wrong
from bot.terminal import OK, REFUSED, USAGE
from bot.terminal.reading import criteria_in
from bot.terminal.screen import tell, warn
from playbooks.corpus import corpus
from playbooks.problems import PlaybookInvalid

HOW = (
    "Enter lets the record answer, as the people there would have; `?` is nobody knows. An option\n"
    "chooses at any time, `fact:ask` asks for another fact, `show` says what stands, `quit` ends."
)
SHOW, QUIT = "show", "quit"

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Typed:
    """A line, and where it stands; a person's stands nowhere and may be said again."""

    text: str
    where: str = ""


def main(argv: Sequence[str]) -> int:
    """Walk a commander through a real incident, or list those there are."""
    given = _parser().parse_args(argv)
    found = corpus()
    try:
        listed = matching(given.incident, found) if given.incident.lower() not in found else []
        if listed and not (given.said or given.auto or given.answers):
            tell(plain(replay_list(listed, "backstop", most=len(listed))))
            return OK
        session = begin(find(given.incident, found), criteria_in(given.criteria))
        for word in given.said:
            session = played(session, read(session, word))
    except (Refused, PlaybookInvalid) as problem:
        warn(str(problem))
        return REFUSED
    except ValidationError as invalid:
        warn(say_wrong(invalid))
        return USAGE
    return _told(session, given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="backstop replay", allow_abbrev=False)
    parser.add_argument(
        "incident",
        nargs="?",
        default="",
        metavar="ID",
        help="an incident; another word lists those that tell of it, none lists all",
    )
    parser.add_argument(
        "said", nargs="*", metavar="WORD", help="what to type first, such as data_scope:rows or an option"
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--answers", metavar="FILE", help="what to type, line by line; - is standard input")
    source.add_argument("--auto", action="store_true", help="the record answers, and the proposal is chosen")
    parser.add_argument("--criteria", type=Path, metavar="FILE", help="other criteria than those in force")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how the end is written")
    return parser


def _told(session: Session, given: argparse.Namespace) -> int:
    """Play it; with JSON the conversation goes to standard error, so that the end can be read alone."""
    show: Tell = warn if given.format == "json" else tell
    try:
        if session.chosen:
            ended = session
        elif given.auto:
            ended = by_the_record(session)
            show(plain(replay_scene(session)))
            show(plain(replay_standing(ended)))
        else:
            ended = _played(session, _lines(given.answers), show)
    except Refused as wrong:
        warn(str(wrong))
        return USAGE
    except (OSError, UnicodeDecodeError):
        warn(f"{given.answers} cannot be read.")
        return USAGE
    tell(
        json.dumps(result(ended), ensure_ascii=False) if given.format == "json" else plain(replay_end(ended))
    )
    return OK


def _played(session: Session, lines: Iterator[_Typed], show: Tell) -> Session:
    show(plain(replay_scene(session)))
    show(f"{HOW}\n")
    # Whoever leaves by Ctrl-C reads how it was, like whoever says quit.
    with suppress(KeyboardInterrupt):
        while session.chosen is None:
            show(plain(replay_prompt(session)))
            line = next(lines, _Typed(QUIT))
            if line.where:
                show(f"> {line.text}".rstrip())
            if line.text == QUIT:
                break
            session = _heard(session, line, show)
    return session


def _heard(session: Session, line: _Typed, show: Tell) -> Session:
    if line.text != SHOW:
        return _moved(session, line, show)
    show(plain(replay_standing(session)))
    return session


def _moved(session: Session, line: _Typed, show: Tell) -> Session:
    try:
        moves = read(session, line.text)
    except Refused as wrong:
        # What comes after a wrong line of a file was meant for other questions.
        if line.where:
            raise Refused(f"{line.where}: {wrong}") from wrong
        show(str(wrong))
        return session
    moved = played(session, moves)
    if moved.chosen is None:
        show(replay_heard(moved, moves))
    return moved


def _lines(file: str | None) -> Iterator[_Typed]:
    if file not in (None, "-"):
        for number, text in enumerate(Path(file).read_text(encoding="utf-8").splitlines(), start=1):
            yield _Typed(text.strip(), f"{file}:{number}")
        return
    typed = sys.stdin.isatty()
    for number, text in enumerate(sys.stdin, start=1):
        yield _Typed(text.strip(), "" if typed else f"-:{number}")
