"""The operations of Jira's REST API, version 3, that the real client calls, and the pages for a browser.

To add an operation: write its handler, give it a line in `routes` with the name faults are set by.
"""

from __future__ import annotations

import mimetypes
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from aiohttp import BodyPartReader, web

from bot.sandbox.jira import page
from bot.sandbox.jira.asked import (
    Account,
    Edit,
    Link,
    NewIssue,
    Remote,
    Transition,
    read,
    read_comment,
    read_json,
)
from bot.sandbox.jira.site import (
    BOT,
    LINK_TYPES,
    Attachment,
    Comment,
    Issue,
    Problem,
    Site,
    bad,
    check_labels,
    check_summary,
    missing,
    transitions,
)


def api(site: Site) -> str:
    """Return where the API of a site is."""
    return f"/rest/api/{3 if site.cloud else 2}"


def routes(site: Site, *, url: str, email: str) -> list[web.RouteDef]:
    """Return every route of the site, named as faults are set."""
    rest = _Rest(site, url, email)
    base = api(site)
    issue = f"{base}/issue/{{key}}"
    kind = (
        [
            web.get(f"{base}/search/jql", rest.search, name="search"),
            web.get(f"{base}/attachment/content/{{id}}", rest.attachment, name="attachment_content"),
        ]
        if site.cloud
        else [web.get(f"{base}/search", rest.search_by_page, name="search")]
    )
    return [
        *kind,
        web.get(f"{base}/serverInfo", rest.server_info, name="server_info"),
        web.get(f"{base}/myself", rest.myself, name="myself"),
        web.get(f"{base}/field", rest.fields, name="fields"),
        web.get(f"{base}/user/search", rest.people, name="people"),
        web.get(f"{base}/project/{{key}}", rest.project, name="project"),
        web.post(f"{base}/issue", rest.create_issue, name="create_issue"),
        web.get(issue, rest.get_issue, name="get_issue"),
        web.put(issue, rest.edit_issue, name="edit_issue"),
        web.get(f"{issue}/properties", rest.properties, name="properties"),
        web.get(f"{issue}/properties/{{property}}", rest.get_property, name="get_property"),
        web.put(f"{issue}/properties/{{property}}", rest.set_property, name="set_property"),
        web.get(f"{issue}/comment", rest.comments, name="comments"),
        web.post(f"{issue}/comment", rest.add_comment, name="add_comment"),
        web.put(f"{issue}/comment/{{id}}", rest.edit_comment, name="edit_comment"),
        web.post(f"{issue}/attachments", rest.add_attachment, name="add_attachment"),
        web.delete(f"{base}/attachment/{{id}}", rest.remove_attachment, name="remove_attachment"),
        web.get(f"{issue}/transitions", rest.transitions, name="transitions"),
        web.post(f"{issue}/transitions", rest.transition, name="transition"),
        web.post(f"{issue}/remotelink", rest.remote_link, name="remote_link"),
        web.get(f"{base}/issueLinkType", rest.link_types, name="link_types"),
        web.post(f"{base}/issueLink", rest.link, name="link"),
        web.get("/", rest.list_page, name="list_page"),
        web.get("/browse/{key}", rest.issue_page, name="issue_page"),
        web.get("/secure/attachment/{id}/{filename}", rest.attachment, name="attachment_page"),
    ]


class _Rest:
    def __init__(self, site: Site, url: str, email: str) -> None:
        self._site = site
        self._url = url
        self._email = email
        self._api = f"{url}{api(site)}"

    async def server_info(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "baseUrl": self._url,
                "version": "1001.0.0-SNAPSHOT" if self._site.cloud else "9.12.15",
                "versionNumbers": [1001, 0, 0] if self._site.cloud else [9, 12, 15],
                "deploymentType": "Cloud" if self._site.cloud else "Server",
                "buildNumber": 100_000,
                "serverTime": stamp(self._site.now()),
                "serverTitle": "Jira",
            }
        )

    async def myself(self, request: web.Request) -> web.Response:
        return web.json_response(self._me())

    async def fields(self, request: web.Request) -> web.Response:
        names = ("summary", "description", "labels", "status", "attachment", "comment")
        return web.json_response(
            [{"id": name, "name": name.title(), "clauseNames": [name]} for name in names]
        )

    async def people(self, request: web.Request) -> web.Response:
        """Jira Cloud keeps e-mails to itself; Data Center shows them."""
        asked = request.query.get("query" if self._site.cloud else "username", "").lower()
        found = [name for name, email in self._site.people.items() if asked and email.startswith(asked)]
        shown = [self._account(name, name.title(), self._site.people[name]) for name in found]
        if self._site.cloud:
            shown = [{key: value for key, value in each.items() if key != "emailAddress"} for each in shown]
        return web.json_response(shown)

    async def project(self, request: web.Request) -> web.Response:
        key = request.match_info["key"]
        if key != self._site.project:
            raise missing(f"Project '{key}'")
        return web.json_response({"id": "10000", "key": key, "name": key, "self": self._url})

    async def search(self, request: web.Request) -> web.Response:
        found = self._site.search(request.query.get("jql", ""))
        start = int(request.query.get("nextPageToken", "0"))
        end = start + int(request.query.get("maxResults", "50"))
        names = _names(request)
        rows = [self._issue(issue, names) if names else {"id": issue.id} for issue in found[start:end]]
        more = {"nextPageToken": str(end)} if end < len(found) else {}
        return web.json_response({"issues": rows, "isLast": end >= len(found), **more})

    async def search_by_page(self, request: web.Request) -> web.Response:
        found = self._site.search(request.query.get("jql", ""))
        start, size = int(request.query.get("startAt", "0")), int(request.query.get("maxResults", "50"))
        rows = [self._issue(issue, _names(request) or {"*all"}) for issue in found[start : start + size]]
        return web.json_response({"startAt": start, "maxResults": size, "total": len(found), "issues": rows})

    async def create_issue(self, request: web.Request) -> web.Response:
        asked = await read(request, NewIssue)
        fields = asked.fields
        if fields.project.key != self._site.project:
            raise bad(project="valid project is required")
        issue = self._site.create(
            type=fields.issuetype.name,
            summary=fields.summary,
            description=fields.description,
            labels=fields.labels,
            parent=fields.parent.key if fields.parent else None,
        )
        issue.properties.update({each.key: each.value for each in asked.properties})
        address = f"{self._api}/issue/{issue.id}"
        return web.json_response(
            {"id": issue.id, "key": issue.key, "self": address}, status=HTTPStatus.CREATED
        )

    async def get_issue(self, request: web.Request) -> web.Response:
        return web.json_response(self._issue(self._asked(request), _names(request) or {"*all"}))

    async def edit_issue(self, request: web.Request) -> web.Response:
        issue = self._asked(request)
        fields = (await read(request, Edit)).fields
        if hidden := self._site.off_screen & fields.model_fields_set:
            not_there = "cannot be set. It is not on the appropriate screen, or unknown."
            raise bad(**{name: f"Field '{name}' {not_there}" for name in sorted(hidden)})
        check_summary(issue.summary if fields.summary is None else fields.summary)
        check_labels(fields.labels or ())
        document = self._site.checked(fields.description, "description")
        issue.summary = issue.summary if fields.summary is None else fields.summary
        issue.labels = issue.labels if fields.labels is None else fields.labels
        issue.due = fields.duedate or issue.due
        issue.assignee = self._named(fields.assignee) if fields.assignee else issue.assignee
        if "description" in fields.model_fields_set:
            issue.description = document
        issue.updated = self._site.now()
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def properties(self, request: web.Request) -> web.Response:
        issue = self._asked(request)
        keys = [{"key": key, "self": f"{self._url}{request.path}/{key}"} for key in issue.properties]
        return web.json_response({"keys": keys})

    async def get_property(self, request: web.Request) -> web.Response:
        issue, key = self._asked(request), request.match_info["property"]
        if key not in issue.properties:
            raise missing(f"The property '{key}'")
        return web.json_response({"key": key, "value": issue.properties[key]})

    async def set_property(self, request: web.Request) -> web.Response:
        issue, key = self._asked(request), request.match_info["property"]
        status = HTTPStatus.OK if key in issue.properties else HTTPStatus.CREATED
        issue.properties[key] = await read_json(request)
        return web.json_response({}, status=status)

    async def comments(self, request: web.Request) -> web.Response:
        every = self._asked(request).comments
        ordered = every[::-1] if request.query.get("orderBy") == "-created" else every
        start, size = int(request.query.get("startAt", "0")), int(request.query.get("maxResults", "100"))
        rows = [self._comment(comment) for comment in ordered[start : start + size]]
        return web.json_response(
            {"comments": rows, "startAt": start, "maxResults": size, "total": len(every)}
        )

    async def add_comment(self, request: web.Request) -> web.Response:
        issue = self._asked(request)
        comment = self._site.comment(issue, await read_comment(request, self._site), author=BOT)
        return web.json_response(self._comment(comment), status=HTTPStatus.CREATED)

    async def edit_comment(self, request: web.Request) -> web.Response:
        for comment in self._asked(request).comments:
            if comment.id == request.match_info["id"]:
                if comment.author != BOT:
                    raise Problem(
                        HTTPStatus.BAD_REQUEST, "You do not have the permission to edit this comment."
                    )
                comment.body = await read_comment(request, self._site)
                comment.updated = self._site.now()
                return web.json_response(self._comment(comment))
        raise missing("Comment")

    async def add_attachment(self, request: web.Request) -> web.Response:
        issue = self._asked(request)
        if request.headers.get("X-Atlassian-Token") != "no-check":
            raise Problem(HTTPStatus.FORBIDDEN, "XSRF check failed")
        reader = await request.multipart()
        added: list[Attachment] = []
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader) or part.name != "file" or not part.filename:
                raise Problem(HTTPStatus.BAD_REQUEST, "Every part must be a file named 'file'.")
            content = bytes(await part.read())
            added.append(Attachment(self._site.new_id(), part.filename, content, self._site.now()))
        issue.attachments += added
        return web.json_response([self._attachment(each) for each in added])

    async def attachment(self, request: web.Request) -> web.Response:
        files = [file for issue in self._site.issues.values() for file in issue.attachments]
        for file in files:
            if file.id == request.match_info["id"]:
                disposition = f"attachment; filename*=UTF-8''{quote(file.filename, safe='')}"
                headers = {"Content-Disposition": disposition, **page.HEADERS}
                return web.Response(body=file.content, headers=headers)
        raise missing("Attachment")

    async def remove_attachment(self, request: web.Request) -> web.Response:
        id = request.match_info["id"]
        for issue in self._site.issues.values():
            for file in issue.attachments:
                if file.id == id:
                    if file.author != BOT or not self._site.may_delete_attachments:
                        why = f"You do not have permission to delete attachment with id: {id}"
                        raise Problem(HTTPStatus.FORBIDDEN, why)
                    issue.attachments.remove(file)
                    return web.Response(status=HTTPStatus.NO_CONTENT)
        raise missing("Attachment")

    async def transitions(self, request: web.Request) -> web.Response:
        offered = [
            {"id": id, "name": name, "to": {"name": status}}
            for id, name, status in transitions(self._asked(request))
        ]
        return web.json_response({"transitions": offered})

    async def transition(self, request: web.Request) -> web.Response:
        asked = await read(request, Transition)
        self._site.transition(self._asked(request), asked.transition.id)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def remote_link(self, request: web.Request) -> web.Response:
        issue = self._asked(request)
        asked = await read(request, Remote)
        known = asked.globalId is not None and asked.globalId in issue.remote_links
        issue.remote_links[asked.globalId or self._site.new_id()] = asked.object.model_dump()
        status = HTTPStatus.OK if known else HTTPStatus.CREATED
        return web.json_response({"id": len(issue.remote_links), "self": self._url}, status=status)

    async def link_types(self, request: web.Request) -> web.Response:
        kinds = [{"id": str(number), "name": name} for number, name in enumerate(LINK_TYPES, 10_000)]
        return web.json_response({"issueLinkTypes": kinds})

    async def link(self, request: web.Request) -> web.Response:
        asked = await read(request, Link)
        if asked.type.name not in LINK_TYPES:
            raise missing(f"Issue link type '{asked.type.name}'")
        inward = self._site.issue(asked.inwardIssue.key)
        outward = self._site.issue(asked.outwardIssue.key)
        if (asked.type.name, outward.key) not in inward.links:
            inward.links.append((asked.type.name, outward.key))
        return web.Response(status=HTTPStatus.CREATED)

    async def list_page(self, request: web.Request) -> web.Response:
        html = page.list_page(self._site.issues.values())
        return web.Response(text=html, content_type="text/html", headers=page.HEADERS)

    async def issue_page(self, request: web.Request) -> web.Response:
        html = page.issue_page(self._asked(request))
        return web.Response(text=html, content_type="text/html", headers=page.HEADERS)

    def _asked(self, request: web.Request) -> Issue:
        return self._site.issue(request.match_info["key"])

    def _named(self, account: Account) -> str:
        """Return who an account is, or refuse one that is not there."""
        given = account.accountId if self._site.cloud else account.name
        name = (given or "").removeprefix("557058:")
        if name not in self._site.people:
            raise bad(assignee=f"User '{given}' does not exist.")
        return name

    def _me(self) -> dict[str, Any]:
        return self._account(BOT, "Backstop")

    def _account(self, name: str, shown: str, email: str = "") -> dict[str, Any]:
        told = {
            "active": True,
            "displayName": shown,
            "emailAddress": email or self._email,
            "timeZone": "UTC",
        }
        if self._site.cloud:
            id = f"557058:{name}"
            kind = "app" if name == BOT else "atlassian"
            return told | {"accountId": id, "accountType": kind, "self": f"{self._api}/user?accountId={id}"}
        return told | {"key": f"JIRAUSER-{name}", "name": name, "self": f"{self._api}/user?username={name}"}

    def _issue(self, issue: Issue, names: set[str]) -> dict[str, Any]:
        fields = {
            "summary": issue.summary,
            "description": issue.description,
            "labels": list(issue.labels),
            "status": {"name": issue.status},
            "issuetype": {"name": issue.type},
            "project": {"key": self._site.project},
            "parent": {"key": issue.parent} if issue.parent else None,
            "attachment": [self._attachment(each) for each in issue.attachments],
            "created": stamp(issue.created),
            "updated": stamp(issue.updated),
        }
        shown = {name: value for name, value in fields.items() if names & {name, "*all"}}
        address = f"{self._api}/issue/{issue.id}"
        return {"id": issue.id, "key": issue.key, "self": address, "fields": shown}

    def _comment(self, comment: Comment) -> dict[str, Any]:
        return {
            "id": comment.id,
            "body": comment.body,
            "author": self._account(comment.author, comment.author.title()),
            "created": stamp(comment.created),
            "updated": stamp(comment.updated),
        }

    def _attachment(self, file: Attachment) -> dict[str, Any]:
        return {
            "id": file.id,
            "filename": file.filename,
            "author": self._account(file.author, file.author.title()),
            "size": len(file.content),
            "mimeType": mimetypes.guess_type(file.filename)[0] or "application/octet-stream",
            "created": stamp(file.created),
            "content": f"{self._api}/attachment/content/{file.id}" if self._site.cloud else self._page(file),
        }

    def _page(self, file: Attachment) -> str:
        return f"{self._url}/secure/attachment/{file.id}/{quote(file.filename, safe='')}"


def stamp(at: datetime) -> str:
    """Return a moment as Jira writes it, which is not RFC 3339: 2026-11-23T02:10:00.000+0000."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}{at:%z}"


def _names(request: web.Request) -> set[str]:
    return {name for value in request.query.getall("fields", []) for name in value.split(",") if name}
