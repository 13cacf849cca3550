"""Deciding by the verb: who may, what is refused, and what is asked when it should have helped."""

from __future__ import annotations

from inline_snapshot import snapshot

from bot.core import incident as incidents
from bot.core.events import DecisionAsked, EffectDue, FactLearnt, Proposed
from bot.core.incident import Incident
from bot.jobs import Again
from bot.watch import Watch
from tests.clock import Clock
from tests.commands.scenes import declared, put, refusals, said_in
from tests.commands.test_rights import with_gus
from tests.runs.stage import Stage

ROLLBACK = "decide new-version-wrote-incompatible-state:no data-corruption:none"


async def incident(stage: Stage) -> Incident:
    found = incidents.fold(await stage.timeline.read("incident/INC-1"))
    assert found
    return found


async def chosen(stage: Stage) -> None:
    await declared(stage)
    await stage.told("ana", ROLLBACK)
    await stage.told("ana", 'decide code_rollback why:"the release"')


def due(found: Incident) -> str:
    at = found.decisions[-1].made.effect_by
    assert at
    return f"INC-1@{at:%Y%m%dT%H%M%S}"


async def test_what_is_not_meant_is_refused_and_says_what_to_do(stage: Stage) -> None:
    await declared(stage)
    assert await refusals(
        stage,
        ("ana", "decide worked:yes"),
        ("ana", "decide worked:yes cause_known:yes"),
        ("ana", "decide wait worked:yes why:x"),
        ("ana", "decide wait as:proposed why:x"),
    ) == snapshot("""\
ana: decide worked:yes
  Nothing was decided in INC-1 yet: nothing was recorded. Usage: `/backstop decide [fact:value …]
      [unless:known] | decide <option> why:"…" [as:proposed] | decide worked:yes|no|worse [of:12]`

ana: decide worked:yes cause_known:yes
  Say facts, the choice, and whether it worked each in a line of its own: nothing was recorded.
      Usage: `/backstop decide [fact:value …] [unless:known] | decide <option> why:"…" [as:proposed]
      | decide worked:yes|no|worse [of:12]`

ana: decide wait worked:yes why:x
  Say facts, the choice, and whether it worked each in a line of its own: nothing was recorded.
      Usage: `/backstop decide [fact:value …] [unless:known] | decide <option> why:"…" [as:proposed]
      | decide worked:yes|no|worse [of:12]`

ana: decide wait as:proposed why:x
  wait is not proposed any more, but nothing yet: Not decided between failover, restore_partial,
      restore_pitr, restore_full, mitigate, config_revert, wait, hotfix, code_rollback: what is
      asked decides it. Nothing was recorded. `/backstop decide wait why:"…"` still decides it.
""")


async def test_ops_may_decide_but_go_over_no_veto_that_asks_for_the_commander(stage: Stage) -> None:
    put(stage, catalog=with_gus())
    await declared(stage)
    await stage.told("ana", "role ops @gus")
    await stage.told("gus", "decide new-version-wrote-incompatible-state:yes")
    refused = await stage.say("gus", "decide code_rollback why:x")
    assert "Only the role commander may go over it, with a reason, and @ana holds it" in refused.text
    assert (await stage.say("gus", "decide mitigate why:x")).ok
    assert "Against V1." in await stage.told("ana", "decide code_rollback why:x")
    assert [d.made.why for d in (await incident(stage)).decisions] == ["x", "x"]


async def test_a_dangerous_choice_is_recorded_and_says_what_nobody_was_asked(stage: Stage) -> None:
    await declared(stage)
    await stage.told("bo", "decide data_corruption:confirmed pitr_available:yes")
    answer = await stage.told("ana", 'decide restore_full why:"feels right"')
    assert "Not ruled out yet, because nobody was asked: data_scope (V9)." in " ".join(answer.split())
    assert (await incident(stage)).decisions[-1].made.unasked == ("data_scope (V9)",)
    assert "data_scope (V9)" in await stage.told("bo", "decide")


async def test_the_same_is_decided_once_until_something_new_is_known(stage: Stage) -> None:
    await chosen(stage)
    again = await stage.say("ana", 'decide code_rollback why:"once more"')
    assert "@ana decided code_rollback already, and nothing new is known since" in again.text
    await stage.told("ana", "decide cause-known:no")
    assert (await stage.say("ana", 'decide code_rollback why:"still"')).ok


async def test_a_press_changes_no_answer_that_somebody_gave_meanwhile(stage: Stage) -> None:
    await declared(stage)
    await stage.told("bo", "decide data_corruption:confirmed unless:known")
    late = await stage.say("cy", "decide data_corruption:none unless:known")
    assert late.text == (
        "@bo answered meanwhile, data_corruption: confirmed: nothing was recorded. "
        "`/backstop decide data_corruption:…` corrects it.\n"
    )
    assert (await stage.say("cy", "decide data_corruption:confirmed unless:known")).ok
    assert (await stage.say("cy", "decide data_corruption:none")).ok


async def test_a_changed_proposal_is_an_event_beside_the_fact(stage: Stage) -> None:
    await declared(stage)
    await stage.told("bo", "decide")
    facts = "data_corruption:confirmed data_scope:database irreversible_harm_accruing:no backup_available:yes"
    await stage.told(
        "bo", f"decide {facts} pitr_available:no node_or_site_failure:no restore_point_predates_damage:yes"
    )
    answer = await stage.told("cy", "decide data_scope:rows")
    assert "Proposal changed: restore_full → restore_partial, because " in answer
    told = [entry.event for entry in await stage.timeline.read("incident/INC-1")]
    assert sum(isinstance(event, DecisionAsked) for event in told) == 1
    assert [type(event) for event in told[-2:]] == [FactLearnt, Proposed]
    assert [(e.was, e.option) for e in told if isinstance(e, Proposed)] == [
        ("", "restore_full"),
        ("restore_full", "restore_partial"),
    ]


async def test_once_it_is_resolved_the_card_is_only_shown(stage: Stage) -> None:
    await chosen(stage)
    await stage.told("ana", "resolve fixed data:none")
    before = (await incident(stage)).seq
    assert "INC-1 is resolved" in await stage.told("bo", "decide")
    assert (await incident(stage)).seq == before


async def test_what_is_over_takes_no_facts_but_what_has_to_be_known_to_close_it(stage: Stage) -> None:
    await chosen(stage)
    await stage.told("ana", "resolve fixed data:none")
    wrote = "new_version_wrote_incompatible_state"
    assert await refusals(
        stage, ("bo", "decide data_corruption:confirmed"), ("bo", f"decide cause_known:yes {wrote}:no")
    ) == snapshot("""\
bo: decide data_corruption:confirmed
  INC-1 is resolved: `reopen` it first. Nothing was recorded.

bo: decide cause_known:yes new_version_wrote_incompatible_state:no
  INC-1 is resolved: `reopen` it first. Nothing was recorded.
""")
    await stage.told("bo", f"decide {wrote}:yes")
    await stage.told("ana", "close availability:no speed:no")
    assert await refusals(stage, ("bo", f"decide {wrote}:no"), ("ana", "decide wait why:x")) == snapshot("""\
bo: decide new_version_wrote_incompatible_state:no
  INC-1 is closed: `reopen` it first. Nothing was recorded.

ana: decide wait why:x
  INC-1 is closed: `reopen` it first. Nothing was recorded.
""")
    assert (await incident(stage)).known[wrote].value is True
    await stage.told("bo", "decide worked:yes")
    await stage.told("ana", "reopen why:again")
    await stage.told("bo", "decide data_corruption:confirmed")


async def test_in_a_room_the_answer_is_short_for_the_card_is_there(stage: Stage) -> None:
    await declared(stage)
    answer = await said_in(stage, "bo", "decide cause-known:no inc:INC-1", "C1")
    assert answer.text.startswith("INC-1 knows cause_known: no.")
    assert "Known:" not in answer.text


async def test_whether_it_worked_is_asked_once_at_its_time(stage: Stage, clock: Clock) -> None:
    await chosen(stage)
    watch, subject = Watch(stage.timeline, stage.shelf, dict), due(await incident(stage))
    assert isinstance(await watch.effect_due(subject), Again)
    clock.advance(15 * 60 + 1)
    assert await watch.effect_due(subject) is None
    assert await watch.effect_due(subject) is None
    told = [entry.event for entry in await stage.timeline.read("incident/INC-1")]
    assert sum(isinstance(event, EffectDue) for event in told) == 1
    assert "[It worked]" in await stage.told("bo", "decide")


async def test_a_later_choice_is_asked_about_at_its_own_time(stage: Stage, clock: Clock) -> None:
    await chosen(stage)
    watch, first = Watch(stage.timeline, stage.shelf, dict), due(await incident(stage))
    clock.advance(10 * 60)
    await stage.told("ana", 'decide mitigate why:"shed load"')
    clock.advance(6 * 60)
    again = await watch.effect_due(first)
    assert again
    assert again.at == (await incident(stage)).decisions[-1].made.effect_by


async def test_what_was_answered_or_has_no_time_is_not_asked(stage: Stage, clock: Clock) -> None:
    await chosen(stage)
    watch, subject = Watch(stage.timeline, stage.shelf, dict), due(await incident(stage))
    await stage.told("bo", "decide worked:no")
    clock.advance(16 * 60)
    assert await watch.effect_due(subject) is None
    await stage.told("ana", 'decide restore_full why:"the only way"')
    before = (await incident(stage)).seq
    assert await watch.effect_due(subject) is None
    assert (await incident(stage)).seq == before
