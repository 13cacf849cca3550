"""What the stand-in remembers: one Jira site with its projects, issues and search index."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Any

from bot.sandbox.jira.format import refusals
from integrations.adf import length
from integrations.parts import units

TEXT_LIMIT = 32_767
BOT, PERSON = "backstop", "person"
"""The account that clients are, and that of everybody who writes at the browser."""
ISSUE_TYPES = ("Task", "Incident", "Sub-task")
LINK_TYPES = ("Relates", "Duplicate", "Blocks")
# Transition id, its name, the status it leads to; each is offered from every other status.
TRANSITIONS = (("11", "Reopen", "To Do"), ("21", "Start", "In Progress"), ("31", "Finish", "Done"))

_TERM = re.compile(r'\s*(project|labels|key|status)\s*=\s*(?:"([^"]*)"|([\w.-]+))\s*', re.IGNORECASE)


class Problem(Exception):
    """A request Jira answers with an error; `errors` are by field."""

    def __init__(self, status: HTTPStatus, *messages: str, errors: Mapping[str, str] | None = None) -> None:
        super().__init__("; ".join(messages))
        self.status = status
        self.body = {"errorMessages": list(messages), "errors": dict(errors or {})}


def bad(**errors: str) -> Problem:
    """Return the answer to fields that Jira does not take."""
    return Problem(HTTPStatus.BAD_REQUEST, errors=errors)


def missing(what: str) -> Problem:
    """Return the answer to a request about something that is not there."""
    return Problem(HTTPStatus.NOT_FOUND, f"{what} does not exist or you do not have permission to see it.")


@dataclass(slots=True)
class Comment:
    """A comment as stored; times are aware UTC."""

    id: str
    body: Any
    created: datetime
    updated: datetime
    author: str = BOT


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file hanging on an issue."""

    id: str
    filename: str
    content: bytes
    created: datetime
    author: str = BOT


@dataclass(slots=True)
class Issue:
    """An issue as stored; tests change it directly to play a person at the browser."""

    id: str
    key: str
    type: str
    summary: str
    created: datetime
    updated: datetime
    description: Any = None
    labels: Sequence[str] = ()
    parent: str | None = None
    status: str = "To Do"
    due: date | None = None
    assignee: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    comments: list[Comment] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    remote_links: dict[str, dict[str, Any]] = field(default_factory=dict)


class Site:
    """The state of the stand-in. Methods raise `Problem` for what Jira would refuse."""

    def __init__(self, *, project: str, now: Callable[[], datetime], cloud: bool = True) -> None:
        self.project = project
        self.cloud = cloud
        self.checked: Callable[[object, str], Any] = checked if cloud else checked_markup
        self.issues: dict[str, Issue] = {}
        self.people: dict[str, str] = {}
        """The e-mail of each account beside ours and that of the person at the browser."""
        self.off_screen: frozenset[str] = frozenset()
        """Fields that the project's screens do not have, which no edit may set."""
        self.may_delete_attachments = True
        """Whether our account has the permission to delete its own."""
        self._now = now
        self._issued = 0
        self._ids = 10_000
        self._unindexed: set[str] | None = None

    def now(self) -> datetime:
        """Return the site's time."""
        return self._now().astimezone(UTC)

    def new_id(self) -> str:
        """Return an id nothing on this site has had."""
        self._ids += 1
        return str(self._ids)

    def hold_index(self) -> None:
        """Stop the search index: what is created from now on is not found until it catches up."""
        self._unindexed = set()

    def catch_up(self) -> None:
        """Let the search index find everything again."""
        self._unindexed = None

    def issue(self, key: str) -> Issue:
        """Return an issue by key or id."""
        for issue in self.issues.values():
            if key in (issue.key, issue.id):
                return issue
        raise missing("Issue")

    def create(
        self,
        *,
        type: str,
        summary: str,
        description: object = None,
        labels: Sequence[str] = (),
        parent: str | None = None,
    ) -> Issue:
        """Create an issue; a text over the limit is refused but uses a number up, as in Jira."""
        check_summary(summary)
        check_labels(labels)
        if type not in ISSUE_TYPES:
            raise bad(issuetype="Specify a valid issue type")
        if (type == "Sub-task") != (parent is not None):
            raise bad(parent="A sub-task needs a parent, and nothing else has one.")
        if parent is not None:
            parent = self.issue(parent).key
        self._issued += 1
        document = self.checked(description, "description")
        key = f"{self.project}-{self._issued}"
        at = self.now()
        issue = Issue(self.new_id(), key, type, summary, at, at, document, tuple(labels), parent)
        self.issues[key] = issue
        if self._unindexed is not None:
            self._unindexed.add(key)
        return issue

    def comment(self, issue: Issue, body: Any, *, author: str) -> Comment:
        """Add a comment."""
        at = self.now()
        issue.comments.append(Comment(self.new_id(), body, at, at, author))
        return issue.comments[-1]

    def transition(self, issue: Issue, transition_id: object) -> None:
        """Move an issue to another status by the id of a transition it offers."""
        if not isinstance(transition_id, str):
            raise bad(transition="The transition id must be a string.")
        for offered, _, status in transitions(issue):
            if offered == transition_id:
                issue.status = status
                issue.updated = self.now()
                return
        message = (
            "It seems that you have tried to perform an operation which you are not permitted to perform."
        )
        raise Problem(HTTPStatus.BAD_REQUEST, message)

    def search(self, jql: str) -> list[Issue]:
        """Return the indexed issues matching a query of `field = value` terms joined by AND."""
        query = re.split(r"\s+order\s+by\s+", jql, flags=re.IGNORECASE)[0]
        terms = [_TERM.fullmatch(term) for term in re.split(r"\s+and\s+", query, flags=re.IGNORECASE)]
        if not query.strip():
            raise Problem(HTTPStatus.BAD_REQUEST, "Unbounded JQL queries are not allowed here.")
        wanted: list[tuple[str, str]] = []
        for term in terms:
            if term is None:
                raise Problem(HTTPStatus.BAD_REQUEST, f"Error in the JQL Query: {query}")
            wanted.append((term[1].lower(), term[2] if term[2] is not None else term[3]))
        hidden = self._unindexed or set()
        seen = [issue for issue in self.issues.values() if issue.key not in hidden]
        return [issue for issue in seen if all(self._matches(issue, *term) for term in wanted)]

    def _matches(self, issue: Issue, name: str, value: str) -> bool:
        match name:
            case "project":
                return value == self.project
            case "labels":
                return value in issue.labels
            case "key":
                return value == issue.key
            case _:
                return value == issue.status


def transitions(issue: Issue) -> list[tuple[str, str, str]]:
    """Return the transitions an issue offers now: id, name, status."""
    return [offered for offered in TRANSITIONS if offered[2] != issue.status]


def check_summary(summary: str) -> None:
    """Refuse a summary that Jira would refuse."""
    if not summary.strip():
        raise bad(summary="You must specify a summary of the issue.")
    if len(summary.encode("utf-16-le", "surrogatepass")) // 2 > 255:
        raise bad(summary="Summary can't exceed 255 characters.")
    if len(summary.splitlines()) > 1:
        raise bad(summary="The summary is invalid because it contains newline characters.")


def check_labels(labels: Sequence[str]) -> None:
    """Refuse labels that Jira would refuse."""
    for label in labels:
        if not label or len(label) > 255 or re.search(r"\s", label):
            raise bad(labels=f"The label '{label}' contains spaces or is too long.")


def checked(document: object, name: str) -> dict[str, Any] | None:
    """Return a document that Jira takes as the text called `name`, or None for none."""
    if document is None:
        return None
    for refusal in refusals(document):
        raise bad(**{name: refusal})
    assert isinstance(document, dict)
    if length(document) > TEXT_LIMIT:
        raise bad(**{name: "CONTENT_LIMIT_EXCEEDED"})
    return document


def checked_markup(text: object, name: str) -> str | None:
    """Return wiki markup that Data Center takes as the text called `name`, or None for none."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise bad(**{name: "Operation value must be a string"})
    if units(text) > TEXT_LIMIT:
        raise bad(**{name: f"The entered text is too long. It exceeds the limit of {TEXT_LIMIT} characters."})
    return text
