"""Rehearse a playbook on isolated stand-ins, and show what drills found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import assert_never

from bot.commands.plan import applies, typed
from bot.commands.verb import Answer, Ask, Outcome, Verb
from bot.core import drill as drills
from bot.core import run as runs
from bot.core.cards.drill import standing
from bot.core.document import Block, Code, Document, Line, Paragraph, Strong, Table, utc
from bot.core.drill import Drill
from bot.core.errors import Refused
from bot.core.may import COMMANDERS, Right, may
from bot.core.schedule import Due, Later, Skip, verdict
from bot.timeline import Change
from bot.timeline.rehearsals import around, busy
from playbooks.model import Playbook
from playbooks.windows import next_window

_OWN = frozenset({"svc", "env"})
LISTED = 20


async def act(ask: Ask) -> Outcome:
    """Open a drill of the playbook named, or list drills."""
    name = ask.argument(0, "The playbook's name")
    if name in _SHOWN:
        return Outcome(await _SHOWN[name](ask))
    playbook = ask.playbook(name).playbook
    service = ask.words.options.get("svc") or _only(playbook.applies_to.services, "svc", playbook)
    environment = ask.words.options.get("env") or _only(playbook.applies_to.environments, "env", playbook)
    _may(ask, playbook, service)
    _rehearsable(ask, playbook, service, environment)
    await _free(ask, playbook)
    given = {key: value for key, value in ask.words.options.items() if key not in _OWN}
    inputs = typed(ask, playbook, given)
    id, run = await ask.timeline.lookup.next_id("DRL"), await ask.timeline.lookup.next_id("RUN")
    asked = drills.asked(playbook, service, environment, commander=ask.who.name)
    opened = drills.opened(id, run, asked, inputs=inputs)
    changes = {stream: Change(0, events) for stream, events in opened.items()}
    small = ("It acts only on ", ", ".join(asked.stand_ins), ". To stop it: ", Code(f"abort {run}"))
    return Outcome(ask.done(id, f"rehearses {name} as {run}.", small=small, drill=id, run=run), changes)


def _only(names: tuple[str, ...], option: str, playbook: Playbook) -> str:
    if len(names) == 1:
        return names[0]
    among = f", one of {', '.join(names)}" if names else ""
    raise Refused(f"Say `{option}:`{among}: {playbook.name} does not say which. Nothing was done.")


def _may(ask: Ask, playbook: Playbook, service: str) -> None:
    """Who owns the playbook or the service may rehearse it, and any commander."""
    catalog, groups = ask.catalog, ask.desk.slack_groups()
    owners = {playbook.metadata.owner, *(found.owner for found in [catalog.services.get(service)] if found)}
    operators = [name for group in sorted(owners) for name in catalog.members(group, groups)]
    commanders = catalog.members(COMMANDERS, groups)
    what = f"rehearse {playbook.name}"
    may(ask.who, Right.OPERATE, what=what, operators=operators, commanders=commanders)


def _rehearsable(ask: Ask, playbook: Playbook, service: str, environment: str) -> None:
    if playbook.drill is None:
        raise Refused(
            f"{playbook.name} does not say how it is rehearsed: nothing was done. Give it a `drill` with a "
            "stand-in for each of its targets."
        )
    if service not in ask.catalog.services:
        raise Refused(f"There is no service {service[:60]} in the catalog: nothing was done.")
    applies(playbook, service, environment)


async def _free(ask: Ask, playbook: Playbook) -> None:
    if id := await busy(ask.timeline, playbook):
        raise Refused(
            f"{id} still uses a stand-in of {playbook.name}: nothing was done. `status {id}` shows how far "
            "it is."
        )


async def _schedule(ask: Ask) -> Answer:
    """Show when each playbook is rehearsed by itself, and what holds it up."""
    rows: list[tuple[Line, ...]] = []
    for name, loaded in sorted(ask.desk.shelf.playbooks().items()):
        rule = loaded.playbook.drill
        if rule and rule.schedule:
            said = verdict(rule, await around(ask.timeline, loaded.playbook), ask.now)
            coming = next_window(rule, ask.now)
            when = f"{rule.schedule} {rule.zone}"
            rows.append(((Strong(name),), (when,), (_said(said),), (utc(coming) if coming else "never",)))
    header = ("Playbook", "Windows", "Now", "Next window")
    none = Paragraph(("No playbook has a `drill.schedule`: drills are said by people.",))
    return Answer(Document("", (Table(header, rows) if rows else none,)))


def _said(said: Due | Skip | Later) -> str:
    match said:
        case Due():
            return "due"
        case Skip(because=because):
            return f"skipped: {because}"
        case Later(because=because):
            return because
        case _:
            assert_never(said)


async def _list(ask: Ask) -> Answer:
    ids = (await ask.timeline.lookup.drills())[:LISTED]
    found = [await ask.drill(id) for id in ids]
    rows = [await _row(ask, drill) for drill in found]
    header = ("Drill", "Playbook", "State", "Took", "Gaps", "Asked")
    body: Block = Table(header, rows) if rows else Paragraph(("Nothing was rehearsed yet.",))
    return Answer(Document("", (body,)), data={"drills": ids})


async def _row(ask: Ask, drill: Drill) -> tuple[Line, ...]:
    ended = drill.ended
    state = f"{ended.outcome}: {ended.because}".rstrip(": ") if ended else await _standing(ask, drill)
    took = f"{ended.took_s:.0f} s" if ended and ended.took_s is not None else "–"
    gaps = "; ".join(_gap(drill, gap.id, gap.what) for gap in ended.gaps) if ended else ""
    row = (drill.asked.playbook, state, took, gaps or "none", utc(drill.asked_at))
    return ((Strong(drill.id),), *((text,) for text in row))


def _gap(drill: Drill, id: str, what: str) -> str:
    task = drill.tasks.get(id)
    return f"{what} ({task.key})" if task else what


async def _standing(ask: Ask, drill: Drill) -> str:
    found = [runs.fold(await ask.timeline.read(f"run/{id}")) for id in drill.runs]
    return standing([run for run in found if run])


_SHOWN: Mapping[str, Callable[[Ask], Awaitable[Answer]]] = {"list": _list, "schedule": _schedule}

VERB = Verb(
    name="drill",
    usage="drill <playbook> | list | schedule [svc:name] [env:name] [input:value …]",
    summary="Rehearse a playbook on isolated stand-ins, or show drills and when they are due.",
    right=Right.OPERATE,
    act=act,
    options=_OWN,
    free_options=True,
)
