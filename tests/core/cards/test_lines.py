from __future__ import annotations

from inline_snapshot import snapshot

from bot.core import events
from bot.core.cards import describe
from bot.core.cards.lines.freezes import in_scope
from bot.core.document import say
from bot.core.events import Event
from tests.core.everything import SAMPLES, entry, kinds
from tests.core.story import HASH, PLAN, at, wrapped


def line(event: Event | None, stream: str = "incident/INC-1") -> str:
    return say(describe(entry(stream, event)))


def test_there_is_a_sample_of_every_event() -> None:
    assert {type(event) for _, event in SAMPLES} == kinds()


def test_every_event_is_told_in_one_line() -> None:
    assert wrapped(*(line(event, stream) for stream, event in SAMPLES)) == snapshot("""\
Declared SEV1: Orders are wrong; commander @ana
Talked about in #inc-1 (https://chat.example/C1)
Severity is now SEV2: fewer orders
Phase is now recovering
@bo took the role ops
Impact: wrong prices; impact began 2026-11-23 02:00:00Z; damage began 2026-11-23 02:04:00Z
Nothing writes to the damaged data since 2026-11-23 02:20:00Z (RUN-1)
Writers write again: RUN-1 started what it had stopped
disk is fine (https://graphs.example/1)
@bo wrote: the replica is ahead [files: lag.png (https://chat.example/F1)] (in Slack
        (https://chat.example/C1/p1))
@bo edited the message of entry 8 to: behind
The message of entry 8, by @bo, was deleted in Slack
Hands the command over to @bo: the copy is being made
The command offered in entry 11 was not taken yet by @bo
The command does not pass to @bo: declined
The command was taken by @bo
@cy approves in my place until 2026-11-23 06:10:00Z: asleep
@cy approves in the place of @bo no more: taken back
@cy approves in the place of @bo no more: the time is over
Corrected: entry 7 happened at 2026-11-23 02:15:00Z, says: disk is full
Removed words for good from INC-1#7, RUN-1#3: a password
Look for what was lost elsewhere, and put it back
Lost in Slack and put back: the incident card, 2 messages
Slack could not be looked through: not_in_channel
Jira lost nothing
Fact backup_verified: yes
Fact backup_available: yes (P1 of points is there)
The probe artifact cannot tell previous_artifact_available: it timed out
The probe artifact can tell its facts again
It was asked what to do
Proposal changed: restore_full → restore_partial, because only a part is damaged
Decided: restore_pitr, going over schema changed: the copy is verified
restore_pitr should have helped by now
After restore_pitr: nothing changed
The reason of restore_pitr is now: the last good state is known
Update #1: Prices are wrong.
The update promised for 2026-11-23 02:41:00Z did not come
T1 is a task of @bo until 2026-11-23 02:40:00Z: Look at the replica
T1 was to be done by 2026-11-23 02:40:00Z, and is not
T1 was handed back: no access
T1 is a task of @cy until 2026-11-23 02:50:00Z: Look at the replica
T1 is done: it lags
T1 is done
T2 is an action of @cy until 2026-11-23 17:10:00Z: Alert on lag
T2 is recorded in jira as OPS-2 (https://jira.example/OPS-2)
T2 was to be done by 2026-11-23 17:10:00Z, and is not
T3 is a task of @cy until 2026-11-23 02:50:00Z: Ask the provider (it was INC-4.T1)
T3 goes on as INC-9.T1
RUN-1 was planned from checkout-restore
A copy could be made ready by checkout-restore: But it has to be known: Which release was good?
Resolved: Orders are right. Data: 14 min lost.
Closed (backup availability: helped; recovery speed: no): copy every 15 min
A false alarm: a test order
Merged into INC-9: the same release
Merged into INC-9: the same release
INC-4 (Payments fail) was merged into this: the same release
INC-4 goes on by itself again: the provider is down
Reopened: prices are wrong again
Recorded in jira as OPS-1 (https://jira.example/OPS-1)
The record does not reach jira: The token is over.
The record does not reach jira: Jira cannot be reached.
The record reaches jira again
The post-mortem was asked for
The change that led to it is OPS-12
No change led to it
PagerDuty #7 (https://pd.example/incidents/Q1) was opened: who is on call for the service is paged
Page dba, @cy: the copy has to be looked at
PagerDuty: acknowledged the page
PagerDuty: Dana: resolved it there; here it goes on until somebody says `resolve`
PagerDuty: bo is asked to come
PagerDuty: somebody answered
PagerDuty: the disk is full
PagerDuty: unheard of
Draft for customers, identified: We know what is wrong.
Send E14 to customers
Do not send E14 to customers
Customers are told E14 (https://status.example/p1) (identified) by Statuspage
Customers are told E14 (resolved) by the webhook of the status page
E14 has not reached Statuspage yet: Statuspage answered 503.
E14 did not reach elsewhere: it is gone.
Paged: dba, @cy
Not paged: PagerDuty knows nobody with the e-mail of @cy. Call them yourselves
Drill asked: checkout-restore for checkout in production
Drill failed: disk full; 1 gap
The gap step-restore has a task: OPS-2 (https://jira.example/OPS-2)
A plan was asked for: p for checkout in production
Planned, hash 19b6fb07; changed: inputs.target-time: 02:04 → 02:03
No plan could be made: the playbook is gone
A copy is made ready before the start: @bo asked for it; kept until 2026-11-23 03:10:00Z
No copy is made ready any more: RUN-2 goes on with its copy
Started with plan 19b6fb07, FRZ-1 placed
Approved overwrite-orders as dba, plan 19b6fb07
Broke the glass at overwrite-orders as commander: nobody answers
Rejected overwrite-orders: wrong copy
Took back the approval of overwrite-orders: looked again
The time to approve overwrite-orders ran out
Approvals of overwrite-orders are asked for again, until 2026-11-23 03:00:00Z
restore started, attempt 1
restore: copying, 25 %
Check amcheck warns: 2 pages
restore succeeded
restore failed: disk full
restore is in doubt: the host is gone
Another attempt of restore was asked for with target-time=02:03: disk was emptied
Attempt 2 of restore may begin; before it: failed: disk full
restore was skipped: not needed
restore was done by hand; evidence: https://x.example/1: faster
restore is said to be done by hand; evidence: https://x.example/1; its checks are asked
restore is done by hand: its checks passed
Undo back to stop-writers was asked for: wrong path
Paused: held by ana
Paused: wait for the lawyers
Everybody has 2 min to object before each step that destroys data
Nobody is asked for objections any more
restore begins 2026-11-23 02:23:00Z unless somebody objects
Objects: the copy is older than the campaign
Resumed; the objection of cy is over: the campaign is in it
Resumed, passing FRZ-2: looked at it
Still paused: overwrite is approved; it waits for this: wait for the lawyers
Abort was asked for: another way
Aborted. It leaves: writers stopped
Recovered: every blocking end check passed
Ended without restore: every blocking end check passed
The rows of orders that restore left in its kept copy were asked for
The copy that restore kept has 7 rows that are nowhere else and 3 that differ in /kept/s on local
What restore kept could not be compared: it was dropped since
Alerts with {service="orders"} or {instance="db-1"} are to be silent until 2026-11-23 03:10:00Z: it
        is stopped
Alerts with {service="orders"} are silent until 2026-11-23 03:10:00Z at the latest
Alertmanager does not do what it is asked: Alertmanager cannot be reached.
Alertmanager does what it is asked again
Its alerts are to be heard again: nobody knew
Its alerts are to be heard again
Alerts with {service="orders"} are no longer silent: the run is over
Alerts with {service="orders"} are no longer silent: somebody wants them heard
Alerts with {service="orders"} are no longer silent: its time is over
Alerts with {service="orders"} are no longer silent: somebody ended it in Alertmanager
Frozen: every change of checkout in every environment: restoring
The freeze is due for a look; it stays in force
The freeze is kept; next look at 2026-11-23 04:10:00Z: still restoring
The freeze stays, and is of INC-9 now: INC-1 was merged into INC-9
Freeze lifted: recovered
Exception asked for checkout@abc1234: the hotfix
Exception granted for checkout@abc1234
Refused a deployment of checkout to production by ci at abc1234
A deployment of checkout to production passed by exception at abc1234
orders-db is held by RUN-1 for restore, attempt 1
orders-db is no longer held by RUN-1
RUN-1 has a copy beside orders-db made or removed, by prepare
Release 2.4.0 was put into production
""")


def test_what_was_left_out_is_not_told() -> None:
    bare = (
        None,
        events.RoomOpened(channel="C1", name="inc-1"),
        events.PhaseChanged(phase=events.Phase.IDENTIFIED, why="found it"),
        events.ImpactStated(),
        events.ImpactStated(impact_start=at(-3)),
        events.WritersStopped(at=at(3)),
        events.WritersStarted(),
        events.NoteAdded(text="plain"),
        events.NoteAdded(text="linked to nothing a browser opens", evidence="javascript:alert(1)"),
        events.FactLearnt(name="cause_known", value=None),
        events.FactLearnt(name="cause_known", value=False),
        events.FactLearnt(name="hotfix_eta_minutes", value=40),
        events.Decided(option="wait", why="", proposal=""),
        events.IncidentClosed(backup_availability="no", recovery_speed="no"),
        events.Planned(plan=PLAN, hash=HASH),
        events.RunStarted(hash=HASH),
        events.StepProgressed(step="restore", attempt=1, phase="copying"),
        events.StepStarted(step="restore", attempt=1, key="k", undo=True),
        events.StepSucceeded(step="restore", attempt=1, undo=True),
        events.StepFailed(step="restore", attempt=1, because="no", undo=True),
        events.CheckFound(check="c", ok=True, blocking=True, found="1"),
        events.CheckFound(check="c", ok=False, blocking=True, found="0"),
        events.RetryAsked(step="restore", why=""),
        events.StepDone(step="restore", evidence="seen"),
        events.RunResumed(),
        events.Withdrawn(gate="g"),
        events.FreezeExtended(review_at=at(9)),
    )
    assert wrapped(*(line(event) for event in bare)) == snapshot("""\
(the text of this entry was removed)
Talked about in #inc-1
Phase is now identified: found it
Impact stated
impact began 2026-11-23 02:07:00Z
Nothing writes to the damaged data since 2026-11-23 02:13:00Z
Writers write again
plain
linked to nothing a browser opens (javascript:alert(1))
Fact cause_known: nobody knows
Fact cause_known: no
Fact hotfix_eta_minutes: 40
Decided: wait
Closed (backup availability: no; recovery speed: no)
Planned, hash 19b6fb07
Started with plan 19b6fb07
restore: copying
Undo of restore started, attempt 1
restore was undone
Undo of restore failed: no
Check c passed: 1
Check c failed: 0
Another attempt of restore was asked for
restore was done by hand; evidence: seen
Resumed
Took back the approval of g
The freeze is kept; next look at 2026-11-23 02:19:00Z
""")


def test_a_scope_of_everything_is_said_in_words() -> None:
    assert in_scope(events.Scope()) == "every change of every service in every environment"
