"""What is said otherwise to Jira Cloud: version 3 of the API, and texts in Atlassian Document Format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from jira import JIRA

from integrations import adf
from integrations.jira.room import ROOM, checked
from integrations.parts import Part
from integrations.tracker import Written

Body = Mapping[str, Any]
PAGE = 100


class Cloud:
    """The dialect of Jira Cloud."""

    kind = "Cloud"
    version = "3"
    wrong = "This Jira is no Jira Cloud: without an e-mail the token is taken for a personal access token."

    def found(self, jira: JIRA, query: str) -> list[dict[str, Any]]:
        """Return the issues that a query finds, with their labels."""
        # By GET: the library's POST sends nulls that the API does not define.
        answer = jira.enhanced_search_issues(query, maxResults=PAGE, fields=["labels"], json_result=True)
        return listed(answer, "issues")

    def account(self, jira: JIRA, email: str) -> Mapping[str, str] | None:
        """Return how the only account with an e-mail is assigned; Jira may hide whose e-mail it found."""
        found = jira._get_json("user/search", params={"query": email})
        people = [person for person in found if person.get("accountType", "atlassian") == "atlassian"]
        one = only(people, email)
        return {"accountId": str(one["accountId"])} if one else None

    def spliced(self, existing: Any, text: Written, part: Part) -> Body:
        """Return a text with our part replaced, cut to the room that people leave."""
        taken = adf.length(adf.spliced(existing, adf.doc(()), part))
        whole = adf.spliced(existing, text.adf(min(ROOM, checked(taken))), part)
        checked(adf.length(whole))
        return whole

    def holds(self, existing: Any, part: Part) -> bool:
        """Say whether a text has our part."""
        return adf.holds(existing, part)

    def alike(self, one: Any, other: Any) -> bool:
        """Say whether two texts read the same."""
        return adf.alike(one, other)

    def content(self, jira: JIRA, file: Mapping[str, Any]) -> bytes:
        """Return what is in an attachment."""
        return bytes(jira._session.get(jira._get_url(f"attachment/content/{file['id']}")).content)


def only(people: Sequence[Mapping[str, Any]], email: str) -> Mapping[str, Any] | None:
    """Return the one active account with an e-mail, or that was found alone and shows none."""
    active = [person for person in people if person.get("active", True)]
    mine = [each for each in active if str(each.get("emailAddress") or email).lower() == email.lower()]
    return mine[0] if len(mine) == 1 else None


def listed(answer: object, name: str) -> list[dict[str, Any]]:
    """Return a list in an answer, or raise ValueError when there is none."""
    if not isinstance(answer, dict) or not isinstance(answer.get(name), list):
        raise ValueError(f"no {name} in the answer")
    return cast("list[dict[str, Any]]", answer[name])
