"""Deciding by the verb: who may, what is refused, and what is asked when it should have helped."""

from __future__ import annotations

from datetime import timedelta

from inline_snapshot import snapshot

from bot.core import incident as incidents
from bot.core.events import DecisionAsked, EffectDue, FactLearnt, PlanAsked, Proposed
from bot.core.incident import Incident
from bot.core.loss import losses
from bot.jobs import Again
from bot.market import market, seen_now
from bot.watch import Watch
from playbooks import library
from playbooks.criteria import load_criteria
from playbooks.words import Option
from tests.clock import Clock
from tests.commands.scenes import answers, approved, declared, put, refusals, said_in
from tests.commands.test_rights import with_gus
from tests.probes.scenes import probed
from tests.runs.stage import PLAYBOOK, Stage, point

ROLLBACK = "decide new-version-wrote-incompatible-state:no data-corruption:none"
V1 = next(
    veto.because
    for veto in load_criteria(library.read("criteria.yaml"), "criteria.yaml").vetoes
    if veto.id == "V1"
)


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
      [unless:known] | decide <option> why:"…" [as:proposed] [plan:playbook] | decide why:"…"
      [of:12] | decide worked:yes|no|worse [of:12] [by:hand]`

ana: decide worked:yes cause_known:yes
  Say facts, the choice, and whether it worked each in a line of its own: nothing was recorded.
      Usage: `/backstop decide [fact:value …] [unless:known] | decide <option> why:"…" [as:proposed]
      [plan:playbook] | decide why:"…" [of:12] | decide worked:yes|no|worse [of:12] [by:hand]`

ana: decide wait worked:yes why:x
  Say facts, the choice, and whether it worked each in a line of its own: nothing was recorded.
      Usage: `/backstop decide [fact:value …] [unless:known] | decide <option> why:"…" [as:proposed]
      [plan:playbook] | decide why:"…" [of:12] | decide worked:yes|no|worse [of:12] [by:hand]`

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


async def test_who_may_not_decide_is_told_so_before_a_reason_is_asked_for(stage: Stage) -> None:
    await declared(stage)
    await stage.told("bo", "decide new-version-wrote-incompatible-state:yes")
    for option, right in (
        ("mitigate", "needs the right to command"),
        ("code_rollback", "Only the role comm"),
    ):
        for line in (f"decide {option}", f"decide {option} as:proposed why:x"):
            refused = await stage.say("bo", line)
            assert right in refused.text, line
    assert "`why:" in (await stage.say("ana", "decide code_rollback")).text
    assert (await incident(stage)).decisions == ()


async def test_a_dangerous_choice_is_recorded_and_says_what_nobody_was_asked(stage: Stage) -> None:
    await declared(stage)
    await stage.told("bo", "decide data_corruption:confirmed pitr_available:yes")
    answer = await stage.told("ana", 'decide restore_full why:"feels right"')
    assert "Not ruled out yet, because nobody was asked: data_scope (V9)." in " ".join(answer.split())
    assert (await incident(stage)).decisions[-1].made.unasked == ("data_scope (V9)",)
    assert "data_scope (V9)" in await stage.told("bo", "decide")


async def test_who_decides_may_have_the_plan_drawn_with_the_same_words(stage: Stage) -> None:
    await declared(stage)
    answer = await stage.told("ana", 'decide restore_full why:"all of it" plan:restore-orders')
    assert "RUN-1 is being planned: the plan card follows." in answer
    assert "[Plan restore-orders]" not in answer
    assert "Playbooks that can do it" not in answer
    assert (await incident(stage)).runs == ("RUN-1",)
    assert (await incident(stage)).decisions[-1].made.option == "restore_full"
    [asked] = await stage.timeline.read("run/RUN-1")
    assert isinstance(asked.event, PlanAsked)


async def test_where_no_playbook_does_it_that_is_said_with_what_to_do(stage: Stage) -> None:
    await declared(stage)
    assert await answers(
        stage,
        ("ana", 'decide mitigate why:"the flag is off"'),
        ("ana", 'decide wait why:"the provider looks at it"'),
        ("ana", 'decide restore_full why:"all of it"'),
    ) == snapshot("""\
ana: decide mitigate why:"the flag is off"
  INC-1 decided: mitigate. Open (http://here/incidents/INC-1)
  No playbook here carries out mitigate: people do it, and /backstop decide worked:yes says that it
      helped. To have one, write a playbook for checkout in production with options: [mitigate].

ana: decide wait why:"the provider looks at it"
  INC-1 decided: wait. Open (http://here/incidents/INC-1)

ana: decide restore_full why:"all of it"
  INC-1 decided: restore_full. Nobody knows how long it takes, so whether it helps is asked
      2026-11-23 03:25:00Z whatever comes of it; estimated_restore_minutes would tell better. Not
      ruled out yet, because nobody was asked: data_corruption (V6-suspected, V7, V7-upgrade, V9),
      schema_change (V7, V7-upgrade), data_loss_mechanism (V7, V7-upgrade, V9) and 3 more. Open
      (http://here/incidents/INC-1)
  Playbooks that can do it:
    [Plan restore-orders]  plan restore-orders inc:INC-1
""")


async def test_a_plan_that_does_not_carry_the_choice_out_is_refused_with_the_choice(stage: Stage) -> None:
    await declared(stage)
    assert await refusals(
        stage,
        ("ana", "decide mitigate why:x plan:restore-orders"),
        ("ana", "decide restore_full why:x plan:nothing"),
        ("ana", "decide plan:restore-orders"),
        ("ana", "decide data_corruption:none plan:restore-orders"),
    ) == snapshot("""\
ana: decide mitigate why:x plan:restore-orders
  restore-orders does not carry out mitigate: nothing was recorded. What does here: none.

ana: decide restore_full why:x plan:nothing
  There is no playbook nothing: nothing was planned. There are: restore-orders.

ana: decide plan:restore-orders
  `plan:` draws the plan of a choice, and no option is named: nothing was recorded. Usage:
      `/backstop decide [fact:value …] [unless:known] | decide <option> why:"…" [as:proposed]
      [plan:playbook] | decide why:"…" [of:12] | decide worked:yes|no|worse [of:12] [by:hand]`

ana: decide data_corruption:none plan:restore-orders
  `plan:` draws the plan of a choice, and no option is named: nothing was recorded. Usage:
      `/backstop decide [fact:value …] [unless:known] | decide <option> why:"…" [as:proposed]
      [plan:playbook] | decide why:"…" [of:12] | decide worked:yes|no|worse [of:12] [by:hand]`
""")
    found = await incident(stage)
    assert (found.decisions, found.runs, found.facts) == ((), (), {})


async def test_the_same_is_decided_once_until_something_new_is_known(stage: Stage) -> None:
    await chosen(stage)
    again = await stage.say("ana", 'decide code_rollback why:"the release"')
    assert "@ana decided code_rollback already, and nothing new is known since" in again.text
    await stage.told("ana", "decide cause-known:no")
    assert (await stage.say("ana", 'decide code_rollback why:"still"')).ok


async def test_a_fact_that_ci_recorded_is_not_overruled_by_a_word(stage: Stage) -> None:
    """What a person says otherwise stands beside it, and the veto still takes its role and a reason."""
    await stage.told("bo", "release record checkout version:2.4.0 migrations:m7=irreversible at:02:10")
    await declared(stage)
    await stage.told("ana", ROLLBACK)
    await probed(stage)
    by_machine = (
        "irreversible as looked up 2026-11-23 02:25:00Z (the migrations of 2.4.0, as bo recorded them: m7)"
    )
    assert (await stage.say("bo", "decide schema_change:?")).text == (
        f"A machine knows schema_change: {by_machine}. Nothing was recorded. "
        "If that is wrong, say what is right instead.\n"
    )
    told = await stage.told("bo", "decide schema_change:none")
    assert f"INC-1 knows schema_change: none, but {by_machine}." in told
    assert f"schema_change: none (@bo, 2026-11-23 02:25:00Z), but {by_machine}\n" in told
    assert f"V1 rules out code_rollback: {V1}: schema_change is {by_machine}, and @bo says none.\n" in told
    assert "[Decide code_rollback]" not in await stage.told("bo", "decide")
    assert not (await stage.say("bo", "decide code_rollback why:x")).ok
    assert "Against V1." in await stage.told("ana", 'decide code_rollback why:"bo read the migration"')
    [decision] = (await incident(stage)).decisions
    assert decision.made.overridden == (f"V1: {V1}: schema_change is {by_machine}, and @bo says none",)
    assert f"Fact schema_change: none; but {by_machine}" in await stage.told("bo", "timeline INC-1")
    back = await stage.told("bo", "decide schema_change:?")
    assert f"schema_change: nobody knows here, so what a machine knows counts again: {by_machine}." in back
    assert (await incident(stage)).facts["schema_change"] == "irreversible"


async def test_a_reason_is_made_of_words(stage: Stage) -> None:
    await declared(stage)
    for why in ('" . "', "42", '"?!"'):
        refused = await stage.say("ana", f"decide mitigate why:{why}")
        assert refused.text == (
            "`why:` holds no word: nothing was done. "
            "It says the reason, which the post-mortem keeps, as others will read it.\n"
        )
    assert (await incident(stage)).decisions == ()


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
        "bo", f"decide {facts} pitr_available:no node_or_site_failure:no healthy_replica_available:no"
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
    own = stage.shelf.playbook_folder.parent / "criteria.yaml"
    own.write_text(
        library.read("criteria.yaml").replace("estimated_restore_minutes, after: 1h", "hotfix_eta_minutes")
    )
    stage.shelf.criteria_file = own
    await chosen(stage)
    watch, subject = Watch(stage.timeline, stage.shelf, dict), due(await incident(stage))
    await stage.told("bo", "decide worked:no")
    clock.advance(16 * 60)
    assert await watch.effect_due(subject) is None
    await stage.told("ana", 'decide restore_full why:"the only way"')
    before = (await incident(stage)).seq
    assert await watch.effect_due(subject) is None
    assert (await incident(stage)).seq == before


async def test_what_is_frozen_now_stands_where_people_decide(stage: Stage) -> None:
    await declared(stage)
    await stage.told("ana", 'freeze on svc:checkout env:production why:"Nothing moves"')

    seen = await seen_now(await incident(stage), stage.timeline, stage.shelf, {}, command="/backstop")

    assert [freeze.placed.why for freeze in seen.frozen] == ["Nothing moves"]
    await stage.told("ana", 'freeze off FRZ-1 why:"It is over"')
    again = await seen_now(await incident(stage), stage.timeline, stage.shelf, {}, command="/backstop")
    assert again.frozen == ()


async def test_nothing_can_have_come_of_what_was_not_started(stage: Stage, clock: Clock) -> None:
    await declared(stage)
    await stage.told("ana", 'decide restore_full why:"all of it"')
    await stage.told("ana", "plan restore-orders")
    await stage.carry()
    asked = ("ana", "decide worked:no"), ("ana", "decide worked:no by:x")
    assert await refusals(stage, *asked) == snapshot("""\
ana: decide worked:no
  RUN-1, which carries out restore_full, was not started, so nothing can have come of it: nothing
      was recorded. `/backstop start RUN-1` starts it; if it was done without Backstop, say the same
      with by:hand.

ana: decide worked:no by:x
  `x` is no way in which it was done: nothing was recorded. Say one of: hand.
""")
    assert (await incident(stage)).decisions[-1].observed is None
    watch, subject = Watch(stage.timeline, stage.shelf, dict), due(await incident(stage))
    clock.advance(60 * 60 + 1)
    assert await watch.effect_due(subject) is None
    told = [entry.event for entry in await stage.timeline.read("incident/INC-1")]
    assert [event.waits for event in told if isinstance(event, EffectDue)] == [("RUN-1",)]
    by_hand = await stage.told("ana", "decide worked:yes by:hand")
    assert "Backstop ran nothing for it: it counts as done by hand." in " ".join(by_hand.split())


async def test_what_backstop_did_not_run_counts_as_done_by_hand_and_is_said(stage: Stage) -> None:
    await chosen(stage)
    told = await stage.told("bo", "decide worked:yes")
    assert "Backstop ran nothing for it: it counts as done by hand." in " ".join(told.split())
    await stage.told("ana", 'decide wait why:"it mends itself"')
    assert "by hand" not in await stage.told("bo", "decide worked:yes")


async def test_what_the_card_says_a_second_restore_gives_up_is_what_its_plan_says(
    stage: Stage, clock: Clock
) -> None:
    await approved(stage)
    assert (await stage.run()).recovered_at
    clock.advance(17 * 60)
    found = await incident(stage)
    assert found.writers_stopped
    assert (await market(found, stage.timeline, stage.shelf)).planned == frozenset()
    await stage.told("ana", "impact damage:02:10")
    age = int((stage.timeline.now() - point("P2", 5).finished_at).total_seconds() / 60)
    await stage.told("bo", f"decide data_corruption:confirmed data_scope:database backup_age_minutes:{age}")

    seen = await seen_now(await incident(stage), stage.timeline, stage.shelf, {}, command="/backstop")

    await stage.told("ana", "plan restore-orders inc:INC-1")
    await stage.carry("RUN-2")
    [loss] = losses(seen.incident, await stage.run("RUN-2"), now=seen.now)
    [price] = [each for each in seen.prices if each.option == "restore_full"]
    assert (price.gives_up, price.lost, price.since) == (loss.together, loss.lost, loss.since)
    assert price.since
    assert price.since >= timedelta(minutes=17)
    assert "since RUN-1 recovered" in await stage.told("bo", "decide")


async def test_a_run_that_is_planned_is_whose_price_the_card_shows(stage: Stage) -> None:
    other = PLAYBOOK.replace("name: restore-orders", "name: another-way")
    (stage.shelf.playbook_folder / "other.yaml").write_text(other)

    async def able() -> tuple[str, ...]:
        found = await incident(stage)
        sold = await market(found, stage.timeline, stage.shelf)
        return tuple(each.name for each in sold.able(Option.RESTORE_FULL))

    await declared(stage)
    assert sorted(await able()) == ["another-way", "restore-orders"]
    await stage.told("ana", "plan restore-orders")
    assert await able() == ("restore-orders",)
    await stage.told("ana", "plan another-way")
    assert sorted(await able()) == ["another-way", "restore-orders"]


async def test_why_something_was_decided_is_said_anew_and_keeps_who_decided_and_when(
    stage: Stage, clock: Clock
) -> None:
    await chosen(stage)
    before = (await incident(stage)).decisions[-1]
    clock.advance(60)

    assert await answers(
        stage,
        ("ana", 'decide code_rollback why:"only 2.4.0 writes wrong totals"'),
        ("ana", f'decide why:"2.4.0 alone writes wrong totals" of:{before.seq}'),
    ) == snapshot("""\
ana: decide code_rollback why:"only 2.4.0 writes wrong totals"
  INC-1 code_rollback stays decided by @ana; its reason is now: only 2.4.0 writes wrong totals. Open
      (http://here/incidents/INC-1)

ana: decide why:"2.4.0 alone writes wrong totals" of:4
  INC-1 code_rollback stays decided by @ana; its reason is now: 2.4.0 alone writes wrong totals.
      Open (http://here/incidents/INC-1)
""")

    after = (await incident(stage)).decisions
    assert [(each.seq, each.at, each.by, each.made) for each in after] == [
        (before.seq, before.at, before.by, before.made)
    ]
    assert after[-1].why == "2.4.0 alone writes wrong totals"
    card = " ".join((await stage.told("bo", "decide")).split())
    day = "2026-11-23"
    assert f"Decided: code_rollback by @ana {day} 02:25:00Z: 2.4.0 alone writes wrong totals. " in card
    assert f"The reason is as @ana said it anew {day} 02:26:00Z. At first it was: the release." in card
    assert "The reason of code_rollback is now: only 2.4.0 writes" in await stage.told("bo", "timeline INC-1")


async def test_whose_reason_it_is_says_it_anew_or_who_commands_also_when_it_is_over(stage: Stage) -> None:
    put(stage, catalog=with_gus())
    await declared(stage)
    await stage.told("ana", "role ops @gus")
    await stage.told("gus", "decide mitigate why:x")
    await stage.told("ana", 'resolve "Totals are right." data:"None."')

    assert await refusals(
        stage,
        ("cy", 'decide why:"to ease the load" inc:INC-1'),
        ("gus", "decide why:x inc:INC-1"),
        ("gus", "decide why:y of:99 inc:INC-1"),
        ("gus", "decide why: inc:INC-1"),
        ("gus", "decide why:y plan:restore-orders inc:INC-1"),
        ("gus", "decide why:y severity:1 inc:INC-1"),
    ) == snapshot("""\
cy: decide why:"to ease the load" inc:INC-1
  You may not say why @gus decided: that needs the right to command. @ana, @gus can; ask one of them
      here, or ask the commander to give you a role with `role`.

gus: decide why:x inc:INC-1
  @gus decided mitigate already, and nothing new is known since: nothing was recorded. `/backstop
      decide why:"…"` says its reason anew.

gus: decide why:y of:99 inc:INC-1
  Entry 99 is no decision of INC-1: nothing was recorded. Those are: 3 (mitigate).

gus: decide why: inc:INC-1
  `why:` is no option: nothing was recorded. Say one of: config_revert, code_rollback, hotfix,
      restore_partial, restore_pitr, restore_full, failover, mitigate, wait.

gus: decide why:y plan:restore-orders inc:INC-1
  `why:` is the reason of a choice, and no option is named: nothing was recorded. Say the option
      before it, one of: config_revert, code_rollback, hotfix, restore_partial, restore_pitr,
      restore_full, failover, mitigate, wait. Usage: `/backstop decide [fact:value …] [unless:known]
      | decide <option> why:"…" [as:proposed] [plan:playbook] | decide why:"…" [of:12] | decide
      worked:yes|no|worse [of:12] [by:hand]`

gus: decide why:y severity:1 inc:INC-1
  `why:` is the reason of a choice, and no option is named: nothing was recorded. Say the option
      before it, one of: config_revert, code_rollback, hotfix, restore_partial, restore_pitr,
      restore_full, failover, mitigate, wait. Usage: `/backstop decide [fact:value …] [unless:known]
      | decide <option> why:"…" [as:proposed] [plan:playbook] | decide why:"…" [of:12] | decide
      worked:yes|no|worse [of:12] [by:hand]`
""")
    await stage.told("gus", 'decide why:"to ease the load" inc:INC-1')
    await stage.told("ana", 'decide why:"to shed load" inc:INC-1')
    assert (await incident(stage)).decisions[-1].why == "to shed load"


async def test_what_was_meant_to_decide_gives_a_decision_no_other_reason(stage: Stage) -> None:
    """Two people may press or type the same at the same time, and a plan is drawn by a line of its own."""
    put(stage, catalog=with_gus())
    await declared(stage)
    await stage.told("ana", "role ops @gus")
    await stage.told("ana", "decide mitigate why:first")
    lines = "decide mitigate why:other", "decide mitigate why:other plan:restore-orders"
    for who, line in (("gus", lines[0]), ("ana", lines[1])):
        refused = await stage.say(who, line)
        assert refused.text.startswith("@ana decided mitigate already, and nothing new is known since"), line
        assert '`/backstop decide why:"…"` says its reason anew.' in refused.text
    assert (await incident(stage)).decisions[-1].why == "first"
