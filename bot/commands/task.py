"""Give a person something to do until a moment; say that it is done, or hand it back."""

from __future__ import annotations

import re
from datetime import timedelta

from bot.commands.grammar import a_day, a_duration
from bot.commands.verb import Answer, Ask, Outcome, Verb, in_incident
from bot.core.cards.incident import to_do_line
from bot.core.document import Bullets, Document, Moment, Paragraph
from bot.core.duplicate import go_on
from bot.core.errors import Refused
from bot.core.events import Event, Phase, TaskDone, TaskGiven, TaskHandedBack
from bot.core.incident import Incident
from bot.core.may import Right
from bot.core.tasks import Stand, Task, of_incident, of_run, same
from bot.core.words import in_words

TIME_BOX = timedelta(minutes=30)
"""How long a task has when nobody says how long."""
ACTION = timedelta(days=14)
"""How long an action has."""
_REF = re.compile(r"(?:(INC-[1-9][0-9]{0,9})\.)?T([1-9][0-9]{0,5})", re.IGNORECASE)


async def act(ask: Ask) -> Outcome:
    """Show what is to be done, or record what was asked for."""
    words = ask.words.args
    match words[0].lower() if words else "":
        case "":
            return await _shown(ask)
        case "done":
            return await _done(ask)
        case "back":
            return await _back(ask)
        case word if _REF.fullmatch(word):
            return await _again(ask, word)
        case _:
            return await _given(ask)


async def _shown(ask: Ask) -> Outcome:
    incident = await ask.incident(ask.words.options.get("inc"))
    steps = [each for run in await ask.runs_of(incident) for each in of_run(run, ask.holders(run, incident))]
    found = (*steps, *of_incident(incident.id, incident.tasks))
    lines = [to_do_line(each, ask.now) for each in found]
    none = (Paragraph((f"Nobody has anything to do in {incident.id}. {ask.usage}",)),)
    return Outcome(Answer(Document("", (Bullets(lines),) if lines else none)))


async def _given(ask: Ask) -> Outcome:
    to = ask.person(ask.argument(0, "The person (@name)"))
    what = ask.argument(1, 'What is to be done, in "quotes",').strip()
    if not what:
        raise Refused(f"An empty task says nothing: nothing was recorded. {ask.usage}")
    incident = await _under_way(ask, ask.words.options.get("inc"))
    if already := same(incident.tasks, what, to, follow_up=False):
        return twice(ask, incident, already)
    return _give(ask, incident, new_number(incident), what, to)


def twice(ask: Ask, incident: Incident, task: Task) -> Outcome:
    """Return the answer to somebody who gives in the same words what a person has already."""
    line = (f"T{task.number} is that already: @{task.to} has it until ", Moment(task.due))
    more = f". Nothing was recorded. `task T{task.number} in:…` gives another time."
    return Outcome(ask.done(incident.id, *line, more))


async def _again(ask: Ask, word: str) -> Outcome:
    """Give a task that is there already to another person, or more time for it."""
    incident, task = await task_of(ask, word)
    to = ask.person(ask.words.args[1]) if len(ask.words.args) > 1 else task.to
    if task.stand is Stand.DONE:
        raise Refused(f"T{task.number} of {incident.id} is done: nothing was recorded.")
    if task.follow_up:
        return give_action(ask, incident, task.number, task.what, to, option="in")
    if not incident.open:
        raise Refused(f"{incident.id} is {incident.stands}: nothing was recorded.")
    return _give(ask, incident, task.number, task.what, to)


async def _under_way(ask: Ask, word: str | None) -> Incident:
    incident = await ask.incident(word)
    if not incident.open:
        raise Refused(f"{incident.id} is {incident.stands}: {go_on(incident)}. Nothing was recorded.")
    return incident


def _give(ask: Ask, incident: Incident, number: int, what: str, to: str) -> Outcome:
    within = a_duration(ask.words.options["in"]) if "in" in ask.words.options else TIME_BOX
    due = ask.now + within
    line = (f"T{number} is for @{to} until ", Moment(due), ".")
    event = TaskGiven(number=number, what=what, to=to, due=due)
    return _recorded(ask, incident, event, *line)


def new_number(incident: Incident) -> int:
    """Return the number of the next task or action: one whose words were removed keeps its own."""
    return max((task.number for task in incident.tasks), default=0) + 1


def give_action(ask: Ask, incident: Incident, number: int, what: str, to: str, *, option: str) -> Outcome:
    """Give what outlives the incident to a person; it can be given until its post-mortem was reviewed."""
    if incident.phase is Phase.CLOSED:
        raise Refused(
            f"{incident.id} is closed, and its post-mortem with it: nothing was recorded. "
            f"`{ask.desk.command} reopen {incident.id}` opens it again."
        )
    said = ask.words.options.get(option)
    due = a_day(said, ask.now) if said is not None else ask.now + ACTION
    event = TaskGiven(number=number, what=what, to=to, due=due, follow_up=True)
    line = (f"T{number} is an action of @{to} until ", Moment(due), f", in {in_words(due - ask.now)}.")
    return _recorded(ask, incident, event, *line)


async def _done(ask: Ask) -> Outcome:
    incident, task = await task_of(ask, ask.argument(1, "The task (T2)"))
    _mine(ask, incident, task)
    if task.stand is Stand.DONE:
        raise Refused(f"T{task.number} of {incident.id} is done already: nothing was recorded.")
    event = TaskDone(number=task.number, note=ask.words.options.get("note", ""))
    return _recorded(ask, incident, event, f"T{task.number} is done.")


async def _back(ask: Ask) -> Outcome:
    incident, task = await task_of(ask, ask.argument(1, "The task (T2)"))
    _mine(ask, incident, task)
    if task.stand is not Stand.OPEN:
        raise Refused(f"T{task.number} of {incident.id} is {task.stand.value} already: nothing was recorded.")
    event = TaskHandedBack(number=task.number, why=ask.option("why", "why somebody else is needed"))
    return _recorded(ask, incident, event, f"T{task.number} is handed back to @{task.by}.")


async def task_of(ask: Ask, word: str) -> tuple[Incident, Task]:
    """Return the task that T2 or INC-1.T2 names, with its incident, or raise Refused."""
    named = _REF.fullmatch(word)
    if named is None:
        raise Refused(f"`{word[:40]}` is no task: nothing was recorded. Name one as T2 or INC-1.T2.")
    incident = await ask.incident(named[1] or ask.words.options.get("inc"))
    number = int(named[2])
    found = next((task for task in incident.tasks if task.number == number), None)
    if found is None:
        raise Refused(
            f"{incident.id} has no T{number}: nothing was recorded. `task` shows what is to be done."
        )
    if found.stand is Stand.MOVED:
        raise Refused(
            f"T{number} of {incident.id} is {found.note} now: nothing was recorded. Say it of that."
        )
    return incident, found


def _mine(ask: Ask, incident: Incident, task: Task) -> None:
    """Raise Refused unless it is one's own task, was given by oneself, or one commands."""
    if ask.who.name not in (task.to, task.by):
        ask.may(Right.COMMAND, f"end T{task.number}, which is for @{task.to}", incident)


def _recorded(ask: Ask, incident: Incident, event: Event, *line: str | Moment) -> Outcome:
    return in_incident(ask.done(incident.id, *line), incident, event)


VERB = Verb(
    name="task",
    usage='task [@name "what" | T2 [@name]] [in:20m] | task done T2 [note:"…"] | task back T2 why:"…"',
    summary="Give somebody something to do until a moment, or show what there is to do.",
    right=Right.RESPOND,
    act=act,
    options=frozenset({"in", "inc", "note", "why"}),
    words=2,
)
