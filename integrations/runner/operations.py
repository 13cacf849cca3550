"""What can be asked of the runner, and the argument list each request becomes on this host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from integrations.runner.config import PLACEHOLDER, Command, Config, Target
from integrations.runner.kinds import KINDS, BuiltIn, Effect, How, built_in
from integrations.runner.launch import launcher
from integrations.runner.params import Refused, accept_all, shown


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
    starts_server: bool = False


def build(
    config: Config, state: Path, operation: str, target: str | None, params: Mapping[str, Any], *, how: How
) -> Invocation:
    """Return the program for a request, or refuse it with a sentence."""
    if operation in {"command.run", "command.check"}:
        return _command(config, operation, target, params, how=how)
    kind, _, verb = operation.partition(".")
    known = KINDS[kind].operations.get(verb) if kind in KINDS else None
    if known is None or known.how != how:
        there = [*(name for name, _ in built_in(how)), "command.run" if how == "job" else "command.check"]
        raise Refused(f"There is no operation {shown(operation)} here; there are: {', '.join(there)}.")
    return _built_in(config, state, operation, known, _allowed(config, operation, target), params)


def _allowed(config: Config, operation: str, name: str | None) -> Target:
    kind, _, verb = operation.partition(".")
    target = config.targets.get(name or "")
    if target is None or target.kind != kind:
        known = ", ".join(each.name for each in config.targets.values() if each.kind == kind) or "none"
        raise Refused(f"There is no {kind} target {shown(name)} on this host; there are: {known}.")
    if operation not in target.allow and verb not in KINDS[kind].always:
        raise Refused(f"{operation} is not allowed for {target.name}; its `allow` in runner.toml decides.")
    return target


def _built_in(
    config: Config,
    state: Path,
    operation: str,
    known: BuiltIn,
    target: Target,
    params: Mapping[str, Any],
) -> Invocation:
    kind, _, verb = operation.partition(".")
    texts = accept_all(known.params, params, of=operation)
    given = {**target.settings, "record": str(state / "targets" / target.name / "identity.json")}
    if "source" in texts:
        source = _allowed(config, f"{kind}.points", texts.pop("source"))
        given |= {
            each.option: source.settings[each.option] for each in KINDS[kind].settings if each.of_source
        }
    options = [f"--{name}={given[name]}" for name in known.options]
    options += [f"--{name}={text}" for name, text in sorted(texts.items())]
    return Invocation(
        operation=operation,
        target=target.name,
        argv=(*launcher(), kind, verb, *options),
        effect=known.effect,
        timeout_s=known.timeout_s,
        starts_server=known.starts_server,
        repeat="once" if known.effect == "destructive" else "safe",
        secret_env={name: str(path) for name, path in target.secret_env.items()},
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
