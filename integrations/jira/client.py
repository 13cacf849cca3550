"""Jira's REST API as one thread uses it; every habit of the `jira` library we avoid is avoided here.

The library blocks, sleeps and repeats writes by default: it runs here without retries, with time limits,
and never on the event loop. It does not promise to be safe across threads, so one thread owns a client.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from io import BufferedReader, BytesIO
from typing import Any, cast

from jira import JIRA
from pydantic import SecretStr
from requests import Response

from integrations.contract import IntegrationError
from integrations.jira.errors import TROUBLE, explained
from integrations.tracker import Adf, Merge, checked_name

SUMMARY_LIMIT = 255
TEXT_LIMIT = 32_767
PAGE = 100
KEEP_THE_METHOD = (HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT)

_UNREADABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class JiraSite:
    """Where issues go, and as whom.

    `server` is the site, or `https://api.atlassian.com/ex/jira/<cloud id>` for scoped tokens; then
    `site_url` is where people browse.
    """

    server: str
    email: str
    token: SecretStr
    project: str
    issue_type: str = "Task"
    site_url: str = ""

    def page(self, key: str) -> str:
        """Return the address at which people see an issue."""
        return f"{(self.site_url or self.server).rstrip('/')}/browse/{key}"


class Client:
    """The requests Backstop makes of Jira, each raising `IntegrationError` and nothing else."""

    def __init__(self, site: JiraSite, time_limits_s: tuple[float, float]) -> None:
        self._site = site
        self._secret = site.token.get_secret_value().strip()
        self._time_limits_s = time_limits_s
        self._connection: JIRA | None = None

    def labelled(self, label: str) -> list[str]:
        """Return the keys of the issues with a label, as far as the search index knows, oldest first."""
        query = f'project = "{checked_name(self._site.project, "project")}" AND labels = "{label}"'
        with self._talking("looking for the issue") as jira:
            # By GET: the library's POST sends nulls that the API does not define.
            answer = jira.enhanced_search_issues(query, maxResults=PAGE, fields=["labels"], json_result=True)
            issues = _listed(answer, "issues")
            found = [_text(issue, "key") for issue in issues if label in issue["fields"]["labels"]]
        return sorted(found, key=_number)

    def create(self, ref: str, *, label: str, summary: str, description: Adf) -> str:
        """Create an issue and return its key; `Unanswered` when nobody knows whether it exists."""
        fields = {
            "project": {"key": self._site.project},
            "issuetype": {"name": self._site.issue_type},
            "summary": headline(summary) or ref,
            "description": within_limit(description),
            "labels": ["backstop", label],
        }
        # By hand: the library cannot send `properties`, which the same request must set.
        body = {"fields": fields, "properties": [{"key": "backstop", "value": {"ref": ref}}]}
        with self._talking("creating the issue") as jira:
            return _text(self._post(jira, "issue", body), "key")

    def publish(self, key: str, merge: Merge) -> None:
        """Replace an issue's description by what `merge` makes of it."""
        with self._talking(f"reading {key}") as jira:
            current = self._fields(jira, key, "description")["description"]
        merged = within_limit(merge(current))
        if merged == current:
            return  # an edit that changes nothing would still notify everybody who watches
        with self._talking(f"updating {key}") as jira:
            url = jira._get_url(f"issue/{key}")
            _accepted(jira._session.put(url, json={"fields": {"description": merged}}))

    def attach(self, key: str, filename: str, content: bytes) -> None:
        """Attach a file unless the same content hangs there under the same name."""
        if not content:
            raise IntegrationError(f"{filename} is empty, and Jira takes no empty file.", permanent=True)
        digest = sha256(content).digest()
        with self._talking(f"attaching {filename} to {key}") as jira:
            for file in self._fields(jira, key, "attachment")["attachment"]:
                if (file["filename"], file["size"]) != (filename, len(content)):
                    continue
                # Jira tells no digest; only a file of the same name and size is worth fetching.
                url = jira._get_url(f"attachment/content/{file['id']}")
                if sha256(jira._session.get(url).content).digest() == digest:
                    return
            stream = cast(BufferedReader, BytesIO(content))
            jira.add_attachment(key, stream, filename=filename)

    def account(self) -> tuple[str, str]:
        """Return who we are to Jira and its version, having seen the project too."""
        with self._talking("asking who we are") as jira:
            # Not `validate=True`: that asks an API of cookies.
            name = _text(jira.myself(), "displayName")
        with self._talking(f"looking at project {self._site.project}") as jira:
            jira._get_json(f"project/{checked_name(self._site.project, 'project')}")
            return name, ".".join(str(number) for number in jira._version)

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
            connection = JIRA(
                self._site.server,
                basic_auth=(self._site.email, self._secret),
                options={"rest_api_version": "3"},
                timeout=self._time_limits_s,
                max_retries=0,
                logging=False,
            )
            if connection.deploymentType != "Cloud":
                connection.close()  # type: ignore[no-untyped-call]
                raise IntegrationError(
                    "This Jira is not Jira Cloud, the only kind spoken here.", permanent=True
                )
            connection._session.hooks["response"].append(_stay)
            self._connection = connection
        return self._connection

    def _post(self, jira: JIRA, path: str, body: Mapping[str, Any]) -> object:
        return _accepted(jira._session.post(jira._get_url(path), json=body))

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


def within_limit(document: Adf) -> Adf:
    """Return a document Jira has room for; a refused create would still use an issue number up."""
    size = len(_words(document).encode("utf-16-le", "surrogatepass")) // 2
    if size > TEXT_LIMIT:
        raise IntegrationError(
            f"The text has {size:,} characters and Jira takes {TEXT_LIMIT:,}: shorten the text around ours.",
            permanent=True,
        )
    return document


def _words(node: Mapping[str, Any]) -> str:
    return str(node.get("text", "")) + "".join(_words(child) for child in node.get("content", ()))


def _accepted(answer: Response) -> object:
    # A page with status 200 is a proxy's word, not Jira's: nothing was written.
    return answer.json() if answer.content else None


def _stay(answer: Response, **_: object) -> None:
    # Following such a redirect, requests would turn the write into a read and call that a success.
    writes = answer.request.method in ("POST", "PUT")
    if writes and answer.is_redirect and answer.status_code not in KEEP_THE_METHOD:
        answer.close()
        raise IntegrationError(
            "Jira's address leads to another one, and a write cannot follow: set the address it leads to.",
            permanent=True,
        )


def _listed(answer: object, name: str) -> Sequence[dict[str, Any]]:
    if not isinstance(answer, dict) or not isinstance(answer.get(name), list):
        raise ValueError(f"no {name} in the answer")
    return cast(Sequence[dict[str, Any]], answer[name])


def _text(answer: object, name: str) -> str:
    if not isinstance(answer, dict) or not isinstance(answer.get(name), str):
        raise ValueError(f"no {name} in the answer")
    return cast(str, answer[name])


def _number(key: str) -> tuple[int, str]:
    digits = key.rpartition("-")[2]
    return (int(digits) if digits.isdecimal() else 0, key)
