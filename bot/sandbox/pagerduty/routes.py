"""The operations of PagerDuty's REST API that the real client calls.

To add an operation: write its handler, give it a line in `routes` with the name faults are set by.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web

from bot.sandbox.pagerduty.records import (
    STATUSES,
    Incident,
    Note,
    Problem,
    Records,
    Responder,
    User,
    missing,
    reference,
    stamp,
    wrong,
)

Happened = Callable[[str, Incident, User | None, dict[str, Any] | None], None]
"""Told of everything that happens: the type of its event, the incident, who did it, the event's own data."""


def routes(rest: Rest) -> list[web.RouteDef]:
    """Return every route of the account, named as faults are set."""
    one = "/incidents/{id}"
    return [
        web.get("/incidents", rest.incidents, name="list_incidents"),
        web.post("/incidents", rest.open_one, name="open_incident"),
        web.get(one, rest.incident, name="get_incident"),
        web.put(one, rest.change, name="change_incident"),
        web.get(f"{one}/notes", rest.notes, name="list_notes"),
        web.post(f"{one}/notes", rest.note, name="add_note"),
        web.post(f"{one}/status_updates", rest.update, name="status_update"),
        web.post(f"{one}/responder_requests", rest.ask, name="ask_responders"),
        web.get("/oncalls", rest.on_call, name="on_call"),
        web.get("/users", rest.users, name="list_users"),
        web.get("/users/{id}", rest.user, name="get_user"),
        web.get("/services/{id}", rest.service, name="get_service"),
    ]


class Rest:
    """The operations by name, over the records of one account."""

    def __init__(self, records: Records, happened: Happened) -> None:
        self._records = records
        self._happened = happened

    async def incidents(self, request: web.Request) -> web.Response:
        """List incidents by key and status."""
        key = request.query.get("incident_key")
        statuses = request.query.getall("statuses[]", list(STATUSES))
        found = [
            self._whole(each)
            for each in self._records.incidents.values()
            if each.status in statuses and key in (None, each.key)
        ]
        return _paged(request, "incidents", found)

    async def open_one(self, request: web.Request) -> web.Response:
        """Open an incident."""
        who = self._sender(request)
        made = self._records.open((await _body(request, "incident")) or {})
        self._happened("incident.triggered", made, who, None)
        return web.json_response({"incident": self._whole(made)}, status=HTTPStatus.CREATED)

    async def incident(self, request: web.Request) -> web.Response:
        """Show one."""
        return web.json_response({"incident": self._whole(self._asked(request))})

    async def change(self, request: web.Request) -> web.Response:
        """Change its status and urgency."""
        who, incident = self._sender(request), self._asked(request)
        asked = await _body(request, "incident")
        status = asked.get("status", incident.status)
        if status not in STATUSES:
            raise wrong(f"Status {status} is not one of {', '.join(STATUSES)}")
        incident.urgency = asked.get("urgency", incident.urgency)
        self.move(incident, status, who, asked.get("resolution", ""))
        return web.json_response({"incident": self._whole(incident)})

    def move(self, incident: Incident, status: str, who: User | None, resolution: str = "") -> None:
        """Change an incident's status; what it has already is no event."""
        before, incident.status = incident.status, status
        if status == before:
            return
        incident.resolution = resolution or incident.resolution
        reopened = before == "resolved"
        self._happened("incident.reopened" if reopened else f"incident.{status}", incident, who, None)

    async def notes(self, request: web.Request) -> web.Response:
        """List its notes."""
        return web.json_response({"notes": [self._note(each) for each in self._asked(request).notes]})

    async def note(self, request: web.Request) -> web.Response:
        """Add a note."""
        who, incident = self._sender(request), self._asked(request)
        content = (await _body(request, "note")).get("content")
        if not content:
            raise wrong("Content can't be blank.")
        return web.json_response({"note": self._note(self.annotate(incident, who, content))})

    def annotate(self, incident: Incident, who: User, content: str) -> Note:
        """Add a note."""
        note = Note(self._records.new_id(), content, who.id, self._records.now())
        incident.notes.append(note)
        data = {"type": "incident_note", "id": note.id, "content": content, "trimmed": False}
        self._happened("incident.annotated", incident, who, data)
        return note

    async def update(self, request: web.Request) -> web.Response:
        """Publish a status update."""
        who, incident = self._sender(request), self._asked(request)
        message = (await _json(request)).get("message")
        if not message:
            raise wrong("Message can't be blank.")
        incident.updates.append(message)
        id = self._records.new_id()
        data = {"type": "incident_status_update", "id": id, "message": message, "trimmed": False}
        self._happened("incident.status_update_published", incident, who, data)
        sent = {"id": id, "message": message, "created_at": stamp(self._records.now()), "sender": _user(who)}
        return web.json_response({"status_update": sent})

    async def ask(self, request: web.Request) -> web.Response:
        """Ask people to respond."""
        incident, asked = self._asked(request), await _json(request)
        requester = self._records.users.get(asked.get("requester_id", ""))
        if requester is None or not asked.get("message"):
            raise wrong("Requester and message are needed")
        targets = [each["responder_request_target"] for each in asked.get("responder_request_targets", ())]
        people = [(each, self._records.people_of(each["type"], each["id"])) for each in targets]
        at = self._records.now()
        for _, ids in people:
            for id in ids:
                responder = Responder(id, asked["message"], requester.id, at)
                incident.responders.append(responder)
                self._happened("incident.responder.added", incident, requester, self.responder(responder))
        made = {
            "id": self._records.new_id(),
            "incident": reference("incident", incident.id, incident.title),
            "message": asked["message"],
            "requested_at": stamp(at),
            "requester": _user(requester),
            "responder_request_targets": [
                {"id": each["id"], "type": each["type"], "summary": each["id"]} for each, _ in people
            ],
        }
        incident.requests.append(made)
        return web.json_response({"responder_request": made})

    def responder(self, responder: Responder) -> dict[str, Any]:
        """Return what an event tells of somebody who was asked."""
        user = self._records.users[responder.user]
        state = {"type": "incident_responder", "state": responder.state, "message": responder.message}
        return {**state, "user": _user(user), "escalation_policy": None}

    async def on_call(self, request: web.Request) -> web.Response:
        """List who is on call."""
        schedules = request.query.getall("schedule_ids[]", [])
        wanted = [] if schedules else list(self._records.policies)
        rows: list[tuple[str, str | None, int, str]] = [
            (policy, None, level, id)
            for policy in request.query.getall("escalation_policy_ids[]", wanted)
            for level, people in enumerate(self._records.policies.get(policy, ()), 1)
            for id in people
        ]
        # Somebody on a schedule is on call by whichever policy the schedule stands in.
        rows += [
            ("PANY001", each, 2, id) for each in schedules for id in self._records.schedules.get(each, ())
        ]
        whole = "users" in request.query.getall("include[]", [])
        found = [
            {
                "escalation_policy": reference("escalation_policy", policy, policy),
                "escalation_level": level,
                "schedule": reference("schedule", schedule, schedule) if schedule else None,
                "user": self._person(self._records.users[id], whole=whole),
                "start": None,
                "end": None,
            }
            for policy, schedule, level, id in rows
        ]
        return _paged(request, "oncalls", found)

    async def users(self, request: web.Request) -> web.Response:
        """List people."""
        query = request.query.get("query", "").lower()
        found = [u for u in self._records.users.values() if query in f"{u.name} {u.email}".lower()]
        return _paged(request, "users", [self._person(each, whole=True) for each in found])

    async def user(self, request: web.Request) -> web.Response:
        """Show one."""
        id = request.match_info["id"]
        if id not in self._records.users:
            raise missing("User")
        return web.json_response({"user": self._person(self._records.users[id], whole=True)})

    async def service(self, request: web.Request) -> web.Response:
        """Show one."""
        service = self._records.services.get(request.match_info["id"])
        if service is None:
            raise missing("Service")
        policy = reference("escalation_policy", service.policy, service.policy)
        whole = {**reference("service", service.id, service.name), "type": "service", "name": service.name}
        return web.json_response({"service": {**whole, "status": "active", "escalation_policy": policy}})

    def _asked(self, request: web.Request) -> Incident:
        return self._records.incident(request.match_info["id"])

    def _sender(self, request: web.Request) -> User:
        sender = self._records.by_email(request.headers.get("From", ""))
        if sender is None:
            raise Problem(HTTPStatus.BAD_REQUEST, "Requester User Not Found", "The From header names nobody")
        return sender

    def _person(self, user: User, *, whole: bool) -> dict[str, Any]:
        if not whole:
            return _user(user)
        return {**_user(user), "type": "user", "name": user.name, "email": user.email}

    def _note(self, note: Note) -> dict[str, Any]:
        user = _user(self._records.users[note.user])
        return {"id": note.id, "content": note.content, "user": user, "created_at": stamp(note.at)}

    def _whole(self, incident: Incident) -> dict[str, Any]:
        service = self._records.services[incident.service]
        whole = reference("incident", incident.id, f"[#{incident.number}] {incident.title}")
        return {
            **whole,
            "type": "incident",
            "incident_number": incident.number,
            "title": incident.title,
            "created_at": stamp(incident.at),
            "status": incident.status,
            "incident_key": incident.key,
            "urgency": incident.urgency,
            "service": reference("service", service.id, service.name),
            "escalation_policy": reference("escalation_policy", service.policy, service.policy),
            "assignments": [],
            "acknowledgements": [],
            "responder_requests": incident.requests,
            "incidents_responders": [
                {
                    "state": each.state,
                    "user": _user(self._records.users[each.user]),
                    "incident": reference("incident", incident.id, incident.title),
                    "message": each.message,
                    "requester": _user(self._records.users[each.requester]),
                    "requested_at": stamp(each.at),
                    "updated_at": stamp(each.at),
                }
                for each in incident.responders
            ],
        }


def _user(user: User) -> dict[str, Any]:
    return reference("user", user.id, user.name)


def _paged(request: web.Request, name: str, found: list[dict[str, Any]]) -> web.Response:
    limit, offset = (int(request.query.get(key, default)) for key, default in (("limit", 25), ("offset", 0)))
    part = found[offset : offset + limit]
    more = offset + limit < len(found)
    return web.json_response({name: part, "limit": limit, "offset": offset, "more": more, "total": None})


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        found = json.loads(await request.read())
    except ValueError:
        raise wrong("The body is not JSON") from None
    if not isinstance(found, dict):
        raise wrong("The body is no object")
    return found


async def _body(request: web.Request, part: str) -> dict[str, Any]:
    found = (await _json(request)).get(part)
    if not isinstance(found, dict):
        raise wrong(f"{part} is missing")
    return found
