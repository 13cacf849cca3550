"""Keep the alerts of a run's targets silent for a while, let them be heard again, or see which are silent."""

from __future__ import annotations

from bot.commands.grammar import a_duration
from bot.commands.verb import Answer, Ask, Outcome, Verb
from bot.core import run as runs
from bot.core.cards.lines.silences import alerts_with, silence_line
from bot.core.document import Block, Bullets, Code, Document, Line, Moment, Paragraph, Small, Strong
from bot.core.errors import Refused
from bot.core.events import SilenceAsked, SilenceLifted
from bot.core.may import Right
from bot.core.run import Run
from bot.core.silence import LONGEST, Labels, alerts_of
from bot.core.words import in_words
from bot.timeline import Change

UNSET = "No Alertmanager is asked, and no alert can be made silent: BACKSTOP_ALERTMANAGER_URL is not set."


async def act(ask: Ask) -> Outcome:
    """Ask for silence, end it, or without a word say what is silent."""
    said = ask.words.args
    if not said:
        return Outcome(await _listed(ask))
    if said[0].lower() == "end":
        return await _end(ask, await ask.run(said[1] if len(said) > 1 else None))
    if len(said) > 1:
        raise Refused(f"`{said[1][:40]}` is one word too many: nothing was done. {ask.usage}")
    return await _begin(ask, await ask.run(said[0]))


async def _begin(ask: Ask, run: Run) -> Outcome:
    incident = await ask.occasion(run)
    ask.may(Right.OPERATE, f"keep the alerts of {run.id} silent", incident, run)
    # What is never started never ends, and would keep alerts silent after its incident.
    if run.over or run.started_at is None:
        raise Refused(
            f"{run.id} is {run.state}: only what is under way keeps alerts silent. Nothing was recorded."
        )
    if incident.drill:
        raise Refused(f"{run.id} is for a drill, whose alerts call nobody away: nothing was recorded.")
    if not ask.desk.silences:
        raise Refused(f"{UNSET} Nothing was recorded.")
    why = ask.option("why", "why nobody is to be called")
    wait = a_duration(ask.option("for", "for how long at most"))
    if wait > LONGEST:
        raise Refused(
            f"`for:` is longer than {in_words(LONGEST)}: nothing was recorded. "
            "Ask for less, and again when that is over."
        )
    alerts = _alerts(ask, run)
    event = SilenceAsked(alerts=alerts, until=ask.now + wait, why=why)
    line: Line = ("asks that ", *alerts_with(alerts, "alerts"), " are silent until ", Moment(event.until))
    small: Line = (
        "It ends with the run, or before: ",
        Code(f"{ask.desk.command} silence end {run.id}"),
        ". Its thread reads what comes of it.",
    )
    answer = ask.done(run.id, *line, ".", small=small)
    return Outcome(answer, {f"run/{run.id}": Change(run.seq, (event,))})


def _alerts(ask: Ask, run: Run) -> tuple[Labels, ...]:
    names = [target.name for target in run.plan.targets] if run.plan else []
    found = alerts_of(ask.catalog, names)
    if not found:
        raise Refused(
            f"None of the targets of {run.id} ({', '.join(names) or 'it has none'}) has `alerts` in "
            "catalog.yaml, so nobody knows which alerts are meant: nothing was recorded."
        )
    return found


async def _end(ask: Ask, run: Run) -> Outcome:
    if not run.silences.open:
        raise Refused(f"No alert is silent because of {run.id}: nothing was recorded.")
    if all(each.lifted for each in run.silences.open):
        raise Refused(f"That was said already: the thread of {run.id} reads when its alerts are heard again.")
    event = SilenceLifted(why=ask.words.options.get("why", "").strip())
    answer = ask.done(run.id, "lets its alerts be heard again; its thread reads when they are.")
    return Outcome(answer, {f"run/{run.id}": Change(run.seq, (event,))})


async def _listed(ask: Ask) -> Answer:
    found = [
        (Strong(f"{run.id} "), *silence_line(each))
        for id in await ask.timeline.lookup.runs(only_open=True)
        if (run := runs.fold(await ask.timeline.read(f"run/{id}")))
        for each in run.silences.open
    ]
    none: Block = Paragraph(("No alert is silent because of a run.",))
    shown = Bullets(found) if found else none
    return Answer(Document("", (shown, *(() if ask.desk.silences else (Small((UNSET,)),)))))


VERB = Verb(
    name="silence",
    usage='silence [RUN-9 for:2h why:"…" | end RUN-9]',
    summary="Keep the alerts of a run's targets silent, or let them be heard again.",
    right=Right.RESPOND,
    act=act,
    options=frozenset({"for", "why"}),
    words=2,
)
