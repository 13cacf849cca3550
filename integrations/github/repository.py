"""One repository on GitHub: how it is reached, and what may be started there."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from pydantic import Field, StringConstraints

from integrations.api import Answer, Api, Asked
from integrations.asked import Params
from integrations.contract import Effect, IntegrationError, Json, Repeat
from integrations.typed import Root, SecretName, Typed, Word

Slug = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+$")]
File = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]+\.ya?ml$")]
Ref = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._/-]+$")]

KEY_INPUT = "backstop_key"


class Workflow(Params):
    """One workflow that may be dispatched, and with which inputs."""

    file: File
    inputs: Mapping[Word, Typed] = Field(default_factory=dict, max_length=24)
    effect: Effect = Effect.REVERSIBLE
    repeat: Repeat = Repeat.ONCE
    leaves: str = "Whatever the steps of the workflow did before it was cancelled."


class Reached(Params):
    """Which repository, and with which token."""

    repo: Slug
    token: SecretName
    api: Root = "https://api.github.com"


class Settings(Reached):
    """How the repository of a target is reached and what may be started there."""

    ref: Ref = "main"
    listed_within_s: float = Field(default=20.0, ge=0, le=600)
    workflows: Mapping[Word, Workflow] = Field(min_length=1)


class Environment(Reached):
    """Whose deployments a source offers as recovery points."""

    environment: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]{1,255}$")]


@dataclass(frozen=True, slots=True)
class Repository:
    """Requests to one repository."""

    api: Api
    settings: Reached

    @property
    def root(self) -> str:
        """Return the address everything of the repository begins with."""
        return f"{self.settings.api}/repos/{self.settings.repo}"

    def asked(self, method: str, path: str, body: Json = None, **query: str | int) -> Asked:
        """Return a request as it will be sent, the token by its name."""
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {{secret:{self.settings.token}}}",
            "User-Agent": "backstop",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        question = f"?{urlencode(query, quote_via=quote)}" if query else ""
        return Asked(method, f"{self.root}{path}{question}", headers, body)

    async def get(self, path: str, **query: str | int) -> Mapping[str, Any]:
        """Return an object of the repository."""
        found = (await self.api.ask(self.asked("GET", path, **query))).json
        return found if isinstance(found, dict) else _odd(path)

    async def listed(self, path: str, **query: str | int) -> list[Mapping[str, Any]]:
        """Return a list of the repository, its first page."""
        found = (await self.api.ask(self.asked("GET", path, **query))).json
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else _odd(path)

    async def text(self, path: str, *, expect: Collection[int] = (200,), **query: str | int) -> Answer:
        """Return the content of a file, whatever it is."""
        asked = self.asked("GET", path, **query)
        raw = Asked("GET", asked.url, {**asked.headers, "Accept": "application/vnd.github.raw+json"})
        return await self.api.ask(raw, expect=expect, plain=True)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A workflow of a repository with the inputs it is given."""

    repository: Repository
    settings: Settings
    workflow: Workflow
    inputs: Mapping[str, str]

    @property
    def path(self) -> str:
        """Return where the workflow is."""
        return f"/actions/workflows/{self.workflow.file}"

    def asked(self, key: str, *, details: bool = True) -> Asked:
        """Return the request that starts it; servers that do not know of `details` refuse that word."""
        body: dict[str, Json] = {"ref": self.settings.ref, "inputs": {**self.inputs, KEY_INPUT: key}}
        if details:
            body["return_run_details"] = True
        return self.repository.asked("POST", f"{self.path}/dispatches", body)

    def by_hand(self) -> str:
        """Return what a person types to start it."""
        fields = [f"{name}={value}" for name, value in {**self.inputs, KEY_INPUT: "by-hand"}.items()]
        words = ["gh", "workflow", "run", self.workflow.file, "-R", self.settings.repo]
        words += ["--ref", self.settings.ref, *(word for field in fields for word in ("-f", field))]
        return shlex.join(words)


def _odd(path: str) -> Any:
    raise IntegrationError(f"GitHub answered {path} with something that it does not say.", permanent=False)
