"""`backstop doctor`: what is set up, what is wrong with it, and what to do about it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from pydantic import ValidationError

from bot.runners import runner_config, runner_socket, runners_of
from bot.settings import Settings, belongs, wrong
from bot.shelf import Shelf
from bot.terminal import OK, REFUSED
from bot.terminal.doctor.alertmanager import alertmanager
from bot.terminal.doctor.audit import audit
from bot.terminal.doctor.engines import examine
from bot.terminal.doctor.finding import Finding
from bot.terminal.doctor.lasting import lasting
from bot.terminal.doctor.pagerduty import pagerduty
from bot.terminal.doctor.slack import slack
from bot.terminal.doctor.status_page import status_page
from bot.terminal.doctor.tags import tags
from bot.terminal.here import TRY_S, silence, told
from bot.terminal.screen import tell
from bot.timeline import Timeline
from bot.timeline.database import open_engine
from bot.timeline.whose import known
from integrations.connections import LOCAL
from integrations.contract import IntegrationError
from integrations.jira import JiraSite, JiraTracker
from integrations.process import Hello, Runner
from integrations.registry import ON_RUNNERS
from integrations.ways import Stopped
from playbooks.catalog import Catalog, load_catalog
from playbooks.lint import harmful
from playbooks.problems import PlaybookInvalid, nearest


def main(argv: Sequence[str]) -> int:
    """Print a line for each part; 1 when something is wrong."""
    if argv:
        tell("usage: backstop doctor")
        return OK if {"-h", "--help"} & set(argv) else 2
    findings = asyncio.run(_examine(os.environ))
    for finding in findings:
        tell(str(finding))
    return REFUSED if any(finding.state == "wrong" for finding in findings) else OK


async def _examine(environment: Mapping[str, str]) -> list[Finding]:
    named = list(unknown_names(environment))
    try:
        settings = Settings()
    except ValidationError as invalid:
        return [*named, *_invalid(invalid)]
    # Each runner is reached once, whoever looks at what of it.
    runners = runners_of(settings, await told(settings, lambda at: known(at.records, settings.database)))
    try:
        catalog = _catalog(settings)
        parts = (_database(settings), _jira(settings), _runner(settings, runners[LOCAL]))
        found = [*await slack(settings, catalog), *await asyncio.gather(*parts), *await _frozen(settings)]
        others = [*await lasting(settings), *await audit(settings), *await _named_runners(settings, runners)]
        others += await status_page(settings, catalog)
        others += await alertmanager(settings, _shelf(settings), catalog)
        if catalog:
            others += [*await examine(settings, catalog, runners), *await tags(catalog)]
            others += await pagerduty(settings, _shelf(settings), catalog)
    finally:
        for runner in runners.values():
            await runner.close()
    return [*named, _home(settings), *_files(settings), *found, *others]


def unknown_names(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the variables that look like settings and are none; nothing would ever read them."""
    known = [f"BACKSTOP_{name.upper()}" for name in Settings.model_fields]
    for name in sorted(environment):
        if name.upper().startswith("BACKSTOP_") and name.upper() not in known:
            near = nearest(name.upper(), known)
            do = f"Did you mean {near}?" if near else "Remove it."
            yield Finding("settings", "wrong", f"{name} is no setting, so it does nothing.", do)


def _invalid(invalid: ValidationError) -> Iterator[Finding]:
    for name, says in wrong(invalid).items():
        yield Finding("settings", "wrong", f"{name} {says}.", belongs(name))


def _home(settings: Settings) -> Finding:
    home = settings.home
    there = home if home.exists() else home.absolute().parent
    if not os.access(there, os.W_OK | os.X_OK):
        return Finding(
            "home", "wrong", f"{home} cannot be written.", "Give it to this user, or set BACKSTOP_HOME."
        )
    return Finding("home", "ok", str(home))


def _shelf(settings: Settings) -> Shelf:
    return Shelf(
        settings.file(settings.catalog, "catalog.yaml"),
        settings.file(settings.playbooks, "playbooks"),
        settings.criteria,
    )


def _files(settings: Settings) -> Iterator[Finding]:
    shelf = _shelf(settings)
    try:
        catalog = shelf.catalog()
        yield Finding("catalog", "ok", f"{len(catalog.services)} services, {len(catalog.people)} people")
    except PlaybookInvalid as invalid:
        check, write = (
            "`backstop playbook check` says it all.",
            "Write it: playbooks/library has one to copy.",
        )
        do = check if shelf.catalog_file.exists() else write
        yield Finding("catalog", "wrong", str(invalid.problems[0]), do)
    yield _criteria(shelf)
    others = {file.name for file in (shelf.catalog_file, shelf.criteria_file) if file}
    books = shelf.playbooks()
    stale = [item for item in shelf.stale() if item.file not in others]
    for item in stale:
        yield Finding("playbooks", "wrong", str(item.problems[0]), "`backstop playbook check` says it all.")
    for mistake in (found for book in books.values() for found in harmful(book)):
        yield Finding("playbooks", "wrong", str(mistake), "Mend it: until then no run of it can start.")
    if books:
        yield Finding("playbooks", "ok", ", ".join(sorted(books)))
    elif not stale:
        yield Finding(
            "playbooks",
            "wrong",
            f"none in {shelf.playbook_folder}.",
            "Put one there: nothing can be planned.",
        )


def _criteria(shelf: Shelf) -> Finding:
    if shelf.criteria_file is None:
        return Finding("criteria", "ok", "the ones that come with Backstop")
    try:
        shelf.criteria()
    except PlaybookInvalid as invalid:
        do = f"`backstop criteria check {shelf.criteria_file}` says it all."
        return Finding("criteria", "wrong", str(invalid.problems[0]), do)
    return Finding("criteria", "ok", str(shelf.criteria_file))


async def _database(settings: Settings) -> Finding:
    if not settings.database_url and not (settings.home / "backstop.db").exists():
        return Finding("database", "ok", "not made yet; the first start makes it")
    try:
        timeline = Timeline(open_engine(settings.database), now=lambda: datetime.now(UTC))
        try:
            async with asyncio.timeout(TRY_S):
                troubled = await timeline.effects.troubled()
                breaks = await timeline.verify()
                drift = [] if breaks else await timeline.drift()
        finally:
            await timeline.close()
    except (IntegrationError, TimeoutError) as problem:
        return Finding(
            "database", "wrong", _first(problem), "Look at BACKSTOP_DATABASE_URL and whether it runs."
        )
    if breaks:
        do = "Keep a copy, then ask who could write there; `backstop verify-timeline` names each."
        return Finding("database", "wrong", f"the timeline is broken: {breaks[0]}.", do)
    if drift:
        do = "Stop the server and run `backstop rebuild`: until then the gate may be wrong."
        return Finding("database", "wrong", f"{drift[0]}.", do)
    waits = f"; {len(troubled)} things could not be done yet, `ping` names them" if troubled else ""
    return Finding("database", "ok", f"can be read, the timeline is whole{waits}")


async def _frozen(settings: Settings) -> list[Finding]:
    """Look whether the bot that has the duty moves; whether one runs at all is not asked here."""
    found = await silence(settings)
    return [Finding("bot", "wrong", str(found))] if found else []


async def _jira(settings: Settings) -> Finding:
    if not settings.jira_url:
        return Finding("jira", "off", "BACKSTOP_JIRA_URL is not set; post-mortems go to files only")
    if settings.jira_token is None:
        return Finding(
            "jira", "wrong", "BACKSTOP_JIRA_TOKEN is missing.", "Set it, or unset BACKSTOP_JIRA_URL."
        )
    site = JiraSite(
        settings.jira_url,
        settings.jira_email,
        settings.jira_token,
        settings.jira_project,
        settings.jira_issue_type,
    )
    tracker = JiraTracker(site)
    try:
        health = await tracker.health()
    except IntegrationError as problem:
        return Finding("jira", "wrong", _first(problem), "Look at the BACKSTOP_JIRA_… settings.")
    finally:
        await tracker.close()
    if not health.ok:
        return Finding(
            "jira",
            "wrong",
            "; ".join(health.problems) or "it is not well.",
            "Look at the BACKSTOP_JIRA_… settings.",
        )
    return Finding("jira", "ok", settings.jira_project)


async def _runner(settings: Settings, runner: Runner) -> Finding:
    config = runner_config(settings)
    try:
        hello = await runner.hello()
    except Stopped as stopped:
        return Finding("runner", "wrong", str(stopped))
    except IntegrationError as problem:
        if not config.exists() and not settings.runner_socket:
            return Finding(
                "runner", "wrong", _first(problem), f"Write {config}: without it nothing is restored here."
            )
        needed = sorted(_on_runner(settings))
        if not needed:
            says = f"none answers on {runner_socket(settings)}, and the catalog needs none"
            return Finding("runner", "off", says)
        says = f"{_first(problem)} {', '.join(needed)} cannot be reached without it."
        return Finding("runner", "wrong", says, "`backstop serve` starts it when it has a runner.toml.")
    if hello.problems:
        return Finding("runner", "wrong", "; ".join(hello.problems), f"Look at {config}.")
    return Finding("runner", "ok", f"{hello.runner}: {len(hello.targets)} targets{_belongs(hello)}")


def _belongs(hello: Hello) -> str:
    return f", belongs to the Backstop with {hello.owner}" if hello.owner else ""


async def _named_runners(settings: Settings, runners: Mapping[str, Runner]) -> list[Finding]:
    """Look at the runners that the settings name, and for those that only the catalog does."""
    found = []
    for name in settings.runners:
        try:
            hello = await runners[name].hello()
        except IntegrationError as problem:
            found.append(
                Finding("runner", "wrong", f"{name}: {_first(problem)}", "Look at BACKSTOP_RUNNERS.")
            )
        else:
            well = Finding(
                "runner", "ok", f"{name}: {hello.runner}, {len(hello.targets)} targets{_belongs(hello)}"
            )
            says = f"{name}: {'; '.join(hello.problems)}"
            found.append(
                Finding("runner", "wrong", says, "Look at its runner.toml.") if hello.problems else well
            )
    known = {LOCAL, *settings.runners}
    targets = catalog.targets.items() if (catalog := _catalog(settings)) else ()
    for name, target in targets:
        if target.runner and target.runner not in known:
            says = f"{name} is reached through the runner {target.runner}, which is not connected."
            found.append(Finding("runner", "wrong", says, "Say where it is in BACKSTOP_RUNNERS."))
    return found


def _on_runner(settings: Settings) -> Iterator[str]:
    """Yield what the catalog reaches through the runner of this machine."""
    catalog = _catalog(settings)
    if catalog:
        here = (None, LOCAL)
        targets = catalog.targets.items()
        yield from (name for name, each in targets if each.kind in ON_RUNNERS and each.runner in here)
        yield from (id for id, source in catalog.sources.items() if source.engine in ON_RUNNERS)


def _catalog(settings: Settings) -> Catalog | None:
    """Return the catalog; one with mistakes is named elsewhere and says nothing here."""
    file = settings.file(settings.catalog, "catalog.yaml")
    try:
        return load_catalog(file.read_text(encoding="utf-8"), file.name)
    except (OSError, UnicodeDecodeError, PlaybookInvalid):
        return None


def _first(problem: Exception) -> str:
    return (str(problem).splitlines() or [type(problem).__name__])[0]
