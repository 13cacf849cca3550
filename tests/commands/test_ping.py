"""Whoever asks whether Backstop is well reads what was not done, in words."""

from __future__ import annotations

from datetime import timedelta

from inline_snapshot import snapshot

from bot.commands.ping import MOST
from tests.clock import Clock
from tests.commands.scenes import answers, declared
from tests.runs.stage import Stage


async def test_what_was_not_done_is_told_with_what_becomes_of_it(stage: Stage, clock: Clock) -> None:
    await declared(stage)
    effects = stage.timeline.effects
    heads = {effect.kind: effect for effect in await effects.heads()}
    await effects.later(heads["tracker"], clock() + timedelta(minutes=1), "Jira does not answer.")
    await effects.give_up(heads["room"], "Slack refuses that: missing_scope")
    assert await answers(stage, ("ana", "ping")) == snapshot("""\
ana: ping
  Backstop is here, 2026-11-23 02:25:00Z.
    • Not done: the place of INC-1 in Slack. Slack refuses that: missing_scope. It is not tried
      again by itself, but when there is something new to do of it.
    • Not done: the record of INC-1 in the tracker and in files. Jira does not answer. It is tried
      again 2026-11-23 02:26:00Z.
""")


async def test_of_much_that_was_not_done_the_rest_is_counted(stage: Stage, clock: Clock) -> None:
    for _ in range(MOST + 2):
        await declared(stage)
    for effect in await stage.timeline.effects.heads():
        if effect.kind == "tracker":
            await stage.timeline.effects.later(effect, clock(), "Jira does not answer.")
    told = await stage.told("ana", "ping")
    assert told.count("the record of INC-") == MOST
    assert "2 more were not done." in told
