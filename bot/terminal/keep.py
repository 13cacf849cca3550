"""What is done on Backstop's host: verify and rebuild the timeline, issue and revoke tokens."""

from __future__ import annotations

import argparse
import fnmatch
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from bot.core import run as runs
from bot.core.events import Event, RunPaused, StepInDoubt
from bot.core.run import Run
from bot.settings import Settings
from bot.terminal import OK, REFUSED
from bot.terminal.access import TOKEN_FILE
from bot.terminal.here import Broken, Wrong, as_it_is, carry_out, utc_now
from bot.terminal.lock import Held, alone
from bot.terminal.screen import tell, warn
from bot.timeline import Change, Timeline
from playbooks.catalog import Catalog, load_catalog
from playbooks.durations import parse_duration

LONGEST_LIFE = timedelta(days=366)
LONGEST_NAME = 64


def verify(argv: Sequence[str]) -> int:
    """Check the chain of digests, and that the projections are what it says; print what is wrong."""
    _Parser("verify-timeline", "Check that nobody changed or removed an entry.").parse_args(argv)

    async def act(settings: Settings) -> int:
        async with as_it_is(settings) as timeline:
            breaks = await timeline.verify()
            drift = [] if breaks else await timeline.drift()
        for found in (*breaks, *drift):
            tell(found)
        if drift:
            tell(
                "The timeline is whole, but what is looked up quickly is not what it says: the gate may be "
                "wrong. Stop the server and run `backstop rebuild`."
            )
        else:
            places = "1 place" if len(breaks) == 1 else f"{len(breaks)} places"
            tell(f"The timeline is broken in {places}." if breaks else "The timeline is whole.")
        return REFUSED if breaks or drift else OK

    return carry_out(act)


def rebuild(argv: Sequence[str]) -> int:
    """Draw every projection again from the entries, while nothing else runs."""
    parser = _Parser("rebuild", "Draw what is looked up quickly again from the timeline.")
    parser.add_argument("--stopped", action="store_true", help="every server on every machine is stopped")
    given = parser.parse_args(argv)

    async def act(settings: Settings) -> int:
        async with _undisturbed(settings, given) as timeline:
            await _whole(timeline)
            count = await timeline.rebuild()
        tell(f"Rebuilt from {count} entries.")
        return OK

    return carry_out(act)


def hold_all(argv: Sequence[str]) -> int:
    """Put every run that is under way on hold, and what it had started in doubt, while nothing else runs."""
    parser = _Parser(
        "hold-all", "Put every run on hold before the server starts; what acts is in doubt then."
    )
    parser.add_argument("why", help="the reason, which everybody will read")
    parser.add_argument("--stopped", action="store_true", help="every server on every machine is stopped")
    given = parser.parse_args(argv)

    async def act(settings: Settings) -> int:
        held: list[str] = []
        async with _undisturbed(settings, given) as timeline:
            for id in reversed(await timeline.lookup.runs(only_open=True)):
                run = runs.fold(await timeline.read(f"run/{id}"))
                if run and run.started_at and not run.over:
                    change = Change(run.seq, _held(run, given.why))
                    await timeline.append({f"run/{id}": change}, by="backstop", via="terminal")
                    held.append(id)
        tell(f"On hold: {', '.join(held)}." if held else "No run is under way: nothing was recorded.")
        return OK

    return carry_out(act)


def _held(run: Run, why: str) -> tuple[Event, ...]:
    """Return what holds a run whose runner may know more than its timeline, or nothing any more."""
    because = f"Backstop was stopped and its runs were put on hold: {why}"
    doubts: list[Event] = []
    for id in run.acting:
        state = run.step(id)
        doubts.append(StepInDoubt(step=id, attempt=state.attempt, because=because, undo=state.undoing))
        doubts.append(RunPaused(why=because, step=id))
    # What is decided about a step lets nothing else of the run go on: a person has to say so.
    return (*doubts, RunPaused(why=because, hold="backstop"))


def token(argv: Sequence[str]) -> int:
    """Issue a token, which is shown once, or revoke the tokens of a name."""
    given = _token_parser().parse_args(argv)

    async def issue(settings: Settings) -> int:
        catalog = _catalog(settings)
        owner = _owner(catalog, given.owner)
        _about_something(catalog, given.scope)
        name = given.name or f"{owner}-{utc_now():%Y%m%d-%H%M%S}"
        expires = utc_now() + given.expires
        async with _brought_up(settings) as timeline:
            secret = await timeline.records.issue_token(
                owner, scopes=given.scope, name=name, expires_at=expires
            )
        shown = f"Token {name} of {owner}, {','.join(given.scope)}, until {expires:%Y-%m-%d %H:%MZ}."
        if given.save:
            _keep(settings.home / TOKEN_FILE, secret)
            tell(f"{shown} It is in {settings.home / TOKEN_FILE}.")
        else:
            warn(f"{shown} This is the only time you see it:")
            tell(secret)
        return OK

    async def revoke(settings: Settings) -> int:
        async with as_it_is(settings) as timeline:
            count = await timeline.records.revoke(given.name)
        tell(
            f"Revoked {count} token{'s' if count > 1 else ''} named {given.name}."
            if count
            else f"No token in force is named {given.name}."
        )
        return OK if count else REFUSED

    return carry_out(issue if given.act == "issue" else revoke)


async def _whole(timeline: Timeline) -> None:
    """Raise Broken when the timeline is not whole."""
    breaks = await timeline.verify()
    if breaks:
        raise Broken(
            f"The timeline is broken: {breaks[0]}. Nothing was rebuilt: that would cover up what is missing. "
            "Keep a copy of the database; `backstop verify-timeline` names every break."
        )


@asynccontextmanager
async def _brought_up(settings: Settings) -> AsyncIterator[Timeline]:
    settings.home.mkdir(parents=True, exist_ok=True)
    timeline = await Timeline.open(settings.database, now=utc_now)
    try:
        yield timeline
    finally:
        await timeline.close()


@asynccontextmanager
async def _undisturbed(settings: Settings, given: argparse.Namespace) -> AsyncIterator[Timeline]:
    """Open the timeline to write to it, while no server does."""
    if not settings.database.startswith("sqlite") and not given.stopped:
        raise Wrong("The database may serve other machines: stop every Backstop, then add --stopped.")
    with alone(settings.home):
        async with _brought_up(settings) as timeline, _on_duty(timeline):
            yield timeline


@asynccontextmanager
async def _on_duty(timeline: Timeline) -> AsyncIterator[None]:
    if not await timeline.duty.take():
        raise Held("Another Backstop carries effects out on this database. Stop it first.")
    try:
        async with timeline.pulse.beating():
            yield
    finally:
        await timeline.duty.release()


def _catalog(settings: Settings) -> Catalog:
    file = settings.file(settings.catalog, "catalog.yaml")
    try:
        return load_catalog(file.read_text(encoding="utf-8"), file.name)
    except (OSError, UnicodeDecodeError):
        raise Wrong(f"The catalog {file} cannot be read. Look at BACKSTOP_CATALOG.") from None


def _owner(catalog: Catalog, word: str) -> str:
    person = catalog.person(word)
    if person in catalog.pipelines or (word in catalog.pipelines and word in catalog.people):
        raise Wrong(f"{word} is a person and a pipeline of the catalog: rename one of them.")
    if person or word in catalog.pipelines:
        return person or word
    near = catalog.nearest_person(word)
    hint = f" Did you mean {near}?" if near else ""
    raise Wrong(f"{word} is neither a person nor a pipeline of the catalog.{hint}")


def _about_something(catalog: Catalog, scopes: Sequence[str]) -> None:
    """Raise Wrong when a scope is for no service: the pipeline would be refused whatever it asks."""
    for scope in scopes:
        asked = scope.removeprefix("gate:")
        if asked != scope and not fnmatch.filter(catalog.services, asked):
            near = catalog.nearest_service(asked)
            hint = f"Did you mean gate:{near}?" if near else f"There are: {', '.join(catalog.services)}."
            raise Wrong(f"{scope} is for no service of the catalog: no token was made. {hint}")


def _keep(file: Path, secret: str) -> None:
    """Write a file that only its owner can read, also when it was there before."""
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as open_file:
        open_file.write(secret + "\n")
    new.replace(file)


class _Parser(argparse.ArgumentParser):
    def __init__(self, verb: str, says: str) -> None:
        super().__init__(prog=f"backstop {verb}", description=says, allow_abbrev=False)


def _token_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="backstop token", description=token.__doc__, allow_abbrev=False)
    acts = parser.add_subparsers(dest="act", required=True)
    issue = acts.add_parser("issue", help="make a token", allow_abbrev=False)
    issue.add_argument(
        "--for", dest="owner", required=True, help="a person or pipeline of the catalog; a person by any name"
    )
    issue.add_argument(
        "--scope",
        type=_scopes,
        default=("say",),
        help="say, read, gate, gate:<services>; several with commas",
    )
    issue.add_argument("--expires", type=_life, default=timedelta(days=30), help="as 30d; at most 366d")
    issue.add_argument("--name", type=_name, help="what to revoke it by")
    issue.add_argument("--save", action="store_true", help="keep it in the home for the command line")
    revoke = acts.add_parser("revoke", help="end the tokens of a name", allow_abbrev=False)
    revoke.add_argument("name")
    return parser


def _scopes(text: str) -> tuple[str, ...]:
    scopes = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    wrong = [scope for scope in scopes if scope not in {"say", "read", "gate", "alerts"} and not _glob(scope)]
    if wrong or not scopes or len(text) > 300:
        raise argparse.ArgumentTypeError(
            "scopes are say, read, gate, gate:<services> and alerts, with commas"
        )
    return scopes


def _glob(scope: str) -> bool:
    glob = scope.removeprefix("gate:")
    return scope.startswith("gate:") and bool(glob) and not any(mark.isspace() for mark in glob)


def _life(text: str) -> timedelta:
    try:
        life = parse_duration(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from problem
    if not timedelta(0) < life <= LONGEST_LIFE:
        raise argparse.ArgumentTypeError("a token lives longer than 0s and at most 366d")
    return life


def _name(text: str) -> str:
    if not 0 < len(text) <= LONGEST_NAME or not text.isprintable():
        raise argparse.ArgumentTypeError(f"a name has 1 to {LONGEST_NAME} printable characters")
    return text
