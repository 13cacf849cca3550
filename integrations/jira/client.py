"""Jira's REST API as one thread uses it; every habit of the `jira` library we avoid is avoided here.

The library blocks, sleeps and repeats writes by default: it runs here without retries, with time limits,
and never on the event loop. It does not promise to be safe across threads, so one thread owns a client.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from http import HTTPStatus
from io import BufferedReader, BytesIO
from typing import Any, cast

from jira import JIRA
from jira.exceptions import JIRAError
from pydantic import SecretStr
from requests import Response

from integrations.contract import IntegrationError
from integrations.jira.cloud import Cloud, listed
from integrations.jira.datacenter import DataCenter
from integrations.jira.errors import TROUBLE, explained, refused_fields
from integrations.parts import DESCRIPTION, Part
from integrations.tracker import Attached, Hanging, Written, checked_name

SUMMARY_LIMIT = 255
DUPLICATE = "Duplicate"
"""The kind of link that Jira is delivered with for what is there twice; a site may have taken it out."""
COMMENTS = 100
"""How many comments one answer holds."""
KEEP_THE_METHOD = (HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT)

_UNREADABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class JiraSite:
    """Where issues go, and as whom.

    With an `email` it is Jira Cloud, without one Jira Data Center and the token a personal access token.
    `server` is the site, or `https://api.atlassian.com/ex/jira/<cloud id>` for scoped tokens; then
    `site_url` is where people browse.
    """

    server: str
    email: str
    token: SecretStr
    project: str
    issue_type: str = "Task"
    site_url: str = ""
    link_type: str = "Relates"

    def page(self, key: str) -> str:
        """Return the address at which people see an issue."""
        return f"{(self.site_url or self.server).rstrip('/')}/browse/{key}"


class Client:
    """The requests Backstop makes of Jira, each raising `IntegrationError` and nothing else."""

    def __init__(self, site: JiraSite, time_limits_s: tuple[float, float]) -> None:
        self._site = site
        self._secret = site.token.get_secret_value().strip()
        self._time_limits_s = time_limits_s
        self._dialect = Cloud() if site.email else DataCenter()
        self._connection: JIRA | None = None
        self._account = ""

    def labelled(self, label: str) -> list[str]:
        """Return the keys of the issues with a label, as far as the search index knows, oldest first."""
        query = f'project = "{checked_name(self._site.project, "project")}" AND labels = "{label}"'
        with self._talking("looking for the issue") as jira:
            issues = self._dialect.found(jira, query)
            found = [_text(issue, "key") for issue in issues if label in issue["fields"]["labels"]]
        return sorted(found, key=_number)

    def create(self, ref: str, *, label: str, summary: str, text: Written) -> str:
        """Create an issue and return its key; `Unanswered` when nobody knows whether it exists."""
        fields = {
            "project": {"key": self._site.project},
            "issuetype": {"name": self._site.issue_type},
            "summary": headline(summary) or ref,
            "description": self._dialect.spliced(None, text, DESCRIPTION),
            "labels": ["backstop", label],
        }
        # By hand: the library cannot send `properties`, which the same request must set.
        body = {"fields": fields, "properties": [{"key": "backstop", "value": {"ref": ref}}]}
        with self._talking("creating the issue") as jira:
            return _text(self._post(jira, "issue", body), "key")

    def exists(self, key: str) -> bool:
        """Say whether an issue is there, as far as this account may see."""
        with self._talking(f"looking for {key}") as jira:
            try:
                self._fields(jira, key, "summary")
            except JIRAError as error:
                if error.status_code != HTTPStatus.NOT_FOUND:
                    raise
                return False
        return True

    def publish(self, key: str, text: Written) -> None:
        """Replace our part of an issue's description."""
        with self._talking(f"reading {key}") as jira:
            current = self._fields(jira, key, "description")["description"]
        merged = self._dialect.spliced(current, text, DESCRIPTION)
        if self._dialect.alike(merged, current):
            return  # an edit that changes nothing would still notify everybody who watches
        with self._talking(f"updating {key}") as jira:
            self._put(jira, f"issue/{key}", {"fields": {"description": merged}})

    def comment(self, key: str, part: Part, text: Written) -> bool:
        """Replace our part of the comment of ours that has it, or make that comment and return True."""
        path = f"issue/{checked_name(key, 'issue key')}/comment"
        with self._talking(f"reading the comments of {key}") as jira:
            ours = next(self._ours(jira, path, part), None)
        if ours is None:
            with self._talking(f"commenting on {key}") as jira:
                _text(self._post(jira, path, {"body": self._dialect.spliced(None, text, part)}), "id")
            return True
        merged = self._dialect.spliced(ours["body"], text, part)
        if not self._dialect.alike(merged, ours["body"]):
            with self._talking(f"editing our comment on {key}") as jira:
                self._put(jira, f"{path}/{checked_name(str(ours['id']), 'comment')}", {"body": merged})
        return False

    def _ours(self, jira: JIRA, path: str, part: Part) -> Iterator[dict[str, Any]]:
        """Yield the comments that this account wrote and that hold a part, oldest first.

        Unlike what its search finds, comments are there at once: nothing need be remembered of them.
        """
        start, total = 0, 1
        while start < total:
            query = {"startAt": start, "maxResults": COMMENTS, "orderBy": "created"}
            answer = jira._get_json(path, params=query)
            comments, total = listed(answer, "comments"), int(answer["total"])
            for comment in comments:
                mine = _who(comment.get("author") or {}) == self._me(jira)
                if mine and self._dialect.holds(comment["body"], part):
                    yield comment
            if not comments:
                return
            start += len(comments)

    def _me(self, jira: JIRA) -> str:
        self._account = self._account or _who(jira.myself())
        return self._account

    def attach(self, key: str, filename: str, content: bytes) -> Attached:
        """Attach a file unless this account attached the same content under the same name."""
        if not content:
            raise IntegrationError(f"{filename} is empty, and Jira takes no empty file.", permanent=True)
        digest = sha256(content).digest()
        with self._talking(f"attaching {filename} to {key}") as jira:
            for file in self._fields(jira, key, "attachment")["attachment"]:
                if (file["filename"], file["size"]) != (filename, len(content)):
                    continue
                if _who(file.get("author") or {}) != self._me(jira):
                    continue  # what a person attached is theirs, also where it is a copy of ours
                # Jira tells no digest; only a file of the same name and size is worth fetching.
                if sha256(self._dialect.content(jira, file)).digest() == digest:
                    return Attached(str(file["id"]), added=False)
            stream = cast(BufferedReader, BytesIO(content))
            made = jira.add_attachment(key, stream, filename=filename)
            return Attached(str(made.id), added=True)

    def attached(self, key: str) -> Sequence[Hanging]:
        """Return the files at an issue, whoever attached them."""
        with self._talking(f"reading the attachments of {key}") as jira:
            files = self._fields(jira, key, "attachment")["attachment"]
            return [
                Hanging(str(file["id"]), str(file["filename"]), datetime.fromisoformat(file["created"]))
                for file in files
            ]

    def detach(self, file: str) -> bool:
        """Delete an attached file, unless it is gone; say whether Jira lets this account do so."""
        path = f"attachment/{checked_name(file, 'attachment')}"
        with self._talking("deleting an attachment") as jira:
            try:
                jira._session.delete(jira._get_url(path))
            except JIRAError as error:
                if error.status_code == HTTPStatus.FORBIDDEN:
                    return False
                if error.status_code != HTTPStatus.NOT_FOUND:
                    raise
        return True

    def link(self, key: str, to: str) -> None:
        """Link two issues; the same link again changes nothing."""
        with self._talking(f"linking {key} to {to}") as jira:
            self._link(jira, key, to, self._site.link_type)

    def duplicates(self, key: str, of: str) -> None:
        """Link an issue as a duplicate of another; as any other link where Jira has no kind for that."""
        with self._talking(f"linking {key} as a duplicate of {of}") as jira:
            kind = DUPLICATE if DUPLICATE in self._kinds(jira) else self._site.link_type
            self._link(jira, key, of, kind)

    def _link(self, jira: JIRA, key: str, to: str, kind: str) -> None:
        # The inward issue is where the link comes from: it is the one that duplicates.
        ends = {"inwardIssue": key, "outwardIssue": to}
        keys = {end: {"key": checked_name(named, "issue key")} for end, named in ends.items()}
        # By hand: the library sends a null that the API does not define.
        self._post(jira, "issueLink", {"type": {"name": kind}, **keys})

    def _kinds(self, jira: JIRA) -> list[str]:
        return [_text(kind, "name") for kind in listed(jira._get_json("issueLinkType"), "issueLinkTypes")]

    def assign(self, key: str, owner: str, due: date) -> None:
        """Give an issue a day, and an assignee where one account alone has this e-mail.

        A field that the project's screens do not have is left out: the issue says in words what it would.
        """
        with self._talking(f"looking for the account of the owner of {key}") as jira:
            account = self._dialect.account(jira, owner)
        fields = {"duedate": due.isoformat(), **({"assignee": account} if account else {})}
        path = f"issue/{checked_name(key, 'issue key')}"
        with self._talking(f"giving {key} its owner and day") as jira:
            while fields:
                try:
                    self._put(jira, path, {"fields": fields})
                except JIRAError as error:
                    refused = fields.keys() & refused_fields(error)
                    if not refused:
                        raise
                    fields = {name: value for name, value in fields.items() if name not in refused}
                else:
                    return

    def account(self) -> tuple[str, str]:
        """Return who we are to Jira and its version, having seen the project and the kinds of link too."""
        with self._talking("asking who we are") as jira:
            # Not `validate=True`: that asks an API of cookies.
            name = _text(jira.myself(), "displayName")
        with self._talking(f"looking at project {self._site.project}") as jira:
            jira._get_json(f"project/{checked_name(self._site.project, 'project')}")
        with self._talking("looking at the kinds of link") as jira:
            kinds = self._kinds(jira)
            version = ".".join(str(number) for number in jira._version)
        if self._site.link_type not in kinds:
            there = ", ".join(kinds) or "none"
            raise IntegrationError(
                f"Jira has no kind of link called {self._site.link_type}, so issues cannot be linked. "
                f"Set one of those it has: {there}.",
                permanent=True,
            )
        return name, version

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()  # type: ignore[no-untyped-call]
            self._connection = None

    @contextmanager
    def _talking(self, doing: str) -> Iterator[JIRA]:
        try:
            yield self._connected()
        except (*TROUBLE, LookupError, TypeError) as error:
            # Not chained: the library's error prints the headers and body of the answer.
            raise explained(error, doing=doing, secret=self._secret) from None

    def _connected(self) -> JIRA:
        # Connecting asks for the server's kind; without the answer the library's search returns None.
        if self._connection is None:
            connection = self._opened()
            if connection.deploymentType != self._dialect.kind:
                connection.close()  # type: ignore[no-untyped-call]
                raise IntegrationError(self._dialect.wrong, permanent=True)
            connection._session.hooks["response"].append(_stay)
            self._connection = connection
        return self._connection

    def _opened(self) -> JIRA:
        cloud = bool(self._site.email)
        try:
            return JIRA(
                self._site.server,
                basic_auth=(self._site.email, self._secret) if cloud else None,
                token_auth=None if cloud else self._secret,
                options={"rest_api_version": self._dialect.version},
                timeout=self._time_limits_s,
                max_retries=0,
                logging=False,
            )
        except JIRAError as error:
            if error.status_code != HTTPStatus.NOT_FOUND:
                raise
            # The other kind does not know this version of the API.
            raise IntegrationError(self._dialect.wrong, permanent=True) from None

    def _post(self, jira: JIRA, path: str, body: Mapping[str, Any]) -> object:
        return _accepted(jira._session.post(jira._get_url(path), json=body))

    def _put(self, jira: JIRA, path: str, body: Mapping[str, Any]) -> object:
        return _accepted(jira._session.put(jira._get_url(path), json=body))

    def _fields(self, jira: JIRA, key: str, name: str) -> dict[str, Any]:
        # `raw`: the library turns a document into an object of attributes.
        fields: dict[str, Any] = jira.issue(checked_name(key, "issue key"), fields=name).raw["fields"]
        return fields


def headline(text: str) -> str:
    """Return text as a summary Jira takes: one line of at most 255 UTF-16 units, cut at a word."""
    line = " ".join(_UNREADABLE.sub(" ", text).split())
    encoded = line.encode("utf-16-le")
    if len(encoded) <= SUMMARY_LIMIT * 2:
        return line
    cut = encoded[: (SUMMARY_LIMIT - 1) * 2].decode("utf-16-le", "ignore")
    at_a_word = cut.rpartition(" ")[0]
    return f"{at_a_word if len(at_a_word) > len(cut) // 2 else cut}…"


def _accepted(answer: Response) -> object:
    # A page with status 200 is a proxy's word, not Jira's: nothing was written.
    return answer.json() if answer.content else None


def _stay(answer: Response, **_: object) -> None:
    # Following such a redirect, requests would turn the write into a read and call that a success.
    writes = answer.request.method in ("POST", "PUT", "DELETE")
    if writes and answer.is_redirect and answer.status_code not in KEEP_THE_METHOD:
        answer.close()
        raise IntegrationError(
            "Jira's address leads to another one, and a write cannot follow: set the address it leads to.",
            permanent=True,
        )


def _text(answer: object, name: str) -> str:
    if not isinstance(answer, dict) or not isinstance(answer.get(name), str):
        raise ValueError(f"no {name} in the answer")
    return cast(str, answer[name])


def _who(person: Mapping[str, Any]) -> str:
    return str(person.get("accountId") or person.get("key") or person.get("name") or "")


def _number(key: str) -> tuple[int, str]:
    digits = key.rpartition("-")[2]
    return (int(digits) if digits.isdecimal() else 0, key)
