"""What is said otherwise to Jira Data Center: version 2 of the API, and texts in wiki markup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jira import JIRA

from integrations.contract import IntegrationError
from integrations.jira.cloud import PAGE, listed, only
from integrations.jira.room import ROOM, checked
from integrations.parts import Part, spliced_lines, units
from integrations.tracker import Written


class DataCenter:
    """The dialect of Jira Data Center and Server."""

    kind = "Server"
    version = "2"
    wrong = "This Jira is Jira Cloud: its API tokens go with the e-mail of an account, which is not set."

    def found(self, jira: JIRA, query: str) -> list[dict[str, Any]]:
        """Return the issues that a query finds, with their labels."""
        asked = {"jql": query, "maxResults": PAGE, "fields": "labels"}
        return listed(jira._get_json("search", params=asked), "issues")

    def account(self, jira: JIRA, email: str) -> Mapping[str, str] | None:
        """Return how the only account with an e-mail is assigned."""
        one = only(jira._get_json("user/search", params={"username": email}), email)
        return {"name": str(one["name"])} if one else None

    def spliced(self, existing: Any, text: Written, part: Part) -> str:
        """Return a text with our part replaced, cut to the room that people leave."""
        taken = units(_spliced(existing, "", part))
        whole = _spliced(existing, text.wiki(min(ROOM, checked(taken))), part)
        checked(units(whole))
        return whole

    def holds(self, existing: Any, part: Part) -> bool:
        """Say whether a text has our part."""
        return _mark(part.opening) in str(existing or "").replace("\r", "").split("\n")

    def alike(self, one: Any, other: Any) -> bool:
        """Say whether two texts read the same; Jira ends lines in its own way."""
        return str(one or "").replace("\r", "") == str(other or "").replace("\r", "")

    def content(self, jira: JIRA, file: Mapping[str, Any]) -> bytes:
        """Return what is in an attachment, which is not fetched from anywhere else with our token."""
        url = str(file["content"])
        if not url.startswith(f"{jira.server_url.rstrip('/')}/"):
            raise IntegrationError(f"Jira says that {file['filename']} is elsewhere.", permanent=True)
        return bytes(jira._session.get(url).content)


def _spliced(existing: str | None, ours: str, part: Part) -> str:
    return spliced_lines(existing or "", ours, _mark(part.opening), _mark(part.closing))


def _mark(sentence: str) -> str:
    """Return a mark of ours; in what people typed its braces are character references."""
    return f"{{panel}}{sentence}{{panel}}"
