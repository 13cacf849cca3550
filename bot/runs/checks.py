"""What the checks of a step and of a run's end say: they have the last word on whether something is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from bot.core.events import CheckFound
from bot.core.plan import PlannedCheck, PlannedStep
from bot.runs.book import Book, View
from bot.runs.calls import call_in
from integrations.contract import CheckResult, Engine, IntegrationError


class Checks:
    """Asks engines; it changes nothing."""

    def __init__(self, book: Book, engines: Mapping[str, Engine]) -> None:
        self._book = book
        self._engines = engines

    async def of_step(self, view: View, step: PlannedStep) -> list[CheckFound]:
        """Carry out a step's own checks, one after the other."""
        return [await self.ask(view, check, step.id) for check in step.checks]

    async def ask(self, view: View, check: PlannedCheck, step: str | None) -> CheckFound:
        """Carry a check out and return what it found; an engine that cannot answer is a failed check."""
        try:
            call = call_in(view.plan, check.call, self._book.catalog())
            result = await self._engines[check.call.engine].check(call)
        except IntegrationError as problem:
            result = CheckResult(ok=False, found=str(problem))
        return CheckFound(
            check=check.id,
            step=step,
            ok=result.ok,
            blocking=check.blocking,
            found=result.found,
            evidence=dict(result.evidence),
        )

    def may_pass_yet(self, view: View, step: PlannedStep, since: datetime) -> bool:
        """Say whether a step's checks have time left to become right; an abort waits for none of them."""
        within = max((check.within_s for check in step.checks), default=0)
        return not view.run.abort and self._book.timeline.now() - since < timedelta(seconds=within)


def wrong(found: Iterable[CheckFound]) -> list[CheckFound]:
    """Return the blocking checks that did not pass."""
    return [check for check in found if check.blocking and not check.ok]


def in_words(wrong: Iterable[CheckFound], *, each: str = "") -> str:
    """Return what some checks found; `each` says what they are."""
    return "; ".join(f"{each}{check.check} found {check.found}" for check in wrong)
