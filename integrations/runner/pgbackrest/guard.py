"""Whether whoever backs a stanza up could delete its backups, as far as its configuration tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from integrations.runner.copies import removable
from integrations.runner.guards import of_storage
from integrations.runner.pgbackrest.repository import Repository

_ON_DISK = {"posix", "cifs"}
_DEFAULT = "/var/lib/pgbackrest"
_PLACES = {"s3": "s3-bucket", "azure": "azure-container", "gcs": "gcs-bucket", "sftp": "sftp-host"}


def guard(repository: Repository) -> dict[str, Any]:
    """Say whether the user who takes the backups could delete them; nothing is tried."""
    if host := _set(repository, "host"):
        user = _set(repository, "host-user") or "pgbackrest"
        return {
            "deletes": None,
            "because": f"they lie on {host}, where pgBackRest works as {user}; ask there whether {user} may "
            "write in the repository",
        }
    kind = _set(repository, "type") or "posix"
    path = Path(_set(repository, "path") or _DEFAULT)
    if kind in _ON_DISK:
        backups = path / "backup" / repository.stanza
        return removable(backups if backups.exists() else path)
    where = f"{kind}:{_set(repository, _PLACES.get(kind, 'path')) or path}"
    return of_storage(kind, where, _expires(repository))


def _expires(repository: Repository) -> str:
    """Say whether pgBackRest itself deletes with these credentials, as the file has it."""
    kept = _set(repository, "retention-full")
    if kept is None or repository.configuration.value("expire-auto") == "n":
        return ""
    return (
        f"repo{repository.number}-retention-full={kept} has every backup delete older ones with these very "
        "credentials, so where that works they can delete"
    )


def _set(repository: Repository, name: str) -> str | None:
    return repository.configuration.value(f"repo{repository.number}-{name}")
