"""A gate that nobody can complete: it is not made by a delegation, and told where people meet it."""

from __future__ import annotations

from inline_snapshot import snapshot

from bot.core.cards import approval_card
from bot.core.people import holders_now
from tests.commands.scenes import (
    answers,
    declared,
    folded,
    planned,
    put,
    refusals,
    started,
    with_glass,
)
from tests.core.story import shown
from tests.runs.stage import CATALOG, Stage

DELEGATE = 'delegate @cy for:1h why:"sleep"'


async def card(stage: Stage) -> str:
    """Return what the request for the approval says first."""
    run, incident = await stage.run(), await stage.incident()
    now = stage.timeline.now()
    people = holders_now(run, incident, stage.shelf.catalog(), {}, now=now)
    return shown(approval_card(run, incident, "overwrite", holders=people, now=now)).split("•")[0]


async def test_a_place_is_not_given_to_whoever_is_asked_beside_it(stage: Stage) -> None:
    put(stage, catalog=CATALOG)
    await started(stage)
    assert await refusals(stage, ("bo", DELEGATE), ("bo", DELEGATE.replace("cy", "ana"))) == snapshot("""\
bo: delegate @cy for:1h why:"sleep"
  With @cy in your place nobody could complete RUN-1.overwrite: it would need 1 of dba: @cy; 1 of
      app: @cy, of different people. Nothing was recorded in INC-1. Name somebody who is not asked
      there.

bo: delegate @ana for:1h why:"sleep"
  With @ana in your place nobody could complete RUN-1.overwrite: it would need 1 of dba: @ana; 1 of
      app: @cy, of different people; @ana started it. Nothing was recorded in INC-1. Name somebody
      who is not asked there.
""")
    await stage.told("bo", "approve RUN-1")
    assert (await stage.say("bo", DELEGATE)).ok, "whoever said yes keeps the place"


async def test_a_place_of_which_another_person_has_one_too_can_be_given(stage: Stage) -> None:
    await started(stage)
    assert (await stage.say("bo", DELEGATE)).ok, "dee is a dba as well"


async def test_before_a_run_is_started_a_delegation_warns_and_the_start_names_what_helps(
    stage: Stage,
) -> None:
    put(stage, catalog=CATALOG)
    await planned(stage)
    assert await answers(stage, ("bo", DELEGATE)) == snapshot("""\
bo: delegate @cy for:1h why:"sleep"
  INC-1 @cy approves in your place until 2026-11-23 03:25:00Z; until then you do not. Open
      (http://here/incidents/INC-1)
  With @cy in your place nobody could complete RUN-1.overwrite: it would need 1 of dba: @cy; 1 of
      app: @cy, of different people.
""")
    assert await refusals(stage, ("ana", "start RUN-1")) == snapshot("""\
ana: start RUN-1
  Nobody can complete RUN-1.overwrite: it needs 1 of dba: @cy; 1 of app: @cy, of different people.
      What helps: @bo says `delegate end`; or the catalog names somebody more for dba or app.
      Nothing was started.
""")
    await stage.told("bo", "delegate end")
    assert (await stage.say("ana", "start RUN-1")).ok


async def test_everybody_who_meets_a_gate_that_nobody_can_complete_reads_what_helps(stage: Stage) -> None:
    put(stage, catalog=CATALOG, playbook=with_glass())
    await declared(stage)
    await stage.told("bo", DELEGATE)
    await stage.told("ana", 'impact "wrong totals" start:02:10 damage:02:10')
    await stage.told("ana", "plan restore-orders")
    await stage.carry()
    await stage.told("ana", "start RUN-1")
    await stage.carry()
    assert await card(stage) == snapshot("""\
RUN-1 approval: overwrite
Asking: still needed 1 of dba: @cy; 1 of app: @cy; until 2026-11-23 02:45:00Z.
Nobody can complete RUN-1.overwrite: it needs 1 of dba: @cy; 1 of app: @cy, of different people.
        What helps: @bo says `delegate end`; or @ana breaks the glass (`approve RUN-1.overwrite
        break-glass:"why"`); or the catalog names somebody more for dba or app.
  \
""")
    assert await refusals(stage, ("bo", "approve RUN-1"), ("ana", "start RUN-1")) == snapshot("""\
bo: approve RUN-1
  You may not approve RUN-1.overwrite. Nobody can complete RUN-1.overwrite: it needs 1 of dba: @cy;
      1 of app: @cy, of different people. What helps: @bo says `delegate end`; or @ana breaks the
      glass (`approve RUN-1.overwrite break-glass:"why"`); or the catalog names somebody more for
      dba or app.

ana: start RUN-1
  RUN-1 is running already. Nobody can complete RUN-1.overwrite: it needs 1 of dba: @cy; 1 of app:
      @cy, of different people. What helps: @bo says `delegate end`; or @ana breaks the glass
      (`approve RUN-1.overwrite break-glass:"why"`); or the catalog names somebody more for dba or
      app. `status RUN-1` shows where it stands.
""")
    assert await answers(stage, ("cy", "approve RUN-1")) == snapshot("""\
cy: approve RUN-1
  RUN-1.overwrite approved as dba. Still needed: app. Nobody can complete RUN-1.overwrite: it needs
      1 of dba: @cy; 1 of app: @cy, of different people. What helps: @bo says `delegate end`; or
      @ana breaks the glass (`approve RUN-1.overwrite break-glass:"why"`); or the catalog names
      somebody more for dba or app.
""")
    assert await refusals(stage, ("cy", "approve RUN-1")) == snapshot("""\
cy: approve RUN-1
  You approved RUN-1.overwrite already; it counts once. Nobody can complete RUN-1.overwrite: it
      needs 1 of dba: @cy; 1 of app: @cy, of different people. What helps: @bo says `delegate end`;
      or @ana breaks the glass (`approve RUN-1.overwrite break-glass:"why"`); or the catalog names
      somebody more for dba or app.
""")
    await stage.told("bo", "delegate end")
    assert "Nobody can complete" not in await card(stage)
    await stage.told("bo", "approve RUN-1")
    assert "That is enough" in await stage.told("cy", "approve RUN-1")


async def test_people_who_left_and_whoever_started_the_run_leave_a_gate_to_nobody(stage: Stage) -> None:
    put(stage, catalog=CATALOG)
    await started(stage)
    put(stage, catalog=CATALOG.replace("dba: {people: [bo]}", "dba: {people: [ana]}"))
    answer = await stage.say("bo", "approve RUN-1")
    assert folded(stage, answer) == snapshot("""\
  You may not approve RUN-1.overwrite. Nobody can complete RUN-1.overwrite: it needs 1 of dba: @ana;
      1 of app: @cy, of different people; @ana started it. What helps: `abort RUN-1`, and somebody
      else plans and starts it anew; or the catalog names somebody more for dba.\
""")
