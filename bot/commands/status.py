"""Show where an incident or a run stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.commands.grammar import an_id
from bot.commands.verb import Answer, Ask, Outcome, Verb
from bot.core import freeze as freezes
from bot.core.cards import drill_card, incident_card, plan_card, progress_card
from bot.core.document import Document, Paragraph, Strong
from bot.core.freeze import Freeze
from bot.core.incident import Incident
from bot.core.may import Right
from bot.core.run import Run

RECENT = 5


async def act(ask: Ask) -> Outcome:
    """Draw the incident of this place or the one named, or a run."""
    word = ask.words.args[0] if ask.words.args else None
    if word and an_id(word.partition(".")[0], "RUN"):
        return Outcome(await _run(ask, word))
    if word and an_id(word, "DRL"):
        return Outcome(await _drill(ask, word))
    incident = await ask.incident(word)
    runs = await ask.runs_of(incident)
    story = await ask.timeline.story(incident.id)
    placed = await freezes_of(ask, incident)
    card = incident_card(incident, runs=runs, freezes=placed, recent=story[-RECENT:], now=ask.now)
    return Outcome(Answer(card, data={"id": incident.id, "phase": incident.phase.value}))


async def _drill(ask: Ask, word: str) -> Answer:
    drill = await ask.drill(word)
    found = [await ask.run(id) for id in drill.runs]
    card = drill_card(drill, runs=found, now=ask.now)
    return Answer(card, data={"id": drill.id, "outcome": drill.ended.outcome if drill.ended else None})


async def _run(ask: Ask, word: str) -> Answer:
    run = await ask.run(word)
    incident = await ask.occasion(run)
    data = {"id": run.id, "state": run.state, "hash": run.hash}
    if run.started_at is None:
        return Answer(plan_card(run, incident, now=ask.now), data=data)
    progress = progress_card(run, incident, latest=await _latest(ask, run), now=ask.now)
    return Answer(_with_plan(progress, run, incident, ask.now), data=data)


def _with_plan(progress: Document, run: Run, incident: Incident, now: datetime) -> Document:
    """Put the plan below the progress: who approves on the command line has no other place to read it."""
    if run.over:
        return progress
    plan = plan_card(run, incident, now=now)
    return replace(progress, blocks=(*progress.blocks, Paragraph((Strong(plan.title),)), *plan.blocks))


async def _latest(ask: Ask, run: Run) -> dict[str, dict[str, object]]:
    found = {id: await ask.timeline.records.progress(run.id, id) for id in run.steps}
    return {id: dict(latest) for id, latest in found.items() if latest}


async def freezes_of(ask: Ask, incident: Incident) -> list[Freeze]:
    """Return every freeze of an incident, lifted ones included."""
    ids = await ask.timeline.lookup.freezes(incident=incident.id)
    found = [freezes.fold(await ask.timeline.read(f"freeze/{id}")) for id in ids]
    return [freeze for freeze in found if freeze]


VERB = Verb(
    name="status",
    usage="status [INC-42 | RUN-9 | DRL-7]",
    summary="Show where an incident, a run or a drill stands.",
    right=Right.READ,
    act=act,
)
