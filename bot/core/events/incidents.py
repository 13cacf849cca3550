"""What happens in an incident."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Literal

from pydantic import AwareDatetime, Field

from bot.core.events.kind import Kind
from bot.core.events.record import RecordEvent
from bot.core.events.tasks import TaskEvent


class Severity(IntEnum):
    """How bad an incident is; 1 is the worst."""

    SEV1 = 1
    SEV2 = 2
    SEV3 = 3
    SEV4 = 4


class Phase(StrEnum):
    """Where an incident stands."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    RECOVERING = "recovering"
    VERIFYING = "verifying"
    MONITORING = "monitoring"
    RESOLVED = "resolved"
    CLOSED = "closed"


class IncidentDeclared(Kind):
    """Somebody said that this is an incident; the declarer commands until another is named.

    `change` is the key of the issue of the change that led to it, and `alerted` when the alert from which it
    was declared began to fire.
    """

    kind: Literal["incident-declared"] = "incident-declared"
    title: str
    severity: Severity
    service: str
    environment: str
    release: str | None = None
    commander: str
    impact_start: AwareDatetime | None = None
    change: str | None = None
    alerted: AwareDatetime | None = None


class RoomOpened(Kind):
    """The place in Slack where the incident is talked about; `thread` when it is a thread of a channel."""

    kind: Literal["room-opened"] = "room-opened"
    channel: str
    name: str
    thread: str | None = None
    url: str | None = None


class SeverityChanged(Kind):
    """The incident is worse or better than was thought."""

    kind: Literal["severity-changed"] = "severity-changed"
    severity: Severity
    why: str


class PhaseChanged(Kind):
    """The incident moved to another phase."""

    kind: Literal["phase-changed"] = "phase-changed"
    phase: Phase
    why: str = ""


class RoleAssigned(Kind):
    """A person took a role."""

    kind: Literal["role-assigned"] = "role-assigned"
    role: str
    person: str


class ChangeNamed(Kind):
    """Another change led to the incident than was said before, by the key of its issue; None is no change."""

    kind: Literal["change-named"] = "change-named"
    change: str | None


class ImpactStated(Kind):
    """What customers notice, and since when; a later statement corrects an earlier one.

    It was `detected` when something or somebody noticed it, `acknowledged` when somebody took it on, and
    `mitigated` when customers noticed it no more.
    """

    kind: Literal["impact-stated"] = "impact-stated"
    statement: str | None = None
    impact_start: AwareDatetime | None = None
    damage_start: AwareDatetime | None = None
    detected: AwareDatetime | None = None
    acknowledged: AwareDatetime | None = None
    mitigated: AwareDatetime | None = None


class WritersStopped(Kind):
    """From this moment on nothing wrote to the damaged data."""

    kind: Literal["writers-stopped"] = "writers-stopped"
    at: AwareDatetime
    run: str | None = None


class WritersStarted(Kind):
    """What was said to be stopped writes again; with a run, its undo started what it had stopped."""

    kind: Literal["writers-started"] = "writers-started"
    run: str | None = None


class FactLearnt(Kind):
    """A fact of the decision; None means that nobody knows. Learnt again, it is corrected.

    `source` is `person`, or `machine:` and the probe that found it; `because` is what a machine rests it on.
    `against` is in words what the other of the two said, where a person and a machine differ: what the person
    said counts as an answer, and what the machine knows still rules out what it would.
    """

    kind: Literal["fact-learnt"] = "fact-learnt"
    name: str
    value: bool | int | float | str | None
    source: str = "person"
    because: str = ""
    against: str = ""


class Probed(Kind):
    """Which facts a probe could not tell, and why; none where it can again."""

    kind: Literal["probed"] = "probed"
    probe: str
    unanswered: Mapping[str, str] = Field(default_factory=dict)


class DecisionAsked(Kind):
    """Somebody wants to decide: the card with the proposal and the questions is brought up for everybody."""

    kind: Literal["decision-asked"] = "decision-asked"


class Proposed(Kind):
    """What was learnt changed the proposal; an empty `option`, or `was`, is none: something must be asked."""

    kind: Literal["proposed"] = "proposed"
    option: str
    was: str
    why: str
    criteria_hash: str = ""


class Decided(Kind):
    """The commander's choice, with everything that was known when it was made.

    At `effect_by` people are asked whether it worked; with None nobody could say when it should. Where
    nobody knew the minutes that it takes, `effect_missing` is the fact that would have said it.
    `unasked` are facts that could still have ruled a rollback or restore out, each with its vetoes.
    """

    kind: Literal["decided"] = "decided"
    option: str
    why: str
    proposal: str
    proposal_why: tuple[str, ...] = ()
    facts: Mapping[str, bool | int | float | str | None] = Field(default_factory=dict)
    possible: tuple[str, ...] = ()
    vetoes: tuple[str, ...] = ()
    overridden: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()
    criteria_hash: str = ""
    effect_by: AwareDatetime | None = None
    effect_missing: str | None = None
    containment: tuple[str, ...] = ()
    prices: tuple[str, ...] = ()


class ReasonStated(Kind):
    """Why a decision was made, said anew, by the number of its entry; who decided and when stays."""

    kind: Literal["reason-stated"] = "reason-stated"
    decision: int
    option: str
    why: str


class EffectDue(Kind):
    """A decision should have helped by now; said once for each. `decision` is the number of its entry.

    `waits` are runs that would carry it out and were not started, where none was: nothing can have helped.
    """

    kind: Literal["effect-due"] = "effect-due"
    decision: int
    option: str
    waits: tuple[str, ...] = ()


class EffectObserved(Kind):
    """Whether a decision worked, by the number of its entry; a later one corrects an earlier one."""

    kind: Literal["effect-observed"] = "effect-observed"
    decision: int
    option: str
    outcome: Literal["worked", "no_change", "worse"]


class UpdatePosted(Kind):
    """The standard status message; `next_by` is when the next one is promised, None when none is."""

    kind: Literal["update-posted"] = "update-posted"
    number: int
    conditions: str
    actions: str
    needs: str
    next_by: AwareDatetime | None
    audience: str = "responders"


class UpdateOverdue(Kind):
    """A promised update did not come; said once for each promise."""

    kind: Literal["update-overdue"] = "update-overdue"
    number: int
    promised: AwareDatetime


class PlanAttached(Kind):
    """A run was planned for the incident."""

    kind: Literal["plan-attached"] = "plan-attached"
    run: str
    playbook: str


class CopyOffered(Kind):
    """A copy could be made ready with one of these playbooks before anybody decides, and why it is asked."""

    kind: Literal["copy-offered"] = "copy-offered"
    playbooks: tuple[str, ...]
    why: str


class IncidentResolved(Kind):
    """Service is back; `data_statement` says what was lost or that nothing was."""

    kind: Literal["incident-resolved"] = "incident-resolved"
    statement: str
    data_statement: str


class IncidentClosed(Kind):
    """Whoever closes answers the two questions about backups: no, helped, slowed, lost data or failed.

    By how many minutes, and the address of what shows it, where somebody said so.
    """

    kind: Literal["incident-closed"] = "incident-closed"
    backup_availability: str
    recovery_speed: str
    why: str = ""
    availability_minutes: int | None = None
    availability_evidence: str | None = None
    speed_minutes: int | None = None
    speed_evidence: str | None = None


class FalseAlarm(Kind):
    """Nothing was wrong: the incident is closed, and figures leave it out; `why` says what it was instead."""

    kind: Literal["false-alarm"] = "false-alarm"
    why: str


class IncidentReopened(Kind):
    """It was not over."""

    kind: Literal["incident-reopened"] = "incident-reopened"
    why: str


class IssueLinked(Kind):
    """The record of the incident in a tracker; said again when a post-mortem was written there."""

    kind: Literal["issue-linked"] = "issue-linked"
    system: str
    key: str
    url: str


class TrackerTroubled(Kind):
    """The tracker does not take the record, and why; for good until somebody mends it, or for a while.

    An empty `why` says that it takes it again.
    """

    kind: Literal["tracker-troubled"] = "tracker-troubled"
    system: str
    why: str = ""
    for_good: bool = False


class PostmortemAsked(Kind):
    """Somebody wants the post-mortem written or synced now."""

    kind: Literal["postmortem-asked"] = "postmortem-asked"


IncidentEvent = (
    IncidentDeclared
    | RoomOpened
    | SeverityChanged
    | PhaseChanged
    | RoleAssigned
    | ChangeNamed
    | ImpactStated
    | WritersStopped
    | WritersStarted
    | RecordEvent
    | FactLearnt
    | DecisionAsked
    | Proposed
    | Probed
    | Decided
    | ReasonStated
    | EffectDue
    | EffectObserved
    | UpdatePosted
    | UpdateOverdue
    | TaskEvent
    | PlanAttached
    | CopyOffered
    | IncidentResolved
    | IncidentClosed
    | FalseAlarm
    | IncidentReopened
    | IssueLinked
    | TrackerTroubled
    | PostmortemAsked
)
