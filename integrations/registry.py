"""Every engine there is, by the name playbooks use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Protocol, cast

from integrations.connections import Connections
from integrations.contract import Engine, IntegrationError, Operation

ENGINES: Mapping[str, str] = {
    "sqlite": "integrations.sqlite:Sqlite",
    "litestream": "integrations.litestream:Litestream",
    "restic": "integrations.restic:Restic",
    "postgres": "integrations.postgres:Postgres",
    "pgbackrest": "integrations.pgbackrest:PgBackRest",
    "kubernetes": "integrations.kubernetes:Kubernetes",
    "helm": "integrations.helm:Helm",
    "aws-rds": "integrations.aws:Rds",
    "aws-backup": "integrations.aws:AwsBackup",
    "command": "integrations.command:Command",
    "http": "integrations.http:Http",
    "http_job": "integrations.http_job:HttpJob",
    "github": "integrations.github:Github",
    "velero": "integrations.velero:Velero",
    "argocd": "integrations.argocd:ArgoCd",
    "sql": "integrations.sql:Sql",
    "person": "integrations.person:Person",
}
"""To add an engine of ours, add its line here: name → module:Class."""

GROUP = "backstop.engines"
"""The entry points by which an installed package brings engines of its own; it cannot replace one of ours."""

ON_RUNNERS = frozenset({"helm", "sqlite", "litestream", "restic", "postgres", "pgbackrest", "command", "sql"})
"""The engines that reach their targets through a runner."""


@cache
def known() -> Mapping[str, str]:
    """Return where every engine is, ours and those of installed packages: name → module:Class."""
    return {**{found.name: found.value for found in entry_points(group=GROUP)}, **ENGINES}


class Engines(Mapping[str, Engine]):
    """The engines by name; each is made when it is first asked for."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._open: dict[str, Engine] = {}

    def __getitem__(self, name: str) -> Engine:
        if name not in known():
            raise KeyError(name)
        if name not in self._open:
            self._open[name] = _engine(name)(self._connections)
        return self._open[name]

    def __iter__(self) -> Iterator[str]:
        return iter(known())

    def __len__(self) -> int:
        return len(known())


def open_engines(connections: Connections) -> Mapping[str, Engine]:
    """Return every engine by name, connected to the outside world when it is first used."""
    return Engines(connections)


@cache
def operations() -> Mapping[str, Operation]:
    """Return what playbooks can use, `sqlite.restore` → its description, without connecting to anything."""
    return {
        f"{engine}.{name}": operation
        for engine in known()
        for name, operation in _engine(engine).operations.items()
    }


class _Maker(Protocol):
    operations: Mapping[str, Operation]

    def __call__(self, connections: Connections) -> Engine: ...


@cache
def _engine(name: str) -> _Maker:
    module, _, kind = known()[name].partition(":")
    try:
        return cast("_Maker", getattr(import_module(module), kind))
    except ModuleNotFoundError as missing:
        text = f"The engine `{name}` needs `{missing.name}`, which is not installed."
        raise IntegrationError(text, permanent=True) from missing
