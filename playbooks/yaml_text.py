"""Reads YAML 1.2 as plain values that remember their lines.

Whatever means something else than it shows is refused: anchors and merges, tags, equal keys, bare
timestamps (they would have no zone), control characters and characters that turn the reading direction.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from pydantic import JsonValue
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    NodeEvent,
)
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from playbooks.problems import PlaybookInvalid, Problem, instead

Path = tuple[str | int, ...]

LARGEST = 256 * 1024
_DEEPEST = 40
# C0 without tab and line ends, DEL, C1, the characters that reorder text, and halves of pairs
_HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_SCALARS = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Text:
    """A file read: plain data, and the line (from 1) of each key and item.

    `problems` are values that mean something else than they show; with one of them the file must not be used.
    """

    file: str
    data: JsonValue
    lines: Mapping[Path, int]
    problems: tuple[Problem, ...] = ()

    def line(self, path: Path) -> int:
        """Return the line of a path, or of the nearest thing around it."""
        return next(
            (self.lines[path[:size]] for size in range(len(path), -1, -1) if path[:size] in self.lines), 1
        )

    def problem(self, path: Path, what: str, why: str = "", words: tuple[str, ...] = ()) -> Problem:
        """Return an error at the line of a path."""
        return Problem(self.file, self.line(path), what, why, words)

    def unknown(self, path: Path, kind: str, word: str, words: tuple[str, ...]) -> Problem:
        """Return the error of a name that nothing in the file has, with the nearest one."""
        return self.problem(
            path, f"there is no {kind} {word!r}", instead(word, words), words or ("none is named",)
        )


def read_yaml(text: str, file: str) -> Text:
    """Return what a text says, or raise `PlaybookInvalid` where it cannot be read; `file` labels problems."""
    _refuse(_raw_problems(text, file))
    yaml = YAML(typ="safe", pure=True)
    try:
        _refuse(list(_event_problems(yaml.parse(text), file)))
        node = YAML(typ="safe", pure=True).compose(text)
    except YAMLError as error:
        raise PlaybookInvalid([_syntax(error, file)]) from error
    if node is None:
        raise PlaybookInvalid([Problem(file, 1, "the file is empty", "there is nothing to read")])
    reading = _Reading(file)
    data = reading.value(node, ())
    return Text(file, data, reading.lines, tuple(reading.problems))


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise PlaybookInvalid(problems)


def _raw_problems(text: str, file: str) -> list[Problem]:
    if len(text.encode(errors="surrogatepass")) > LARGEST:
        return [Problem(file, 1, "the file is over 256 kB", "a plan people read at night is short")]
    return [
        Problem(file, text.count("\n", 0, found.start()) + 1, _hidden(found[0]), "people could not see it")
        for found in _HIDDEN.finditer(text)
    ][:20]


def _hidden(character: str) -> str:
    return f"the control character U+{ord(character):04X} is not allowed"


def _syntax(error: YAMLError, file: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = (
        error.problem if isinstance(error, MarkedYAMLError) and error.problem else str(error).splitlines()[0]
    )
    return Problem(
        file, mark.line + 1 if mark else 1, f"this is not YAML 1.2: {what}", "nothing after it was read"
    )


def _event_problems(events: Iterator[Any], file: str) -> Iterator[Problem]:
    depth = documents = 0
    for event in events:
        line = event.start_mark.line + 1
        match event:
            case DocumentStartEvent():
                documents += 1
                if documents > 1:
                    yield Problem(file, line, "a second document starts here", "one file holds one document")
                if event.version or event.tags:
                    yield Problem(file, line, "directives are not allowed", "every file is YAML 1.2")
            case AliasEvent():
                yield Problem(file, line, f"the alias *{event.anchor} is not allowed", "write the value out")
            case NodeEvent():
                depth += isinstance(event, CollectionStartEvent)
                yield from _node_problems(event, file, line)
                if depth > _DEEPEST:
                    yield Problem(file, line, f"nested deeper than {_DEEPEST} levels", "nobody could read it")
                    return
            case CollectionEndEvent():
                depth -= 1
            case _:
                continue


def _node_problems(event: Any, file: str, line: int) -> Iterator[Problem]:
    if event.anchor is not None:
        yield Problem(file, line, f"the anchor &{event.anchor} is not allowed", "write the value out")
    if event.tag is not None:
        yield Problem(
            file, line, f"the tag {event.tag} is not allowed", "values are text, numbers and true or false"
        )


@dataclass(slots=True)
class _Reading:
    file: str
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def value(self, node: Node, path: Path) -> JsonValue:
        self.lines.setdefault(path, node.start_mark.line + 1)
        match node:
            case MappingNode():
                return self._mapping(node, path)
            case SequenceNode():
                return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
            case _:
                return self._scalar(node, path)

    def _mapping(self, node: MappingNode, path: Path) -> JsonValue:
        result: dict[str, JsonValue] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key in result:
                self._problem(key_node, f"the key {key!r} is written twice", "only one of them could count")
            self.lines[(*path, key)] = key_node.start_mark.line + 1
            result[key] = self.value(value_node, (*path, key))
        return result

    def _key(self, node: Node) -> str:
        tag = str(node.tag).removeprefix(_SCALARS)
        if tag == "merge":
            self._problem(node, "the merge key << is not allowed", "write the values out")
        elif not isinstance(node, ScalarNode) or tag != "str":
            self._problem(node, "a key must be text", "put quotes around it")
        return str(node.value)

    def _scalar(self, node: Node, path: Path) -> JsonValue:
        text = str(node.value)
        match str(node.tag).removeprefix(_SCALARS):
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int" | "float" as kind:
                return self._number(node, text, kind)
            case "timestamp":
                self._problem(
                    node,
                    f"{text} is a bare timestamp",
                    "put quotes around it; a moment with its time ends with Z as well",
                )
                return text
            case _:
                for found in _HIDDEN.finditer(text):
                    self._problem(node, _hidden(found[0]), "people could not see it")
                return text

    def _number(self, node: Node, text: str, kind: str) -> JsonValue:
        if len(text) > 40:
            self._problem(node, "a number of more than 40 characters", "put quotes around it if it is text")
        elif kind == "int" and _WHOLE.fullmatch(text):
            return int(text)
        elif kind == "int" and _BASED.fullmatch(text):
            return int(text, 0)
        elif kind == "float" and isfinite(number := _float(text)):
            return number
        else:
            self._problem(
                node, f"{text} is not a number people agree on", "put quotes around it if it is text"
            )
        return None

    def _problem(self, node: Node, what: str, why: str) -> None:
        self.problems.append(Problem(self.file, node.start_mark.line + 1, what, why))


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
