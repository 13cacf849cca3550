"""May this change happen now? The one place that decides, and it never says yes on a guess.

Whatever cannot be read or recorded makes a yes into `None`; nothing makes a no into a yes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from bot.core import freeze as freezes
from bot.core.errors import Conflict
from bot.core.events import DeploymentExcepted, DeploymentRefused, Entry, Event
from bot.core.freeze import Freeze, Verdict, judge
from bot.timeline import Change, Timeline
from bot.timeline.records import GateAnswer
from bot.web.within import within
from integrations.contract import IntegrationError

log = logging.getLogger(__name__)

VIA = "gate"
TRIES = 10
ANSWER_S = 6.0
"""With the look at the token this stays below the 10 s after which the command line gives up."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A change somebody wants to make: who makes it, and whose token asks."""

    change: freezes.Change
    actor: str
    by: str


async def ruling(timeline: Timeline, asked: Asked) -> Verdict | None:
    """Return the recorded verdict over a change, or None when nobody can say in time."""
    verdict: Verdict | None = None
    clock = asyncio.get_running_loop().time
    ends = clock() + ANSWER_S
    for _ in range(TRIES):
        try:
            found, changes = await within(ends - clock(), _verdict(timeline, asked))
        except (IntegrationError, ValidationError, TimeoutError) as problem:
            log.error("gate unreadable service=%s error=%s", asked.change.service, type(problem).__name__)
            return None
        try:
            await within(ends - clock(), _record(timeline, asked, found, changes))
        except Conflict:
            verdict = found
            continue
        except (IntegrationError, TimeoutError) as problem:
            log.error("gate unrecorded service=%s error=%s", asked.change.service, type(problem).__name__)
            return None if found.allowed else found
        return found
    return verdict if verdict and not verdict.allowed else None


async def _verdict(timeline: Timeline, asked: Asked) -> tuple[Verdict, Mapping[str, Change]]:
    story = await timeline.frozen()
    standing = []
    for id, entries in story.items():
        freeze = freezes.fold(entries)
        if freeze is None:
            raise IntegrationError(f"{id} is listed and cannot be read.", permanent=True)
        standing.append(freeze)
    verdict = judge(standing, asked.change, timeline.now())
    return verdict, _changes(verdict, story, asked)


def _changes(verdict: Verdict, story: Mapping[str, list[Entry]], asked: Asked) -> Mapping[str, Change]:
    """What is news: a freeze hears once of each sha that it stops, and of each that passes it."""
    change = asked.change
    event: Event
    if verdict.allowed:
        event = DeploymentExcepted(
            service=change.service, environment=change.environment, sha=change.sha, actor=asked.actor
        )
        news = [freeze for freeze in verdict.passed if not _known(story[freeze.id], change)]
    else:
        event = DeploymentRefused(
            service=change.service,
            environment=change.environment,
            change=change.kind,
            sha=change.sha,
            actor=asked.actor,
        )
        news = [freeze for freeze in verdict.freezes if (change.service, change.sha) not in freeze.refused]
    return {f"freeze/{freeze.id}": Change(freeze.seq, (event,)) for freeze in news}


def _known(entries: list[Entry], change: freezes.Change) -> bool:
    """Say whether the freeze heard that this change passed it; a pipeline asks more than once."""
    return any(
        isinstance(event := entry.event, DeploymentExcepted)
        and (event.service, event.environment, event.sha) == (change.service, change.environment, change.sha)
        for entry in entries
    )


async def _record(timeline: Timeline, asked: Asked, verdict: Verdict, changes: Mapping[str, Change]) -> None:
    if changes:
        await timeline.append(changes, by=asked.by, via=VIA)
    await timeline.records.gate_answered(
        GateAnswer(
            service=asked.change.service,
            environment=asked.change.environment,
            change=asked.change.kind,
            sha=asked.change.sha,
            actor=asked.actor,
            verdict="allow" if verdict.allowed else "deny",
            freezes=[freeze.id for freeze in _involved(verdict)],
        )
    )


def _involved(verdict: Verdict) -> tuple[Freeze, ...]:
    return verdict.passed if verdict.allowed else verdict.freezes
