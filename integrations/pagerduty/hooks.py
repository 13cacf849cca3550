"""Webhooks of PagerDuty, version 3: whether one is PagerDuty's, and what it tells."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

_VERSION = b"v1="


@dataclass(frozen=True, slots=True)
class Told:
    """What one delivery tells: which event of which incident, by whom, and the words with it.

    `agent` is PagerDuty's id of a person, empty where no person did it; `title` is the incident's.
    `person` is who was asked to respond, `state` what they said.
    """

    id: str
    kind: str
    at: datetime
    incident: str
    agent: str = ""
    agent_name: str = ""
    key: str = ""
    text: str = ""
    person: str = ""
    person_name: str = ""
    state: str = ""
    url: str = ""
    title: str = ""
    service: str = ""
    urgency: str = ""


class _Loose(BaseModel):
    """What PagerDuty sends may grow: fields we do not read are let through."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Reference(_Loose):
    id: str
    type: str = ""
    summary: str | None = None
    html_url: str | None = None


class _Event(_Loose):
    id: str
    event_type: str
    occurred_at: AwareDatetime
    agent: _Reference | None = None
    data: dict[str, Any]


class _Body(_Loose):
    event: _Event


def signed(body: bytes, header: str, secrets: Iterable[str]) -> bool:
    """Say whether one of the signatures in a header is made with one of our secrets over these bytes."""
    given = [part.strip() for part in header.encode("utf-8", "surrogatepass").split(b",")]
    # As bytes: text beyond ASCII cannot be compared in constant time and would raise.
    return any(
        hmac.compare_digest(part, _VERSION + _digest(body, secret))
        for secret in secrets
        for part in given
        if part.startswith(_VERSION)
    )


def sign(body: bytes, secret: str) -> str:
    """Return the signature of a body, as PagerDuty writes it."""
    return (_VERSION + _digest(body, secret)).decode()


def _digest(body: bytes, secret: str) -> bytes:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()


def read(body: str) -> Told:
    """Return what a delivery tells, or raise ValueError saying what is wrong, repeating none of it."""
    try:
        event = _Body.model_validate_json(body).event
        return _told(event)
    except ValidationError as invalid:
        where = ".".join(str(part) for part in invalid.errors(include_input=False)[0]["loc"]) or "the body"
        raise ValueError(f"{where} is not as PagerDuty describes it") from None


def _told(event: _Event) -> Told:
    data = event.data
    whole = data.get("type") == "incident"
    incident = _Reference.model_validate(data if whole else data.get("incident") or {"id": ""})
    person = event.agent if event.agent and event.agent.type.startswith("user") else None
    service = data.get("service")
    user = data.get("user")
    asked = _Reference.model_validate(user if isinstance(user, dict) else {"id": ""})
    return Told(
        id=event.id,
        kind=event.event_type,
        at=event.occurred_at,
        incident=incident.id,
        agent=person.id if person else "",
        agent_name=(event.agent.summary or "") if event.agent else "",
        key=str(data.get("incident_key") or ""),
        text=_text(data),
        person=asked.id,
        person_name=asked.summary or "",
        state=str(data.get("state") or ""),
        url=incident.html_url or "",
        title=str(data.get("title") or ""),
        service=str(service.get("id", "")) if isinstance(service, dict) else "",
        urgency=str(data.get("urgency") or ""),
    )


def _text(data: dict[str, Any]) -> str:
    """Return the words of a note, of a status update, or with which somebody was asked."""
    found = (data.get(name) for name in ("content", "message", "status_update"))
    return next((words for words in found if isinstance(words, str)), "")
