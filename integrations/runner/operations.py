"""What can be asked of the runner, and the argument list each request becomes on this host."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from integrations.runner.config import PLACEHOLDER, Command, Config, Effect, Target
from integrations.runner.masks import secret_in
from integrations.runner.params import Refused, Rule, accept_all, shown

How = Literal["ask", "job"]


@dataclass(frozen=True, slots=True)
class Invocation:
    """A program exactly as it would run; `effect` is what it does to its target."""

    operation: str
    target: str
    argv: tuple[str, ...]
    effect: Effect
    timeout_s: float
    repeat: Literal["safe", "once"] = "once"
    env: Mapping[str, str] = field(default_factory=dict)
    secret_env: Mapping[str, str] = field(default_factory=dict)
    leaves_daemon: bool = False


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """An operation of a sqlite target: `paths` are the target's paths it is given."""

    how: How
    effect: Effect
    paths: tuple[str, ...]
    params: Mapping[str, Rule] = field(default_factory=dict)
    timeout_s: float = 3600.0


_WORD, _LABEL = Rule("word"), Rule("word", needed=False)
_POINT = {"point": _WORD, "digest": Rule("digest", needed=False), "source": Rule("word", needed=False)}

BUILT_IN: Mapping[str, BuiltIn] = {
    "sqlite.health": BuiltIn("ask", "read", ("database", "points", "record")),
    "sqlite.points": BuiltIn("ask", "read", ("points",)),
    "sqlite.integrity": BuiltIn("ask", "read", ("database",)),
    "sqlite.restored": BuiltIn("ask", "read", ("database", "points", "kept"), _POINT),
    "sqlite.prove": BuiltIn("ask", "read", ("points",), {"point": _WORD}),
    "sqlite.hold": BuiltIn(
        "ask", "read", ("points",), {"point": _WORD, "until": Rule("instant", needed=False)}
    ),
    "sqlite.select": BuiltIn(
        "ask", "read", ("database",), {"query": Rule("query"), "values": Rule("values", needed=False)}
    ),
    "sqlite.verify": BuiltIn("job", "read", ("points",), {"point": _WORD}),
    "sqlite.keep": BuiltIn("job", "read", ("database", "kept")),
    "sqlite.backup": BuiltIn(
        "job",
        "read",
        ("database", "points"),
        {"release": Rule("version", needed=False), "commit": _LABEL, "environment": _LABEL},
    ),
    "sqlite.restore": BuiltIn("job", "destructive", ("database", "points", "kept"), _POINT),
}
"""Every operation of a sqlite target."""

_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "LOGNAME", "SSL_CERT_FILE")
_ROOT = Path(__file__).parents[2]
_ALWAYS = frozenset({"sqlite.health", "sqlite.points"})


def build(
    config: Config, state: Path, operation: str, target: str | None, params: Mapping[str, Any], *, how: How
) -> Invocation:
    """Return the program for a request, or refuse it with a sentence."""
    if operation in {"command.run", "command.check"}:
        return _command(config, operation, target, params, how=how)
    built_in = BUILT_IN.get(operation)
    if built_in is None or built_in.how != how:
        known = [name for name, each in BUILT_IN.items() if each.how == how]
        known.append("command.run" if how == "job" else "command.check")
        raise Refused(f"There is no operation {shown(operation)} here; there are: {', '.join(known)}.")
    return _built_in(config, state, operation, built_in, _allowed(config, operation, target), params)


def _allowed(config: Config, operation: str, name: str | None) -> Target:
    target = config.targets.get(name or "")
    if target is None or target.kind != "sqlite":
        known = ", ".join(each.name for each in config.targets.values() if each.kind == "sqlite") or "none"
        raise Refused(f"There is no sqlite target {shown(name)} on this host; there are: {known}.")
    if operation not in target.allow and operation not in _ALWAYS:
        raise Refused(f"{operation} is not allowed for {target.name}; its `allow` in runner.toml decides.")
    return target


def _built_in(
    config: Config,
    state: Path,
    operation: str,
    built_in: BuiltIn,
    target: Target,
    params: Mapping[str, Any],
) -> Invocation:
    texts = accept_all(built_in.params, params, of=operation)
    points = target
    if "source" in texts:
        points = _allowed(config, "sqlite.points", texts.pop("source"))
    paths = {
        "database": target.database,
        "points": points.points,
        "kept": target.kept,
        "record": state / "targets" / target.name / "identity.json",
    }
    options = [f"--{name}={paths[name]}" for name in built_in.paths]
    options += [f"--{name}={text}" for name, text in sorted(texts.items())]
    verb = operation.removeprefix("sqlite.")
    return Invocation(
        operation=operation,
        target=target.name,
        argv=(*launcher(), "sqlite", verb, *options),
        effect=built_in.effect,
        timeout_s=built_in.timeout_s,
        repeat="once" if built_in.effect == "destructive" else "safe",
    )


def _command(
    config: Config, operation: str, target: str | None, params: Mapping[str, Any], *, how: How
) -> Invocation:
    if (operation == "command.run") != (how == "job"):
        raise Refused(f"{operation} cannot be asked for this way.")
    given = dict(params)
    command = _listed(config, given.pop("name", None))
    if target is not None and target != command.target:
        raise Refused(f"{command.name} acts on {command.target}, not on {shown(target)}.")
    if operation == "command.check" and command.effect != "read":
        raise Refused(f"{command.name} changes something, so it cannot be a check.")
    texts = accept_all(command.params, given, of=command.name)
    return Invocation(
        operation=operation,
        target=command.target,
        argv=tuple(PLACEHOLDER.sub(lambda found: texts[found[1]], element) for element in command.argv),
        effect=command.effect,
        timeout_s=command.timeout_s,
        repeat=command.repeat,
        env=command.env,
        secret_env={name: str(path) for name, path in command.secret_env.items()},
        leaves_daemon=command.leaves_daemon,
    )


def _listed(config: Config, name: Any) -> Command:
    command = config.commands.get(name) if isinstance(name, str) else None
    if command is None:
        known = ", ".join(config.commands) or "none"
        raise Refused(f"There is no command {shown(name)} on this host; there are: {known}.")
    return command


def launcher() -> tuple[str, ...]:
    """Return how this program is started again."""
    installed = Path(sys.executable).with_name("backstop-runner")
    return (str(installed),) if installed.exists() else (sys.executable, "-m", "integrations.runner")


def environment(env: Mapping[str, str], secret_env: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of a program: the listed variables and nothing else."""
    own = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    own |= {"PYTHONPATH": str(_ROOT), "PYTHONUNBUFFERED": "1", **env}
    return own | {name: secret_in(Path(file)) for name, file in secret_env.items()}
