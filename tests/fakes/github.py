"""GitHub on loopback: workflows that are dispatched, their runs, and the deployments of an environment.

Every answer has all the fields that GitHub's own description requires, so that it can be held against it.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from integrations.contract import Json, Source, Target
from tests.fakes.serving import Faults, an_app, served

REPO = "acme/shop"
GOOD, BAD = "9fceb02d0ae598e95dc970b74767f19372d61af8", "1f7a7a472abf3dd9643fd615f6da379c4acb3e3a"
WORKFLOW = """name: Roll back
run-name: Roll back to ${{ inputs.sha }} (${{ inputs.backstop_key }})
on:
  workflow_dispatch:
    inputs:
      sha: {required: true}
      pace: {default: slow}
      backstop_key: {default: ""}
"""
_STEPS = ("Set up job", "Check out", "Deploy", "Complete job")
_REPOSITORY_URLS = (
    "archive", "assignees", "blobs", "branches", "collaborators", "comments", "commits", "compare",
    "contents", "contributors", "deployments", "downloads", "events", "forks", "git_commits",
    "git_refs", "git_tags", "hooks", "issue_comment", "issue_events", "issues", "keys", "labels",
    "languages", "merges", "milestones", "notifications", "pulls", "releases", "stargazers",
    "statuses", "subscribers", "subscription", "tags", "teams", "trees",
)  # fmt: skip
_PERSON_URLS = (
    "events", "followers", "following", "gists", "organizations", "received_events", "repos",
    "starred", "subscriptions",
)  # fmt: skip


@dataclass(frozen=True)
class Exchange:
    """One request and what was answered."""

    method: str
    path_qs: str
    request: bytes
    status: int
    response: bytes


@dataclass
class GithubStandIn:
    """One repository; runs go on only when they are told to."""

    token: str
    now: Callable[[], datetime]
    url: str = ""
    old: bool = False
    lists: bool = True
    workflow: str = WORKFLOW
    state: str = "active"
    faults: Faults = field(default_factory=Faults)
    runs: list[dict[str, Any]] = field(default_factory=list)
    jobs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    deployments: list[dict[str, Any]] = field(default_factory=list)
    statuses: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    dispatched: list[dict[str, Any]] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    stubborn: bool = False

    @property
    def root(self) -> str:
        return f"{self.url}/repos/{REPO}"

    def target(self, **changed: Json) -> Target:
        """Return the target that may dispatch the workflow `rollback`."""
        rollback: Json = {
            "file": "rollback.yml",
            "effect": "destructive",
            "inputs": {"sha": {"type": "point"}, "pace": {"type": "choice", "choices": ["slow", "fast"]}},
        }
        reached: dict[str, Json] = {"repo": REPO, "token": "github-token", "api": self.url}
        return Target(
            "shop",
            "github",
            "production",
            settings={**reached, "workflows": {"rollback": rollback}, **changed},
        )

    def source(self) -> Source:
        """Return the source of what was deployed to production."""
        reached: dict[str, Json] = {"repo": REPO, "token": "github-token", "api": self.url}
        return Source("shop-deployments", "github", {**reached, "environment": "production"})

    def deploy(self, sha: str, *states: str, ref: str = "v2.3.0", environment: str = "production") -> int:
        """Deploy a commit, with these states one minute after the other."""
        id = 500 + len(self.deployments)
        at = self.now() - timedelta(hours=10) + timedelta(hours=len(self.deployments))
        address = f"{self.root}/deployments/{id}"
        self.deployments.append(
            {
                "url": address, "id": id, "node_id": f"D{id}", "sha": sha, "ref": ref, "task": "deploy",
                "payload": {}, "original_environment": environment, "environment": environment,
                "description": None, "creator": self.person(), "created_at": said(at), "updated_at": said(at),
                "statuses_url": f"{address}/statuses", "repository_url": self.root,
                "transient_environment": False, "production_environment": True,
            }
        )  # fmt: skip
        self.statuses[id] = [
            {
                "url": f"{address}/statuses/{minute}", "id": minute, "node_id": f"S{minute}", "state": state,
                "creator": self.person(), "description": "", "environment": environment, "target_url": "",
                "created_at": said(at + timedelta(minutes=minute)), "updated_at": said(at),
                "deployment_url": address, "repository_url": self.root, "environment_url": "", "log_url": "",
            }
            for minute, state in enumerate(states, start=1)
        ][::-1]  # fmt: skip
        return id

    def go(self, conclusion: str = "success", steps: int = len(_STEPS)) -> None:
        """Let so many steps of every run be done; with all of them it ends."""
        for run in self.runs:
            if run["status"] == "completed":
                continue
            over = steps == len(_STEPS)
            run |= {
                "status": "completed" if over else "in_progress",
                "conclusion": conclusion if over else None,
            }
            run["updated_at"] = said(self.now())
            self.jobs[run["id"]] = [self._job(run, conclusion, steps)]

    def _job(self, run: dict[str, Any], conclusion: str, steps: int) -> dict[str, Any]:
        over = steps == len(_STEPS)
        made = []
        for number, name in enumerate(_STEPS, start=1):
            done = number <= steps
            broken = over and conclusion == "failure" and name == "Deploy"
            status = "completed" if done else "in_progress" if number == steps + 1 else "queued"
            made.append(
                {
                    "name": name,
                    "number": number,
                    "status": status,
                    "conclusion": ("failure" if broken else "success") if done else None,
                }
            )
        return {
            "id": run["id"] + 1, "run_id": run["id"], "name": "deploy", "status": run["status"],
            "conclusion": run["conclusion"], "steps": made, "html_url": f"{run['html_url']}/job/1",
        }  # fmt: skip

    def run(self, title: str, **changed: Any) -> dict[str, Any]:
        """Put a run there."""
        id = 30_000_000 + 10 * len(self.runs)
        address = f"{self.root}/actions/runs/{id}"
        at = said(self.now())
        urls = {
            f"{name}_url": f"{address}/{name}"
            for name in ("jobs", "logs", "check_suite", "cancel", "rerun", "artifacts")
        }
        made = {
            "id": id, "name": "Roll back", "node_id": f"R{id}", "head_branch": "main", "head_sha": BAD,
            "path": ".github/workflows/rollback.yml", "display_title": title,
            "run_number": len(self.runs) + 1, "event": "workflow_dispatch", "status": "queued",
            "conclusion": None, "workflow_id": 77, "url": address,
            "html_url": f"https://github.com/{REPO}/actions/runs/{id}", "pull_requests": [], "created_at": at,
            "updated_at": at, "actor": self.person(), "run_attempt": 1, "referenced_workflows": [],
            "run_started_at": at, "triggering_actor": self.person(), **urls, "previous_attempt_url": None,
            "workflow_url": f"{self.root}/actions/workflows/77", "head_commit": None,
            "repository": self.repository(), "head_repository": self.repository(), **changed,
        }  # fmt: skip
        self.runs.insert(0, made)
        return made

    def person(self) -> dict[str, Any]:
        """Return who dispatches."""
        address = f"{self.url}/users/backstop"
        return {
            "login": "backstop", "id": 9, "node_id": "U9", "avatar_url": f"{self.url}/a.png",
            "gravatar_id": None, "url": address, "html_url": f"{self.url}/backstop",
            "type": "Bot", "site_admin": False,
            **{f"{name}_url": f"{address}/{name}" for name in _PERSON_URLS},
        }  # fmt: skip

    def repository(self) -> dict[str, Any]:
        """Return the repository in short."""
        return {
            "id": 4711, "node_id": "R4711", "name": "shop", "full_name": REPO, "owner": self.person(),
            "private": True, "fork": False, "description": "The shop", "url": self.root,
            "html_url": f"https://github.com/{REPO}",
            **{f"{name}_url": f"{self.root}/{name}" for name in _REPOSITORY_URLS},
        }  # fmt: skip

    async def dispatch(self, request: web.Request) -> web.Response:
        body = await request.json()
        if self.old and "return_run_details" in body:
            return refusal(422, '"return_run_details" is not a permitted key.')
        known = set(re.findall(r"^      (\w+):", self.workflow, re.MULTILINE))
        if unknown := set(body["inputs"]) - known:
            return refusal(422, f"Unexpected inputs provided: {sorted(unknown)}")
        self.dispatched.append(body)
        title = re.sub(
            r"\$\{\{ inputs\.(\w+) \}\}",
            lambda found: str(body["inputs"].get(found[1], "")),
            next(
                (line[10:] for line in self.workflow.splitlines() if line.startswith("run-name: ")),
                "Roll back",
            ),
        )
        run = self.run(title)
        if self.old or not body.get("return_run_details"):
            return web.Response(status=204)
        answer = {"workflow_run_id": run["id"], "run_url": run["url"], "html_url": run["html_url"]}
        return web.json_response(answer)

    async def listed(self, request: web.Request) -> web.Response:
        query = request.query
        found = self.runs if self.lists else []
        if "created" in query:
            found = [run for run in found if run["created_at"] >= query["created"].removeprefix(">=")]
        if "event" in query:
            found = [run for run in found if run["event"] == query["event"]]
        if "status" in query:
            found = [run for run in found if query["status"] in (run["status"], run["conclusion"])]
        size, page = int(query["per_page"]), int(query.get("page", 1))
        shown = found[(page - 1) * size : page * size]
        return web.json_response({"total_count": len(found), "workflow_runs": shown})

    async def one(self, request: web.Request) -> web.Response:
        run = self._found(request)
        return refusal(404, "Not Found") if run is None else web.json_response(run)

    async def parts(self, request: web.Request) -> web.Response:
        found = self.jobs.get(int(request.match_info["run"]), [])
        return web.json_response({"total_count": len(found), "jobs": found})

    async def cancel(self, request: web.Request) -> web.Response:
        run = self._found(request)
        assert run is not None
        if run["status"] == "completed":
            return refusal(409, "Cannot cancel a workflow run that is completed.")
        if not self.stubborn or request.path.endswith("force-cancel"):
            self.go("cancelled")
        return web.json_response({}, status=202)

    async def log(self, request: web.Request) -> web.Response:
        raise web.HTTPFound(f"{self.url}/blob/log.txt?sig=1")

    async def blob(self, request: web.Request) -> web.Response:
        assert "Authorization" not in request.headers
        return web.Response(text="2026-11-23T02:10:00Z ##[error]the canary is sick")

    async def content(self, request: web.Request) -> web.Response:
        return web.Response(text=self.workflow, content_type="application/vnd.github.raw+json")

    async def about(self, request: web.Request) -> web.Response:
        return web.json_response({"id": 77, "name": "Roll back", "state": self.state})

    async def whole(self, request: web.Request) -> web.Response:
        return web.json_response({**self.repository(), "archived": False, "disabled": False})

    async def deployed(self, request: web.Request) -> web.Response:
        wanted = request.query["environment"]
        found = [one for one in self.deployments[::-1] if one["environment"] == wanted]
        return web.json_response(found[: int(request.query["per_page"])])

    async def said_of(self, request: web.Request) -> web.Response:
        return web.json_response(self.statuses[int(request.match_info["id"])])

    def _found(self, request: web.Request) -> dict[str, Any] | None:
        wanted = int(request.match_info["run"])
        return next((run for run in self.runs if run["id"] == wanted), None)


def said(at: datetime) -> str:
    """Return a time as GitHub writes it."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def refusal(status: int, message: str) -> web.Response:
    """Return an error as GitHub writes it."""
    answer = {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)}
    return web.json_response(answer, status=status)


@web.middleware
async def _watched(request: web.Request, handler: Any) -> web.StreamResponse:
    stand_in = request.app[STAND_IN]
    if not request.path.startswith("/blob"):
        if request.headers.get("Authorization") != f"Bearer {stand_in.token}":
            return refusal(401, "Bad credentials")
        if not request.headers.get("User-Agent"):
            return refusal(403, "Request forbidden by administrative rules.")
    content = await request.read()
    answer = await handler(request)
    assert isinstance(answer, web.Response)
    body = answer.body if isinstance(answer.body, bytes) else b""
    stand_in.exchanges.append(Exchange(request.method, request.path_qs, content, answer.status, body))
    return answer


STAND_IN = web.AppKey("stand_in", GithubStandIn)


@asynccontextmanager
async def github(token: str, now: Callable[[], datetime]) -> AsyncIterator[GithubStandIn]:
    """Serve a repository to who has the token."""
    made = GithubStandIn(token, now)
    app = an_app(made.faults)
    app.middlewares.append(_watched)
    app[STAND_IN] = made
    repo = f"/repos/{REPO}"
    app.add_routes(
        [
            web.get(repo, made.whole),
            web.get(f"{repo}/contents/.github/workflows/rollback.yml", made.content),
            web.get(f"{repo}/actions/workflows/rollback.yml", made.about),
            web.get(f"{repo}/actions/workflows/rollback.yml/runs", made.listed),
            web.post(f"{repo}/actions/workflows/rollback.yml/dispatches", made.dispatch),
            web.get(f"{repo}/actions/runs/{{run}}", made.one),
            web.get(f"{repo}/actions/runs/{{run}}/jobs", made.parts),
            web.post(f"{repo}/actions/runs/{{run}}/cancel", made.cancel),
            web.post(f"{repo}/actions/runs/{{run}}/force-cancel", made.cancel),
            web.get(f"{repo}/actions/jobs/{{job}}/logs", made.log),
            web.get(f"{repo}/deployments", made.deployed),
            web.get(f"{repo}/deployments/{{id}}/statuses", made.said_of),
            web.get("/blob/log.txt", made.blob),
        ]
    )
    async with served(app) as made.url:
        yield made


def as_json(exchange: Exchange) -> Any:
    """Return what was answered."""
    return json.loads(exchange.response) if exchange.response else None
