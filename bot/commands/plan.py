"""Resolve a playbook against now; nothing is done until it is started and approved."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.commands.grammar import a_recent_time
from bot.commands.verb import Ask, Outcome, Verb
from bot.core.document import Code
from bot.core.duplicate import go_on
from bot.core.errors import Refused
from bot.core.events import Event, PlanAsked, PlanAttached
from bot.core.incident import Incident
from bot.core.may import Right
from bot.timeline import Change
from integrations.contract import Json
from playbooks.inputs import read_input
from playbooks.model import Playbook
from playbooks.problems import instead

_OWN = frozenset({"svc", "env", "inc"})
_SHORT_TIME = re.compile(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?Z?|-[0-9]+[smhd]")


async def act(ask: Ask) -> Outcome:
    """Open a run and have its plan drawn by the engines; the plan card follows."""
    name = ask.argument(0, "The playbook's name")
    loaded = ask.playbook(name)
    incident = await ask.incident(ask.words.options.get("inc"))
    ask.may(Right.COMMAND, "plan a run", incident)
    if not incident.open:
        raise Refused(f"{incident.id} is {incident.stands}: {go_on(incident)}. Nothing was planned.")
    service = ask.words.options.get("svc", incident.service)
    environment = ask.words.options.get("env", incident.environment)
    applies(loaded.playbook, service, environment)
    inputs = _inputs(ask, loaded.playbook)
    asked = PlanAsked(
        incident=incident.id, playbook=name, service=service, environment=environment, inputs=inputs
    )
    run, changes = await opened(ask, incident, asked)
    small = ("The plan card follows; ", Code(f"{ask.desk.command} status {run}"), " shows it too.")
    line = f"is being planned for {incident.id}."
    return Outcome(ask.done(run, line, small=small, incident=incident.id, run=run), changes)


async def opened(
    ask: Ask, incident: Incident, asked: PlanAsked, *before: Event
) -> tuple[str, Mapping[str, Change]]:
    """Return a new run's id, and the changes that open it after other events of its incident."""
    run = await ask.timeline.lookup.next_id("RUN")
    attached = PlanAttached(run=run, playbook=asked.playbook)
    return run, {
        f"run/{run}": Change(0, (asked,)),
        f"incident/{incident.id}": Change(incident.seq, (*before, attached)),
    }


def applies(playbook: Playbook, service: str, environment: str) -> None:
    """Return if a playbook is for a service in an environment, or raise Refused."""
    services, environments = playbook.applies_to.services, playbook.applies_to.environments
    if services and service not in services:
        raise Refused(
            f"{playbook.name} is for {', '.join(services)}, not for {service[:60]}: nothing was planned."
        )
    if environments and environment not in environments:
        raise Refused(
            f"{playbook.name} is for {', '.join(environments)}, not for {environment[:60]}: "
            "nothing was planned."
        )


def _inputs(ask: Ask, playbook: Playbook) -> Mapping[str, Json]:
    given = {key: value for key, value in ask.words.options.items() if key not in _OWN}
    return typed(ask, playbook, given)


def typed(ask: Ask, playbook: Playbook, given: Mapping[str, str]) -> dict[str, Json]:
    """Return inputs with the types their playbook names, or raise Refused; a short time is a moment."""
    return {key: _typed(ask, playbook, key, value) for key, value in given.items()}


def _typed(ask: Ask, playbook: Playbook, key: str, value: str) -> Json:
    wanted = playbook.inputs.get(key)
    if wanted is None:
        names = tuple(playbook.inputs)
        hint = instead(key, names) or f"it has: {', '.join(names) or 'none'}."
        raise Refused(f"{playbook.name} has no input `{key[:40]}:`: nothing was recorded; {hint}")
    if wanted.type == "instant" and _SHORT_TIME.fullmatch(value):
        return a_recent_time(value, ask.now).isoformat().replace("+00:00", "Z")
    try:
        return read_input(wanted, value)
    except ValueError as problem:
        raise Refused(f"`{key}:` cannot be used: {problem}. Nothing was recorded.") from problem


VERB = Verb(
    name="plan",
    usage="plan <playbook> [svc:name] [env:name] [input:value …]",
    summary="Resolve a playbook against now and show the plan.",
    right=Right.COMMAND,
    act=act,
    options=_OWN,
    free_options=True,
)
