"""A PagerDuty account on loopback: stateful, as strict as PagerDuty, and able to fail on request."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from hmac import compare_digest
from http import HTTPStatus
from types import TracebackType
from typing import Any

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from bot.sandbox.pagerduty.courier import Courier, Delivery
from bot.sandbox.pagerduty.records import Incident, Problem, Records, Service, User, reference, stamp
from bot.sandbox.pagerduty.routes import Rest, routes
from bot.sandbox.wire import Wire
from integrations.pagerduty.hooks import sign


class PagerDutyStandIn(Wire):
    """A PagerDuty listening on loopback, empty until `person`, `policy` and `service` fill it."""

    name = "PagerDuty"

    def __init__(self, *, now: Callable[[], datetime], port: int = 0, token: str = "") -> None:
        super().__init__(now=now, port=port)
        self.token = token or secrets.token_urlsafe(15)
        self.records = Records(now)
        self.courier = Courier(sign)
        self._rest = Rest(self.records, self._happened)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.courier.settled()
        await super().__aexit__(kind, error, trace)

    @property
    def incidents(self) -> list[Incident]:
        """Return the incidents in the order they were opened."""
        return list(self.records.incidents.values())

    def person(self, name: str, email: str) -> User:
        """Give the account a person."""
        user = User(self.records.new_id("PU"), name, email)
        self.records.users[user.id] = user
        return user

    def policy(self, id: str, *levels: str) -> None:
        """Give the account an escalation policy; each level is a person by e-mail."""
        people = [self.records.by_email(email) for email in levels]
        self.records.policies[id] = [[user.id] for user in people if user]

    def schedule(self, id: str, *people: str) -> None:
        """Give the account a schedule with these people, by e-mail, on call."""
        found = [self.records.by_email(email) for email in people]
        self.records.schedules[id] = [user.id for user in found if user]

    def service(self, id: str, name: str, policy: str) -> None:
        """Give the account a service."""
        self.records.services[id] = Service(id, name, policy)

    def subscribe(self, url: str, *secrets: str) -> None:
        """Send what happens to an address, signed with each secret."""
        self.courier.url, self.courier.secrets = url, secrets

    def moves(self, email: str, incident: Incident, status: str) -> None:
        """Play a person who acknowledges, resolves or triggers an incident."""
        self._rest.move(incident, status, self.records.by_email(email))

    def opens(self, email: str, *, service: str, title: str) -> Incident:
        """Play a person who opens an incident."""
        made = self.records.open({"title": title, "service": {"id": service}})
        self._happened("incident.triggered", made, self.records.by_email(email), None)
        return made

    def writes(self, email: str, incident: Incident, text: str) -> None:
        """Play a person who adds a note."""
        user = self.records.by_email(email)
        assert user
        self._rest.annotate(incident, user, text)

    def answers(self, email: str, incident: Incident, state: str) -> None:
        """Play a person who says whether they come, `joined` or `declined`, after they were asked."""
        user = self.records.by_email(email)
        assert user
        place = next(n for n, each in enumerate(incident.responders) if each.user == user.id)
        incident.responders[place] = replied = replace(incident.responders[place], state=state)
        self._happened("incident.responder.replied", incident, user, self._rest.responder(replied))

    def tells(self, event: dict[str, Any]) -> Delivery:
        """Deliver an event as it is given."""
        return self.courier.post(event)

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the operations of the account."""
        return routes(self._rest)

    async def carry_out(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer as PagerDuty does, also what is wrong."""
        try:
            self._authenticate(request)
            return await handler(request)
        except Problem as problem:
            return web.json_response(problem.body, status=problem.status)
        except web.HTTPNotFound:
            body = Problem(HTTPStatus.NOT_FOUND, "Not Found").body
            return web.json_response(body, status=HTTPStatus.NOT_FOUND)

    def _authenticate(self, request: web.Request) -> None:
        expected, given = f"Token token={self.token}", request.headers.get(hdrs.AUTHORIZATION, "")
        if not compare_digest(expected.encode(), given.encode("utf-8", "surrogateescape")):
            raise Problem(HTTPStatus.UNAUTHORIZED, "Unauthorized")

    def _happened(self, kind: str, incident: Incident, who: User | None, data: dict[str, Any] | None) -> None:
        self.courier.post(
            {
                "id": str(uuid.uuid4()),
                "event_type": kind,
                "resource_type": "incident",
                "occurred_at": stamp(self.now()),
                "agent": reference("user", who.id, who.name) if who else None,
                "client": None,
                "data": {**data, "incident": self._named(incident)} if data else self._told(incident),
            }
        )

    def _named(self, incident: Incident) -> dict[str, Any]:
        return reference("incident", incident.id, incident.title)

    def _told(self, incident: Incident) -> dict[str, Any]:
        service = self.records.services[incident.service]
        return {
            **self._named(incident),
            "type": "incident",
            "number": incident.number,
            "status": incident.status,
            "incident_key": incident.key,
            "created_at": stamp(incident.at),
            "title": incident.title,
            "service": reference("service", service.id, service.name),
            "assignees": [],
            "escalation_policy": reference("escalation_policy", service.policy, service.policy),
            "teams": [],
            "priority": None,
            "urgency": incident.urgency,
            "conference_bridge": None,
            "resolve_reason": None,
        }
