"""The dispatcher of effects: it takes what is due, one at a time in each lane, and hands it to its handler.

An effect leaves the queue only after its handler returned. A handler that dies with the process is
simply asked again at the next start, so every handler looks before it acts. Of all processes on one
database only the one that has the duty carries effects out; the others stand by and take over.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from bot.core.errors import Conflict
from bot.timeline import Timeline
from bot.timeline.effects import Waiting
from integrations.contract import IntegrationError

log = logging.getLogger(__name__)

LONGEST_WAIT = timedelta(seconds=60)
SWEEP = timedelta(seconds=15)
STUCK = 4 * SWEEP
LOOK_S = 1.0
LOOKING = 0.25
"""The share of time that looking for effects may take while something new is stored all the time."""
EVERY_LANE = sys.maxsize
ASK_AFTER = 5
"""How often an effect fails before whoever asks people about it is told: about half a minute of tries."""
STANDING_BY = "standing-by"
SILENT = "silent"
QUIET_S, LOOK_AGAIN_S, LONGEST_S = 0.03, 0.25, 2.0
URGENT = frozenset({"run", "drill", "drills", "update-due", "task-due", "gate-expiry", "freeze-review"})
"""The effects that wait for nobody: recovery goes on however much people have to say."""


Sooner = Callable[[], Awaitable[bool]]
"""Waits for something, for a bounded time, and says whether it happened."""


@dataclass(frozen=True, slots=True)
class Again:
    """A handler's way of saying: not finished, ask me again at this moment.

    `sooner` is waited for meanwhile: when it returns True, the handler is asked at once. It lives in memory
    only, so whatever becomes of it costs no more than the time until the moment.
    """

    at: datetime
    sooner: Sooner | None = None


Handler = Callable[[str], Awaitable[Again | None]]
Plea = Callable[[str, str], Awaitable[None]]
"""Asks people about the subject of an effect that cannot be done, once; the second text says why."""


def backoff(tries: int) -> timedelta:
    """Return how long to wait before the next try: 1 s, 2 s, 4 s … up to a minute."""
    return min(timedelta(seconds=2 ** min(tries, 6)), LONGEST_WAIT)


def any_of(things: Sequence[Sooner]) -> Sooner:
    """Wait for several things at once, until the first of them happens."""

    async def wait() -> bool:
        waiting = [asyncio.ensure_future(thing()) for thing in things]
        try:
            for ended in asyncio.as_completed(waiting):
                if await ended:
                    return True
            return False
        finally:
            for each in waiting:
                each.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    return wait


class Precedence:
    """Who waits for an acknowledgement goes first: effects begin when nobody has waited for a moment.

    An effect waits for `LONGEST_S` at most; while people keep coming, effects begin one after another.
    """

    def __init__(self) -> None:
        self._waiting = 0
        self._until = 0.0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._one = asyncio.Lock()

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Go first until the block ends, which is when somebody is acknowledged."""
        loop = asyncio.get_running_loop()
        self._waiting += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                # Who comes next comes at once: people press twice, and lines of Slack come in bursts.
                self._until = loop.time() + QUIET_S
                loop.call_at(self._until, self._look)

    def _look(self) -> None:
        if not self._waiting and asyncio.get_running_loop().time() >= self._until:
            self._quiet.set()

    async def given(self) -> None:
        """Let everybody who waits go first."""
        async with self._one:
            await self.moment(LONGEST_S)

    async def moment(self, longest_s: float) -> None:
        """Wait until nobody has waited for a moment, but no longer than this."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(longest_s):
                await self._quiet.wait()


class Dispatcher:
    """Carries effects out in this process; `handlers` take the subject of an effect by its kind.

    `pleas`, by kind as well, are for those that people must hear of when they keep failing. Whoever waits for
    an acknowledgement goes `first`, but a run and its timers wait for nobody.
    """

    def __init__(
        self,
        timeline: Timeline,
        handlers: Mapping[str, Handler],
        pleas: Mapping[str, Plea] | None = None,
        *,
        first: Precedence | None = None,
        at_once: int = EVERY_LANE,
    ) -> None:
        self._timeline = timeline
        self._handlers = handlers
        self._first = first or Precedence()
        self._at_once = at_once
        self._pleas = pleas or {}
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._listening: dict[str, asyncio.Task[None]] = {}
        self._hurried: set[str] = set()
        self._ended: list[Waiting] = []
        self._writing = asyncio.Lock()
        self._kick = asyncio.Event()
        self._rested = asyncio.Event()
        self._turned: datetime | None = None
        self._waits = ""
        self._silent = False
        timeline.listen(self._kick.set)

    @property
    def health(self) -> str:
        """Return `ok`, or a sentence that begins with another word when effects are no longer taken."""
        if self._turned is None or not (self._timeline.duty.held or self._waits):
            return "starting"
        age = self._timeline.now() - self._turned
        if age >= STUCK:
            return f"stuck: it took no effect for {age.total_seconds():.0f} s"
        state = SILENT if self._silent else STANDING_BY
        return "ok" if self._timeline.duty.held else f"{state}: {self._waits}"

    async def run(self) -> None:
        """Carry effects out whenever that is this process's duty, until cancelled."""
        duty = self._timeline.duty
        try:
            while True:
                self._turned = self._timeline.now()
                if await self._on_duty():
                    lost = await self._carry_out()
                    log.warning("duty lost why=%s", lost)
        finally:
            await duty.release()

    async def _on_duty(self) -> bool:
        """Take the duty, or stand by for a moment and pass on what was recorded here meanwhile."""
        duty = self._timeline.duty
        waits, silence = "another process carries effects out", None
        try:
            if await duty.take():
                log.info("on duty")
                return True
            if self._kick.is_set():
                self._kick.clear()
                await duty.tell()
            silence = await self._timeline.pulse.silence()
        except IntegrationError as problem:
            waits = str(problem)
        if silence:
            waits = str(silence)
        if waits != self._waits:
            log.log(logging.ERROR if silence else logging.INFO, "standing by why=%s", waits)
        self._waits, self._silent = waits, silence is not None
        await self._kicked(LOOK_S)
        return False

    async def _carry_out(self) -> str:
        """Carry effects out until the duty is lost, and return why; what is under way is ended then."""
        self._kick.set()
        keeping = asyncio.create_task(self._timeline.duty.keep(self._kick.set))
        working = asyncio.create_task(self._rounds())
        try:
            async with self._timeline.pulse.beating():
                await asyncio.wait((keeping, working), return_when=asyncio.FIRST_COMPLETED)
            return keeping.result() if keeping.done() else working.result()
        finally:
            under_way = (keeping, working, *self._busy.values(), *self._listening.values())
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
            # What was not taken off the queue belongs to whoever has the duty next.
            self._busy.clear()
            self._listening.clear()
            self._hurried.clear()
            self._ended.clear()

    async def _rounds(self) -> NoReturn:
        while True:
            # While people come and come, not every line of theirs is worth a look at the queue.
            await self._first.moment(LOOK_AGAIN_S)
            self._kick.clear()
            self._turned = self._timeline.now()
            await self._round()

    async def settled(self, within: timedelta = timedelta()) -> None:
        """Return once nothing is under way and nothing falls due within this time of the clock."""
        self._kick.set()
        while True:
            self._rested.clear()
            await self._rested.wait()
            at = await self._timeline.effects.next_at(busy=())
            if at is None or at - self._timeline.now() > within:
                return

    async def _round(self) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        wait = await self._look()
        looked = loop.time() - begun
        await self._kicked(wait)
        # While something is stored all the time, looking at each of it would slow down what is under way.
        await asyncio.sleep(begun + looked / LOOKING - loop.time())

    async def _look(self) -> float:
        """Begin what is due, and return how many seconds nothing else will be."""
        try:
            # A lane that was busy as the look began is left out: what was seen of it may be done by now.
            busy = set(self._busy)
            room = max(self._at_once - len(busy), 0)
            seen = await self._timeline.effects.heads() if room else []
            heads = [head for head in seen if head.lane not in busy]
            now = self._timeline.now()
            ready = [effect for effect in heads if effect.is_ready(now) or effect.key in self._hurried]
            for effect in ready[:room]:
                self._unlisten(effect.key)
                self._busy[effect.lane] = asyncio.create_task(self._do(effect))
            if not self._busy and not self._kick.is_set():
                self._rested.set()
            return self._pause(heads)
        except IntegrationError as problem:
            log.warning("queue unreadable error=%s", problem)
            return 1.0

    async def _kicked(self, seconds: float) -> None:
        # Not `wait_for`: on Python 3.11 it forgets a cancellation that comes with the kick.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._kick.wait()

    def _pause(self, heads: Sequence[Waiting]) -> float:
        """Return how long nothing will be due; a sweep bounds it, for clocks that jump and other writers."""
        at = min((head.not_before for head in heads if head.lane not in self._busy), default=None)
        if at is None:
            return SWEEP.total_seconds()
        wait = (at - self._timeline.now()).total_seconds()
        return min(max(wait, 0.005), SWEEP.total_seconds())

    async def _do(self, effect: Waiting) -> None:
        try:
            if effect.kind not in URGENT:
                await self._first.given()
            await self._handle(effect)
        except IntegrationError as problem:
            log.warning(
                "effect not recorded kind=%s subject=%s error=%s", effect.kind, effect.subject, problem
            )
        finally:
            self._busy.pop(effect.lane, None)
            self._kick.set()

    async def _handle(self, effect: Waiting) -> None:
        queue = self._timeline.effects
        try:
            again = await self._handlers[effect.kind](effect.subject)
        except Conflict:
            await queue.later(effect, self._timeline.now())
        except IntegrationError as problem:
            if problem.permanent:
                log.error("effect given up kind=%s subject=%s error=%s", effect.kind, effect.subject, problem)
                await queue.give_up(effect, str(problem))
                await self._plead(effect, str(problem))
            else:
                wait = getattr(problem, "retry_after", None)
                pause = timedelta(seconds=wait) if wait else backoff(effect.tries)
                await queue.later(effect, self._timeline.now() + pause, str(problem))
        except Exception as problem:
            # The named place for the unforeseen: the effect stays, people can see it, the others go on.
            log.exception("effect failed kind=%s subject=%s", effect.kind, effect.subject)
            pause = backoff(effect.tries)
            # Only the name: what an unforeseen error says may hold a secret.
            name = type(problem).__name__
            await queue.later(effect, self._timeline.now() + pause, name)
            if effect.tries + 1 >= ASK_AFTER:
                what = f"something unforeseen ({name}) happened {ASK_AFTER} times. Backstop's log says where."
                await self._plead(effect, what)
        else:
            if again:
                await queue.later(effect, again.at)
                self._listen(effect.key, again)
            else:
                await self._done(effect)

    def _listen(self, key: str, again: Again) -> None:
        """Wait for what would make an effect due before its moment."""
        if again.sooner is not None:
            self._listening[key] = asyncio.create_task(self._hear(key, again.sooner))

    async def _hear(self, key: str, sooner: Sooner) -> None:
        try:
            if await sooner():
                self._hurried.add(key)
                self._kick.set()
        except IntegrationError as problem:
            log.info("not told key=%s error=%s", key, problem)

    def _unlisten(self, key: str) -> None:
        """The effect is taken now; whoever listened for it would only hear of the past."""
        self._hurried.discard(key)
        if listening := self._listening.pop(key, None):
            listening.cancel()

    async def _plead(self, effect: Waiting, why: str) -> None:
        plea = self._pleas.get(effect.kind)
        if plea:
            with contextlib.suppress(Conflict):
                await plea(effect.subject, why)

    async def _done(self, effect: Waiting) -> None:
        """Take an effect off the queue, in one transaction with others that ended while somebody wrote."""
        self._ended.append(effect)
        async with self._writing:
            ended, self._ended = self._ended, []
            if ended:
                await self._timeline.effects.done(*ended)
