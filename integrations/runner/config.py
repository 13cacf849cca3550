"""runner.toml: what may be done on this host. Whatever it does not list cannot be asked for."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

from integrations.runner.kinds import KINDS, Effect, Setting
from integrations.runner.params import PATTERNS, Rule

PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_PASSWORD = re.compile(r"//[^/@]*:[^/@]*@")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_TYPES = ("int", "choice", "instant", *PATTERNS)
_EFFECTS = ("read", "reversible", "destructive")
_OWN = ("BACKSTOP_KEY", "BACKSTOP_JOB", "BACKSTOP_TOKEN")


class ConfigInvalid(Exception):
    """The configuration cannot be used; the text names the place and says what to write."""


@dataclass(frozen=True, slots=True)
class Target:
    """What operations act on; `settings` are those of its kind, by the option a program is given them by."""

    name: str
    kind: str
    settings: Mapping[str, str] = field(default_factory=dict)
    allow: frozenset[str] = frozenset()
    secret_env: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Command:
    """A program that may be run, with placeholders for its parameters; `timeout_s` is the longest allowed.

    With `leaves_daemon` what the program started may go on living after it.
    """

    name: str
    argv: tuple[str, ...]
    target: str
    effect: Effect
    params: Mapping[str, Rule] = field(default_factory=dict)
    timeout_s: float = 600.0
    repeat: Literal["safe", "once"] = "once"
    env: Mapping[str, str] = field(default_factory=dict)
    secret_env: Mapping[str, Path] = field(default_factory=dict)
    leaves_daemon: bool = False


@dataclass(frozen=True, slots=True)
class Config:
    """Everything the runner may do, and the files whose content it must never show."""

    targets: Mapping[str, Target]
    commands: Mapping[str, Command]
    secrets: tuple[Path, ...] = ()
    file: Path | None = None
    read: str = ""

    def outdated(self) -> tuple[str, ...]:
        """Say that the file holds another text by now: what was read first is in force until the end."""
        try:
            now = self.file.read_text(encoding="utf-8") if self.file else self.read
        except (OSError, UnicodeDecodeError):
            return (f"{self.file} cannot be read any more; what the runner had read of it is in force.",)
        if now == self.read:
            return ()
        return (
            f"{self.file} was changed after the runner had read it, and the old text is in force: end the "
            f"runner (process {os.getpid()}; its jobs go on) and have it started again.",
        )

    def secret_files(self) -> tuple[Path, ...]:
        """Return every file that holds a secret, named at the top, by a target or by a command."""
        own = [
            Path(target.settings[setting.option])
            for target in self.targets.values()
            for setting in KINDS[target.kind].settings
            if setting.takes == "secret"
        ]
        own += [path for target in self.targets.values() for path in target.secret_env.values()]
        named = [path for command in self.commands.values() for path in command.secret_env.values()]
        return tuple(dict.fromkeys((*self.secrets, *own, *named)))


def load(path: Path) -> Config:
    """Read a configuration file."""
    try:
        text = path.read_text(encoding="utf-8")
        return replace(parse(text), file=path, read=text)
    except OSError as error:
        raise ConfigInvalid(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigInvalid(f"{path} is not TOML: {error}.") from error


def parse(text: str) -> Config:
    """Return the configuration that TOML text describes."""
    top = _Table("", tomllib.loads(text))
    targets = {name: _target(name, table) for name, table in top.tables("targets").items()}
    commands = {name: _command(name, table) for name, table in top.tables("commands").items()}
    secrets = tuple(Path(item) for item in top.texts("secrets"))
    top.end()
    for command in commands.values():
        if command.target not in targets:
            raise ConfigInvalid(
                f"commands.{command.name}.target: there is no target `{command.target}`; "
                f"add [targets.{command.target}]."
            )
    return Config(targets=targets, commands=commands, secrets=secrets)


def _target(name: str, table: _Table) -> Target:
    kind = table.one_of("kind", tuple(KINDS))
    said: dict[str, str] = {}
    for setting in KINDS[kind].settings:
        said[setting.key] = _setting(table, setting, said)
    settings = {each.option: said[each.key] for each in KINDS[kind].settings}
    if not KINDS[kind].operations:
        table.end()
        return Target(name, kind, settings)
    allow = frozenset(table.texts("allow"))
    secret_env = _secret_environment(table)
    table.end()
    return Target(name, kind, settings, allow, secret_env)


def _setting(table: _Table, setting: Setting, said: Mapping[str, str]) -> str:
    default = None if setting.default is None else setting.default.format(**said)
    if setting.takes == "text":
        text = table.text(setting.key, default)
        if _PASSWORD.search(text):
            raise ConfigInvalid(
                f"{table.place}.{setting.key}: a password in an address is shown; give it by secret_env."
            )
        return text
    if setting.takes == "words":
        return json.dumps(table.words(setting.key))
    return str(table.path(setting.key, default))


def _command(name: str, table: _Table) -> Command:
    argv = tuple(table.texts("argv"))
    params = {key: _rule(rule) for key, rule in table.tables("params").items()}
    _fit(table.place, argv, params)
    command = Command(
        name=name,
        argv=argv,
        target=table.text("target"),
        effect=cast("Effect", table.one_of("effect", _EFFECTS)),
        params=params,
        timeout_s=table.number("timeout", 600.0),
        repeat=cast("Literal['safe', 'once']", table.one_of("repeat", ("once", "safe"), "once")),
        env=_environment(table, "env"),
        secret_env=_secret_environment(table),
        leaves_daemon=table.yes("leaves_daemon"),
    )
    table.end()
    return command


def _secret_environment(table: _Table) -> dict[str, Path]:
    return {key: Path(value) for key, value in _environment(table, "secret_env").items()}


def _environment(table: _Table, key: str) -> dict[str, str]:
    named = table.mapping(key)
    for name in named:
        if name in _OWN or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ConfigInvalid(f"{table.place}.{key}: `{name}` cannot be set here.")
    return named


def _fit(place: str, argv: tuple[str, ...], params: Mapping[str, Rule]) -> None:
    if not argv or not Path(argv[0]).is_absolute() or PLACEHOLDER.search(argv[0]):
        raise ConfigInvalid(f"{place}.argv: it must begin with the absolute path of a program.")
    used = {name for element in argv for name in PLACEHOLDER.findall(element)}
    for name in sorted(used ^ set(params)):
        problem = "has no rule in params" if name in used else "is not used in argv"
        raise ConfigInvalid(f"{place}: `{name}` {problem}.")


def _rule(table: _Table) -> Rule:
    kind = table.one_of("type", _TYPES)
    least, most = table.whole("min"), table.whole("max")
    values = tuple(table.texts("values"))
    if (kind == "choice") != bool(values):
        raise ConfigInvalid(f"{table.place}: `values` belong to a choice, and a choice needs them.")
    if any(value.startswith("-") for value in values):
        raise ConfigInvalid(f"{table.place}.values: a value that begins with `-` would be read as an option.")
    table.end()
    return Rule(kind, least, most, values)


class _Table:
    """A TOML table that knows its place and refuses what nobody asked it for."""

    def __init__(self, place: str, content: Any) -> None:
        if not isinstance(content, dict):
            raise ConfigInvalid(f"{place}: write a table here.")
        self.place = place
        self._left = dict(content)

    def text(self, key: str, default: str | None = None) -> str:
        value = self._left.pop(key, default)
        if not isinstance(value, str) or not value or "\0" in value:
            raise ConfigInvalid(f"{self._at(key)}: write a text here.")
        return value

    def path(self, key: str, default: str | None = None) -> Path:
        value = Path(self.text(key, default))
        if not value.is_absolute():
            raise ConfigInvalid(f"{self._at(key)}: write an absolute path here.")
        return value

    def one_of(self, key: str, known: tuple[str, ...], default: str | None = None) -> str:
        value = self._left.pop(key, default)
        if value not in known:
            raise ConfigInvalid(f"{self._at(key)}: write one of {', '.join(known)}.")
        return str(value)

    def texts(self, key: str) -> list[str]:
        value = self._left.pop(key, [])
        if not isinstance(value, list) or not all(
            isinstance(item, str) and "\0" not in item for item in value
        ):
            raise ConfigInvalid(f"{self._at(key)}: write a list of texts here.")
        return value

    def words(self, key: str) -> list[str]:
        words = self.texts(key)
        if words and not Path(words[0]).is_absolute():
            raise ConfigInvalid(f"{self._at(key)}: it must begin with the absolute path of a program.")
        return words

    def number(self, key: str, default: float) -> float:
        value = self._left.pop(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
            raise ConfigInvalid(f"{self._at(key)}: write a number of seconds above 0 here.")
        return float(value)

    def whole(self, key: str) -> int | None:
        value = self._left.pop(key, None)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise ConfigInvalid(f"{self._at(key)}: write a whole number here.")
        return value

    def yes(self, key: str) -> bool:
        value = self._left.pop(key, False)
        if not isinstance(value, bool):
            raise ConfigInvalid(f"{self._at(key)}: write true or false here.")
        return value

    def mapping(self, key: str) -> dict[str, str]:
        table = _Table(self._at(key), self._left.pop(key, {}))
        return {name: table.text(name) for name in tuple(table._left)}

    def tables(self, key: str) -> dict[str, _Table]:
        group = _Table(self._at(key), self._left.pop(key, {}))
        for name in group._left:
            if not _NAME.fullmatch(name):
                raise ConfigInvalid(f"{group._at(name)}: a name is made of a-z, 0-9, `_` and `-`.")
        return {name: _Table(group._at(name), content) for name, content in group._left.items()}

    def end(self) -> None:
        for key in self._left:
            raise ConfigInvalid(f"{self._at(key)}: there is no such setting.")

    def _at(self, key: str) -> str:
        return f"{self.place}.{key}".lstrip(".")
