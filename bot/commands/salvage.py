"""Look for rows that a restore left behind in the copy it kept: written after the restored moment."""

from __future__ import annotations

from bot.commands.verb import Ask, Outcome, Verb
from bot.core.errors import Refused
from bot.core.events import Event, SalvageAsked
from bot.core.may import Right
from bot.core.salvage import kept_copies, searches
from bot.timeline import Change


async def act(ask: Ask) -> Outcome:
    """Record the search; it is carried out beside the data, and its thread reads what was found."""
    run = await ask.run(ask.argument(0, "The run whose restore is meant (RUN-9)"))
    incident = await ask.incident(run.incident)
    ask.may(Right.OPERATE, f"have {run.id} salvaged", incident, run)
    kept = kept_copies(run)
    if not kept:
        raise Refused(
            f"{run.id} kept no copy of what it replaced: nothing is searched. "
            "Only a restore that found data in its place, and is not under way, keeps one."
        )
    table = ask.words.options.get("table", "").strip() or None
    count, open_ones = searches(await ask.timeline.read(f"run/{run.id}"))
    under_way = {(search.asked.restore, search.asked.table) for search in open_ones}
    wanted = [each for each in kept if (each.restore, table) not in under_way]
    if not wanted:
        raise Refused(f"{run.id} is being searched already: what is found is said in its thread.")
    events = tuple[Event, ...](
        SalvageAsked(
            step=each.step,
            attempt=each.of,
            restore=each.restore,
            key=run.key(f"{each.step}.salvage", count + number),
            table=table,
        )
        for number, each in enumerate(wanted, 1)
    )
    what = f"rows of {table}" if table else "rows"
    names = ", ".join(each.name for each in wanted)
    answer = ask.done(
        run.id,
        f"is searched for {what} that are only in what {names} kept. Nothing is changed.",
        small=("The rows become files on the host of the data; its thread reads how many there are.",),
    )
    return Outcome(answer, {f"run/{run.id}": Change(run.seq, events)})


VERB = Verb(
    name="salvage",
    usage="salvage RUN-9 [table:orders]",
    summary="Look for rows that a restore left behind in the copy it kept.",
    right=Right.OPERATE,
    act=act,
    options=frozenset({"table"}),
)
