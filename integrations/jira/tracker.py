"""The tracker that keeps post-mortems in Jira: at most one issue for each, whatever is lost on the way.

Jira's create has no idempotency key and its search lags by seconds to minutes. So an issue carries a
label made of its reference; a create whose answer was lost is followed by several searches, and repeated
only when none of them finds it. Should two come to exist all the same, both are reported.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import ParamSpec, TypeVar

from integrations.contract import Health, IntegrationError
from integrations.jira.client import Client, JiraSite
from integrations.jira.errors import Unanswered
from integrations.parts import Part
from integrations.tracker import Attached, Hanging, IssueRef, Written, checked_name

# Seconds between the searches for an issue that may exist: two minutes in all.
PAUSES = (5.0, 15.0, 30.0, 70.0)
# Seconds to connect and to wait for an answer; without them the library waits for ever.
TIME_LIMITS_S = (3.0, 10.0)

Given = ParamSpec("Given")
Got = TypeVar("Got")


class JiraTracker:
    """A Jira project as a tracker; all its requests run one after another in one thread.

    A cancelled call is not undone: its request goes on in the thread, and the next call finds the result.
    """

    def __init__(
        self,
        site: JiraSite,
        *,
        wait: Callable[[float], Awaitable[object]] = asyncio.sleep,
        pauses: Sequence[float] = PAUSES,
        time_limits_s: tuple[float, float] = TIME_LIMITS_S,
    ) -> None:
        self._site = site
        self._wait = wait
        self._pauses = pauses
        self._client = Client(site, time_limits_s)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="jira")
        self._ensuring: dict[str, asyncio.Task[IssueRef]] = {}
        self._made: dict[str, str] = {}
        self._in_doubt: set[str] = set()
        self._gone: set[str] = set()

    async def ensure_issue(self, ref: str, *, summary: str, text: Written, attempt: int = 1) -> IssueRef:
        """Return the issue made for `ref`, making it when there is none; see `Tracker`."""
        task = self._ensuring.get(ref)
        if task is None:
            ensured = self._ensure(checked_name(ref, "reference"), summary, text, attempt)
            task = asyncio.create_task(ensured)
            self._ensuring[ref] = task
            task.add_done_callback(lambda done: self._forget(ref, done))
        # Who gives up waiting must not start a second create beside the first.
        return await asyncio.shield(task)

    async def exists(self, key: str) -> bool:
        """Say whether an issue is there; the search index may name one that is gone for some time."""
        if await self._run(self._client.exists, key):
            return True
        self._gone.add(key)
        self._made = {ref: made for ref, made in self._made.items() if made != key}
        return False

    async def publish(self, key: str, text: Written) -> None:
        """Replace our part of the description of an issue."""
        await self._run(self._client.publish, key, text)

    async def comment(self, key: str, part: Part, text: Written) -> bool:
        """Replace our part of the one comment that has it; say whether that had to be made."""
        return await self._run(self._client.comment, key, part, text)

    async def attach(self, key: str, filename: str, content: bytes) -> Attached:
        """Attach a file unless this account attached the same content under the same name."""
        return await self._run(self._client.attach, key, checked_name(filename, "file name"), content)

    async def attached(self, key: str) -> Sequence[Hanging]:
        """Return the files at an issue, whoever attached them."""
        return await self._run(self._client.attached, key)

    async def detach(self, file: str) -> bool:
        """Delete an attached file, unless it is gone; say whether Jira lets this account do so."""
        return await self._run(self._client.detach, file)

    async def link(self, key: str, to: str) -> None:
        """Link two issues; Jira keeps one link of a kind between them, however often it is asked for."""
        await self._run(self._client.link, key, to)

    async def duplicates(self, key: str, of: str) -> None:
        """Link an issue as a duplicate of another, by the kind of link that says so where Jira has it."""
        await self._run(self._client.duplicates, key, of)

    async def assign(self, key: str, owner: str, due: date) -> None:
        """Give an issue a day and the account that has this e-mail; what Jira does not take is left out."""
        await self._run(self._client.assign, key, owner, due)

    async def health(self) -> Health:
        """Say whether issues can be written, and if not what to do about it."""
        try:
            account, version = await self._run(self._client.account)
        except IntegrationError as error:
            return Health(ok=False, identity=self._site.server, problems=[str(error)])
        return Health(ok=True, identity=f"{account} at {self._site.server}", version=version)

    async def close(self) -> None:
        """Let the request under way end, start no other, and let go of the connection."""
        for task in self._ensuring.values():
            task.cancel()
        await self._run(self._client.close)
        self._thread.shutdown()

    async def _ensure(self, ref: str, summary: str, text: Written, attempt: int) -> IssueRef:
        label = f"backstop-{ref}"
        made = self._made.get(ref)
        doubtful = made is None and (attempt > 1 or ref in self._in_doubt)
        found = await self._look(label, self._pauses if doubtful else ())
        if made is not None and made not in found:
            found = [*found, made]  # the search index has yet to see it
        if not found:
            found = await self._create(ref, label, summary, text)
        self._made[ref] = found[0]
        self._in_doubt.discard(ref)
        return IssueRef(found[0], self._site.page(found[0]), duplicates=found[1:])

    async def _create(self, ref: str, label: str, summary: str, text: Written) -> list[str]:
        async def create() -> list[str]:
            made = self._run(self._client.create, ref, label=label, summary=summary, text=text)
            return [await made]

        try:
            return await create()
        except Unanswered:
            self._in_doubt.add(ref)
            return await self._look(label, self._pauses) or await create()

    async def _look(self, label: str, pauses: Sequence[float]) -> list[str]:
        found = await self._labelled(label)
        for pause in pauses:
            if found:
                break
            await self._wait(pause)
            found = await self._labelled(label)
        return found

    async def _labelled(self, label: str) -> list[str]:
        return [key for key in await self._run(self._client.labelled, label) if key not in self._gone]

    async def _run(self, ask: Callable[Given, Got], *args: Given.args, **kwargs: Given.kwargs) -> Got:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: ask(*args, **kwargs))

    def _forget(self, ref: str, done: asyncio.Task[IssueRef]) -> None:
        del self._ensuring[ref]
        if not done.cancelled():
            done.exception()  # whoever waited has been told; nobody may be left to ask
