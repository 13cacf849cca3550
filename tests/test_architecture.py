"""What the shape of the code promises, read from the code itself; each guard is first shown bad code."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integrations.registry import ENGINES

ROOT = Path(__file__).parents[1]
PACKAGES = ("bot", "playbooks", "integrations")
PURE = ("bot/core/", "playbooks/")
LONGEST_FILE = 400
LONGEST_FUNCTION = 60

BLIND_EXCEPTS = frozenset({"bot/jobs.py", "bot/slack/hear.py"})
"""The files that may catch everything, once each: the dispatcher of effects, and what carries out lines."""

_CLOCKS = frozenset({"now", "utcnow", "today", "time", "monotonic", "perf_counter", "time_ns"})
_CHANCE = frozenset({"uuid1", "uuid4", "token_hex", "token_bytes", "token_urlsafe", "urandom", "getrandbits"})
_SUITES = (ast.FunctionDef, ast.AsyncFunctionDef)

Guard = Callable[[str, ast.Module], Iterator[str]]


def awaits(path: str, tree: ast.Module) -> Iterator[str]:
    """The core and the playbooks decide; they never wait."""
    waiting = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    if path.startswith(PURE):
        for node in ast.walk(tree):
            if isinstance(node, waiting):
                yield f"{path}:{node.lineno} waits"


def clocks_and_chance(path: str, tree: ast.Module) -> Iterator[str]:
    """Time enters the core as a value, and so does whatever is drawn."""
    if not path.startswith(PURE):
        return
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)) if name in _CLOCKS | _CHANCE:
                yield f"{path}:{node.lineno} calls {name}()"
            case ast.Import(names=names) if {"random", "secrets"} & {alias.name for alias in names}:
                yield f"{path}:{node.lineno} imports chance"
            case ast.ImportFrom(module="random" | "secrets"):
                yield f"{path}:{node.lineno} imports chance"
            case _:
                pass


def long_functions(path: str, tree: ast.Module) -> Iterator[str]:
    """A function fits on a screen."""
    for node in ast.walk(tree):
        if isinstance(node, _SUITES):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > LONGEST_FUNCTION:
                yield f"{path}:{node.lineno} {node.name} has {lines} lines"


def blind_excepts(path: str, tree: ast.Module) -> Iterator[str]:
    """An error that nobody named is not caught, except once in each of two named files."""
    found = [
        f"{path}:{node.lineno} catches everything"
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and _catches_everything(node.type)
    ]
    yield from found[1:] if path in BLIND_EXCEPTS else found


def _catches_everything(caught: ast.expr | None) -> bool:
    match caught:
        case None:
            return True
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in {"Exception", "BaseException"}
        case ast.Tuple(elts=parts):
            return any(_catches_everything(part) for part in parts)
        case _:
            return False


def missing_docstrings(path: str, tree: ast.Module) -> Iterator[str]:
    """Every public class and function says in a sentence what it is."""
    yield from _undescribed(path, tree.body)


def _undescribed(path: str, body: list[ast.stmt]) -> Iterator[str]:
    if path.startswith("bot/migrations/versions/"):
        return  # each has the upgrade and downgrade that Alembic calls; its file says what they do
    for node in body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                if name.startswith("_") or any(_repeats(decorator) for decorator in node.decorator_list):
                    continue
                first = (ast.get_docstring(node) or "").partition("\n\n")[0].strip()
                if not first.endswith((".", ":")) or " " not in first:
                    yield f"{path}:{node.lineno} {name} does not say in a sentence what it is"
                if isinstance(node, ast.ClassDef):
                    yield from _undescribed(path, node.body)
            case _:
                pass


def _repeats(decorator: ast.expr) -> bool:
    match decorator:
        case ast.Name(id="overload") | ast.Attribute(attr="setter" | "overload"):
            return True
        case _:
            return False


def left_open(path: str, tree: ast.Module) -> Iterator[str]:
    """What is in the product works; nothing raises to say that somebody will write it one day."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "NotImplementedError":
            yield f"{path}:{node.lineno} is left open"


def guarded(path: str, text: str) -> list[str]:
    """Return what is wrong with one source file."""
    tree = ast.parse(text)
    found = [problem for guard in GUARDS for problem in guard(path, tree)]
    lines = text.count("\n")
    return [*found, f"{path} has {lines} lines"] if lines > LONGEST_FILE else found


GUARDS: tuple[Guard, ...] = (
    awaits,
    clocks_and_chance,
    long_functions,
    blind_excepts,
    missing_docstrings,
    left_open,
)
SOURCES = {
    path.relative_to(ROOT).as_posix(): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}


@pytest.mark.parametrize("path", SOURCES)
def test_every_file_of_the_product_keeps_the_promises(path: str) -> None:
    assert guarded(path, SOURCES[path].read_text(encoding="utf-8")) == []


def test_all_three_packages_are_read() -> None:
    assert {path.partition("/")[0] for path in SOURCES} == set(PACKAGES)


def test_at_most_two_places_catch_everything() -> None:
    assert len(BLIND_EXCEPTS) <= 2


_LONG = "def f() -> None:\n" + '    """Do it."""\n' + "    x = 1\n" * LONGEST_FUNCTION
_BLIND = "try:\n    x = 1\nexcept {}:\n    pass\n"


@pytest.mark.parametrize(
    ("path", "text", "says"),
    [
        ("bot/core/x.py", "async def _f() -> None: ...\n", "waits"),
        ("bot/core/x.py", "async def _f() -> None:\n    await g()\n", ":2 waits"),
        ("playbooks/x.py", "async def _f() -> None:\n    async with g: ...\n", ":2 waits"),
        ("bot/core/x.py", "x = datetime.now(UTC)\n", "calls now()"),
        ("bot/core/x.py", "x = datetime.datetime.utcnow()\n", "calls utcnow()"),
        ("bot/core/x.py", "x = date.today()\n", "calls today()"),
        ("bot/core/x.py", "x = time()\n", "calls time()"),
        ("playbooks/x.py", "x = time.monotonic()\n", "calls monotonic()"),
        ("bot/core/x.py", "x = uuid.uuid4()\n", "calls uuid4()"),
        ("bot/core/x.py", "import os, random\n", "imports chance"),
        ("bot/core/x.py", "from secrets import choice\n", "imports chance"),
        ("bot/x.py", _LONG, "f has 62 lines"),
        ("bot/x.py", "x = 1\n" * (LONGEST_FILE + 1), "has 401 lines"),
        ("bot/x.py", _BLIND.format("Exception"), ":3 catches everything"),
        ("bot/x.py", _BLIND.format("(OSError, BaseException)"), ":3 catches everything"),
        ("bot/x.py", _BLIND.replace(" {}", ""), ":3 catches everything"),
        ("bot/jobs.py", _BLIND.format("Exception") * 2, ":7 catches everything"),
        ("bot/x.py", "def f() -> None: ...\n", "f does not say"),
        ("bot/x.py", 'def f() -> None:\n    """Stuff"""\n', "f does not say"),
        ("bot/x.py", 'class C:\n    """A thing."""\n    async def m(self): ...\n', "m does not say"),
        ("integrations/x.py", "raise NotImplementedError\n", "is left open"),
    ],
)
def test_each_guard_sees_what_it_guards_against(path: str, text: str, says: str) -> None:
    [problem] = [found for found in guarded(path, text) if says in found]
    assert problem.startswith(path)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("bot/web/x.py", "async def _f() -> None:\n    await g(now())\n"),
        ("bot/core/x.py", "x = now + timedelta(hours=1)\n"),
        ("bot/jobs.py", _BLIND.format("Exception")),
        ("bot/x.py", _BLIND.format("(OSError, ValueError)")),
        ("bot/x.py", 'def f() -> None:\n    """Do it: now."""\n'),
        ("bot/x.py", "def _f() -> None: ...\n"),
        ("bot/x.py", "@overload\ndef f() -> None: ...\n"),
        ("bot/x.py", 'class C:\n    """A thing."""\n    @p.setter\n    def p(self, v): ...\n'),
        ("bot/x.py", "x = 1\n" * LONGEST_FILE),
    ],
)
def test_no_guard_complains_about_good_code(path: str, text: str) -> None:
    assert guarded(path, text) == []


def test_every_engine_stands_apart_from_the_others_and_has_a_page() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    apart = next(
        each["modules"] for each in contracts if each["name"] == "Integrations do not know each other"
    )
    modules = {place.partition(":")[0] for place in ENGINES.values()}
    assert modules - {*apart} == set()
    pages = {page.stem for page in (ROOT / "docs" / "engines").glob("*.md")}
    assert {module.rpartition(".")[2] for module in modules} == pages
