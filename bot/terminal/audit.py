"""`backstop audit export`: the timeline for those who collect audit trails, from the database itself."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TextIO

from bot.core.audit import Origin, Record, cloudevent, ocsf, syslog
from bot.core.audit.record import line
from bot.notify.audit import origin_of
from bot.settings import Settings
from bot.terminal import OK, REFUSED
from bot.terminal.here import Broken, as_it_is, carry_out, utc_now
from bot.terminal.screen import tell, warn
from bot.timeline import Timeline
from playbooks.durations import parse_duration

STDOUT = "-"
FORMATS: Mapping[str, Callable[[Record, Origin], str]] = {
    "ocsf": lambda record, origin: line(ocsf(record, origin)),
    "cloudevents": lambda record, origin: line(cloudevent(record, origin)),
    "syslog": syslog,
}


def main(argv: Sequence[str]) -> int:
    """Write every entry of the timeline, one a line, in the order they were recorded."""
    given = _parser().parse_args(argv)

    async def act(settings: Settings) -> int:
        since = given.since(utc_now()) if given.since else None
        async with as_it_is(settings) as timeline:
            breaks = await timeline.verify()
            for found in breaks:
                warn(found)
            if breaks and not given.even_broken:
                raise Broken(
                    "The timeline is broken, so nothing was written. Keep a copy of the database; with "
                    "--even-broken the entries at which it is are written and marked."
                )
            count = await _write(timeline, given.file, FORMATS[given.format], origin_of(settings), since)
        if given.file != STDOUT:
            tell(f"{count} {'entry' if count == 1 else 'entries'} in {given.file}.")
        return REFUSED if breaks else OK

    return carry_out(act)


async def _write(
    timeline: Timeline,
    file: str,
    form: Callable[[Record, Origin], str],
    origin: Origin,
    since: datetime | None,
) -> int:
    count = 0
    try:
        with _opened(file) as write:
            async for record in timeline.trail.whole(since):
                write(form(record, origin))
                count += 1
    except ValueError as spoilt:
        raise Broken(f"An entry was changed into what cannot be read ({spoilt}).") from None
    return count


@contextmanager
def _opened(file: str) -> Iterator[Callable[[str], None]]:
    """Give what writes a line; a file appears under its name when all of it is there."""
    if file == STDOUT:
        yield tell
        return
    new = Path(f"{file}.new")
    with new.open("w", encoding="utf-8", newline="\n") as open_file:
        yield lambda text: _put(open_file, text)
    new.replace(file)


def _put(file: TextIO, text: str) -> None:
    file.write(f"{text}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="backstop audit", description="Write the timeline for an audit.", allow_abbrev=False
    )
    acts = parser.add_subparsers(dest="act", required=True)
    export = acts.add_parser("export", help="write every entry, one a line", allow_abbrev=False)
    export.add_argument("file", metavar="FILE", help="where to write it, or - for standard output")
    export.add_argument("--format", choices=tuple(FORMATS), default="ocsf")
    export.add_argument(
        "--since",
        type=_since,
        help="only what was recorded since then: 7d, or a time as 2026-11-23T02:10Z",
    )
    export.add_argument(
        "--even-broken",
        action="store_true",
        help="also when the timeline is broken; then it ends with 1",
    )
    return parser


def _since(text: str) -> Callable[[datetime], datetime]:
    try:
        ago = parse_duration(text)
    except ValueError:
        return _at(text)
    return lambda now: now - ago


def _at(text: str) -> Callable[[datetime], datetime]:
    wrong = argparse.ArgumentTypeError("say 7d, or a time with its zone as 2026-11-23T02:10Z")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise wrong from None
    if at.tzinfo is None:
        raise wrong
    return lambda _now: at
