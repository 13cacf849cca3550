"""What the stand-in remembers: one account with its people, services, policies and incidents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

STATUSES = ("triggered", "acknowledged", "resolved")
API = "https://api.pagerduty.com"
SITE = "https://example.pagerduty.com"


class Problem(Exception):
    """A request PagerDuty answers with an error."""

    def __init__(self, status: HTTPStatus, message: str, *errors: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "code": 2000 + status % 100, "errors": list(errors)}}


def wrong(*errors: str) -> Problem:
    """Return the answer to arguments that PagerDuty does not take."""
    return Problem(HTTPStatus.BAD_REQUEST, "Invalid Input Provided", *errors)


def missing(what: str) -> Problem:
    """Return the answer to a request about something that is not there."""
    return Problem(HTTPStatus.NOT_FOUND, "Not Found", f"{what} not found")


@dataclass(frozen=True, slots=True)
class User:
    """A person of the account."""

    id: str
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Service:
    """A service, whose incidents page the people of its escalation policy."""

    id: str
    name: str
    policy: str


@dataclass(frozen=True, slots=True)
class Note:
    """A note as stored."""

    id: str
    content: str
    user: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Responder:
    """Somebody who was asked to respond, and what they said."""

    user: str
    message: str
    requester: str
    at: datetime
    state: str = "pending"


@dataclass(slots=True)
class Incident:
    """An incident as stored."""

    id: str
    number: int
    key: str
    title: str
    service: str
    urgency: str
    at: datetime
    details: str = ""
    status: str = "triggered"
    resolution: str = ""
    notes: list[Note] = field(default_factory=list)
    updates: list[str] = field(default_factory=list)
    responders: list[Responder] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)


class Records:
    """One account. `policies` names the people of each level of an escalation policy, the first first.

    `schedules` names those who are on each now.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.users: dict[str, User] = {}
        self.services: dict[str, Service] = {}
        self.policies: dict[str, Sequence[Sequence[str]]] = {}
        self.schedules: dict[str, Sequence[str]] = {}
        self.incidents: dict[str, Incident] = {}
        self._ids = 0

    def new_id(self, letter: str = "P") -> str:
        """Return an id that nothing else has."""
        self._ids += 1
        return f"{letter}{self._ids:06d}"

    def by_email(self, email: str) -> User | None:
        """Return the person with an e-mail, in any case."""
        return next((user for user in self.users.values() if user.email.lower() == email.lower()), None)

    def incident(self, id: str) -> Incident:
        """Return an incident, or raise the answer that there is none."""
        if id not in self.incidents:
            raise missing("Incident")
        return self.incidents[id]

    def open(self, asked: Mapping[str, Any]) -> Incident:
        """Open an incident; a key that is open already is refused."""
        service, key = asked.get("service", {}).get("id", ""), asked.get("incident_key") or self.new_id("K")
        if not asked.get("title"):
            raise wrong("Title can't be blank.")
        if service not in self.services:
            raise wrong("Service not found")
        open_ones = [each for each in self.incidents.values() if each.status != "resolved"]
        if any((each.key, each.service) == (key, service) for each in open_ones):
            raise wrong("Open incident with matching dedup key already exists on this service")
        made = Incident(
            id=self.new_id("Q"),
            number=len(self.incidents) + 1,
            key=key,
            title=asked["title"],
            service=service,
            urgency=asked.get("urgency", "high"),
            at=self.now(),
            details=asked.get("body", {}).get("details", ""),
        )
        self.incidents[made.id] = made
        return made

    def people_of(self, kind: str, id: str) -> list[str]:
        """Return the ids of the people that a target of a request stands for."""
        if kind == "user_reference" and id in self.users:
            return [id]
        if kind == "escalation_policy_reference" and id in self.policies:
            return list(self.policies[id][0])
        raise wrong(f"Responder request target {id} not found")


def reference(kind: str, id: str, summary: str) -> dict[str, Any]:
    """Return how PagerDuty names something elsewhere."""
    path = "escalation_policies" if kind == "escalation_policy" else f"{kind}s"
    return {
        "id": id,
        "type": f"{kind}_reference",
        "summary": summary,
        "self": f"{API}/{path}/{id}",
        "html_url": f"{SITE}/{path}/{id}",
    }


def stamp(at: datetime) -> str:
    """Return a moment as PagerDuty writes it."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
