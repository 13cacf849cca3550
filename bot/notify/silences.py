"""Keeps alerts silent in Alertmanager while a run wants it: the handler of the effect `silence`.

Each time it looks what is there, and makes it as it should be; nothing is remembered but until when each
silence was to last, which tells one that ran out from one that somebody ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import aiohttp

from bot.core import run as runs
from bot.core.events import Event, SilenceEnded, SilencePlaced, SilenceTroubled
from bot.core.run import Run
from bot.core.silence import RENEWED, Silence, mark
from bot.jobs import Again
from bot.notify.trouble import PATIENCE
from bot.settings import Settings
from bot.timeline import Change, Timeline
from integrations.alertmanager import Address, Alertmanager, Silenced
from integrations.contract import IntegrationError

VIA = "alertmanager"
LOOK = timedelta(minutes=1)
"""How often it is looked whether the silences of a run are still there."""
STANDS = IntegrationError("It was asked to end a silence, which is still in force.", permanent=False)
UNSET = IntegrationError("BACKSTOP_ALERTMANAGER_URL is not set any more.", permanent=True)


def alertmanager_of(
    settings: Settings, session: Callable[[], aiohttp.ClientSession], *, now: Callable[[], datetime]
) -> Alertmanager | None:
    """Return the Alertmanager that the settings name, if any."""
    if not settings.alertmanager_url:
        return None
    address = Address(settings.alertmanager_url, settings.alertmanager_user, settings.alertmanager_secret)
    return Alertmanager(address, session, now=now)


class Silencing:
    """Places, renews and ends the silences of runs; without an Alertmanager it says that there is none."""

    def __init__(self, timeline: Timeline, alertmanager: Alertmanager | None, console: str) -> None:
        self._timeline = timeline
        self._records = timeline.records
        self._alertmanager = alertmanager
        self._console = console

    async def handle(self, id: str) -> Again | None:
        """Make the silences of a run as they should be, and look again while there are any."""
        run = runs.fold(await self._timeline.read(f"run/{id}"))
        if run is None or not run.silences.open:
            return None
        events: list[Event] = []
        trouble: IntegrationError | None = None
        for silence in run.silences.open:
            try:
                events += await self._one(run, silence)
            except IntegrationError as problem:
                trouble = problem
        events += await self._news(run, trouble)
        if events:
            # Whoever writes in the same moment goes first: this is asked again, and finds what it placed.
            await self._timeline.append({f"run/{id}": Change(run.seq, tuple(events))}, by="backstop", via=VIA)
        if trouble and not trouble.permanent:
            raise trouble
        ended = sum(isinstance(event, SilenceEnded) for event in events)
        return Again(self._timeline.now() + LOOK) if ended < len(run.silences.open) else None

    async def _one(self, run: Run, silence: Silence) -> Sequence[Event]:
        """Make one silence as it should be, and return what is to be told of it."""
        name = mark(run.id, run.asked_at, silence)
        over = silence.over(self._timeline.now(), run_over=run.over)
        try:
            if self._alertmanager is None:
                raise UNSET
            found = await self._alertmanager.find(silence.labels, name)
            active = [each for each in found if each.active]
            for each in active if over else active[1:]:
                await self._alertmanager.expire(each.id)
            if over is None:
                return await self._kept(self._alertmanager, run, silence, found)
            # What is said to have ended is seen to have: a page for people is an answer to this, too.
            if active and any(each.active for each in await self._alertmanager.find(silence.labels, name)):
                raise STANDS
        except IntegrationError:
            if over is None or not await self._ran_out(name):
                raise
        return [SilenceEnded(labels=silence.labels, because=over)]

    async def _kept(
        self, alertmanager: Alertmanager, run: Run, silence: Silence, found: Sequence[Silenced]
    ) -> Sequence[Event]:
        """Place it or make it longer, unless somebody changed it there: their word stands."""
        newest = found[0] if found else None
        standing = next((each for each in found if each.active), None)
        name = mark(run.id, run.asked_at, silence)
        if newest and standing is None and not await self._ours(name, newest):
            return [SilenceEnded(labels=silence.labels, because="elsewhere")]
        now = self._timeline.now()
        short = standing and _ends(standing) < min(silence.lasts(now), now + RENEWED)
        if standing is None or (short and await self._ours(name, standing)):
            await self._place(alertmanager, run, silence, last=standing or newest)
        return [] if silence.placed else [SilencePlaced(labels=silence.labels, until=silence.until)]

    async def _place(
        self, alertmanager: Alertmanager, run: Run, silence: Silence, *, last: Silenced | None
    ) -> None:
        """Write down until when it is to last before it is asked for: the answer may be lost."""
        name, ends = mark(run.id, run.asked_at, silence), silence.lasts(self._timeline.now())
        before = _ends(last).isoformat() if last else ""
        await self._records.remember(f"silence:{name}", {"ends": ends.isoformat(), "before": before})
        where = f": {self._console}/runs/{run.id}" if self._console else ""
        why = f"{run.id} of {run.incident} works on {run.asked.service}{where}"
        over = last if last and last.active else None
        await alertmanager.place(silence.labels, mark=name, why=why, ends=ends, over=over)

    async def _ours(self, name: str, silenced: Silenced) -> bool:
        """Say whether it ends when it was last asked to end."""
        known = await self._records.remote(f"silence:{name}") or {}
        return _ends(silenced).isoformat() in known.values()

    async def _ran_out(self, name: str) -> bool:
        """Say whether nothing of it can be in force, whatever was lost: it was never placed, or is over."""
        known = await self._records.remote(f"silence:{name}")
        return known is None or datetime.fromisoformat(known["ends"]) <= self._timeline.now()

    async def _news(self, run: Run, trouble: IntegrationError | None) -> Sequence[Event]:
        """Tell once that Alertmanager does not do as asked, for good or for long, and when it does again."""
        key = f"silence-trouble:{run.id}"
        known = await self._records.remote(key)
        if trouble is None:
            if known:
                await self._records.forget(key)
            return [SilenceTroubled()] if run.silences.trouble else []
        now = self._timeline.now()
        if known is None:
            await self._records.remember(key, {"since": now.isoformat()})
        since = datetime.fromisoformat(known["since"]) if known else now
        news = trouble.permanent or now - since >= PATIENCE
        return [SilenceTroubled(why=str(trouble))] if news and not run.silences.trouble else []


def _ends(silenced: Silenced) -> datetime:
    return silenced.ends.astimezone(UTC).replace(microsecond=0)
