"""What happened to freezes, exceptions and releases, a line each."""

from __future__ import annotations

from typing import assert_never

from bot.core import events
from bot.core.document import Code, Line, Moment, Strong
from bot.core.events import FreezeEvent, ReleaseRecorded, Scope
from bot.core.freeze import Freeze
from bot.core.release import is_version, put_out


def in_scope(scope: Scope) -> str:
    """Return a scope in words: `deploy, config of checkout in production`."""
    kinds = "every change" if "*" in scope.kinds else ", ".join(scope.kinds)
    services = "every service" if "*" in scope.services else ", ".join(scope.services)
    where = "every environment" if "*" in scope.environments else ", ".join(scope.environments)
    return f"{kinds} of {services} in {where}"


def frozen_line(freeze: Freeze) -> Line:
    """Return what a freeze stops, and until when or when somebody looks at it again."""
    end = freeze.placed.until if freeze.placed.lift == "at_until" else freeze.review_at
    word = "until" if freeze.placed.lift == "at_until" else "next look at"
    until: Line = (f", {word} ", Moment(end)) if end else ()
    return (Strong(freeze.id), f" stops {in_scope(freeze.placed.scope)}", *until)


def describe_freeze(event: FreezeEvent) -> Line:
    """Return what happened to a freeze."""
    match event:
        case events.FreezePlaced(scope=scope, why=why):
            return (Strong("Frozen"), f": {in_scope(scope)}: {why}")
        case events.FreezeReviewDue():
            return ("The freeze is due for a look; it stays in force",)
        case events.FreezeExtended(review_at=at, why=why):
            return ("The freeze is kept; next look at ", Moment(at), f": {why}" if why else "")
        case events.FreezeLifted(why=why):
            return (Strong("Freeze lifted"), f": {why}")
        case events.FreezeMoved(incident=incident, why=why):
            return (f"The freeze stays, and is of {incident} now: {why}",)
        case events.ExceptionAsked(service=service, sha=sha, why=why):
            return ("Exception asked for ", Code(f"{service}@{sha}"), f": {why}")
        case events.ExceptionGranted(service=service, sha=sha):
            return ("Exception granted for ", Code(f"{service}@{sha}"))
        case events.DeploymentRefused(service=service, sha=sha, environment=environment, actor=actor):
            what = f" a deployment of {service} to {environment} by {actor}"
            return (Strong("Refused"), what, *((" at ", Code(sha)) if sha else ()))
        case events.DeploymentExcepted(service=service, sha=sha, environment=environment):
            return (f"A deployment of {service} to {environment} passed by exception at ", Code(sha))
        case _:
            assert_never(event)


def describe_release(event: ReleaseRecorded) -> Line:
    """Return which version went where, or what else was changed there."""
    return (f"Release {put_out(event)}" if is_version(event) else put_out(event),)
