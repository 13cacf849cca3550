"""The API server of Argo CD: where an application is, and what is asked of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from pydantic import Field, StrictBool, StringConstraints

from integrations.api import Api, Asked, Declined, at
from integrations.argocd.application import Application, Record, merged
from integrations.asked import Params
from integrations.contract import IntegrationError, Json
from integrations.typed import Root, SecretName

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]


class Reached(Params):
    """Which application, and with which token."""

    server: Root
    app: Name
    token: SecretName
    namespace: Name | None = None
    project: Name | None = None


class Settings(Reached):
    """What a target adds: whether surplus objects are deleted, and that its owner leaves auto-sync alone."""

    prune: StrictBool = Field(default=False)
    owner_ignores_sync_policy: StrictBool = Field(default=False)


@dataclass(frozen=True, slots=True)
class Server:
    """Requests about one application."""

    api: Api
    settings: Reached

    def asked(self, method: str, path: str = "", body: Mapping[str, Json] | None = None) -> Asked:
        """Return a request as it will be sent, the token by its name."""
        headers = {"Authorization": f"Bearer {{secret:{self.settings.token}}}"}
        where = {"appNamespace": self.settings.namespace, "project": self.settings.project}
        named: dict[str, str] = {name: value for name, value in where.items() if value}
        url = f"{self.settings.server}/api/v1/applications/{quote(self.settings.app, safe='')}{path}"
        if body is None:
            return Asked(method, f"{url}?{urlencode(named)}" if named else url, headers)
        return Asked(method, url, headers, {"name": self.settings.app, **named, **body})

    async def application(self) -> Application:
        """Return the application as it is now."""
        found = (await self.api.ask(self.asked("GET"))).json
        if not isinstance(found, dict) or "metadata" not in found:
            raise IntegrationError("Argo CD answered with something that is no application.", permanent=False)
        return Application(found)

    async def patch(self, app: Application, record: Record | None, *parts: Mapping[str, Json]) -> None:
        """Change settings and annotations in one request."""
        kept: Mapping[str, Json] = {"metadata": {"annotations": app.with_record(record)}} if record else {}
        change = merged(kept, *parts)
        if change:
            await self.api.ask(self.asked("PATCH", body={"patch": json.dumps(change), "patchType": "merge"}))

    async def must_be_open(self) -> None:
        """Refuse while a window of the project keeps a sync by hand from happening."""
        found = (await self.api.ask(self.asked("GET", "/syncwindows"))).json
        active = [
            one
            for one in _listed(found, "activeWindows")
            if one.get("kind") == "deny" and not one.get("manualSync")
        ]
        if active:
            window = f"`{active[0].get('schedule')}` for {active[0].get('duration')}"
            raise Declined(
                f"{self.settings.app} cannot be synced now: a deny window of its project, {window}, stops "
                "syncs by hand too. Set `manualSync` on it, or take it away, and plan again."
            )
        if at(found, "canSync") is False:
            allowed = [
                f"`{one.get('schedule')}` for {one.get('duration')}"
                for one in _listed(found, "assignedWindows")
            ]
            raise Declined(
                f"{self.settings.app} cannot be synced now: none of its project's allow windows is open "
                f"({', '.join(allowed)})."
            )


def _listed(found: Json, name: str) -> list[Mapping[str, Any]]:
    items = at(found, name)
    return [one for one in items if isinstance(one, dict)] if isinstance(items, list) else []
