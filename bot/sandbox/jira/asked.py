"""What clients send, read strictly: a field Jira would not know is refused by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from http import HTTPStatus
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from bot.sandbox.jira.site import Problem, Site, bad


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Key(_Asked):
    """Something named by its key."""

    key: str


class Name(_Asked):
    """Something named by its name."""

    name: str


class Property(_Asked):
    """A property of an issue."""

    key: str
    value: Any


class NewFields(_Asked):
    """The fields of an issue to create."""

    project: Key
    issuetype: Name
    summary: str
    description: Any = None
    labels: tuple[str, ...] = ()
    parent: Key | None = None


class NewIssue(_Asked):
    """The body of a create."""

    fields: NewFields
    properties: tuple[Property, ...] = ()
    update: Mapping[str, Any] = {}


class Account(_Asked):
    """Somebody, as Jira Cloud names them or as Jira Data Center does."""

    accountId: str | None = None  # noqa: N815 Jira's own spelling
    name: str | None = None


class ChangedFields(_Asked):
    """The fields to change; what is absent stays."""

    summary: str | None = None
    description: Any = None
    labels: tuple[str, ...] | None = None
    duedate: date | None = None
    assignee: Account | None = None


class Edit(_Asked):
    """The body of an edit."""

    fields: ChangedFields
    update: Mapping[str, Any] = {}


class Comment(_Asked):
    """The body of a comment."""

    body: Any


class Transition(_Asked):
    """The body of a transition."""

    class Id(_Asked):
        """What the transition is named by."""

        id: Any

    transition: Id
    fields: Mapping[str, Any] = {}


class Link(_Asked):
    """The body of a link between issues."""

    type: Name
    inwardIssue: Key  # noqa: N815
    outwardIssue: Key  # noqa: N815


class Remote(_Asked):
    """The body of a link to somewhere else."""

    class Object(_Asked):
        """Where the link leads."""

        url: str
        title: str

    object: Object
    globalId: str | None = None  # noqa: N815
    relationship: str | None = None


Body = TypeVar("Body", bound=_Asked)


async def read_json(request: web.Request) -> Any:
    """Return the JSON a request carries."""
    try:
        return json.loads(await request.read())
    except ValueError:
        raise Problem(
            HTTPStatus.BAD_REQUEST, "There was an error parsing JSON. Check the request body."
        ) from None


async def read(request: web.Request, model: type[Body]) -> Body:
    """Return what a request asks for; a word Jira does not know is refused by name."""
    try:
        return model.model_validate(await read_json(request))
    except ValidationError as error:
        problems = {str(each["loc"][-1] if each["loc"] else "body"): each["msg"] for each in error.errors()}
        raise bad(**problems) from None


async def read_comment(request: web.Request, site: Site) -> Any:
    """Return the text of a comment."""
    body = site.checked((await read(request, Comment)).body, "comment")
    if body is None:
        raise bad(comment="Comment body can not be empty!")
    return body
