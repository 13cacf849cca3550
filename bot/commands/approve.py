"""Approve the plan of a run, in the role that a gate asks for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bot.commands.resume import wants_more
from bot.commands.verb import Answer, Ask, Outcome, Verb
from bot.core.approval import Approval, GateState, Standing, counts, missing, role_of, standing
from bot.core.document import Code, Document, Paragraph, Strong
from bot.core.errors import Refused
from bot.core.events import Approved
from bot.core.incident import Incident
from bot.core.may import Right
from bot.core.outdated import outdated
from bot.core.pauses import whys, without
from bot.core.plan import Plan, PlannedGate
from bot.core.run import Run
from bot.core.seats import dead_end, needed
from bot.core.words import at_names, sentence
from bot.timeline import Change
from playbooks.roles import Holders

MOST_CHANGES = 5


async def act(ask: Ask) -> Outcome:
    """Record a yes to exactly the plan whose hash stands now; `plan:` says which plan was read."""
    word = ask.words.args[0] if ask.words.args else None
    run = await ask.run(word)
    incident = await ask.occasion(run)
    plan = open_plan(ask, run)
    gate, _ = gate_of(run, plan, word)
    holders = ask.holders(run, incident)
    still_the_same(ask, run)
    still_right(ask, run, incident)
    if "break-glass" in ask.words.options:
        event = _break_glass(ask, run, gate, holders)
    else:
        event = Approved(gate=gate.name, hash=run.hash, role=_role(ask, run, incident, gate, holders))
    _still_asked(ask, run, incident, gate, holders, event)
    return _outcome(ask, run, incident, gate, holders, event)


def open_plan(ask: Ask, run: Run) -> Plan:
    """Return the plan whose approvals are being gathered, or raise Refused."""
    if run.over or run.abort or run.plan is None:
        raise Refused(f"{run.id} is {run.state}: there is nothing to approve.")
    if run.started_at is None:
        raise Refused(
            f"Nobody asked for approvals of {run.id} yet. `{ask.desk.command} start {run.id}` does."
        )
    return run.plan


def gate_of(run: Run, plan: Plan, word: str | None) -> tuple[PlannedGate, GateState]:
    """Return the gate that RUN-9.step or RUN-9.gate names; RUN-9 alone means the only one."""
    part = (word or "").partition(".")[2]
    step = plan.step(part) if part else None
    name = (step.gate or "") if step else part.lower()
    gates = [gate for gate in plan.gates if gate.name == name or not part]
    if len(gates) != 1 or gates[0].name not in run.gates:
        names = ", ".join(f"{run.id}.{gate.name}" for gate in plan.gates) or "it needs none"
        needless = f"{run.id}.{step.id} needs no approval of its own. " if step and not step.gate else ""
        raise Refused(f"{needless}Say which approval of {run.id} you mean: {names}. Nothing was recorded.")
    return gates[0], run.gates[gates[0].name]


def still_the_same(ask: Ask, run: Run) -> None:
    """Raise Refused when the plan is not the one whose hash the person read."""
    read = ask.words.options.get("plan")
    if read and not run.hash.startswith(read):
        more = f"; and {len(run.changes) - MOST_CHANGES} more" if len(run.changes) > MOST_CHANGES else ""
        changes = "; ".join(run.changes[:MOST_CHANGES]) + more or "see the new plan"
        raise Refused(
            f"The plan of {run.id} changed after you read it ({changes}): nothing was recorded. "
            f"Read the new plan {run.hash[:8]} and approve that one."
        )


def still_right(ask: Ask, run: Run, incident: Incident) -> None:
    """Raise Refused when the plan rests on a begin of the damage that was corrected since."""
    if why := outdated(run, incident):
        raise Refused(
            f"{why} Nothing was recorded. Say `{ask.desk.command} plan {run.asked.playbook}` for a new plan, "
            f"and `abort {run.id}` if it was started."
        )


def nobody_can(ask: Ask, run: Run, incident: Incident, gate: PlannedGate) -> str:
    """Return that nobody can complete a gate as people stand now and what helps, or nothing."""
    holders = ask.holders(run, incident)
    return dead_end(run, gate, holders=holders, delegations=incident.delegated, now=ask.now)


def _role(ask: Ask, run: Run, incident: Incident, gate: PlannedGate, holders: Holders) -> str:
    who = ask.who.name
    if who == run.requester:
        raise Refused(
            f"You started {run.id}, so your own approval does not count: somebody else must say yes."
        )
    others = [a for a in run.gates[gate.name].approvals if a.person != who]
    left = missing(gate, _valid(ask, run, gate, others, holders), holders)
    role = role_of(gate, who, holders, left=left)
    if role is None:
        stuck = nobody_can(ask, run, incident, gate)
        then = stuck or f"It needs {needed(gate, holders)}. Ask one of them here."
        raise Refused(f"You may not approve {run.id}.{gate.name}. {then}")
    return role


def _valid(
    ask: Ask, run: Run, gate: PlannedGate, approvals: Iterable[Approval], holders: Holders
) -> list[Approval]:
    return [a for a in approvals if counts(a, gate, hash=run.hash, holders=holders, now=ask.now)]


def _still_asked(
    ask: Ask, run: Run, incident: Incident, gate: PlannedGate, holders: Holders, event: Approved
) -> None:
    """Raise Refused when another yes would change nothing, and say what would."""
    state = run.gates[gate.name]
    name = f"{run.id}.{gate.name}"
    if state.rejection:
        raise Refused(
            f"@{state.rejection.person} rejected {name} ({state.rejection.why}): nothing was recorded. "
            f"`{ask.desk.command} start {run.id}` asks everybody again."
        )
    stands = standing(gate, state, hash=run.hash, holders=holders, now=ask.now)
    late = ask.now >= state.expires
    if stands is Standing.OPEN and (state.used or late):
        raise Refused(f"{name} has the approvals it needs already: nothing was recorded.")
    if not event.break_glass and (stands is Standing.EXPIRED or late):
        raise Refused(
            f"The time to approve {name} ran out: nothing was recorded. "
            f"`{ask.desk.command} start {run.id}` asks again."
        )
    mine = [a for a in state.approvals if a.person == ask.who.name and not event.break_glass]
    if _valid(ask, run, gate, mine, holders):
        stuck = nobody_can(ask, run, incident, gate)
        raise Refused(f"You approved {name} already; it counts once. {stuck}".rstrip())


def _break_glass(ask: Ask, run: Run, gate: PlannedGate, holders: Holders) -> Approved:
    why = ask.option("break-glass", "the reason, which everybody will read")
    glass = gate.break_glass
    who = holders.get(glass.role, ()) if glass else ()
    if glass is None or ask.who.name not in who:
        only = f"only {at_names(who)} may" if glass else "nobody may"
        raise Refused(
            f"You may not break the glass at {run.id}.{gate.name}: its playbook says that {only}. "
            f"It needs {needed(gate, holders)}. Ask one of them here."
        )
    return Approved(gate=gate.name, hash=run.hash, role=glass.role, break_glass=why)


def _outcome(
    ask: Ask, run: Run, incident: Incident, gate: PlannedGate, holders: Holders, event: Approved
) -> Outcome:
    state = run.gates[gate.name]
    mine = Approval(ask.who.name, event.role, event.hash, ask.now, event.break_glass)
    others = tuple(a for a in state.approvals if a.person != ask.who.name)
    after = replace(state, approvals=(*others, mine))
    opened = standing(gate, after, hash=run.hash, holders=holders, now=ask.now) is Standing.OPEN
    valid = _valid(ask, run, gate, after.approvals, holders)
    left = () if opened else missing(gate, valid, holders)
    stuck = "" if opened else nobody_can(ask, run, incident, gate)
    more = f" {stuck}" if stuck else ""
    then = _then(ask, run, incident, gate) if opened else f" Still needed: {', '.join(left)}.{more}"
    how = " approved by breaking the glass as " if event.break_glass else " approved as "
    line = (Strong(f"{run.id}.{gate.name}"), how, Code(event.role), f".{then}")
    data = {"run": run.id, "gate": gate.name, "missing": list(left)}
    answer = Answer(Document("", (Paragraph(line),)), data=data)
    lifts = run.stopped_at((gate.name,)) if opened else ()
    resumed = (run.lifted(lifts, why=f"{gate.name} is approved"),) if lifts else ()
    events = (event, *resumed)
    return Outcome(answer, {f"run/{run.id}": Change(run.seq, events)})


def _then(ask: Ask, run: Run, incident: Incident, gate: PlannedGate) -> str:
    """Name what ends each pause that is left: `resume` does not end one that waits for a choice."""
    left = without(run.pauses, run.stopped_at((gate.name,)))
    if not left:
        return " That is enough: the step may go on."
    why = f"{run.id} is paused: {sentence(whys(left))}"
    choices = [wants for pause in left if (wants := wants_more(ask, run, incident, pause))]
    then = " then" if choices else ""
    goes_on = f"`{ask.desk.command} resume {run.id}`{then} lets it go on."
    ways = choices if len(choices) == len(left) else [*choices, goes_on]
    return f" That is enough, but {why} {' '.join(ways)}"


VERB = Verb(
    name="approve",
    usage='approve RUN-9[.gate] [plan:hash] [break-glass:"why"]',
    summary="Say yes to the plan of a run.",
    right=Right.RESPOND,
    act=act,
    options=frozenset({"plan", "break-glass"}),
)
