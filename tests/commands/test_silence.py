"""Who may keep alerts silent, for how long, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from inline_snapshot import snapshot

from bot.core.events import RunAborted, SilenceAsked, SilenceLifted
from bot.timeline import Change
from tests.commands.scenes import PEOPLE, answers, planned, put, refusals, started
from tests.journeys.places import alerting
from tests.runs.stage import Stage


@pytest.fixture
async def quiet(stage: Stage) -> Stage:
    """There is an Alertmanager, and the catalog says which alerts are about the targets."""
    put(stage, catalog=alerting(PEOPLE))
    stage.desk = replace(stage.desk, silences=True)
    return stage


async def test_what_is_asked_for_is_recorded_with_its_labels_and_its_end(quiet: Stage) -> None:
    await started(quiet)
    assert await answers(quiet, ("bo", 'silence RUN-1 for:2h why:"it is stopped"')) == snapshot("""\
bo: silence RUN-1 for:2h why:"it is stopped"
  RUN-1 asks that alerts with {environment="production", service="checkout"} are silent until
      2026-11-23 04:25:00Z. Open (http://here/runs/RUN-1)
  It ends with the run, or before: /backstop silence end RUN-1. Its thread reads what comes of it.
""")
    newest = (await quiet.timeline.read("run/RUN-1"))[-1].event
    labels = {"service": "checkout", "environment": "production"}
    assert isinstance(newest, SilenceAsked)
    assert (newest.alerts, newest.why) == ((labels,), "it is stopped")
    assert await answers(
        quiet, ("eli", "silence"), ("eli", 'silence end RUN-1 why:"nobody told me"'), ("eli", "silence")
    ) == snapshot("""\
eli: silence
    • RUN-1 To be silent: alerts with {environment="production", service="checkout"} until
      2026-11-23 04:25:00Z at the latest, said @bo

eli: silence end RUN-1 why:"nobody told me"
  RUN-1 lets its alerts be heard again; its thread reads when they are. Open
      (http://here/runs/RUN-1)

eli: silence
    • RUN-1 To be silent: alerts with {environment="production", service="checkout"} for now:
      somebody wants them heard
""")
    assert await refusals(quiet, ("eli", "silence end RUN-1")) == snapshot("""\
eli: silence end RUN-1
  That was said already: the thread of RUN-1 reads when its alerts are heard again.
""")
    assert (await quiet.timeline.read("run/RUN-1"))[-1].event == SilenceLifted(why="nobody told me")


async def test_what_cannot_be_is_refused_and_nothing_is_recorded(quiet: Stage) -> None:
    await started(quiet)
    before = len(await quiet.timeline.read("run/RUN-1"))
    assert await refusals(
        quiet,
        ("bo", "silence RUN-1 for:2h"),
        ("bo", "silence RUN-1 why:x"),
        ("bo", "silence RUN-1 why:x for:25h"),
        ("bo", "silence RUN-1 why:x for:soon"),
        ("bo", "silence RUN-1 why:x for:0m"),
        ("bo", "silence RUN-1 off"),
        ("bo", "silence end RUN-1"),
        ("bo", "silence end"),
        ("bo", "silence RUN-9 why:x for:1h"),
    ) == snapshot("""\
bo: silence RUN-1 for:2h
  `why:"…"` is missing: nothing was done. It says why nobody is to be called. Usage: `/backstop
      silence [RUN-9 for:2h why:"…" | end RUN-9]`

bo: silence RUN-1 why:x
  `for:"…"` is missing: nothing was done. It says for how long at most. Usage: `/backstop silence
      [RUN-9 for:2h why:"…" | end RUN-9]`

bo: silence RUN-1 why:x for:25h
  `for:` is longer than 24 h: nothing was recorded. Ask for less, and again when that is over.

bo: silence RUN-1 why:x for:soon
  `soon` is no length of time, which is a whole number with its unit: nothing was recorded. Write it
      as 30m, 2h or 1d.

bo: silence RUN-1 why:x for:0m
  `0m` is no time at all: nothing was recorded. Write it as 30m, 2h or 1d.

bo: silence RUN-1 off
  `off` is one word too many: nothing was done. Usage: `/backstop silence [RUN-9 for:2h why:"…" |
      end RUN-9]`

bo: silence end RUN-1
  No alert is silent because of RUN-1: nothing was recorded.

bo: silence end
  No alert is silent because of RUN-1: nothing was recorded.

bo: silence RUN-9 why:x for:1h
  There is no RUN-9. `/backstop list` shows what is under way.
""")
    quiet.desk = replace(quiet.desk, silences=False)
    assert await refusals(quiet, ("bo", "silence RUN-1 why:x for:1h")) == snapshot("""\
bo: silence RUN-1 why:x for:1h
  No Alertmanager is asked, and no alert can be made silent: BACKSTOP_ALERTMANAGER_URL is not set.
      Nothing was recorded.
""")
    put(quiet, catalog=PEOPLE)
    quiet.desk = replace(quiet.desk, silences=True)
    assert await refusals(quiet, ("bo", "silence RUN-1 why:x for:1h")) == snapshot("""\
bo: silence RUN-1 why:x for:1h
  None of the targets of RUN-1 (orders-db, shop) has `alerts` in catalog.yaml, so nobody knows which
      alerts are meant: nothing was recorded.
""")
    assert len(await quiet.timeline.read("run/RUN-1")) == before


async def test_only_a_run_that_is_under_way_keeps_alerts_silent(quiet: Stage) -> None:
    await planned(quiet)
    assert await refusals(quiet, ("ana", "silence RUN-1 why:x for:1h")) == snapshot("""\
ana: silence RUN-1 why:x for:1h
  RUN-1 is planned: only what is under way keeps alerts silent. Nothing was recorded.
""")
    run = await quiet.run()
    await quiet.timeline.append(
        {"run/RUN-1": Change(run.seq, (RunAborted(leaves="nothing"),))}, by="ana", via="test"
    )
    assert await refusals(quiet, ("ana", "silence RUN-1 why:x for:1h")) == snapshot("""\
ana: silence RUN-1 why:x for:1h
  RUN-1 is aborted: only what is under way keeps alerts silent. Nothing was recorded.
""")
