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
            events.NoteAdded(text="disk is fine", evidence="https://graphs.example/1"),
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
            events.UpdatePosted(
                number=1, conditions="Prices are wrong.", actions="Restoring.", needs="none", next_by=at(31)
            ),
            events.UpdateOverdue(number=2, promised=at(31)),
            events.PlanAttached(run="RUN-1", playbook="checkout-restore"),
            events.CopyOffered(
                playbooks=("checkout-restore",), why="But it has to be known: Which release was good?"
            ),
            events.IncidentResolved(statement="Orders are right.", data_statement="14 min lost."),
            events.IncidentClosed(backup_availability="helped", recovery_speed="no", why="copy every 15 min"),
            events.IncidentReopened(why="prices are wrong again"),
            events.IssueLinked(system="jira", key="OPS-1", url="https://jira.example/OPS-1"),
            events.PostmortemAsked(),
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
            events.UndoAsked(step="stop-writers", why="wrong path"),
            events.RunPaused(why="held by ana"),
            events.RunResumed(why="looked at it", passes=("FRZ-2",)),
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
