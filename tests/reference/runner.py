"""The page of runner.toml: its keys are those that `integrations/runner/config.py` reads."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from integrations.runner import config
from integrations.runner.kinds import KINDS, Kind, Setting
from integrations.runner.params import PATTERNS
from tests.reference.markdown import block, code, codes, page, table

_INTRO = """
`runner.toml` says what may be done on the host of the data, by whoever keeps that host. Whatever it does
not list cannot be asked for, whatever a playbook says. See [how to set up a
runner](../how-to/set-up-a-runner.md).
"""
_EXAMPLE = """
secrets = ["/etc/backstop/api-token"]

[targets.orders-db]
kind = "sqlite"
path = "/srv/shop/orders.db"
points = "/srv/backups/orders"
kept = "/srv/backups/orders-damaged"
allow = ["sqlite.backup", "sqlite.keep", "sqlite.restore", "sqlite.restored", "sqlite.integrity",
         "sqlite.hold", "sqlite.verify", "sqlite.prove", "sqlite.select", "sqlite.prepare",
         "sqlite.discard"]

[targets.checkout]
kind = "commands"

[commands.checkout-scale]
argv = ["/usr/local/bin/scale", "checkout", "{replicas}"]
target = "checkout"
effect = "reversible"
repeat = "safe"
timeout = 60
params = { replicas = { type = "int", min = 0, max = 4 } }
"""
_SAYS: Mapping[str, Mapping[str, str]] = {
    "parse": {
        "targets": "What operations act on, by name.",
        "commands": "The programs that may be run, by name.",
        "secrets": "Files whose content is never shown.",
    },
    "_target": {
        "kind": "Whose data it is, or that only commands act on it.",
        "allow": "The operations below that may be asked for; health and the list of points always may.",
        "secret_env": "Variables whose value is the content of a file.",
    },
    "_command": {
        "argv": "The program by its absolute path, and its arguments; `{name}` is a parameter. Required.",
        "params": "The rule of each parameter.",
        "target": "The target it acts on.",
        "effect": "What it does to its target.",
        "timeout": "The longest it may take, in seconds.",
        "repeat": "Whether running it a second time is the same as once.",
        "env": "Variables it is given.",
        "secret_env": "Variables whose value is the content of a file.",
        "leaves_daemon": "Whether what it started may go on living after it.",
    },
    "_rule": {
        "type": "What the parameter is.",
        "min": "The least an int may be.",
        "max": "The most an int may be.",
        "values": "The words of a choice.",
    },
}
_TITLES = {
    "parse": "The file",
    "_target": "[targets.name]",
    "_command": "[commands.name]",
    "_rule": "params.name",
}
_TAKES = {
    "text": "text",
    "path": "absolute path",
    "one_of": "a word",
    "texts": "list of texts",
    "number": "number of seconds",
    "whole": "whole number",
    "yes": "true or false",
    "mapping": "table of texts",
    "tables": "table of tables",
}
_SETTINGS = {
    "path": "absolute path",
    "text": "text",
    "secret": "absolute path of a file whose content is never shown",
    "words": "list of a program's absolute path and its arguments",
}
_BY_ITSELF = {"text": "required", "path": "required", "one_of": "required", "yes": "`false`"}
_OWN_TYPES = {
    "int": "a whole number",
    "choice": "one of its values",
    "instant": "a moment with its zone, such as `2026-11-23T02:10:00Z`",
}


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a table: how it is read, and the words and the default it has in the code."""

    name: str
    takes: str
    words: tuple[str, ...]
    default: str


def runner() -> str:
    """Return the page."""
    parts = [_INTRO, block(_EXAMPLE.strip(), "toml")]
    for function, says in _SAYS.items():
        found = {key.name: key for key in keys(function)}
        assert set(found) == set(says), f"{function} reads {sorted(found)}; this page tells {sorted(says)}"
        rows = [(code(name), text, _takes(found[name]), found[name].default) for name, text in says.items()]
        parts += [f"## {_TITLES[function]}", table(("Key", "What it is", "Takes", "Default"), rows)]
    parts += ["## Types of parameters", table(("Type", "Accepts"), _types())]
    parts += [part for name, kind in KINDS.items() if kind.operations for part in _kind(name, kind)]
    return page("runner.toml", *parts)


def keys(function: str) -> Iterator[Key]:
    """Yield the keys that a function of the configuration's reader asks a table for."""
    tree = ast.parse(inspect.getsource(getattr(config, function)))
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(attr=method), args=[ast.Constant(value=str() as name), *more]
            ) if method in _TAKES:
                yield Key(name, method, _words(more), _default(method, more))
            case ast.Call(func=ast.Name(id="_environment"), args=[_, ast.Constant(value=str() as name)]):
                yield Key(name, "mapping", (), "none")
            case ast.Call(func=ast.Name(id="_secret_environment")):
                yield Key("secret_env", "mapping", (), "none")
            case _:
                pass


def _words(args: list[ast.expr]) -> tuple[str, ...]:
    match args:
        case [ast.Tuple(elts=elts), *_]:
            return tuple(str(ast.literal_eval(item)) for item in elts)
        case [ast.Name(id=name), *_] if name.isupper():
            return tuple(getattr(config, name))
        case [ast.Call(func=ast.Name(id="tuple"), args=[ast.Name(id=name)]), *_]:
            return tuple(getattr(config, name))
        case _:
            return ()


def _default(method: str, args: list[ast.expr]) -> str:
    given = args[1:] if method == "one_of" else args
    match given:
        case [ast.Constant(value=value)]:
            return code(f"{value:g}" if isinstance(value, float) else value)
        case [other]:
            return code(ast.unparse(other).replace(" / ", "/").replace("'", ""))
        case _:
            return _BY_ITSELF.get(method, "none")


def _takes(key: Key) -> str:
    return codes(key.words) if key.words else _TAKES[key.takes]


def _types() -> Iterator[tuple[str, str]]:
    yield from ((code(name), says) for name, says in _OWN_TYPES.items())
    yield from ((code(name), says) for name, (_, says) in PATTERNS.items())


def _kind(name: str, kind: Kind) -> Iterator[str]:
    yield f"## Targets of kind {name}"
    rows = [(code(each.key), each.says, _SETTINGS[each.takes], _given(each)) for each in kind.settings]
    yield table(("Key", "What it is", "Takes", "Default"), rows)
    yield table(
        ("Operation", "Effect", "Parameters"),
        [(code(f"{name}.{verb}"), each.effect, codes(each.params)) for verb, each in kind.operations.items()],
    )


def _given(setting: Setting) -> str:
    if setting.default is None:
        return "required"
    return code(setting.default) if setting.default else "none"
