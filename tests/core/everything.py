"""One sample of every event, each with the stream it belongs to."""

from __future__ import annotations

from typing import Any, get_args

from hypothesis import strategies as st

from bot.core import events
from bot.core.estimate import Act, Took
from bot.core.events import Entry, Event
from integrations.contract import Measured
from tests.core.story import DECLARED, HASH, PLAN, at

SAMPLES: tuple[tuple[str, Event], ...] = (
    tuple(
        ("incident/INC-1", event)
        for event in (
            DECLARED,
            events.RoomOpened(channel="C1", name="inc-1", url="https://chat.example/C1"),
            events.SeverityChanged(severity=events.Severity.SEV2, why="fewer orders"),
            events.PhaseChanged(phase=events.Phase.RECOVERING),
            events.RoleAssigned(role="ops", person="bo"),
            events.ImpactStated(statement="wrong prices", impact_start=at(-10), damage_start=at(-6)),
            events.WritersStopped(at=at(10), run="RUN-1"),
            events.WritersStarted(run="RUN-1"),
            events.NoteAdded(text="disk is fine", evidence="https://graphs.example/1"),
            events.MessageCaptured(
                channel="C1",
                ts="1763864700.000100",
                author="bo",
                text="the replica is ahead",
                url="https://chat.example/C1/p1",
                files=(events.SlackFile(name="lag.png", url="https://chat.example/F1"),),
            ),
            events.MessageEdited(channel="C1", ts="1763864700.000100", of=8, author="bo", text="behind"),
            events.MessageDeleted(channel="C1", ts="1763864700.000100", of=8, author="bo"),
            events.HandoffOffered(to="bo", stands="the copy is being made"),
            events.HandoffUnanswered(offer=11, to="bo"),
            events.HandoffEnded(offer=11, to="bo", how="declined"),
            events.HandoffEnded(offer=11, to="bo", how="taken"),
            events.Delegated(to="cy", until=at(240), why="asleep", runs=("RUN-1",)),
            events.DelegationEnded(person="bo", to="cy", how="taken back", runs=("RUN-1",)),
            events.DelegationEnded(person="bo", to="cy", how="over"),
            events.Corrected(of=7, text="disk is full", at=at(5)),
            events.Redacted(
                why="a password", payloads={"incident/INC-1#7": "d" * 64, "run/RUN-1#3": "e" * 64}
            ),
            events.RepairAsked(),
            events.Repaired(
                system="slack",
                lost=("the incident card", "2 messages"),
                entries=("incident/INC-1#7", "run/RUN-1#3"),
                runs=("RUN-1",),
            ),
            events.Repaired(system="slack", why="not_in_channel"),
            events.Repaired(system="jira"),
            events.FactLearnt(name="backup_verified", value=True),
            events.FactLearnt(
                name="backup_available", value=True, source="machine:backups", because="P1 of points is there"
            ),
            events.Probed(probe="artifact", unanswered={"previous_artifact_available": "it timed out"}),
            events.Probed(probe="artifact"),
            events.DecisionAsked(),
            events.Proposed(
                option="restore_partial", was="restore_full", why="Only a part is damaged", criteria_hash=HASH
            ),
            events.Decided(
                option="restore_pitr",
                why="the copy is verified",
                proposal="rollback",
                proposal_why=("the change is code",),
                facts={"backup_verified": True, "cause_known": None, "hotfix_eta_minutes": 40},
                possible=("rollback", "restore_pitr"),
                vetoes=("schema changed",),
                overridden=("schema changed",),
                effect_by=at(40),
                containment=("Stop the writers. Every write makes it worse.",),
                prices=("restore_pitr: 20 min to 40 min",),
            ),
            events.EffectDue(decision=10, option="restore_pitr"),
            events.EffectObserved(decision=10, option="restore_pitr", outcome="no_change"),
            events.ReasonStated(decision=10, option="restore_pitr", why="the last good state is known"),
            events.UpdatePosted(
                number=1, conditions="Prices are wrong.", actions="Restoring.", needs="none", next_by=at(31)
            ),
            events.UpdateOverdue(number=2, promised=at(31)),
            events.TaskGiven(number=1, what="Look at the replica", to="bo", due=at(30)),
            events.TaskOverdue(number=1, due=at(30)),
            events.TaskHandedBack(number=1, why="no access"),
            events.TaskGiven(number=1, what="Look at the replica", to="cy", due=at(40)),
            events.TaskDone(number=1, note="it lags"),
            events.TaskDone(number=1),
            events.TaskGiven(number=2, what="Alert on lag", to="cy", due=at(900), follow_up=True),
            events.TaskTracked(number=2, system="jira", key="OPS-2", url="https://jira.example/OPS-2"),
            events.TaskOverdue(number=2, due=at(900), again=at(2340)),
            events.TaskGiven(number=3, what="Ask the provider", to="cy", due=at(40), was="INC-4.T1"),
            events.TaskMoved(number=3, to="INC-9.T1"),
            events.PlanAttached(run="RUN-1", playbook="checkout-restore"),
            events.CopyOffered(
                playbooks=("checkout-restore",), why="But it has to be known: Which release was good?"
            ),
            events.IncidentResolved(statement="Orders are right.", data_statement="14 min lost."),
            events.IncidentClosed(backup_availability="helped", recovery_speed="no", why="copy every 15 min"),
            events.FalseAlarm(why="a test order"),
            events.Merged(
                into="INC-9", why="the same release", room="inc-9-prices", url="https://chat.example/C9"
            ),
            events.Merged(into="INC-9", why="the same release"),
            events.MergedIn(
                incident="INC-4",
                title="Payments fail",
                why="the same release",
                people=("bo", "cy"),
                url="https://chat.example/C4",
            ),
            events.Parted(incident="INC-4", why="the provider is down"),
            events.IncidentReopened(why="prices are wrong again"),
            events.IssueLinked(system="jira", key="OPS-1", url="https://jira.example/OPS-1"),
            events.TrackerTroubled(system="jira", why="The token is over.", for_good=True),
            events.TrackerTroubled(system="jira", why="Jira cannot be reached."),
            events.TrackerTroubled(system="jira"),
            events.PostmortemAsked(),
            events.ChangeNamed(change="OPS-12"),
            events.ChangeNamed(change=None),
            events.PagerLinked(system="pagerduty", key="Q1", number=7, url="https://pd.example/incidents/Q1"),
            events.PageAsked(groups=("dba",), people=("cy",), why="the copy has to be looked at"),
            events.PagerTold(what="acknowledged"),
            events.PagerTold(what="resolved", who="Dana"),
            events.PagerTold(what="asked", whom="bo", text="come"),
            events.PagerTold(what="replied", whom="", state=""),
            events.PagerTold(what="note", text="the disk is full"),
            events.PagerTold(what="unheard of"),
            events.ExternalDrafted(
                status="identified",
                impact="critical",
                title="Problem with Checkout",
                text="We know what is wrong.",
                component="k7730b5v92bv",
                state="major_outage",
                promised=at(30),
            ),
            events.ExternalSent(draft=14, systems=("statuspage", "webhook")),
            events.ExternalDropped(draft=14),
            events.ExternalTold(
                draft=14, system="statuspage", status="identified", key="p1", url="https://status.example/p1"
            ),
            events.ExternalTold(draft=14, system="webhook", status="resolved"),
            events.ExternalTold(
                draft=14,
                system="statuspage",
                status="identified",
                why="Statuspage answered 503.",
                trying=True,
            ),
            events.ExternalTold(draft=14, system="elsewhere", status="identified", why="it is gone"),
            events.Paged(page="INC-1 page 2", groups=("dba",), people=("cy",)),
            events.Paged(page="INC-1 page 3", missed=("PagerDuty knows nobody with the e-mail of @cy",)),
        )
    )
    + tuple(
        ("drill/DRL-1", event)
        for event in (
            events.DrillAsked(
                playbook="checkout-restore",
                title="Put the orders back",
                service="checkout",
                environment="production",
                commander="ana",
                owner="checkout-owners",
                stand_ins=("orders-db-drill",),
            ),
            events.DrillEnded(
                outcome="failed",
                because="disk full",
                gaps=(events.Gap(id="step-restore", what="Restore the orders: failed: disk full"),),
                seconds={"restore": 12.5},
                took_s=40.0,
                rto_s=1800.0,
                restored=(events.Rehearsed(engine="sqlite", source="points", point="P1"),),
                left_out=("reconcile",),
            ),
            events.TaskOpened(
                gap="step-restore",
                first="DRL-1",
                system="jira",
                key="OPS-2",
                url="https://jira.example/OPS-2",
            ),
        )
    )
    + tuple(
        ("run/RUN-1", event)
        for event in (
            events.PlanAsked(incident="INC-1", playbook="p", service="checkout", environment="production"),
            events.Planned(
                plan=PLAN, hash=HASH, changes=("inputs.target-time: 02:04 → 02:03",), expires={"g": at(9)}
            ),
            events.PlanFailed(because="the playbook is gone"),
            events.WarmAsked(why="@bo asked for it", until=at(60)),
            events.WarmStopped(why="RUN-2 goes on with its copy", taken=("restore",)),
            events.RunStarted(hash=HASH, freeze="FRZ-1"),
            events.Approved(gate="overwrite-orders", hash=HASH, role="dba"),
            events.Approved(
                gate="overwrite-orders", hash=HASH, role="commander", break_glass="nobody answers"
            ),
            events.Rejected(gate="overwrite-orders", hash=HASH, why="wrong copy"),
            events.Withdrawn(gate="overwrite-orders", why="looked again"),
            events.GateExpired(gate="overwrite-orders"),
            events.GateReopened(gate="overwrite-orders", expires=at(50)),
            events.StepStarted(step="restore", attempt=1, key="k"),
            events.StepProgressed(step="restore", attempt=1, phase="copying", percent=25),
            events.CheckFound(check="amcheck", step="restore", ok=False, blocking=False, found="2 pages"),
            events.StepSucceeded(
                step="restore",
                attempt=1,
                took=Took(
                    Act("sqlite.restore", "", "orders-db"), drill=False, phases=(Measured("copying", 2.5, 7),)
                ),
            ),
            events.StepFailed(step="restore", attempt=1, because="disk full", tail="no space left"),
            events.StepInDoubt(step="restore", attempt=1, because="the host is gone"),
            events.RetryAsked(step="restore", why="disk was emptied", inputs={"target-time": "02:03"}),
            events.AttemptOpened(step="restore", attempt=2, target_said="failed: disk full"),
            events.StepSkipped(step="restore", why="not needed"),
            events.StepDone(step="restore", evidence="https://x.example/1", why="faster"),
            events.StepDone(step="restore", evidence="https://x.example/1", unproved=True),
            events.StepProved(step="restore", attempt=1),
            events.UndoAsked(step="stop-writers", why="wrong path"),
            events.RunPaused(why="held by ana"),
            events.RunPaused(why="wait for the lawyers", hold="ana"),
            events.ObjectionsSet(within_s=120),
            events.ObjectionsSet(within_s=0),
            events.ObjectionsAsked(step="restore", attempt=1, hash=HASH, until=at(13)),
            events.RunPaused(why="the copy is older than the campaign", objection="cy"),
            events.RunResumed(why="the campaign is in it", lifts=("objection:cy",)),
            events.RunResumed(why="looked at it", passes=("FRZ-2",)),
            events.RunResumed(
                why="overwrite is approved", lifts=("step:restore",), still="wait for the lawyers"
            ),
            events.AbortAsked(why="another way", leaves="writers stopped"),
            events.RunAborted(leaves="writers stopped"),
            events.RunRecovered(),
            events.RunRecovered(left_out=("restore",)),
            events.SalvageAsked(step="restore", restore="k", key="s", table="orders"),
            events.SalvageFound(
                step="restore",
                key="s",
                asked_by="ana",
                host="local",
                folder="/kept/s",
                manifest=HASH,
                compared=4,
                only=7,
                differ=3,
                unread=1,
                tables=(
                    events.SalvagedTable(table="orders", only=5, differ=3),
                    events.SalvagedTable(table="lines", problem="the page is damaged"),
                ),
            ),
            events.SalvageFailed(step="restore", key="s", asked_by="ana", because="it was dropped since"),
            events.SilenceAsked(
                alerts=({"service": "orders"}, {"instance": "db-1"}), until=at(60), why="it is stopped"
            ),
            events.SilencePlaced(labels={"service": "orders"}, until=at(60)),
            events.SilenceTroubled(why="Alertmanager cannot be reached."),
            events.SilenceTroubled(),
            events.SilenceLifted(why="nobody knew"),
            events.SilenceLifted(),
            events.SilenceEnded(labels={"service": "orders"}, because="run"),
            events.SilenceEnded(labels={"service": "orders"}, because="person"),
            events.SilenceEnded(labels={"service": "orders"}, because="time"),
            events.SilenceEnded(labels={"service": "orders"}, because="elsewhere"),
        )
    )
    + tuple(
        ("freeze/FRZ-1", event)
        for event in (
            events.FreezePlaced(
                scope=events.Scope(services=("checkout",)), why="restoring", review_at=at(60)
            ),
            events.FreezeReviewDue(review_at=at(60)),
            events.FreezeExtended(review_at=at(120), why="still restoring"),
            events.FreezeMoved(incident="INC-9", why="INC-1 was merged into INC-9"),
            events.FreezeLifted(why="recovered"),
            events.ExceptionAsked(service="checkout", sha="abc1234", why="the hotfix", expires=at(90)),
            events.ExceptionGranted(service="checkout", sha="abc1234"),
            events.DeploymentRefused(
                service="checkout", environment="production", change="deploy", sha="abc1234", actor="ci"
            ),
            events.DeploymentExcepted(
                service="checkout", environment="production", sha="abc1234", actor="ci"
            ),
        )
    )
    + (
        ("target/orders-db", events.TargetHeld(run="RUN-1", step="restore", attempt=1)),
        ("target/orders-db", events.TargetReleased(run="RUN-1")),
        ("target/orders-db", events.CopyTouched(run="RUN-1", step="prepare")),
        (
            "service/checkout",
            events.ReleaseRecorded(version="2.4.0", environment="production", migrations=("m7",)),
        ),
    )
)


def kinds() -> set[type[Any]]:
    """Return the class of every event there is."""
    return set(get_args(Event))


def entry(stream: str, event: Event | None, *, by: str = "ana") -> Entry:
    return Entry(stream, 1, at(12), at(12), by, "slack", event)


HOSTILE = st.text(max_size=60) | st.sampled_from(
    [
        "<!channel>",
        "a|b*c_d`e~f",
        '"quoted" “smart”',
        "\u202eright to left",
        "x" * 40_000,
        "nul\x00",
        "🔥" * 200,
        "line\nline",
        "",
        'RUN-1.S3 why:"x"',
    ]
)
