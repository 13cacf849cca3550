"""Checks files: what `backstop playbook check PATH…` prints, and what the bot starts from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from integrations.contract import Operation
from playbooks.catalog import Catalog, load_catalog
from playbooks.criteria import Criteria, load_criteria
from playbooks.criteria.cases import Cases
from playbooks.files import kind_of, yaml_files
from playbooks.lint import lint
from playbooks.lint.engines import unknown_operations
from playbooks.load import Loaded, load_playbook
from playbooks.problems import PlaybookInvalid, Problem, in_lines
from playbooks.validate import validated
from playbooks.yaml_text import LARGEST, Text, read_yaml


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found: the files that can be used, and every problem of all of them."""

    problems: tuple[Problem, ...]
    playbooks: Mapping[str, Loaded]
    catalog: Catalog | None
    criteria: Criteria | None
    files: int

    @property
    def exit_code(self) -> int:
        """Return 1 if anything cannot be used, else 0; warnings do not count."""
        return 1 if any(problem.severity == "error" for problem in self.problems) else 0

    @property
    def lines(self) -> tuple[str, ...]:
        """Return the problems as `file:line: what, why, valid words`, and a last line that sums up."""
        errors = sum(problem.severity == "error" for problem in self.problems)
        counted = f"{_plural(self.files, 'file')}, {_plural(errors, 'error')}"
        return (*map(str, self.problems), f"{counted}, {_plural(len(self.problems) - errors, 'warning')}")


def check(
    paths: Sequence[Path],
    *,
    catalog: Catalog | None = None,
    operations: Mapping[str, Operation] | None = None,
) -> Checked:
    """Return what the files and the YAML files under the folders hold.

    A catalog among them is used unless one is given. A playbook with an error is not in `playbooks`.
    """
    texts = _Texts([], {})
    for path in _files(paths, texts.problems):
        texts.read(path)
    found = _Found(texts.problems, catalog=catalog, operations=operations)
    for file, text in texts.texts.items():
        found.add(file, text)
    usable = found.linted()
    return Checked(in_lines(found.problems), usable, found.catalog, found.criteria, len(texts.texts))


def _files(paths: Iterable[Path], problems: list[Problem]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            inside = yaml_files(path)
            if not inside:
                problems.append(
                    Problem(str(path), 1, "no YAML file is in this folder", "there is nothing to check")
                )
            yield from inside
        else:
            yield path


@dataclass(frozen=True, slots=True)
class _Texts:
    problems: list[Problem]
    texts: dict[str, str]

    def read(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                content = file.read(LARGEST + 1)
            if len(content) > LARGEST:
                self._unread(path, "it is over 256 kB")
            else:
                self.texts[str(path)] = content.decode()
        except OSError as error:
            self._unread(path, str(error.strerror))
        except UnicodeDecodeError:
            self._unread(path, "it is not UTF-8 text")

    def _unread(self, path: Path, why: str) -> None:
        self.problems.append(Problem(str(path), 1, "the file cannot be read", why))


class _Found:
    def __init__(
        self,
        problems: list[Problem],
        *,
        catalog: Catalog | None,
        operations: Mapping[str, Operation] | None,
    ) -> None:
        self.problems = problems
        self._operations = operations
        self.catalog = catalog
        self.criteria: Criteria | None = None
        self._loaded: dict[str, Loaded] = {}

    def add(self, file: str, text: str) -> None:
        try:
            self._add(file, text)
        except PlaybookInvalid as invalid:
            self.problems += invalid.problems

    def _add(self, file: str, text: str) -> None:
        read = read_yaml(text, file)
        match kind_of(read):
            case "catalog":
                catalog = load_catalog(text, file)
                self.catalog = self.catalog or catalog
            case "criteria":
                self.criteria = load_criteria(text, file)
            case "cases":
                validated(read, Cases)
            case "playbook":
                self._keep(self._loaded_from(text, read))
            case _ as never:
                assert_never(never)

    def _loaded_from(self, text: str, read: Text) -> Loaded:
        """Return a playbook; one that does not load is not linted, but its operations are looked up."""
        try:
            return load_playbook(text, read.file)
        except PlaybookInvalid as invalid:
            unknown = unknown_operations(read, self._operations)
            raise PlaybookInvalid([*invalid.problems, *unknown]) from invalid

    def _keep(self, loaded: Loaded) -> None:
        name = loaded.playbook.name
        if name in self._loaded:
            why = f"{self._loaded[name].text.file} has it already"
            self.problems.append(
                loaded.text.problem(("metadata", "name"), f"a second playbook {name!r}", why)
            )
        self._loaded.setdefault(name, loaded)

    def linted(self) -> Mapping[str, Loaded]:
        usable = {}
        for name, loaded in self._loaded.items():
            found = [*lint(loaded, operations=self._operations, catalog=self.catalog), *self._changes(loaded)]
            self.problems += found
            if all(problem.severity == "warn" for problem in found):
                usable[name] = loaded
        return usable

    def _changes(self, loaded: Loaded) -> Iterator[Problem]:
        for index, fallback in enumerate(loaded.playbook.fallbacks):
            if fallback.use not in self._loaded:
                path = ("fallbacks", index, "use")
                there = tuple(self._loaded)
                unknown = loaded.text.unknown(path, "playbook", fallback.use, there)
                yield Problem(unknown.file, unknown.line, unknown.what, unknown.why, there, "C03", "warn")


def _plural(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
