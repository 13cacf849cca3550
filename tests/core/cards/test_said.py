from __future__ import annotations

from inline_snapshot import snapshot

from bot.core import events
from bot.core.cards import said
from bot.core.document import Button, Buttons, Document, Who, from_json, to_json
from bot.core.events import Entry
from tests.core.everything import SAMPLES, entry
from tests.core.story import (
    GATE,
    HASH,
    PLAN,
    RESTORE,
    Story,
    approved,
    at,
    planned,
    restoring,
    shown,
    stopped,
)

ENDS = (
    events.PlanFailed,
    events.Rejected,
    events.GateExpired,
    events.RunAborted,
    events.RunRecovered,
    events.IncidentResolved,
    events.IncidentClosed,
    events.FreezeLifted,
)


def message(story: Story, told: Entry) -> Document | None:
    return said(told, incident=story.incident, run=story.run, freeze=story.freeze)


def about(event: events.Event, stream: str = "run/RUN-1", story: Story | None = None) -> str:
    return shown(message(story or restoring(), entry(stream, event)))


def buttons(document: Document | None) -> list[Button]:
    blocks = document.blocks if document else ()
    return [button for block in blocks if isinstance(block, Buttons) for button in block.buttons]


def test_what_the_channel_reads_about_each_event() -> None:
    told = [(stream, event) for stream, event in SAMPLES if stream.startswith("incident")]
    assert "\n".join(about(event, stream) for stream, event in told) == snapshot("""\
(nothing)
(nothing)
@ana: Severity is now SEV2: fewer orders

@ana: Phase is now recovering

@bo is now ops.

@ana: Impact: wrong prices; impact began 2026-11-23 02:00:00Z; damage began 2026-11-23 02:04:00Z

@ana: Nothing writes to the damaged data since 2026-11-23 02:20:00Z (RUN-1)

@ana: Writers write again: RUN-1 started what it had stopped

@ana: disk is fine (https://graphs.example/1)

(nothing)
(nothing)
(nothing)
@bo: @ana hands INC-1 over to you. This was answered.

(nothing)
@ana: The command does not pass to @bo: declined.

(nothing)
@ana: @cy approves in my place until 2026-11-23 06:10:00Z: asleep

@ana: @cy approves in the place of @bo no more: taken back

@ana: @cy approves in the place of @bo no more: the time is over

@ana: Corrected: entry 7 happened at 2026-11-23 02:15:00Z, says: disk is full

@ana: Removed words for good from INC-1#7, RUN-1#3: a password

(nothing)
@ana: Lost in Slack and put back: the incident card, 2 messages

@ana: Slack could not be looked through: not_in_channel

@ana: Jira lost nothing

(nothing)
(nothing)
(nothing)
(nothing)
(nothing)
@ana: Proposal changed: restore_full → restore_partial, because only a part is damaged

Decided: restore_pitr
@ana: the copy is verified
  Proposed               rollback (the change is code)
  Options                rollback, restore_pitr
  Vetoes hit             schema changed
  Overridden             schema changed
  To be contained first  Stop the writers. Every write makes it worse.
  Prices                 restore_pitr: 20 min to 40 min
  Should help by         2026-11-23 02:50:00Z
  • backup_verified: yes
  • cause_known: nobody knows
  • hotfix_eta_minutes: 40

(nothing)
@ana: After restore_pitr: nothing changed

@ana: The reason of restore_pitr is now: the last good state is known

SEV1 INC-1 update #1
  Conditions  Prices are wrong.
  Actions     Restoring.
  Needs       none
2026-11-23 02:22:00Z · next by 2026-11-23 02:41:00Z · by @ana · for responders

@ana: update #2 was promised for 2026-11-23 02:41:00Z and did not come.
  [Post it now]  update inc:INC-1 …

(nothing)
(nothing)
(nothing)
(nothing)
@ana: T1 is done: it lags

@ana: T1 is done

(nothing)
(nothing)
(nothing)
(nothing)
(nothing)
(nothing)
A copy could be made ready now: it changes nothing and needs no approval. But it has to be known:
        Which release was good?
  [Plan checkout-restore]  plan checkout-restore

INC-1 is resolved: Orders are wrong
  Service      Orders are right.
  Data         14 min lost.
  Resolved     2026-11-23 02:22:00Z by @ana
  Post-mortem  @ana writes it

INC-1 is closed: Orders are wrong
  Did backup availability affect the outcome?  helped
  Did recovery speed affect the outcome?       no
  Closed                                       2026-11-23 02:22:00Z by @ana: copy every 15 min

INC-1 was a false alarm: Orders are wrong
  What it was  a test order
  Closed       2026-11-23 02:22:00Z by @ana

INC-1 was merged into INC-9: Orders are wrong
  Why     the same release
  Go on   in INC-9, in #inc-9-prices (https://chat.example/C9)
  Merged  2026-11-23 02:22:00Z by @ana

INC-1 was merged into INC-9: Orders are wrong
  Why     the same release
  Go on   in INC-9
  Merged  2026-11-23 02:22:00Z by @ana

INC-4 (Payments fail) is the same event and goes on here: the same release. Who worked on it: @bo,
        @cy.

@ana: INC-4 goes on by itself again: the provider is down

@ana: Reopened: prices are wrong again

(nothing)
The record of INC-1 does not reach jira: The token is over.
Nothing waits for it, and the files have everything. Once it is mended: postmortem INC-1

The record of INC-1 does not reach jira: Jira cannot be reached.
Nothing waits for it: the files have everything, and it follows by itself.

The record of INC-1 reaches jira again.

(nothing)
@ana: The change that led to it is OPS-12

@ana: No change led to it

@ana: PagerDuty #7 (https://pd.example/incidents/Q1) was opened: who is on call for the service is
        paged

@ana: Page dba, @cy: the copy has to be looked at

@ana: PagerDuty: acknowledged the page

@ana: PagerDuty: Dana: resolved it there; here it goes on until somebody says `resolve`

@ana: PagerDuty: bo is asked to come

@ana: PagerDuty: somebody answered

@ana: PagerDuty: the disk is full

@ana: PagerDuty: unheard of

(nothing)
(nothing)
(nothing)
Customers are told E14 (https://status.example/p1) (identified) by Statuspage.

Customers are told E14 (resolved) by the webhook of the status page.

E14 has not reached Statuspage yet: Statuspage answered 503.
It is tried again by itself. To post it yourself instead, say `publish drop E14` first.

E14 did not reach elsewhere: it is gone.
It is not tried again. Mend that and `publish` anew, or post it there yourself.

@ana: Paged: dba, @cy

@ana: Not paged: PagerDuty knows nobody with the e-mail of @cy. Call them yourselves
""")


def test_what_the_thread_of_a_run_reads_about_each_event() -> None:
    told = [(stream, event) for stream, event in SAMPLES if stream.startswith("run")]
    assert "\n".join(about(event, stream) for stream, event in told) == snapshot("""\
(nothing)
The plan of RUN-1 changed, it is now 19b6fb07. Earlier approvals are void and are asked for again.
  • inputs.target-time: 02:04 → 02:03

@ana: RUN-1 could not be planned: the playbook is gone

RUN-1 makes a checked copy ready beside , because @bo asked for it. It changes nothing and needs no
        approval; it is removed 2026-11-23 03:10:00Z unless the run is started before.
  [Stop preparing]  discard RUN-1 why:"…"

@ana: No copy is made ready any more: RUN-2 goes on with its copy

(nothing)
(nothing)
The glass was broken. @ana as commander let overwrite-orders pass alone: nobody answers. The post-
        mortem looks at it. @ana

@ana: @ana rejected RUN-1.overwrite-orders: wrong copy
  [Ask again]  start RUN-1

@ana: Took back the approval of overwrite-orders: looked again

@ana: the approvals of RUN-1.overwrite-orders ran out of time; it is not approved.
  [Ask again]  start RUN-1

(nothing)
The point of no return is passed: RUN-1 begins S2 Put orders back, attempt 1.

(nothing)
(nothing)
(nothing)
(nothing)
(nothing)
@ana: Another attempt of restore was asked for with target-time=02:03: disk was emptied

@ana: Attempt 2 of restore may begin; before it: failed: disk full

@ana: restore was skipped: not needed

@ana: restore was done by hand; evidence: https://x.example/1: faster

@ana: restore is said to be done by hand; evidence: https://x.example/1; its checks are asked

(nothing)
@ana: Undo back to stop-writers was asked for: wrong path

@ana: RUN-1 is paused. held by ana

@ana: RUN-1 is paused. wait for the lawyers

@ana: Everybody has 2 min to object before each step that destroys data

@ana: Nobody is asked for objections any more

S2 Put orders back destroys data and begins 2026-11-23 02:23:00Z unless somebody objects. Who says
        nothing agrees.

@ana: @cy objects to RUN-1: the copy is older than the campaign. It waits until the commander has
        decided.

@ana: Resumed; the objection of cy is over: the campaign is in it

@ana: Resumed, passing FRZ-2: looked at it

@ana: Still paused: overwrite is approved; it waits for this: wait for the lawyers

@ana: Abort was asked for: another way

RUN-1 is aborted. It leaves:
writers stopped

✓ RUN-1 recovered. Every blocking end check passed.

✓ RUN-1 recovered. Every blocking end check passed.

@ana: The rows of orders that restore left in its kept copy were asked for

@ana: restore left behind 7 rows that are nowhere else and 3 that differ, in 4 tables compared.
  • orders: 5 rows that are nowhere else and 3 that differ
  • lines could not be read: the page is damaged
  • 2 more rows in other tables, see the manifest
The files lie on local in /kept/s, see manifest.json there.

@ana: what restore kept could not be compared: it was dropped since. Nothing was changed.

@ana: Alerts with {service="orders"} or {instance="db-1"} are to be silent until 2026-11-23
        03:10:00Z: it is stopped

Alerts with {service="orders"} are silent until 2026-11-23 03:10:00Z at the latest
  [Let alerts be heard]  silence end RUN-1

Alertmanager does not do what it is asked: Alertmanager cannot be reached.
It is tried again by itself, and RUN-1 goes on all the same.

Alertmanager does what it is asked again

@ana: Its alerts are to be heard again: nobody knew

@ana: Its alerts are to be heard again

Alerts with {service="orders"} are no longer silent: the run is over

Alerts with {service="orders"} are no longer silent: somebody wants them heard

Alerts with {service="orders"} are no longer silent: its time is over

Alerts with {service="orders"} are no longer silent: somebody ended it in Alertmanager
It is not put back. `silence RUN-1 for:1h why:"…"` does that.
""")


def test_what_people_read_about_freezes() -> None:
    told = [(stream, event) for stream, event in SAMPLES if stream.startswith("freeze")]
    assert "\n".join(about(event, stream) for stream, event in told) == snapshot("""\
FRZ-1: changes are frozen
  Stops          every change of checkout in every environment
  Why            restoring
  Ends           when a person lifts it, next look at 2026-11-23 03:10:00Z
  Placed         2026-11-23 02:22:00Z by @ana
  Still allowed  everything outside that scope
  Exception      one sha, two people, at most 2 h: freeze allow FRZ-1 service@sha why:"…"

@backstop: FRZ-1 still stops deploy of checkout in production (RUN-1 restores orders), since
        2026-11-23 02:18:00Z. Is it still needed? It stays until somebody lifts it.
  [Keep it]  freeze extend FRZ-1 for:2h why:"…"
  [Lift it]  freeze off FRZ-1 why:"…"

@ana on FRZ-1: The freeze is kept; next look at 2026-11-23 04:10:00Z: still restoring

@ana on FRZ-1: The freeze stays, and is of INC-9 now: INC-1 was merged into INC-9

@ana on FRZ-1: Freeze lifted: recovered

@ana asks to let checkout@abc1234 through FRZ-1 until 2026-11-23 03:40:00Z: the hotfix. Somebody
        else must agree.
  [Grant]  freeze allow FRZ-1 checkout@abc1234

@ana on FRZ-1: Exception granted for checkout@abc1234

Refused: deploy of checkout@abc1234 to production by @ci. FRZ-1 is in force: RUN-1 restores orders.
        An exception for one sha needs two people and lasts at most 2 h.
  [Ask for an exception]  freeze allow FRZ-1 checkout@abc1234 why:"…"

FRZ-1: A deployment of checkout to production passed by exception at abc1234, by @ci.
""")


def test_every_end_is_told_exactly_once() -> None:
    story = restoring()
    spoken = {type(event) for stream, event in SAMPLES if message(story, entry(stream, event))}
    assert spoken >= set(ENDS)
    assert events.TargetReleased not in spoken


def test_every_message_survives_being_stored() -> None:
    story = restoring()
    for stream, event in SAMPLES:
        told = message(story, entry(stream, event))
        if told:
            assert shown(from_json(to_json(told))) == shown(told)  # type: ignore[arg-type]


def test_what_was_redacted_or_belongs_to_nothing_is_not_told() -> None:
    assert message(restoring(), entry("incident/INC-1", None)) is None
    for stream, event in SAMPLES:
        assert said(entry(stream, event), incident=None, run=None, freeze=None) is None


def test_a_pause_that_was_told_as_a_rejection_is_not_told_twice() -> None:
    story = stopped()
    story.in_run(12, events.Rejected(gate=GATE.name, hash=HASH, why="wrong copy"), by="bo")
    paused = story.in_run(12, events.RunPaused(why="bo rejected overwrite-orders", step="restore"))
    assert message(story, paused) is None


def test_a_failure_that_pauses_the_run_is_told_once_with_the_choices() -> None:
    story = restoring()
    failed = story.in_run(16, events.StepFailed(step="restore", attempt=1, because="disk full"))
    paused = story.in_run(16, events.RunPaused(why="Put orders back failed: disk full", step="restore"))
    assert message(story, failed) is None
    told = message(story, paused)
    assert next(button.label for button in buttons(told)) == "Retry"
    assert told is not None
    assert Who("ana", ping=True) in told.blocks[0].line  # type: ignore[union-attr]


def test_a_failure_the_playbook_goes_on_from_is_told() -> None:
    steps = (PLAN.steps[0].model_copy(update={"on_failure": "continue"}), *PLAN.steps[1:])
    story = stopped(PLAN.model_copy(update={"steps": steps}))
    failure = events.StepFailed(step="stop-writers", attempt=1, because="no answer")
    assert about(failure, story=story) == snapshot(
        "S1 Stop checkout failed: no answer. RUN-1 goes on, as the playbook says.\n"
    )
    assert about(failure.model_copy(update={"undo": True}), story=story) == "(nothing)"


def test_the_point_of_no_return_is_told_when_it_is_passed() -> None:
    begun = events.StepStarted(step="restore", attempt=1, key="k")
    assert about(begun, story=approved()) == snapshot(
        "The point of no return is passed: RUN-1 begins S2 Put orders back, attempt 1.\n"
    )
    steps = (PLAN.steps[0], RESTORE.model_copy(update={"no_way_back": False}))
    story = approved(PLAN.model_copy(update={"steps": steps}))
    assert about(begun, story=story) == snapshot("Destructive: RUN-1 begins S2 Put orders back, attempt 1.\n")
    assert about(begun.model_copy(update={"undo": True}), story=story) == "(nothing)"
    assert about(begun.model_copy(update={"step": "stop-writers"}), story=story) == "(nothing)"


def test_the_first_plan_is_a_card_and_a_changed_one_is_told() -> None:
    assert about(events.Planned(plan=PLAN, hash=HASH)) == "(nothing)"
    assert "void" not in about(events.Planned(plan=PLAN, hash=HASH, changes=("x: 1 → 2",)))


def test_without_a_plan_there_is_no_step_to_tell_of() -> None:
    story = Story()
    story.entries = [entry for entry in restoring().entries if type(entry.event).__name__ != "Planned"]
    story.entries = [e for e in story.entries if not e.stream.startswith("run/") or e.seq == 1]
    for event in (
        events.StepSucceeded(step="restore", attempt=1, evidence={"caution": "It was not held."}),
        events.StepStarted(step="restore", attempt=1, key="k"),
        events.StepFailed(step="restore", attempt=1, because="x"),
    ):
        assert about(event, story=story) == "(nothing)"
    assert "RUN-1 recovered" in about(events.RunRecovered(), story=story)
    assert "RUN-1 is paused" in about(events.RunPaused(why="held", step="restore"), story=story)


def test_recovery_is_told_with_the_loss_and_judged() -> None:
    story = restoring()
    story.in_run(50, events.StepSucceeded(step="restore", attempt=1))
    recovered = story.in_run(55, events.RunRecovered())
    assert shown(message(story, recovered)) == snapshot("""\
✓ RUN-1 recovered 1 h 5 min after the impact began; the RTO of 1 h is missed. Every blocking end
        check passed.
  • Good data lost: 14 min (2026-11-23 01:50:00Z to 2026-11-23 02:04:00Z). Within the RPO of 15 min.
  • Later writes discarded: 16 min (2026-11-23 02:04:00Z to 2026-11-23 02:20:00Z).
""")
    alone = said(recovered, incident=None, run=story.run, freeze=None)
    assert shown(alone) == "✓ RUN-1 recovered. Every blocking end check passed.\n"
    glass = events.Approved(gate=GATE.name, hash=HASH, role="commander", break_glass="nobody answers")
    assert "@ana as commander let overwrite-orders pass alone" in shown(
        said(entry("run/RUN-1", glass), incident=None, run=story.run, freeze=None)
    )


def test_what_was_left_out_does_not_look_done_because_the_checks_pass() -> None:
    story = restoring()
    story.in_run(50, events.StepSucceeded(step="restore", attempt=1))
    story.in_run(51, events.StepSkipped(step="ask-finance", why="nobody is awake"), by="ana")
    assert "Not done: S3 Agree with finance was skipped: nobody is awake" in shown(
        message(story, story.in_run(55, events.RunRecovered()))
    )


def test_what_must_be_known_of_a_step_that_succeeded_is_told_then_and_at_the_end() -> None:
    story = restoring()
    unheld = "1a2b was not held."
    done = story.in_run(50, events.StepSucceeded(step="restore", attempt=1, evidence={"caution": unheld}))

    assert shown(message(story, done)) == snapshot(
        "S2 Put orders back succeeded. Look at this: 1a2b was not held.\n"
    )
    assert f"Look at S2 Put orders back: {unheld}" in shown(
        message(story, story.in_run(55, events.RunRecovered()))
    )
    quiet = events.StepSucceeded(step="restore", attempt=1, evidence={"caution": None})
    assert about(quiet, story=story) == "(nothing)"


def test_a_run_that_restored_nothing_is_not_said_to_have_recovered() -> None:
    story = stopped()
    story.in_run(50, events.StepSkipped(step="restore", why="the backup is of another shop"), by="ana")

    told = message(story, story.in_run(55, events.RunRecovered(left_out=("restore",))))

    assert shown(told) == snapshot("""\
RUN-1 is over, and it restored nothing. The end checks passed.
  • Not done: S2 Put orders back was skipped: the backup is of another shop
""")
    assert story.run.state == "ended"
    assert story.run.recovered_at is None
    assert story.run.over


def test_a_run_whose_restore_had_begun_before_it_was_skipped_says_what_may_have_changed() -> None:
    story = restoring()
    story.in_run(49, events.StepFailed(step="restore", attempt=1, because="the disk is full"))
    story.in_run(50, events.StepSkipped(step="restore", why="we repair the rows"), by="ana")

    told = message(story, story.in_run(55, events.RunRecovered(left_out=("restore",))))

    assert shown(told) == snapshot("""\
RUN-1 is over, and no restore came to its end: S2 Put orders back was skipped after an attempt of it
        had begun, which may have changed orders-db: look at its data before it is used. The end
        checks passed.
  • Not done: S2 Put orders back was skipped: we repair the rows
""")


def test_data_put_back_by_hand_is_lost_all_the_same() -> None:
    story = stopped()
    story.in_run(40, events.StepDone(step="restore", evidence="the shell's log"), by="bo")
    assert "Good data lost: 14 min" in shown(message(story, story.in_run(55, events.RunRecovered())))


def test_a_pause_outside_an_incident_still_is_told() -> None:
    paused = entry("run/RUN-1", events.RunPaused(why="held"))
    assert "RUN-1 is paused. held" in shown(said(paused, incident=None, run=restoring().run, freeze=None))


def test_refused_deployments_can_ask_for_an_exception_only_with_a_sha() -> None:
    refused = events.DeploymentRefused(
        service="checkout", environment="production", change="deploy", sha="abc1234", actor="ci"
    )
    story = restoring()
    [button] = buttons(message(story, entry("freeze/FRZ-1", refused)))
    assert (button.line, button.ask) == ("freeze allow FRZ-1 checkout@abc1234", "Why?")
    without = refused.model_copy(update={"sha": ""})
    assert buttons(message(story, entry("freeze/FRZ-1", without))) == []
    asked = events.ExceptionAsked(service="checkout", sha="abc1234", why="the hotfix", expires=at(90))
    [grant] = buttons(message(story, entry("freeze/FRZ-1", asked)))
    assert (grant.label, grant.line) == ("Grant", "freeze allow FRZ-1 checkout@abc1234")


def placed(**more: object) -> str:
    event = events.FreezePlaced.model_validate({"scope": events.Scope(), "why": "launch", **more})
    [line] = [line for line in about(event, "freeze/FRZ-1").splitlines() if line.startswith("  Ends")]
    return line.removeprefix("  Ends").strip()


def test_a_freeze_says_how_it_ends() -> None:
    assert placed() == "when a person lifts it"
    assert placed(review_at=at(60)) == "when a person lifts it, next look at 2026-11-23 03:10:00Z"
    assert placed(lift="with_run", run="RUN-1") == "with RUN-1"
    assert placed(lift="with_run", cause="run") == "with its run"
    assert placed(lift="at_until", until=at(30)) == "by itself at 2026-11-23 02:40:00Z"
    assert placed(lift="at_until") == "when a person lifts it"


def test_what_nobody_reasoned_or_promised_is_said_so() -> None:
    bare = events.Decided(option="wait", why="", proposal="")
    assert about(bare, "incident/INC-1") == snapshot("""\
Decided: wait
@ana gave no reason.
  Proposed  nothing was proposed
  Options   none recorded
""")
    last = events.UpdatePosted(number=2, conditions="c", actions="a", needs="none", next_by=None)
    assert "no further update is promised" in about(last, "incident/INC-1")


def test_an_overdue_update_calls_commander_and_comms() -> None:
    story = restoring()
    story.in_incident(20, events.RoleAssigned(role="comms", person="cy"))
    told = message(story, entry("incident/INC-1", events.UpdateOverdue(number=1, promised=at(15))))
    assert told is not None
    assert {Who("ana", ping=True), Who("cy", ping=True)} <= set(told.blocks[0].line)  # type: ignore[union-attr]


def test_before_anybody_started_it_the_asker_is_told() -> None:
    failed = events.PlanFailed(because="the playbook is gone")
    assert "@ana: RUN-1 could not be planned" in shown(
        said(entry("run/RUN-1", failed), incident=planned().incident, run=planned().run, freeze=None)
    )
