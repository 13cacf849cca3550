"""What happens to freezes, and what is put into environments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import AwareDatetime

from bot.core.events.kind import Kind


class Scope(Kind):
    """What a freeze stops: services × environments × kinds of change; names may be globs."""

    services: tuple[str, ...] = ("*",)
    environments: tuple[str, ...] = ("*",)
    kinds: tuple[str, ...] = ("*",)


class FreezePlaced(Kind):
    """Changes in a scope are stopped."""

    kind: Literal["freeze-placed"] = "freeze-placed"
    scope: Scope
    why: str
    cause: Literal["manual", "incident", "run", "calendar"] = "manual"
    incident: str | None = None
    run: str | None = None
    lift: Literal["by_hand", "with_run", "at_until"] = "by_hand"
    review_at: AwareDatetime | None = None
    until: AwareDatetime | None = None


class FreezeReviewDue(Kind):
    """It is time to look at the freeze again; it stays in force, and `review_at` is the next time."""

    kind: Literal["freeze-review-due"] = "freeze-review-due"
    review_at: AwareDatetime


class FreezeExtended(Kind):
    """Somebody looked at the freeze and keeps it until another review."""

    kind: Literal["freeze-extended"] = "freeze-extended"
    review_at: AwareDatetime
    why: str = ""


class FreezeLifted(Kind):
    """The freeze is over."""

    kind: Literal["freeze-lifted"] = "freeze-lifted"
    why: str


class FreezeMoved(Kind):
    """The freeze stays in force, and is of another incident from now on."""

    kind: Literal["freeze-moved"] = "freeze-moved"
    incident: str
    why: str


class ExceptionAsked(Kind):
    """One sha of one service may pass, once a second person agrees."""

    kind: Literal["exception-asked"] = "exception-asked"
    service: str
    sha: str
    why: str
    expires: AwareDatetime


class ExceptionGranted(Kind):
    """A second person agreed to an exception."""

    kind: Literal["exception-granted"] = "exception-granted"
    service: str
    sha: str


class DeploymentRefused(Kind):
    """The gate said no; recorded once for each freeze, service and sha."""

    kind: Literal["deployment-refused"] = "deployment-refused"
    service: str
    environment: str
    change: str
    sha: str
    actor: str


class DeploymentExcepted(Kind):
    """The gate let a deployment through an exception of this freeze."""

    kind: Literal["deployment-excepted"] = "deployment-excepted"
    service: str
    environment: str
    sha: str
    actor: str


ChangeType = Literal["code", "config", "schema", "data_op", "infra", "capacity"]


class ReleaseRecorded(Kind):
    """A version was put into an environment, or something else about a service was changed there.

    `change` is what kind of change it was, None where nobody said. `reversible` is whether a migration can be
    taken back, for those of which it is known, and None where nobody said which migrations there were.
    `artifact` is where the version can be had, `previous` the version that it replaced. `said_at` is the
    moment that was said where it lay ahead of the clock here, and was taken as now.
    """

    kind: Literal["release-recorded"] = "release-recorded"
    version: str
    environment: str
    commit: str | None = None
    strategy: str | None = None
    migrations: tuple[str, ...] = ()
    change: ChangeType | None = None
    reversible: Mapping[str, bool] | None = None
    components: tuple[str, ...] = ()
    artifact: str | None = None
    previous: str | None = None
    out_of_pipeline: bool = False
    said_at: AwareDatetime | None = None


FreezeEvent = (
    FreezePlaced
    | FreezeReviewDue
    | FreezeExtended
    | FreezeLifted
    | FreezeMoved
    | ExceptionAsked
    | ExceptionGranted
    | DeploymentRefused
    | DeploymentExcepted
)
