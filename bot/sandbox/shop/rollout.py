"""`scale`, `release` and `deploy`: changing what is wanted and waiting until it is so."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from typing import Literal

import requests
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from bot.sandbox.shop.home import Actual, Desired, Home, ShopError
from bot.sandbox.shop.releases import connect, migrate, named, require_schema

DENIED = 10
UNKNOWN = 20
"""How `deploy` ends when the gate says no, and when it says nothing that can be relied on."""

_LOOK_S = 0.05
_GATE_TIMEOUT_S = 10.0


class Denied(Exception):
    """The gate said no; the text is what the person who deploys should read."""


class GateUnknown(Exception):
    """The gate gave no answer that can be relied on, so nothing is deployed."""


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Freeze(_Answer):
    id: str
    reason: str = ""
    placed_by: str = ""
    since: AwareDatetime
    incident_url: str | None = None


class _Ask(_Answer):
    slack: str = ""
    cli: str = ""


class _Verdict(_Answer):
    decision: Literal["allow", "deny"]
    freezes: Sequence[_Freeze] = ()
    ask: _Ask = _Ask()


def scale(home: Home, replicas: int, *, timeout_s: float) -> str:
    """Run so many replicas (0 or 1) and say so once it is true; asking again changes nothing."""
    count = "1 replica" if replicas == 1 else "no replicas"
    before = _held(home, replicas=replicas)
    if before is not None:
        return f"checkout {before.version} already runs {count}."
    actual = _settle(home, home.want(replicas=replicas), timeout_s=timeout_s)
    return f"checkout {actual.version} now runs {count}."


def release(home: Home, version: str, *, timeout_s: float) -> str:
    """Make a release the wanted one, migrate for it if need be, and say so once it is true.

    A release that cannot work with the database is refused before the running one is touched.
    """
    wanted = named(version)
    migrated = migrate(home.database, wanted)
    if not migrated and _held(home, version=version) is not None:
        return f"checkout is already at {version}."
    before = home.desired()
    if before is not None and before.replicas:
        with closing(connect(home.database)) as connection:
            require_schema(connection, wanted)
    actual = _settle(home, home.want(version=version), timeout_s=timeout_s)
    running = "is running" if actual.replicas else "is set and will run when checkout is scaled up"
    note = f"; its migration brought orders.db to schema {wanted.schema}" if migrated else ""
    return f"checkout {version} {running}{note}."


def ask_gate(url: str, token: str, *, version: str, sha: str) -> None:
    """Ask Backstop whether this commit may go to production now; return only when it may.

    Raise `Denied` when it may not, and `GateUnknown` when there is no clear answer.
    """
    question = {
        "service": "checkout",
        "environment": "production",
        "kind": "deploy",
        "sha": sha,
        "actor": "ci",
    }
    try:
        response = requests.get(
            f"{url.rstrip('/')}/v1/gate",
            params=question,
            headers={"Authorization": f"Bearer {token}"},
            timeout=_GATE_TIMEOUT_S,
            allow_redirects=False,
        )
    except requests.RequestException as problem:
        raise GateUnknown(f"the gate at {url} could not be reached ({type(problem).__name__})") from None
    if response.status_code not in {200, 409}:
        raise GateUnknown(f"the gate at {url} answered {response.status_code}")
    try:
        verdict = _Verdict.model_validate_json(response.content)
    except ValidationError:
        raise GateUnknown(f"the gate at {url} answered {response.status_code} with something else") from None
    match response.status_code, verdict.decision:
        case 200, "allow":
            return
        case 409, "deny":
            raise Denied(_denial(verdict, version=version, sha=sha))
        case status, decision:
            raise GateUnknown(f"the gate at {url} answered {status} and {decision}")


def tell(url: str, token: str, *, version: str, sha: str) -> str:
    """Tell Backstop what was put out, and return a sentence about it if it could not be told."""
    release = {"service": "checkout", "environment": "production", "version": version, "commit": sha}
    migrations = [f"orders-schema-{named(version).schema}"] if named(version).migration else []
    try:
        response = requests.post(
            f"{url.rstrip('/')}/v1/releases",
            json={**release, "strategy": "rolling", "migrations": migrations},
            headers={"Authorization": f"Bearer {token}"},
            timeout=_GATE_TIMEOUT_S,
            allow_redirects=False,
        )
    except requests.RequestException as problem:
        return f"Backstop was not told of it ({type(problem).__name__})."
    told = response.status_code in {200, 201}
    return "" if told else f"Backstop was not told of it: it answered {response.status_code}."


def _denial(verdict: _Verdict, *, version: str, sha: str) -> str:
    lines = [f"checkout {version} ({sha}) was not deployed: production is frozen."]
    for freeze in verdict.freezes:
        lines.append(
            f"  {freeze.id}: {freeze.reason} (by {freeze.placed_by} since {freeze.since:%Y-%m-%dT%H:%M:%SZ})"
        )
        if freeze.incident_url:
            lines.append(f"  Follow it at {freeze.incident_url}")
    ways = [way for way in (verdict.ask.slack, verdict.ask.cli) if way]
    lines.append("  To ask for an exception: " + (" or ".join(ways) or "ask the incident's commander"))
    return "\n".join(_literal(line) for line in lines)


def _literal(text: str) -> str:
    return "".join(mark if mark.isprintable() else f"\\x{ord(mark):02x}" for mark in text)


def _held(home: Home, *, version: str | None = None, replicas: int | None = None) -> Actual | None:
    desired, actual = home.desired(), home.actual()
    if desired is None or actual is None or not _reached(desired, actual):
        return None
    same = version in {None, desired.version} and replicas in {None, desired.replicas}
    return actual if same else None


def _reached(desired: Desired, actual: Actual) -> bool:
    return actual.generation >= desired.generation and (actual.version, actual.replicas) == (
        desired.version,
        desired.replicas,
    )


def _settle(home: Home, desired: Desired, *, timeout_s: float) -> Actual:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        actual = home.actual()
        if actual is not None and _reached(desired, actual):
            return actual
        if actual is not None and actual.error and actual.generation >= desired.generation:
            raise ShopError(actual.error)
        time.sleep(_LOOK_S)
    raise ShopError(f"checkout did not get there in {timeout_s:.0f} s; is `up` running for {home.path}?")
