"""PagerDuty's REST API as one thread uses it.

A note, a status update and a page have no idempotency key: whoever repeats one after `Ambiguous` looks for
the mark in its text first (`notes`, `asked`). An incident has one, `incident_key`, while it is open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

import pagerduty

from integrations.contract import IntegrationError
from integrations.pagerduty.errors import TROUBLE, Ambiguous, refused
from integrations.pagerduty.transport import Guard, addresses

TITLE_LIMIT = 1_024
TEXT_LIMIT = 25_000
_OPEN = ("triggered", "acknowledged")
_PAGE = 100

Got = TypeVar("Got")
Param = str | int | bool | Sequence[str]
Status = Literal["triggered", "acknowledged", "resolved"]
Rota = Literal["escalation_policy", "schedule"]


@dataclass(frozen=True, slots=True)
class Opened:
    """An incident in PagerDuty."""

    id: str
    url: str
    number: int
    status: Status


@dataclass(frozen=True, slots=True)
class Called:
    """Somebody who is on call."""

    id: str
    email: str


@dataclass(frozen=True, slots=True)
class Target:
    """Who is asked to respond: a person's id, or that of an escalation policy."""

    id: str
    kind: Literal["user", "escalation_policy"]


class Client:
    """The requests Backstop makes of PagerDuty, each raising `IntegrationError` and nothing else."""

    def __init__(self, url: str, token: str, sender: str, time_limits_s: tuple[float, float]) -> None:
        self._url = url
        self._secret = token.strip()
        self._sender = sender
        self._time_limits_s = time_limits_s
        self._connection: pagerduty.RestApiV2Client | None = None
        self._me: str | None = None

    def opened(self, key: str) -> Opened | None:
        """Return the open incident of a key, if there is one."""
        asked: dict[str, Param] = {"incident_key": key, "statuses": list(_OPEN), "date_range": "all"}
        return self._get("/incidents", f"looking for {key}", _first, **asked)

    def open(self, key: str, *, service: str, title: str, details: str, urgency: str) -> Opened:
        """Open an incident and return it; one that is open under the key is found and returned instead."""
        incident = {
            "type": "incident",
            "title": _cut(title, TITLE_LIMIT),
            "service": {"id": service, "type": "service_reference"},
            "incident_key": key,
            "urgency": urgency,
            "body": {"type": "incident_body", "details": _cut(details, TEXT_LIMIT)},
        }
        try:
            return self._post("/incidents", {"incident": incident}, "opening the incident", _opened)
        except Ambiguous:
            raise
        except IntegrationError as refusal:
            # A key that is open already is refused like any mistake: only a look tells them apart.
            found = self.opened(key) if refusal.permanent else None
            if found is None:
                raise
            return found

    def incident(self, id: str) -> Opened:
        """Return an incident by its id."""
        return self._get(f"/incidents/{id}", f"looking at {id}", _opened)

    def move(self, id: str, status: Status, resolution: str = "") -> None:
        """Acknowledge, resolve or open an incident again; done twice it is done once."""
        change: dict[str, object] = {"type": "incident_reference", "status": status}
        if resolution:
            change["resolution"] = _cut(resolution, TEXT_LIMIT)
        with self._talking(f"changing {id}") as client:
            self._content(client.put(f"/incidents/{id}", json={"incident": change}), f"changing {id}")

    def urge(self, id: str) -> None:
        """Make an incident urgent, so that people are woken; done twice it is done once."""
        change = {"type": "incident_reference", "urgency": "high"}
        with self._talking(f"changing {id}") as client:
            self._content(client.put(f"/incidents/{id}", json={"incident": change}), f"changing {id}")

    def notes(self, id: str) -> list[str]:
        """Return the texts of an incident's notes."""
        return self._get(f"/incidents/{id}/notes", f"reading the notes of {id}", _notes)

    def note(self, id: str, text: str) -> None:
        """Add a note to an incident."""
        body = {"note": {"content": _cut(text, TEXT_LIMIT)}}
        self._post(f"/incidents/{id}/notes", body, f"adding a note to {id}", _there)

    def status_update(self, id: str, text: str) -> None:
        """Publish a status update of an incident; nothing lists them afterwards."""
        body = {"message": _cut(text, TEXT_LIMIT)}
        self._post(f"/incidents/{id}/status_updates", body, f"updating {id}", _there)

    def asked(self, id: str) -> list[str]:
        """Return the texts with which people were asked to respond to an incident."""
        return self._get(f"/incidents/{id}", f"looking at {id}", _asked)

    def ask(self, id: str, text: str, targets: Sequence[Target]) -> None:
        """Ask people to respond to an incident, which pages them."""
        wanted = [
            {"responder_request_target": {"id": each.id, "type": f"{each.kind}_reference"}}
            for each in targets
        ]
        body = {
            "requester_id": self.me(),
            "message": _cut(text, TEXT_LIMIT),
            "responder_request_targets": wanted,
        }
        self._post(f"/incidents/{id}/responder_requests", body, "paging", _there)

    def user(self, email: str) -> str | None:
        """Return the id of the person with an e-mail, or None."""

        def of_email(answer: Any) -> str | None:
            found = (str(each["id"]) for each in answer["users"] if each["email"].lower() == email.lower())
            return next(found, None)

        return self._get("/users", f"looking for {email}", of_email, query=email)

    def email(self, id: str) -> str:
        """Return the e-mail of a person by their id."""
        return self._get(
            f"/users/{id}", f"looking for the person {id}", lambda told: str(told["user"]["email"])
        )

    def me(self) -> str:
        """Return the id of whoever our writes come from."""
        if self._me is None:
            self._me = self.user(self._sender)
        if self._me is None:
            text = f"PagerDuty knows nobody with the e-mail {self._sender}: set BACKSTOP_PAGERDUTY_FROM."
            raise IntegrationError(text, permanent=True)
        return self._me

    def on_call(self, kind: Rota, ids: Sequence[str]) -> Mapping[str, tuple[Called, ...]]:
        """Return who is on call now for each schedule, or at the first level of each escalation policy."""
        asked: dict[str, Param] = {f"{kind}_ids": list(ids), "include": ["users"], "earliest": True}
        rows: list[tuple[str, int, Called]] = []
        more = True
        while more:
            part = partial(_on_call, kind)
            found, more = self._get(
                "/oncalls", "asking who is on call", part, **asked, limit=_PAGE, offset=len(rows)
            )
            rows += found
        first = {id: min((level for at, level, _ in rows if at == id), default=0) for id in ids}
        return {
            id: tuple(dict.fromkeys(called for at, level, called in rows if (at, level) == (id, first[id])))
            for id in ids
        }

    def service(self, id: str) -> str:
        """Return the name of a service."""
        return self._get(
            f"/services/{id}", f"looking at the service {id}", lambda told: str(told["service"]["name"])
        )

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _get(self, path: str, doing: str, shape: Callable[[Any], Got], **params: Param) -> Got:
        with self._talking(doing) as client:
            return shape(self._content(client.get(path, params=params or None), doing))

    def _post(self, path: str, body: Mapping[str, object], doing: str, shape: Callable[[Any], Got]) -> Got:
        with self._talking(doing, writes=True) as client:
            return shape(self._content(client.post(path, json=dict(body)), doing))

    def _content(self, answer: Any, doing: str) -> Any:
        if not answer.is_success:
            raise refused(answer.status_code, answer.content, doing=doing, secret=self._secret)
        return answer.json()

    @contextmanager
    def _talking(self, doing: str, *, writes: bool = False) -> Iterator[pagerduty.RestApiV2Client]:
        try:
            yield self._connected()
        except pagerduty.HttpError as error:
            status, content = _seen(error)
            raise refused(status, content, doing=doing, secret=self._secret) from None
        except (*TROUBLE, LookupError, TypeError, AttributeError):
            # Not chained: the library's error prints what was sent.
            text = f"PagerDuty answered something unexpected while {doing}."
            raise (Ambiguous(text) if writes else IntegrationError(text, permanent=False)) from None

    def _connected(self) -> pagerduty.RestApiV2Client:
        if self._connection is None:
            url, stand_in = addresses(self._url)
            if not (self._secret.isascii() and self._secret.isprintable()):
                text = "PagerDuty's token holds a character that cannot be sent: copy it again."
                raise IntegrationError(text, permanent=True)
            guard = Guard(stand_in=stand_in, time_limits_s=self._time_limits_s)
            # Not from the environment: a proxy named there would go around the guard.
            connection = pagerduty.RestApiV2Client(
                self._secret, default_from=self._sender, base_url=url, transport=guard, trust_env=False
            )
            connection.max_network_attempts = 0
            self._connection = connection
        return self._connection


def _opened(answer: Any) -> Opened:
    return _one(answer["incident"])


def _first(answer: Any) -> Opened | None:
    return _one(answer["incidents"][0]) if answer["incidents"] else None


def _one(told: Any) -> Opened:
    return Opened(str(told["id"]), str(told["html_url"]), int(told["incident_number"]), told["status"])


def _notes(answer: Any) -> list[str]:
    return [str(note["content"]) for note in answer["notes"]]


def _asked(answer: Any) -> list[str]:
    told = answer["incident"]
    every = (*told.get("incidents_responders", ()), *told.get("responder_requests", ()))
    return [str(each.get("message", "")) for each in every]


def _on_call(kind: Rota, answer: Any) -> tuple[list[tuple[str, int, Called]], bool]:
    """Return rota, level and person of each row, and whether there are more.

    A schedule may stand at any level of several policies; whoever is on it is on call all the same.
    """
    rows = [
        (
            str(each[kind]["id"]),
            int(each["escalation_level"]) if kind == "escalation_policy" else 1,
            Called(str(each["user"]["id"]), str(each["user"]["email"])),
        )
        for each in answer["oncalls"]
    ]
    return rows, bool(answer.get("more")) and bool(rows)


def _there(answer: Any) -> None:
    """Any JSON will do: what was made has no use for us beyond being made."""
    if not isinstance(answer, dict):
        raise TypeError("the answer is no object")


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _seen(error: pagerduty.HttpError) -> tuple[int, bytes]:
    answer = error.response
    return (answer.status_code, answer.content) if answer is not None else (0, b"")
