"""What can be asked of an application, and how it is said to people and to Argo CD."""

from __future__ import annotations

from dataclasses import dataclass

from integrations.api import Asked, Declined
from integrations.argocd.application import AUTO_SYNC, INFO, Application, Record, revision_of
from integrations.argocd.server import Server, Settings
from integrations.contract import RecoveryPoint


@dataclass(frozen=True, slots=True)
class Act:
    """What is asked of an application, and how it is said to people and to Argo CD."""

    does: str
    server: Server
    settings: Settings
    point: RecoveryPoint | None
    brings_back: bool

    def request(self, key: str) -> Asked:
        """Return the request that starts the operation; only a sync can carry the key."""
        if self.point is not None:
            return self.server.asked("POST", "/rollback", {"id": self.point.id, "prune": self.settings.prune})
        return self.server.asked("POST", "/sync", {"infos": [{"name": INFO, "value": key}]})

    def record(self, app: Application, key: str) -> Record:
        """Return what is kept of the job; one that was begun already keeps what it found then."""
        known = app.record(key)
        if known is not None:
            return known.model_copy(update={"took": known.took or self._takes(app)})
        entry = next((one for one in app.history if self.point and str(one["id"]) == self.point.id), {})
        return Record(
            key=key,
            does=self.does,
            revision=revision_of(entry),
            since=app.operation.started if app.operation else "",
            newest=app.newest,
            took=self._takes(app),
            brings_back=self.brings_back,
        )

    def _takes(self, app: Application) -> bool:
        return self.does == "rollback" and app.automated is not None

    def must_stay_off(self, app: Application) -> None:
        """Refuse to turn auto-sync off where somebody turns it on again."""
        if app.automated is not None and app.owner and not self.settings.owner_ignores_sync_policy:
            raise Declined(
                f"{self.settings.app} belongs to {app.owner}, which turns auto-sync on again. Let it ignore "
                "`/spec/syncPolicy` and say `owner_ignores_sync_policy: true` in the target's settings, "
                "or go back in git."
            )

    def preview(self) -> tuple[str, ...]:
        """Return what is done, in order."""
        name = self.settings.app
        keep = f"auto-sync of {name}, if it is on, is turned off and kept in the annotation {AUTO_SYNC}"
        match self.does:
            case "pause":
                return (keep,)
            case "resume":
                return (f"auto-sync of {name} is turned on again as the annotation {AUTO_SYNC} has it",)
            case "rollback" if self.brings_back:
                return keep, self.request("KEY").shown(), "auto-sync is turned on again, whatever comes of it"
            case "rollback":
                undone = "auto-sync is turned on again only if this fails: it would bring the release back"
                return keep, self.request("KEY").shown(), undone
            case "sync":
                return (self.request("KEY").shown(),)
            case _:
                return (
                    "The newest entry of the history has what the recovery point has, and it is Healthy.",
                )

    def by_hand(self) -> str:
        """Return what a person types."""
        name = self.settings.app
        off = f"argocd app set {name} --sync-policy none"
        match self.does:
            case "pause":
                return off
            case "resume":
                return f"argocd app set {name} --sync-policy automated"
            case "rollback" if self.point:
                prune = " --prune" if self.settings.prune else ""
                return f"{off} && argocd app rollback {name} {self.point.id}{prune}"
            case "sync":
                return f"argocd app sync {name}"
            case _:
                return f"argocd app history {name} && argocd app get {name}"
