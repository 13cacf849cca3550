"""The kinds of targets whose data the runner knows: settings in runner.toml, and what can be asked of each.

To add one: a `Kind` here, and a module such as `sqlite.py` that carries its operations out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from integrations.runner.params import Rule

Effect = Literal["read", "reversible", "destructive"]
How = Literal["ask", "job"]

LONGEST_S = 7 * 24 * 3600.0
"""A restore takes as long as the data is big; what bounds a run is the timeout of its playbook."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of a target in runner.toml, and the option by which the program is given it.

    In `default` other keys stand in braces. With `of_source` a recovery point of another target brings it.
    `words` are a program and its arguments, or none.
    """

    key: str
    says: str
    option: str
    takes: Literal["path", "text", "secret", "words"] = "path"
    default: str | None = None
    of_source: bool = False


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """An operation of a kind: `options` are the settings it is given.

    With `starts_server` it may leave a server running, which it begins without the mark of its job.
    """

    how: How
    effect: Effect
    options: tuple[str, ...]
    params: Mapping[str, Rule] = field(default_factory=dict)
    timeout_s: float = LONGEST_S
    starts_server: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of target; operations in `always` need no permission: they only look."""

    settings: tuple[Setting, ...] = ()
    operations: Mapping[str, BuiltIn] = field(default_factory=dict)
    always: frozenset[str] = frozenset({"health", "points", "work", "look", "guard", "in_step"})


_WORD, _LABEL = Rule("word"), Rule("word", needed=False)
_POINT = {"point": _WORD, "digest": Rule("digest", needed=False), "source": Rule("word", needed=False)}
_LABELS = {"release": Rule("version", needed=False), "commit": _LABEL, "environment": _LABEL}
_HELD = {"point": _WORD, "until": Rule("instant", needed=False)}
_EXTRACTED = {
    **_POINT,
    "tables": Rule("texts"),
    "mark": Rule("word"),
    "column": Rule("text", needed=False),
    "values": Rule("texts", needed=False),
}
_SALVAGED = {"restore": Rule("text"), "table": Rule("text", needed=False)}
_RESTIC_REACH = ("path", "repository", "password-file", "notes", "restic", "restores")

_SQLITE = Kind(
    settings=(
        Setting("path", "The database's file.", "database"),
        Setting("points", "The directory of its recovery points.", "points", of_source=True),
        Setting("kept", "The directory that keeps damaged databases.", "kept", default="{points}/kept"),
    ),
    operations={
        "health": BuiltIn("ask", "read", ("database", "points", "kept", "record")),
        "points": BuiltIn("ask", "read", ("points",)),
        "work": BuiltIn("ask", "read", ("database", "points", "kept"), _POINT),
        "look": BuiltIn("ask", "read", ("points",), _POINT),
        "guard": BuiltIn("ask", "read", ("points",)),
        "integrity": BuiltIn("ask", "read", ("database",)),
        "restored": BuiltIn("ask", "read", ("database", "points", "kept"), _POINT),
        "prove": BuiltIn("ask", "read", ("points",), {"point": _WORD}),
        "hold": BuiltIn("ask", "read", ("points",), _HELD),
        "select": BuiltIn(
            "ask", "read", ("database",), {"query": Rule("query"), "values": Rule("values", needed=False)}
        ),
        "verify": BuiltIn("job", "read", ("points",), {"point": _WORD}),
        "keep": BuiltIn("job", "read", ("database", "kept")),
        "backup": BuiltIn("job", "read", ("database", "points"), _LABELS),
        "prepare": BuiltIn("job", "read", ("database", "points", "kept"), _POINT),
        "discard": BuiltIn("job", "read", ("database", "kept")),
        "restore": BuiltIn("job", "destructive", ("database", "points", "kept"), _POINT),
        "salvage": BuiltIn("job", "read", ("database", "kept"), _SALVAGED),
    },
)

_RESTIC = Kind(
    settings=(
        Setting("path", "The folder that is backed up and restored.", "path"),
        Setting("repository", "The repository, in restic's words.", "repository", "text", of_source=True),
        Setting("password_file", "The file with its password.", "password-file", "secret", of_source=True),
        Setting(
            "kept", "The directory of replaced folders, on the same disk.", "kept", default="{path}.kept"
        ),
        Setting(
            "notes",
            "The directory of what is known of its snapshots.",
            "notes",
            default="{kept}/notes",
            of_source=True,
        ),
        Setting("restic", "The program.", "restic", default="/usr/bin/restic"),
        Setting(
            "restores",
            "The folder as its snapshots name it, where a stand-in has another.",
            "restores",
            default="{path}",
            of_source=True,
        ),
    ),
    operations={
        "health": BuiltIn("ask", "read", (*_RESTIC_REACH, "kept", "record")),
        "points": BuiltIn("ask", "read", _RESTIC_REACH),
        "work": BuiltIn("ask", "read", (*_RESTIC_REACH, "kept"), _POINT),
        "guard": BuiltIn("ask", "read", _RESTIC_REACH),
        "restored": BuiltIn("ask", "read", (*_RESTIC_REACH, "kept"), _POINT),
        "prove": BuiltIn("ask", "read", _RESTIC_REACH, {"point": _WORD}),
        "hold": BuiltIn("ask", "read", _RESTIC_REACH, _HELD),
        "verify": BuiltIn("job", "read", _RESTIC_REACH, {"point": _WORD}),
        "backup": BuiltIn("job", "read", _RESTIC_REACH, _LABELS),
        "prepare": BuiltIn("job", "read", (*_RESTIC_REACH, "kept"), _POINT),
        "discard": BuiltIn("job", "read", (*_RESTIC_REACH, "kept")),
        "restore": BuiltIn("job", "destructive", (*_RESTIC_REACH, "kept"), _POINT),
    },
)

_POSTGRES_REACH = ("database", "host", "port", "user", "programs")
_POSTGRES_ASKS = ("database", "host", "port", "reader", "programs")
_COUNT, _TEXT, _AT = Rule("int", least=0, needed=False), Rule("text"), Rule("instant", needed=False)
_IN_STEP = {"within_s": Rule("int", least=0), "as_of": _AT}
_MAYBE_POINT = {**_POINT, "point": _LABEL}
_ROWS = {"table": _TEXT, "at_least": _COUNT, "at_most": _COUNT, "of_point": Rule("int", 1, 100, needed=False)}
_PGBACKREST_REACH = (
    *("stanza", "path", "programs", "config", "repository", "pgbackrest", "server-config", "socket", "port"),
    *("user", "kept", "notes", "side", "side-port", "start", "stop", "jobs"),
)
_GOAL = {
    "point": _LABEL,
    "at": Rule("instant", needed=False),
    "lsn": Rule("lsn", needed=False),
    "xid": Rule("int", least=1, needed=False),
    "marker": _LABEL,
    "timeline": Rule("int", least=1, needed=False),
    "source": _LABEL,
}
_TO_GOAL = {**_GOAL, **_POINT}
_LOG = {**_TO_GOAL, "point": _LABEL}
_KEEP = {"keep": Rule("choice", values=("copy", "nothing")), "because": Rule("text", needed=False)}
_POSTGRES = Kind(
    settings=(
        Setting("database", "The database's name.", "database", takes="text"),
        Setting("points", "The directory of its dumps.", "points", of_source=True),
        Setting("kept", "The directory of what is known of its restores.", "kept", default="{points}/kept"),
        Setting(
            "host",
            "The server's address, or the directory of its socket.",
            "host",
            takes="text",
            default="/var/run/postgresql",
        ),
        Setting("port", "The server's port.", "port", takes="text", default="5432"),
        Setting("user", "The role that dumps and restores.", "user", takes="text", default="postgres"),
        Setting(
            "reader",
            "The role that checks ask as, which needs no right but to read.",
            "reader",
            takes="text",
            default="{user}",
        ),
        Setting("programs", "The directory of psql, pg_dump and pg_restore.", "programs", default="/usr/bin"),
        Setting("jobs", "How many tables are dumped or restored at once.", "jobs", takes="text", default="2"),
    ),
    operations={
        "health": BuiltIn("ask", "read", (*_POSTGRES_REACH, "points", "kept", "record")),
        "points": BuiltIn("ask", "read", ("points",)),
        "work": BuiltIn("ask", "read", (*_POSTGRES_REACH, "points", "kept"), _POINT),
        "look": BuiltIn("ask", "read", ("programs", "points"), _POINT),
        "guard": BuiltIn("ask", "read", ("points",)),
        "restored": BuiltIn("ask", "read", (*_POSTGRES_REACH, "points", "kept"), _POINT),
        "prove": BuiltIn("ask", "read", ("programs", "points"), {"point": _WORD}),
        "select": BuiltIn(
            "ask", "read", _POSTGRES_ASKS, {"query": Rule("query"), "values": Rule("values", needed=False)}
        ),
        "rows": BuiltIn("ask", "read", (*_POSTGRES_ASKS, "points"), {**_ROWS, **_MAYBE_POINT}),
        "recovered_to": BuiltIn(
            "ask",
            "read",
            _POSTGRES_ASKS,
            {"table": _TEXT, "column": _TEXT, "not_before": _AT, "not_after": _AT},
        ),
        "schema": BuiltIn(
            "ask",
            "read",
            (*_POSTGRES_REACH, "points"),
            {"equals": Rule("word", needed=False), **_MAYBE_POINT},
        ),
        "amcheck": BuiltIn("ask", "read", _POSTGRES_REACH),
        "in_step": BuiltIn("ask", "read", _POSTGRES_REACH, _IN_STEP),
        "hold": BuiltIn("ask", "read", ("points",), _HELD),
        "verify": BuiltIn("job", "read", ("programs", "points"), {"point": _WORD}),
        "backup": BuiltIn("job", "read", (*_POSTGRES_REACH, "points", "jobs"), _LABELS),
        "prepare": BuiltIn("job", "read", (*_POSTGRES_REACH, "points", "kept", "jobs"), _POINT),
        "discard": BuiltIn("job", "read", (*_POSTGRES_REACH, "points", "kept")),
        "restore": BuiltIn("job", "destructive", (*_POSTGRES_REACH, "points", "kept", "jobs"), _POINT),
        "salvage": BuiltIn("job", "read", (*_POSTGRES_REACH, "kept"), _SALVAGED),
        "restore_partial": BuiltIn("job", "reversible", (*_POSTGRES_REACH, "points", "kept", "jobs"), _POINT),
        "drop_partial": BuiltIn("job", "reversible", (*_POSTGRES_REACH, "points", "kept"), _POINT),
        "extract": BuiltIn("job", "reversible", (*_POSTGRES_REACH, "points", "kept"), _EXTRACTED),
        "drop_extracted": BuiltIn("job", "reversible", _POSTGRES_REACH, {"mark": Rule("word")}),
    },
)

_PGBACKREST = Kind(
    settings=(
        Setting("stanza", "The stanza's name.", "stanza", takes="text", of_source=True),
        Setting("path", "The data directory (PGDATA).", "path"),
        Setting("programs", "The directory of postgres, pg_ctl and psql.", "programs"),
        Setting(
            "config",
            "The configuration file of pgBackRest.",
            "config",
            default="/etc/pgbackrest.conf",
            of_source=True,
        ),
        Setting(
            "repository",
            "The number of the repository.",
            "repository",
            takes="text",
            default="1",
            of_source=True,
        ),
        Setting("pgbackrest", "The program.", "pgbackrest", default="/usr/bin/pgbackrest"),
        Setting(
            "server_config",
            "The server's configuration file.",
            "server-config",
            default="{path}/postgresql.conf",
        ),
        Setting(
            "socket",
            "The directory of the server's socket.",
            "socket",
            takes="text",
            default="/var/run/postgresql",
        ),
        Setting("port", "The server's port.", "port", takes="text", default="5432"),
        Setting("user", "The role that asks the server.", "user", takes="text", default="postgres"),
        Setting(
            "kept",
            "The directory that keeps what was replaced, on the disk of `path`.",
            "kept",
            default="{path}.kept",
        ),
        Setting(
            "notes",
            "The directory of what is known of backups and markers.",
            "notes",
            default="{kept}/notes",
            of_source=True,
        ),
        Setting(
            "side", "The directory of the copy beside, on the disk of `path`.", "side", default="{path}.side"
        ),
        Setting(
            "side_port",
            "The port that names the socket of the copy beside.",
            "side-port",
            takes="text",
            default="5433",
        ),
        Setting(
            "start", "What starts the server, if not `postgres` itself.", "start", takes="words", default=""
        ),
        Setting("stop", "What stops the server, if not `pg_ctl`.", "stop", takes="words", default=""),
        Setting("jobs", "How many files are copied at once.", "jobs", takes="text", default="2"),
    ),
    operations={
        "health": BuiltIn("ask", "read", (*_PGBACKREST_REACH, "record")),
        "points": BuiltIn("ask", "read", _PGBACKREST_REACH),
        "window": BuiltIn("ask", "read", _PGBACKREST_REACH),
        "resolve": BuiltIn("ask", "read", _PGBACKREST_REACH, _GOAL),
        "log_continuous": BuiltIn("ask", "read", _PGBACKREST_REACH, _LOG),
        "guard": BuiltIn("ask", "read", _PGBACKREST_REACH),
        "in_step": BuiltIn("ask", "read", _PGBACKREST_REACH, _IN_STEP),
        "prove": BuiltIn("ask", "read", _PGBACKREST_REACH, {"point": _WORD}),
        "hold": BuiltIn("ask", "read", _PGBACKREST_REACH, _HELD),
        "verify": BuiltIn("job", "read", _PGBACKREST_REACH, {"point": _WORD}),
        "restored": BuiltIn("ask", "read", _PGBACKREST_REACH, _TO_GOAL),
        "prepare": BuiltIn("job", "read", _PGBACKREST_REACH, _TO_GOAL, starts_server=True),
        "discard": BuiltIn("job", "read", _PGBACKREST_REACH),
        "restore": BuiltIn("job", "destructive", _PGBACKREST_REACH, _TO_GOAL, starts_server=True),
        "restore_in_place": BuiltIn(
            "job", "destructive", _PGBACKREST_REACH, {**_TO_GOAL, **_KEEP}, starts_server=True
        ),
        "mark": BuiltIn("job", "read", _PGBACKREST_REACH, {"name": _WORD}),
        "salvage": BuiltIn("job", "read", _PGBACKREST_REACH, _SALVAGED),
        "backup": BuiltIn(
            "job",
            "read",
            _PGBACKREST_REACH,
            {**_LABELS, "type": Rule("choice", values=("full", "diff", "incr"), needed=False)},
        ),
    },
    always=frozenset({"health", "points", "window", "resolve", "log_continuous", "guard", "in_step"}),
)

_HELM_REACH = ("release", "namespace", "kubeconfig", "helm", "patience")
_HELM = Kind(
    settings=(
        Setting("release", "The release's name.", "release", takes="text"),
        Setting("namespace", "The release's namespace.", "namespace", takes="text", default="default"),
        Setting("kubeconfig", "The file that says how its cluster is reached.", "kubeconfig"),
        Setting("helm", "The program, Helm 3 or 4.", "helm", default="/usr/local/bin/helm"),
        Setting(
            "patience",
            "How long Helm waits until everything is ready; less than a step's `timeout`.",
            "patience",
            takes="text",
            default="5m0s",
        ),
        Setting(
            "kept",
            "The directory of what is known of its rollbacks.",
            "kept",
            default="/var/lib/backstop-runner/helm/{namespace}/{release}",
        ),
    ),
    operations={
        "health": BuiltIn("ask", "read", _HELM_REACH),
        "points": BuiltIn("ask", "read", _HELM_REACH),
        "outcome": BuiltIn("ask", "read", (*_HELM_REACH, "kept"), {"restore": Rule("text")}),
        "deployed": BuiltIn("ask", "read", _HELM_REACH),
        "restored": BuiltIn("ask", "read", _HELM_REACH, _POINT),
        "rollback": BuiltIn(
            "job",
            "destructive",
            (*_HELM_REACH, "kept"),
            {**_POINT, "although_pending": Rule("choice", values=("yes",), needed=False)},
        ),
    },
    always=frozenset({"health", "points", "outcome", "deployed", "restored"}),
)

_LITESTREAM_REACH = ("litestream", "replica", "kept")
_LITESTREAM = Kind(
    settings=(
        Setting("path", "The database's file.", "database"),
        Setting("replica", "The replica as Litestream names it.", "replica", takes="text", of_source=True),
        Setting("kept", "The directory that keeps damaged databases and what is fetched.", "kept"),
        Setting("litestream", "The program.", "litestream", default="/usr/bin/litestream"),
    ),
    operations={
        "health": BuiltIn("ask", "read", ("database", *_LITESTREAM_REACH, "record")),
        "points": BuiltIn("ask", "read", _LITESTREAM_REACH),
        "guard": BuiltIn("ask", "read", _LITESTREAM_REACH),
        "restored": BuiltIn("ask", "read", ("database", *_LITESTREAM_REACH), _POINT),
        "prove": BuiltIn("ask", "read", _LITESTREAM_REACH, {"point": _WORD}),
        "verify": BuiltIn("job", "read", _LITESTREAM_REACH, {"point": _WORD}),
        "prepare": BuiltIn("job", "read", ("database", *_LITESTREAM_REACH), _POINT),
        "discard": BuiltIn("job", "read", ("database", "kept")),
        "restore": BuiltIn("job", "destructive", ("database", *_LITESTREAM_REACH), _POINT),
    },
)

KINDS: Mapping[str, Kind] = {
    "sqlite": _SQLITE,
    "litestream": _LITESTREAM,
    "restic": _RESTIC,
    "postgres": _POSTGRES,
    "pgbackrest": _PGBACKREST,
    "helm": _HELM,
    "commands": Kind(),
}
"""Every kind by the word of runner.toml; targets of `commands` are only what commands act on."""


def built_in(how: How | None = None) -> Iterator[tuple[str, BuiltIn]]:
    """Yield the operations of all kinds with their whole names, as `sqlite.restore`."""
    for kind, known in KINDS.items():
        for name, operation in known.operations.items():
            if how is None or operation.how == how:
                yield f"{kind}.{name}", operation
