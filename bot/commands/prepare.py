"""Make a checked copy ready before a run is started, so that approvals are only about the switch to it."""

from __future__ import annotations

from bot.commands.verb import Ask, Outcome, Verb
from bot.core.copies import failed, kept_until
from bot.core.document import Code, Moment
from bot.core.duplicate import plan_there
from bot.core.errors import Refused
from bot.core.events import RetryAsked, WarmAsked
from bot.core.incident import Incident
from bot.core.may import Right
from bot.core.plan import Plan
from bot.core.run import Run
from bot.core.words import sentence
from bot.timeline import Change


async def act(ask: Ask) -> Outcome:
    """Let the warm steps of a planned run begin; nothing of them changes what they act beside."""
    run = await ask.run(ask.words.args[0] if ask.words.args else None)
    incident = await ask.incident(run.incident)
    ask.may(Right.OPERATE, f"prepare {run.id}", incident, run)
    plan = _preparable(run, incident)
    until = kept_until(plan, ask.now)
    again = [RetryAsked(step=step.id, why="another try was asked for") for step in failed(run, plan)]
    asked = WarmAsked(why=f"@{ask.who.name} asked for it", until=until)
    stop = Code(f"{ask.desk.command} discard {run.id}")
    small = ("It is removed ", Moment(until), " unless the run is started. To stop: ", stop)
    line = "makes a checked copy ready. It changes nothing, and needs no approval."
    answer = ask.done(run.id, line, small=small, run=run.id)
    # One that is resolved in the same moment gets no copy: this record must fail then.
    same = {f"incident/{incident.id}": Change(incident.seq, ())}
    return Outcome(answer, {**same, f"run/{run.id}": Change(run.seq, (asked, *again))})


def _preparable(run: Run, incident: Incident) -> Plan:
    """Return the plan of a run that can make something ready now, or raise Refused."""
    if run.over or run.abort:
        raise Refused(f"{run.id} is {run.state}: nothing is prepared. Plan a new run.")
    if not incident.open:
        raise Refused(
            f"{incident.id} is {incident.stands}: {plan_there(incident, run)}. Nothing is prepared."
        )
    if run.plan is None:
        raise Refused(f"{run.id} is still being planned: nothing is prepared. Wait for its plan card.")
    if run.started_at is not None:
        raise Refused(f"{run.id} is {run.state}: what can be made ready is a step of it like any other.")
    if not any(step.beforehand for step in run.plan.steps):
        playbook = run.plan.playbook
        raise Refused(f"No step of {playbook} is `warm`: nothing can be made ready before the start.")
    if run.plan.problems:
        raise Refused(f"{run.id} cannot start, so nothing is prepared: {sentence(run.plan.problems[0])}")
    if run.warm and not failed(run, run.plan):
        raise Refused(f"{run.id} has its copy, or is making it: `status {run.id}` shows where it stands.")
    return run.plan


VERB = Verb(
    name="prepare",
    usage="prepare RUN-9",
    summary="Make a checked copy ready beside the data before a run is started; it changes nothing.",
    right=Right.OPERATE,
    act=act,
)
