"""Carries drills along: the handler of the effect `drill`.

A drill's runs are carried out like any other. What is decided here, by `bot.core.drill`, is when one begins,
that nobody is waited for, that the stand-ins are put back whatever happened, and what the drill showed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from bot.core import drill as drills
from bot.core import run as runs
from bot.core.cards.abort import abort_leaves
from bot.core.document import plain
from bot.core.drill import Begin, CleanUp, Drill, End, Keep, Move, Stop
from bot.core.events import (
    AbortAsked,
    CheckFound,
    DrillEnded,
    PlanAsked,
    PlanAttached,
    PlanFailed,
    Planned,
    RunPaused,
    RunStarted,
)
from bot.core.plan import Plan, plan_hash
from bot.core.run import Run
from bot.jobs import Again
from bot.runs.book import BY, VIA, Book, View
from bot.runs.checks import Checks, in_words, wrong
from bot.runs.isolated import seen_again
from bot.timeline import Change
from integrations.contract import Engine


class Drills:
    """The handler of the effect `drill`; its subject is a drill's id."""

    def __init__(self, book: Book, engines: Mapping[str, Engine]) -> None:
        self._book = book
        self._engines = engines
        self._checks = Checks(book, engines)

    async def handle(self, id: str) -> Again | None:
        """Do what a drill does next, until a run of it is under way or it is over."""
        drill = drills.fold(await self._book.timeline.read(f"drill/{id}"))
        if drill is None or not drill.runs:
            return None
        view = await self._book.view(drill.runs[0])
        cleaning = await self._cleaning(drill)
        move = drills.next_move(drill, view.incident, view.run, cleaning, now=view.now)
        return await self._do(drill, view, move)

    async def ask(self, id: str, why: str) -> None:
        """End what a drill does that cannot be carried on, or have people put its stand-ins back."""
        drill = drills.fold(await self._book.timeline.read(f"drill/{id}"))
        if drill is None or drill.ended or not drill.runs:
            return
        view = await self._book.view(drill.runs[0])
        move = drills.in_trouble(drill, view.run, await self._cleaning(drill), why, now=view.now)
        await self._do(drill, view, move)

    async def _do(self, drill: Drill, view: View, move: Move | None) -> Again | None:
        match move:
            case None:
                return None
            case Begin():
                await self._begin(view)
            case Stop(why):
                leaves = plain(abort_leaves(view.run)).strip()
                await self._book.write(view, AbortAsked(why=why, leaves=leaves))
            case CleanUp(plan):
                await self._clean_up(drill, view, plan)
            case Keep(until):
                return Again(until)
            case End(result):
                await self._end(view, result)
            case _:
                assert_never(move)
        return None

    async def _cleaning(self, drill: Drill) -> Run | None:
        if len(drill.runs) == 1:
            return None
        return runs.fold(await self._book.timeline.read(f"run/{drill.runs[1]}"))

    async def _begin(self, view: View) -> None:
        """Ask the proofs of isolation, and start only when each of them holds."""
        found = [await self._checks.ask(view, check, None) for check in view.plan.isolation]
        if failed := wrong(found):
            await self._not_apart(view, found, failed)
        else:
            await self._book.write(view, *found, RunStarted(hash=view.run.hash))

    async def _not_apart(self, view: View, found: list[CheckFound], failed: list[CheckFound]) -> None:
        because = f"The stand-ins are not proved to be isolated: {in_words(failed)}"
        await self._book.write(view, *found, PlanFailed(because=because))

    async def _clean_up(self, drill: Drill, view: View, plan: Plan) -> None:
        """Plan and start the clean-up in one record, so that a crash leaves it asked for or not at all."""
        if not plan.problems:
            plan, problems = await seen_again(self._engines, self._book.catalog(), plan)
            # They stay in the plan, so that nobody goes on past them.
            plan = plan.model_copy(update={"problems": problems})
        id = await self._book.timeline.lookup.next_id("RUN")
        hash = plan_hash(plan)
        asked = view.run.asked
        paused = (RunPaused(why=plan.problems[0]),) if plan.problems else ()
        await self._book.timeline.append(
            {
                f"drill/{drill.id}": Change(
                    view.incident.seq, (PlanAttached(run=id, playbook=asked.playbook),)
                ),
                f"run/{id}": Change(
                    0,
                    (
                        PlanAsked(
                            incident=drill.id,
                            playbook=asked.playbook,
                            service=asked.service,
                            environment=asked.environment,
                        ),
                        Planned(plan=plan, hash=hash, snapshot=view.run.snapshot),
                        RunStarted(hash=hash),
                        *paused,
                    ),
                ),
            },
            by=BY,
            via=VIA,
        )

    async def _end(self, view: View, result: DrillEnded) -> None:
        """Record what the drill showed; a rehearsal that never began is over with it."""
        failed = () if view.run.over else (PlanFailed(because=result.because),)
        await self._book.write(view, *failed, incident=[result])
