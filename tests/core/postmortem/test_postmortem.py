from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from inline_snapshot import snapshot

from bot.core import events
from bot.core.document import Heading, plain
from bot.core.plan import Plan
from bot.core.postmortem import postmortem
from tests.core.story import (
    DECLARED,
    GATE,
    HASH,
    PLAN,
    SOURCE,
    Story,
    at,
    planned,
    restoring,
    shown,
    started,
    stopped,
    wrapped,
)


def written(story: Story, minute: float, *, freezes: bool = True) -> str:
    runs = [story.run] if story.of("run/RUN-1") else []
    held = [story.freeze] if freezes and story.of("freeze/FRZ-1") else []
    service = [entry for entry in story.entries if entry.stream.startswith("service/")]
    own = [entry for entry in story.entries if entry not in service]
    return plain(postmortem(story.incident, own, runs, held, now=at(minute), beside=service))


def whole() -> Story:
    """Return an incident from its declaration to its close, with all that can deviate."""
    story = stopped()
    story.tell(
        "service/checkout",
        at(-12),
        "ci",
        events.ReleaseRecorded(version="2.4.0", environment="production", migrations=("m7",)),
    )
    story.in_incident(3, events.FactLearnt(name="backup_verified", value=True))
    decided = events.Decided(
        option="restore_pitr",
        why="the copy is verified",
        proposal="rollback",
        possible=("rollback", "restore_pitr"),
        vetoes=("schema changed",),
        overridden=("schema changed",),
    )
    story.in_incident(4, decided)
    story.in_incident(4.5, events.Decided(option="restore_pitr", why="again", proposal="restore_pitr"))
    story.in_incident(5, events.PhaseChanged(phase=events.Phase.RECOVERING, why="RUN-1"))
    posted = events.UpdatePosted(
        number=1, conditions="Prices are wrong.", actions="Restoring.", needs="none", next_by=at(25)
    )
    story.in_incident(10, posted)
    story.in_run(11, events.Approved(gate=GATE.name, hash=HASH, role="dba"), by="bo")
    story.in_run(11.5, events.Withdrawn(gate=GATE.name, why="looked again"), by="bo")
    story.in_run(11.7, events.Rejected(gate=GATE.name, hash=HASH, why="wrong copy"), by="cy")
    story.in_run(11.8, events.GateReopened(gate=GATE.name, expires=at(40)), by="ana")
    glass = events.Approved(gate=GATE.name, hash=HASH, role="commander", break_glass="nobody answers")
    story.in_run(12, glass, by="ana")
    story.in_run(14, events.StepStarted(step="restore", attempt=1, key="k1", token=3))
    story.in_run(16, events.StepFailed(step="restore", attempt=1, because="disk full"))
    story.in_run(16, events.RunPaused(why="Put orders back failed: disk full", step="restore"))
    story.in_run(17, events.RetryAsked(step="restore", why="disk was emptied"), by="bo")
    story.in_run(18, events.AttemptOpened(step="restore", attempt=2, target_said="failed: disk full"))
    story.in_run(18, events.StepStarted(step="restore", attempt=2, key="k2", token=4))
    refused = events.DeploymentRefused(
        service="checkout", environment="production", change="deploy", sha="abc", actor="ci"
    )
    story.in_freeze(20, refused, by="ci")
    story.in_freeze(
        21, events.DeploymentExcepted(service="checkout", environment="production", sha="def", actor="ci")
    )
    story.in_incident(26, events.UpdateOverdue(number=2, promised=at(25)))
    amcheck = events.CheckFound(check="amcheck", step="restore", ok=False, blocking=False, found="2 pages")
    story.in_run(28, amcheck, events.StepSucceeded(step="restore", attempt=2))
    story.in_run(28, events.RunPaused(why="FRZ-2 was placed", step="ask-finance", freeze="FRZ-2"))
    story.in_run(29, events.RunResumed(why="agreed", passes=("FRZ-2",)), by="ana")
    story.in_run(30, events.StepDone(step="ask-finance", evidence="https://x.example/1"), by="cy")
    books = events.CheckFound(check="books", ok=False, blocking=True, found="2 missing")
    shop = events.CheckFound(
        check="place-order", ok=True, blocking=True, found="order 7", evidence={"status": 200}
    )
    story.in_run(31, books, shop)
    story.in_run(31, events.RunRecovered())
    story.in_freeze(31, events.FreezeLifted(why="RUN-1 is recovered"))
    story.in_incident(33, events.SeverityChanged(severity=events.Severity.SEV3, why="prices are right"))
    story.in_incident(
        40, events.IncidentResolved(statement="Orders are right.", data_statement="14 min of orders lost.")
    )
    story.in_incident(
        90, events.IncidentClosed(backup_availability="helped", recovery_speed="slowed", why="see OPS-7")
    )
    return story


def test_every_section_is_filled_from_events() -> None:
    story = whole()
    document = postmortem(story.incident, story.entries, [story.run], [story.freeze], now=at(100))
    assert shown(document) == snapshot("""\
INC-1 post-mortem: Orders are wrong
  Date      2026-11-23 02:10:00Z
  Owner     @ana
  Status    closed
  Severity  SEV3
Times are UTC. Drawn from the timeline 2026-11-23 03:50:00Z.

Summary
checkout in production: Orders are wrong. Resolved 40 min after it was declared. Decided:
        restore_pitr. RUN-1 (Put the orders database back) recovered. Orders are right. Data: 14 min
        of orders lost.

Impact
  Statement              3 % of orders have a wrong price
  Impact began           2026-11-23 02:00:00Z
  Ended                  2026-11-23 02:50:00Z
  Lasted                 50 min
  Time in each severity  SEV1 33 min, SEV3 7 min
  Damage began           2026-11-23 02:04:00Z
  Writers stopped        2026-11-23 02:20:00Z
  Data                   14 min of orders lost.
  • RUN-1: Good data lost: 14 min (2026-11-23 01:50:00Z to 2026-11-23 02:04:00Z). Within the RPO of
        15 min.
  • RUN-1: Later writes discarded: 16 min (2026-11-23 02:04:00Z to 2026-11-23 02:20:00Z).

Trigger
Suspect release: 2.4.0
  • 2026-11-23 01:58:00Z 2.4.0 was put into production by @ci, migrations m7
To be written: what changed, and what made that change harmful here?

Detection
@ana declared it at 2026-11-23 02:10:00Z, 10 min after the impact began.
To be written: what showed it first, and what would have to show it in half that time?

Response
Roles: commander: @ana
  • 2026-11-23 02:15:00Z recovering: RUN-1
Facts as known at the end:
  • backup_verified: yes
To be written: what did responders see, and what did they try before it worked?

Recovery

Decisions
restore_pitr, decided 2026-11-23 02:14:00Z
@ana: the copy is verified
  Proposed    rollback
  Options     rollback, restore_pitr
  Vetoes hit  schema changed
  Overridden  schema changed
  Decided after     4 min from the declaration
  After the impact  14 min
  Recovery          RUN-1 recovered 27 min after it
restore_pitr, decided 2026-11-23 02:14:30Z
@ana: again
  Proposed  restore_pitr
  Options   none recorded
  Decided after     4 min 30 s from the declaration
  After the impact  14 min 30 s
  Recovery          RUN-1 recovered 26 min 30 s after it

Restores
RUN-1 S2 Put orders back
  Backup          orders-0150, copy by sqlite, 1.4 MB
  Finished        2026-11-23 01:50:00Z
  Age at use      14 min (damage start − backup end)
  Verified        2026-11-23 01:55:00Z
  Chosen because  the newest usable one
  Source          orders-copies
  Target          orders-db
  Started         2026-11-23 02:28:00Z
  Took            10 min, 2.3 kB/s, succeeded

Approvals
  Approval                Who   As         Asked                 Said                  Waited
        Note
  RUN-1.overwrite-orders  @bo   dba        2026-11-23 02:18:00Z  2026-11-23 02:21:00Z  3 min
        approved
  RUN-1.overwrite-orders  @bo              2026-11-23 02:18:00Z  2026-11-23 02:21:30Z  3 min 30 s
        withdrawn: looked again
  RUN-1.overwrite-orders  @cy              2026-11-23 02:18:00Z  2026-11-23 02:21:42Z  3 min 42 s
        rejected: wrong copy
  RUN-1.overwrite-orders  @ana  commander  2026-11-23 02:21:48Z  2026-11-23 02:22:00Z  12 s
        broke the glass: nobody answers

Objectives
  • RUN-1: recovered 41 min after the impact began; RTO 1 h: met.
  • RUN-1: 14 min of good data lost from orders-copies. Within the RPO of 15 min.

Steps
  Step                         Attempt  Started               Took    Expected  Outcome
  RUN-1 S1 Stop checkout       1        2026-11-23 02:19:00Z  1 min   1 min     succeeded
  RUN-1 S2 Put orders back     1        2026-11-23 02:24:00Z  2 min   10 min    failed: disk full
  RUN-1 S2 Put orders back     2        2026-11-23 02:28:00Z  10 min  10 min    succeeded
  RUN-1 S3 Agree with finance  none     not started                   5 min     done by hand:
        https://x.example/1

Freezes
  FRZ-1        deploy of checkout in production: RUN-1 restores orders
  From         2026-11-23 02:18:00Z by @backstop
  To           2026-11-23 02:41:00Z by @backstop, after 23 min
  Deployments  1 refused, 1 passed by exception
  • 2026-11-23 02:30:00Z @ci Refused a deployment of checkout to production by ci at abc
  • 2026-11-23 02:31:00Z @backstop A deployment of checkout to production passed by exception at def

Deviations from the plan
  • 2026-11-23 02:14:00Z @ana Decided: restore_pitr, going over schema changed: the copy is verified
  • 2026-11-23 02:22:00Z @ana Broke the glass at overwrite-orders as commander: nobody answers
  • 2026-11-23 02:26:00Z @backstop Paused: Put orders back failed: disk full
  • 2026-11-23 02:27:00Z @bo Another attempt of restore was asked for: disk was emptied
  • 2026-11-23 02:28:00Z @backstop Attempt 2 of restore may begin; before it: failed: disk full
  • 2026-11-23 02:38:00Z @backstop Paused: FRZ-2 was placed
  • 2026-11-23 02:39:00Z @ana Resumed, passing FRZ-2: agreed
  • 2026-11-23 02:40:00Z @cy ask-finance was done by hand; evidence: https://x.example/1

Verification
  Check        Of                        Result  Found
  amcheck      RUN-1 S2 Put orders back  warned  2 pages
  books        RUN-1, at the end         failed  2 missing
  place-order  RUN-1, at the end         passed  order 7 (status=200)

Backups and the outcome
  Did backup availability affect the outcome?  helped; nobody said by how much
  Did recovery speed affect the outcome?       slowed; nobody said by how much
see OPS-7

Updates
  #  Posted                By    Conditions         Actions     Needs  Next promised
  1  2026-11-23 02:20:00Z  @ana  Prices are wrong.  Restoring.  none   2026-11-23 02:35:00Z (in 15
        min)
  • #2 was promised for 2026-11-23 02:35:00Z and did not come

What went well
To be written: What worked as rehearsed, and what made the recovery faster than planned?

What went badly
To be written: Where did the recovery wait, go back, or need something that nobody had prepared?

Where there was luck
To be written: Which path worked although nobody had rehearsed it?

Action items
To be written: What else will change, who owns it, and by when? `action "…" @name due:14d` adds one.

Metrics
  Metric                                       Formula
        Value
  TTD                                          detected − impact start
        cannot say: nobody said when it was detected
  TTA                                          acknowledged − detected
        cannot say: nobody said when it was detected; no page was acknowledged, and nobody said when
        somebody took it on
  TTDeclare                                    declared − detected
        cannot say: nobody said when it was detected
  Time to first update                         first update − declared
        10 min
  Time to public notice                        first status − detected
        cannot say: nobody said when it was detected; customers were told nothing through a status
        page
  TTDecide                                     first effective decision − acknowledged
        cannot say: no page was acknowledged, and nobody said when somebody took it on
  Other decisions 2, restore_pitr              decision − acknowledged
        cannot say: no page was acknowledged, and nobody said when somebody took it on
  Time to contain                              writers stopped − detected
        cannot say: nobody said when it was detected
  Time to approve RUN-1.overwrite-orders       last approval − asked for
        12 s
  TTM                                          mitigated − impact start
        41 min
  TTR                                          end checks passed − impact start
        41 min
  Execution time RUN-1                         end checks passed − run started
        23 min
  RTO achieved                                 TTR against the RTO
        41 min; target 1 h: met
  RPO achieved orders-copies                   damage start − recovery point, against the RPO
        14 min; target 15 min: met
  Writes discarded orders-copies               writers stopped − damage start
        16 min
  Backup age at use RUN-1 orders-copies        damage start − backup end
        14 min
  Backup verification age RUN-1 orders-copies  restore decided − last verified
        19 min 30 s
  Restore duration RUN-1                       restore verified − restore started
        13 min
  Drill ratio RUN-1                            restore duration ÷ that of the last drill, per byte
        cannot say: no drill of the playbook came to its end before
  Failed first action                          next decision, or seen to fail − first decision
        cannot say: nobody said whether it worked
  Failed attempts                              time spent in them
        2 min (1 attempt)
  Failed deployment recovery time              end checks passed − deployed
        43 min

Timeline
  UTC                   Who        Event
        Source
  2026-11-23 01:58:00Z  @ci        Release 2.4.0 was put into production
        checkout#1 in Slack
  2026-11-23 02:10:00Z  @ana       Declared SEV1: Orders are wrong; commander @ana
        INC-1#1 in Slack
  2026-11-23 02:12:00Z  @ana       Impact: 3 % of orders have a wrong price; damage began 2026-11-23
        02:04:00Z  INC-1#2 in Slack
  2026-11-23 02:13:00Z  @ana       Fact backup_verified: yes
        INC-1#5 in Slack
  2026-11-23 02:14:00Z  @ana       Decided: restore_pitr, going over schema changed: the copy is
        verified  INC-1#6 in Slack
  2026-11-23 02:14:30Z  @ana       Decided: restore_pitr: again
        INC-1#7 in Slack
  2026-11-23 02:15:00Z  @ana       RUN-1 was planned from checkout-restore
        INC-1#3 in Slack
  2026-11-23 02:15:00Z  @ana       Phase is now recovering: RUN-1
        INC-1#8 in Slack
  2026-11-23 02:15:00Z  @ana       A plan was asked for: checkout-restore for checkout in production
        RUN-1#1 in Slack
  2026-11-23 02:16:00Z  @backstop  Planned, hash 19b6fb07
        RUN-1#2 in Slack
  2026-11-23 02:18:00Z  @backstop  Frozen: deploy of checkout in production: RUN-1 restores orders
        FRZ-1#1 in Slack
  2026-11-23 02:18:00Z  @ana       Started with plan 19b6fb07, FRZ-1 placed
        RUN-1#3 in Slack
  2026-11-23 02:19:00Z  @backstop  stop-writers started, attempt 1
        RUN-1#4 in Slack
  2026-11-23 02:20:00Z  @backstop  Nothing writes to the damaged data since 2026-11-23 02:20:00Z
        (RUN-1)  INC-1#4 in Slack
  2026-11-23 02:20:00Z  @ana       Update #1: Prices are wrong.
        INC-1#9 in Slack
  2026-11-23 02:20:00Z  @backstop  stop-writers succeeded
        RUN-1#5 in Slack
  2026-11-23 02:21:00Z  @bo        Approved overwrite-orders as dba, plan 19b6fb07
        RUN-1#6 in Slack
  2026-11-23 02:21:30Z  @bo        Took back the approval of overwrite-orders: looked again
        RUN-1#7 in Slack
  2026-11-23 02:21:42Z  @cy        Rejected overwrite-orders: wrong copy
        RUN-1#8 in Slack
  2026-11-23 02:21:48Z  @ana       Approvals of overwrite-orders are asked for again, until
        2026-11-23 02:50:00Z  RUN-1#9 in Slack
  2026-11-23 02:22:00Z  @ana       Broke the glass at overwrite-orders as commander: nobody answers
        RUN-1#10 in Slack
  2026-11-23 02:24:00Z  @backstop  restore started, attempt 1
        RUN-1#11 in Slack
  2026-11-23 02:26:00Z  @backstop  restore failed: disk full
        RUN-1#12 in Slack
  2026-11-23 02:26:00Z  @backstop  Paused: Put orders back failed: disk full
        RUN-1#13 in Slack
  2026-11-23 02:27:00Z  @bo        Another attempt of restore was asked for: disk was emptied
        RUN-1#14 in Slack
  2026-11-23 02:28:00Z  @backstop  Attempt 2 of restore may begin; before it: failed: disk full
        RUN-1#15 in Slack
  2026-11-23 02:28:00Z  @backstop  restore started, attempt 2
        RUN-1#16 in Slack
  2026-11-23 02:30:00Z  @ci        Refused a deployment of checkout to production by ci at abc
        FRZ-1#2 in Slack
  2026-11-23 02:31:00Z  @backstop  A deployment of checkout to production passed by exception at def
        FRZ-1#3 in Slack
  2026-11-23 02:36:00Z  @ana       The update promised for 2026-11-23 02:35:00Z did not come
        INC-1#10 in Slack
  2026-11-23 02:38:00Z  @backstop  Check amcheck warns: 2 pages
        RUN-1#17 in Slack
  2026-11-23 02:38:00Z  @backstop  restore succeeded
        RUN-1#18 in Slack
  2026-11-23 02:38:00Z  @backstop  Paused: FRZ-2 was placed
        RUN-1#19 in Slack
  2026-11-23 02:39:00Z  @ana       Resumed, passing FRZ-2: agreed
        RUN-1#20 in Slack
  2026-11-23 02:40:00Z  @cy        ask-finance was done by hand; evidence: https://x.example/1
        RUN-1#21 (https://x.example/1) in Slack
  2026-11-23 02:41:00Z  @backstop  Freeze lifted: RUN-1 is recovered
        FRZ-1#4 in Slack
  2026-11-23 02:41:00Z  @backstop  Check books failed: 2 missing
        RUN-1#22 in Slack
  2026-11-23 02:41:00Z  @backstop  Check place-order passed: order 7
        RUN-1#23 in Slack
  2026-11-23 02:41:00Z  @backstop  Recovered: every blocking end check passed
        RUN-1#24 in Slack
  2026-11-23 02:43:00Z  @ana       Severity is now SEV3: prices are right
        INC-1#11 in Slack
  2026-11-23 02:50:00Z  @ana       Resolved: Orders are right. Data: 14 min of orders lost.
        INC-1#12 in Slack
  2026-11-23 03:40:00Z  @ana       Closed (backup availability: helped; recovery speed: slowed): see
        OPS-7  INC-1#13 in Slack
""")


def test_the_sections_stand_in_their_order() -> None:
    story = Story()
    story.in_incident(0, DECLARED)
    document = postmortem(story.incident, story.entries, [], [], now=at(1))
    titles = [block.text for block in document.blocks if isinstance(block, Heading) and block.level == 2]
    assert titles == snapshot(
        [
            "Summary",
            "Impact",
            "Trigger",
            "Detection",
            "Response",
            "Recovery",
            "Backups and the outcome",
            "Updates",
            "What went well",
            "What went badly",
            "Where there was luck",
            "Action items",
            "Metrics",
            "Timeline",
        ]
    )


def test_what_is_not_known_is_said_and_not_invented() -> None:
    story = Story()
    story.in_incident(0, DECLARED.model_copy(update={"impact_start": None, "release": None}))
    text = written(story, 5)
    missing = "nobody stated when the impact began; nobody said when it was detected"
    assert value_of(text, "TTD ") == f"cannot say: {missing}"
    assert wrapped(text) == snapshot("""\
INC-1 post-mortem: Orders are wrong
  Date      2026-11-23 02:10:00Z
  Owner     @ana
  Status    draft, the incident is open
  Severity  SEV1
Times are UTC. Drawn from the timeline 2026-11-23 02:15:00Z.

Summary
checkout in production: Orders are wrong. Open for 5 min.

Impact
  Statement              Nobody stated the impact.
  Impact began           not known
  Ended                  not known
  Lasted                 cannot be said: nobody stated when the impact began
  Time in each severity  SEV1 5 min
  Damage began           not known
  Writers stopped        not known

Trigger
To be written: what changed, and what made that change harmful here?

Detection
@ana declared it at 2026-11-23 02:10:00Z.
To be written: what showed it first, and what would have to show it in half that time?

Response
Roles: commander: @ana
To be written: what did responders see, and what did they try before it worked?

Recovery

Decisions
No decision was recorded.

Restores
No data was restored.

Approvals
Nobody approved or rejected anything.

Objectives
RTO and RPO cannot be judged: no run recovered the service.

Steps
No step was carried out.

Freezes
Nothing was frozen.

Deviations from the plan
No run was started.

Verification
No check was carried out.

Backups and the outcome
  Did backup availability affect the outcome?  open question, to be answered at close: no, helped,
        slowed, lost data or failed
  Did recovery speed affect the outcome?       open question, to be answered at close: no, helped,
        slowed, lost data or failed

Updates
No update was posted.

What went well
To be written: What worked as rehearsed, and what made the recovery faster than planned?

What went badly
To be written: Where did the recovery wait, go back, or need something that nobody had prepared?

Where there was luck
To be written: Which path worked although nobody had rehearsed it?

Action items
To be written: What else will change, who owns it, and by when? `action "…" @name due:14d` adds one.

Metrics
  Metric                 Formula                                          Value
  TTD                    detected − impact start                          cannot say: nobody stated
        when the impact began; nobody said when it was detected
  TTA                    acknowledged − detected                          cannot say: nobody said
        when it was detected; no page was acknowledged, and nobody said when somebody took it on
  TTDeclare              declared − detected                              cannot say: nobody said
        when it was detected
  Time to first update   first update − declared                          cannot say: no update was
        posted
  Time to public notice  first status − detected                          cannot say: nobody said
        when it was detected; customers were told nothing through a status page
  TTDecide               first effective decision − acknowledged          cannot say: no page was
        acknowledged, and nobody said when somebody took it on; no decision was recorded
  Time to contain        writers stopped − detected                       cannot say: nobody said
        when it was detected; writers were not stopped
  TTM                    mitigated − impact start                         cannot say: nobody stated
        when the impact began; nobody said when the impact was mitigated
  TTR                    end checks passed − impact start                 cannot say: nobody stated
        when the impact began; no run recovered the service
  RTO achieved           TTR against the RTO                              cannot say: nobody stated
        when the impact began; no run recovered the service
  RPO achieved           damage start − recovery point, against the RPO   cannot say: no run
        recovered the service
  Backup age at use      damage start − backup end                        no backup was used
  Failed first action    next decision, or seen to fail − first decision  cannot say: no decision
        was recorded
  Failed attempts        time spent in them                               no run was started

Timeline
  UTC                   Who   Event                                            Source
  2026-11-23 02:10:00Z  @ana  Declared SEV1: Orders are wrong; commander @ana  INC-1#1 in Slack
""")


def value_of(text: str, metric: str) -> str:
    [line] = [line for line in text.split("Metrics\n")[1].splitlines() if line.strip().startswith(metric)]
    return line.split("  ")[-1].strip()


def test_the_two_questions_stay_open_until_the_incident_is_closed() -> None:
    assert "open question, to be answered at close" in written(restoring(), 20)
    story = whole()
    assert "Did backup availability affect the outcome?  helped" in written(story, 100)
    story.in_incident(95, events.IncidentReopened(why="again"))
    story.in_incident(96, events.IncidentClosed(backup_availability="no", recovery_speed="no"))
    assert "see OPS-7" not in written(story, 100).split("Updates")[0].split("Backups and the outcome")[1]


def test_the_answers_say_by_how_much_and_what_shows_it() -> None:
    story = Story()
    story.in_incident(0, DECLARED)
    link = "https://graphs.example/7"
    closed = events.IncidentClosed(
        backup_availability="helped",
        recovery_speed="slowed",
        availability_minutes=90,
        availability_evidence=link,
    )
    story.in_incident(5, closed)
    text = written(story, 10)
    assert f"Did backup availability affect the outcome?  helped, by 1 h 30 min ({link})" in text
    assert "slowed; nobody said by how much" in text
    assert "Closed (backup availability: helped, by 1 h 30 min; recovery speed: slowed)" in text


def test_an_alert_is_told_with_the_detection_for_which_it_counts() -> None:
    story = Story()
    story.in_incident(0, DECLARED.model_copy(update={"alerted": at(-4)}))
    fired = "The alert from which it was declared began to fire at 2026-11-23 02:06:00Z"
    counts = ", which counts as when it was detected: nobody said otherwise."
    assert f"{fired}{counts}" in written(story, 10)
    story.in_incident(1, events.ImpactStated(detected=at(-6)))
    assert f"{fired}; it was detected at 2026-11-23 02:04:00Z, as was said." in written(story, 10)


def test_a_long_incident_keeps_its_hours() -> None:
    story = Story()
    story.in_incident(0, DECLARED)
    story.in_incident(26 * 60 + 5, events.IncidentResolved(statement="Back.", data_statement="None lost."))
    text = written(story, 3_000)
    assert "Resolved 26 h 5 min after it was declared." in text
    assert "Lasted                 26 h 15 min" in text
    assert "Status    to be reviewed" in text


def test_a_missed_rto_says_by_how_much() -> None:
    story = restoring()
    story.in_run(50.5, events.RunRecovered())
    assert "recovered 1 h 30 s after the impact began; RTO 1 h: missed by 30 s." in written(story, 60)


def test_a_recovery_that_did_not_last_is_named_where_the_objectives_cannot_be_judged() -> None:
    story = restoring()
    story.in_run(30, events.RunRecovered())
    story.in_incident(40, events.IncidentReopened(why="totals wrong again"))
    assert (
        "RTO and RPO cannot be judged: it was opened again after RUN-1 recovered, and no run recovered the "
        "service since." in written(story, 60)
    )


def recovered(plan: Plan, *, impact: bool = True, damage: bool = True) -> str:
    story = restoring(plan)
    if not impact:
        first = story.entries[0]
        event = DECLARED.model_copy(update={"impact_start": None})
        story.entries[0] = type(first)(
            first.stream, 1, first.occurred_at, first.recorded_at, "ana", "slack", event
        )
    if not damage:
        story.entries = [entry for entry in story.entries if not isinstance(entry.event, events.ImpactStated)]
    story.in_run(24, events.StepSucceeded(step="restore", attempt=1))
    story.in_run(30, events.RunRecovered())
    return written(story, 60)


def test_objectives_that_cannot_be_judged_say_why() -> None:
    assert "RTO cannot be judged: nobody stated when the impact began." in recovered(PLAN, impact=False)
    assert "recovered 40 min after the impact began; no RTO is set." in recovered(
        PLAN.model_copy(update={"rto_s": None})
    )
    unknown = recovered(PLAN, damage=False)
    assert "RPO of orders-copies cannot be judged: nobody stated when the damage began." in unknown
    assert "Age at use      cannot be said: damage start unknown" in unknown
    none = PLAN.model_copy(update={"sources": (SOURCE.model_copy(update={"point": None}),)})
    assert "RPO of orders-copies cannot be judged: no recovery point was chosen." in recovered(none)


def test_a_backup_nobody_measured_or_verified_says_so() -> None:
    bare = replace(SOURCE.point, size=None, verified_at=None)  # type: ignore[type-var]
    text = recovered(PLAN.model_copy(update={"sources": (SOURCE.model_copy(update={"point": bare}),)}))
    assert "copy by sqlite, size not known" in text
    assert "Verified        not known" in text
    assert value_of(text, "Backup verification age") == (
        "cannot say: nobody verified it; no decision to restore was recorded before it"
    )


def test_a_run_that_put_back_no_data_lost_none() -> None:
    assert "RUN-1: Good data lost" in recovered(PLAN)
    assert "RUN-1: Good data lost" not in recovered(PLAN.model_copy(update={"sources": ()}))


def test_an_attempt_that_still_acts_has_no_length() -> None:
    assert "acts" in written(restoring(), 20)


def test_a_step_that_was_left_out_was_never_started() -> None:
    story = started()
    story.in_run(9, events.StepSkipped(step="stop-writers", why="already stopped"), by="ana")
    assert "not started" in written(story, 20)
    assert "skipped: already stopped" in written(story, 20)


def test_a_step_that_went_well_with_a_caution_tells_it() -> None:
    story = restoring()
    story.in_run(
        24, events.StepSucceeded(step="restore", attempt=1, evidence={"caution": "It was not held."})
    )
    text = written(story, 30)
    assert "succeeded: It was not held." in text
    assert "restore succeeded: It was not held." in text


def test_undone_and_doubtful_attempts_are_told() -> None:
    story = stopped()
    story.in_run(12, events.StepStarted(step="stop-writers", attempt=1, key="u", undo=True))
    story.in_run(13, events.StepSucceeded(step="stop-writers", attempt=1, undo=True))
    story.in_run(14, events.StepStarted(step="restore", attempt=1, key="k"))
    story.in_run(15, events.StepInDoubt(step="restore", attempt=1, because="the host is gone"))
    text = written(story, 20)
    assert "undo of S1 Stop checkout" in text
    assert "in doubt: the host is gone" in text
    assert value_of(text, "Failed attempts") == "1 min (1 attempt)"


def test_a_freeze_that_ended_by_itself_or_stands_says_so() -> None:
    story = Story()
    story.in_incident(0, DECLARED)
    story.in_freeze(1, events.FreezePlaced(scope=events.Scope(), why="launch", lift="at_until", until=at(30)))
    assert "still in force, 10 min so far" in written(story, 11)
    assert "2026-11-23 02:40:00Z, by itself" in written(story, 40)


def test_a_plan_that_changed_is_a_deviation() -> None:
    story = started()
    changed = events.Planned(
        plan=PLAN, hash="other", changes=("inputs.x: 1 → 2",), expires={GATE.name: at(40)}
    )
    story.in_run(10, changed)
    story.in_run(13, events.Approved(gate=GATE.name, hash="other", role="dba"), by="bo")
    text = written(story, 20)
    assert "changed: inputs.x: 1 → 2" in text
    assert "RUN-1.overwrite-orders  @bo  dba  2026-11-23 02:20:00Z  2026-11-23 02:23:00Z  3 min" in text


def test_a_run_that_was_only_planned_is_no_recovery() -> None:
    assert "No data was restored." in written(planned(), 10)


def test_an_answer_to_a_gate_that_was_never_asked_for_has_no_wait() -> None:
    story = planned()
    story.in_run(8, events.RunStarted(hash=HASH))
    yes = events.Approved(gate=GATE.name, hash=HASH, role="dba")
    told: Sequence[events.Entry] = [*story.entries, story.tell("run/RUN-1", at(9), "bo", yes)]
    story.entries.pop()
    text = plain(postmortem(story.incident, told, [story.run], [], now=at(10)))
    assert "not known" in text.split("Approvals")[1].split("Objectives")[0]


def test_what_was_told_later_stands_where_it_happened() -> None:
    story = restoring()
    story.tell(
        "incident/INC-1",
        at(1),
        "bo",
        events.NoteAdded(text="replica lagged"),
        told=at(30) + timedelta(seconds=1),
    )
    table = written(story, 40).split("Timeline")[1]
    assert table.index("replica lagged") < table.index("RUN-1 was planned")
    assert "(told later)" in table


def test_a_run_that_restores_nothing_gives_nothing_up() -> None:
    plan = PLAN.model_copy(update={"steps": PLAN.steps[:1]})
    assert "Good data lost" not in written(started(plan), 20)


def test_an_update_that_promises_nothing_says_none() -> None:
    story = started()
    last = events.UpdatePosted(number=1, conditions="Over.", actions="None.", needs="none", next_by=None)
    story.in_incident(20, last)
    assert "Over.       None.    none   none" in written(story, 21).split("Updates")[1]


def test_a_step_the_plan_does_not_know_is_told_by_its_id() -> None:
    story = started()
    story.in_run(9, events.StepDone(step="ghost", evidence="seen"), by="cy")
    assert "RUN-1 ghost" in written(story, 20)


def test_what_was_said_to_be_done_by_hand_is_told_with_what_its_checks_said() -> None:
    story = started()
    story.in_run(9, events.StepDone(step="stop-writers", evidence="seen", unproved=True), by="cy")
    story.in_run(10, events.StepProved(step="stop-writers", attempt=1))
    steps = " ".join(written(story, 20).split())
    assert "said to be done by hand: seen" in steps
    assert "done by hand: its checks passed" in steps


def test_the_releases_it_may_be_about_are_named() -> None:
    story = stopped()

    def put_out(version: str, minute: float, environment: str = "production", **more: str) -> None:
        release = events.ReleaseRecorded(version=version, environment=environment, **more)
        story.tell("service/checkout", at(minute), "ci", release)

    put_out("2.2.0", -900)
    put_out("2.4.0", -600, commit="b77c0de", strategy="rolling")
    put_out("2.3.9", -500)
    put_out("2.4.1", -12)
    put_out("9.9.9", -11, "staging")
    put_out("2.4.2", 3)
    trigger = written(story, 60).partition("Trigger")[2].partition("Detection")[0]
    assert trigger == snapshot("""\

Suspect release: 2.4.0
  • 2026-11-22 16:10:00Z 2.4.0 was put into production by @ci, commit b77c0de, rolling
  • 2026-11-23 01:58:00Z 2.4.1 was put into production by @ci
  • 2026-11-23 02:13:00Z 2.4.2 was put into production by @ci
To be written: what changed, and what made that change harmful here?

""")
    story.in_incident(20, events.IncidentResolved(statement="Right.", data_statement="none"))
    put_out("2.5.0", 30)
    assert "2.5.0" not in written(story, 60)


def test_what_came_of_a_decision_is_said() -> None:
    story = stopped()
    story.in_incident(4, events.Decided(option="restore_pitr", why="again", proposal="restore_pitr"))
    text = written(story, 60)
    assert "Recovery          no run recovered the service after it" in text
    assert "Observed" not in text
    story.entries[0] = replace(story.entries[0], event=DECLARED.model_copy(update={"impact_start": None}))
    assert "After the impact" not in written(story, 60)


def test_a_decision_tells_who_knew_what_then_how_long_it_took_and_what_was_seen_of_it() -> None:
    story = stopped()
    story.in_incident(3, events.FactLearnt(name="cause_known", value=False), by="bo")
    facts = {"cause_known": False, "data_scope": "rows"}
    made = story.in_incident(
        5, events.Decided(option="code_rollback", why="the release", proposal="ask", facts=facts)
    )
    story.in_incident(6, events.FactLearnt(name="cause_known", value=True), by="cy")
    seen = events.EffectObserved(decision=made.seq, option="code_rollback", outcome="no_change")
    story.in_incident(20, seen, by="bo")
    said = events.ReasonStated(decision=made.seq, option="code_rollback", why="2.4.0 writes wrong totals")
    story.in_incident(25, said, by="bo")
    text = written(story, 60)
    assert "@ana: the release\n" in text
    assert "@bo said the reason anew 2026-11-23 02:35:00Z: 2.4.0 writes wrong totals\n" in text
    assert "  Decided after     5 min from the declaration\n  After the impact  15 min\n" in text
    assert "  Observed          nothing changed (refuted), @bo 2026-11-23 02:30:00Z\n" in text
    assert "  • cause_known: no (@bo, 2026-11-23 02:13:00Z, 2 min ago)\n  • data_scope: rows\n" in text
