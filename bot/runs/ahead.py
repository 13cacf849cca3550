"""Plans ahead of people: where a playbook is warm, its copy is made ready while they still decide.

Nothing is started here. What cannot be planned without a word from somebody is offered, once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.core import run as runs
from bot.core.events import CopyOffered, Event, PlanAsked, PlanAttached
from bot.core.incident import Incident
from bot.core.run import Run
from bot.runs.book import BY, VIA, Book
from bot.shelf import Shelf
from bot.timeline import Change
from integrations.contract import Json
from playbooks.inputs import read_input, suggestions
from playbooks.model import Playbook


class Ahead:
    """The handler of the effect `ahead`; its subject is an incident's id."""

    def __init__(self, book: Book, shelf: Shelf) -> None:
        self._book = book
        self._shelf = shelf

    async def handle(self, id: str) -> None:
        """Plan the one warm playbook an incident calls for, again when it has moved, or offer it."""
        incident = await self._book.incident(id)
        if incident is None or not incident.open:
            return
        before = [await self._run(run) for run in incident.runs]
        if any(run and run.started_at and not run.over for run in before):
            return
        warm, others = self._fitting(incident)
        if len(warm) > 1:
            await self._offer(incident, warm, "Several playbooks are warm: choose which one.")
        elif warm:
            await self._plan(incident, warm[0], [run for run in before if run])
        elif others:
            option = incident.decisions[-1].made.option
            await self._offer(incident, others, f"It was decided to {option}.")

    async def ask(self, id: str, why: str) -> None:
        """Offer what could not be planned by itself, once, with the reason."""
        incident = await self._book.incident(id)
        warm = self._fitting(incident)[0] if incident and incident.open else []
        if incident and warm:
            await self._offer(incident, warm, f"But it could not be planned by itself: {why}")

    async def _run(self, id: str) -> Run | None:
        return runs.fold(await self._book.timeline.read(f"run/{id}"))

    def _fitting(self, incident: Incident) -> tuple[list[Playbook], list[Playbook]]:
        """Return the warm playbooks, and those that could be and do what was decided."""
        decided = incident.decisions[-1].made.option if incident.decisions else None
        warm, others = [], []
        for loaded in self._shelf.playbooks().values():
            playbook, options = loaded.playbook, [option.value for option in loaded.playbook.options]
            if not playbook.applies_to.covers(incident.service, incident.environment) or (
                decided and decided not in options
            ):
                continue
            if playbook.warm:
                warm.append(playbook)
            elif decided and any(step.warm for step in playbook.steps):
                others.append(playbook)
        return warm, others

    async def _plan(self, incident: Incident, playbook: Playbook, before: Sequence[Run]) -> None:
        known = await self._book.known(incident, incident.service, incident.environment)
        inputs, wanting = _inputs(playbook, known)
        if wanting:
            await self._offer(incident, [playbook], f"But it has to be known: {wanting}")
            return
        own = [run for run in before if run.asked.playbook == playbook.name]
        # What a person planned or gave up for the same inputs is not planned over their heads.
        if any(run.asked.inputs or run.plan is None or run.plan.inputs == inputs for run in own):
            return
        id = await self._book.timeline.lookup.next_id("RUN")
        asked = PlanAsked(
            incident=incident.id,
            playbook=playbook.name,
            service=incident.service,
            environment=incident.environment,
        )
        await self._write(incident, PlanAttached(run=id, playbook=playbook.name), **{f"run/{id}": asked})

    async def _offer(self, incident: Incident, playbooks: Sequence[Playbook], why: str) -> None:
        offered = CopyOffered(playbooks=tuple(sorted(each.name for each in playbooks)), why=why)
        if incident.offered != offered:
            await self._write(incident, offered)

    async def _write(self, incident: Incident, event: Event, **others: Event) -> None:
        changes = {stream: Change(0, (other,)) for stream, other in others.items()}
        changes[f"incident/{incident.id}"] = Change(incident.seq, (event,))
        await self._book.timeline.append(changes, by=BY, via=VIA)


def _inputs(playbook: Playbook, known: Mapping[str, Mapping[str, Json]]) -> tuple[dict[str, Json], str]:
    """Return the inputs as far as they are known, and the first question that is still open."""
    proposed = suggestions(playbook, known)
    read: dict[str, Json] = {}
    for name, wanted in playbook.inputs.items():
        if name not in proposed:
            return read, wanted.ask
        try:
            read[name] = read_input(wanted, proposed[name])
        except ValueError:
            return read, wanted.ask
    return read, ""
